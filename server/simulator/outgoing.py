"""A message that a station has to say, while it waits for its turn."""

from collections.abc import Callable
from typing import Any

import msgspec


class Outgoing(msgspec.Struct, eq=False):
    """A message to send. `make` builds it late, so that a queued one carries the transaction's id once it is known.

    `answered` gets the answer, or None where the server answered with an error.
    """

    make: Callable[[], Any]
    answered: Callable[[Any], None] | None = None
    transactional: bool = False
    boot: bool = False

"""What a station says and hears, before a version puts it into its words."""

from collections.abc import Callable
from typing import Any

import msgspec

from server.simulator.fleet import samples
from server.simulator.fleet.figures import Figures
from server.simulator.fleet.plan import FleetPlan

Payload = dict[str, Any]
Answered = Callable[[Payload], None]


class Saying(msgspec.Struct, eq=False):
    """A message that waits. `payload` may be made only when it goes out. `kept`: over a drop of the line.

    `early`: may be said before the boot is accepted. `solid`: nothing may pass it; `in_turn`: it passes nothing.
    """

    action: str
    payload: Payload | Callable[[], Payload]
    answered: Answered | None = None
    kept: bool = False
    early: bool = False
    solid: bool = False
    in_turn: bool = False
    not_before_us: int = 0
    tried: int = 0

    def made(self) -> Payload:
        """The payload as it goes out."""
        return self.payload() if callable(self.payload) else self.payload


class Refused(msgspec.Struct, frozen=True):
    """A call of the server that is answered with an error."""

    code: str
    description: str = ""


class Deaf(msgspec.Struct, frozen=True):
    """A call of the server that is not answered at all."""


class Reading(msgspec.Struct, frozen=True):
    """What the meter says at a moment."""

    at_us: int
    samples: list[samples.Sample]


class World(msgspec.Struct, frozen=True):
    """What all stations of a fleet share. `now_us`: microseconds since the epoch."""

    plan: FleetPlan
    figures: Figures
    now_us: Callable[[], int]

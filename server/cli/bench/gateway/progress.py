"""What a measure is doing, for whoever watches: some of them take minutes."""

from collections.abc import Callable
from contextvars import ContextVar

HEARD: ContextVar[Callable[[str], None] | None] = ContextVar("HEARD", default=None)
LAST: ContextVar[list[str] | None] = ContextVar("LAST", default=None)


def say(what: str) -> None:
    """A measure has come so far."""
    heard, last = HEARD.get(), LAST.get()
    if last is not None:
        last.append(what)
    if heard is not None:
        heard(what)

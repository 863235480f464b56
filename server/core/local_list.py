"""The list of tokens that a station keeps for when we are away: what it should hold, and what it is sent for that."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

VERSION_MAX = 2**31 - 1
UNSAID_MAX = 100
"""Tokens for a station that does not say how many it holds."""
UID_MAX_16, UID_MAX_2 = 20, 36
"""The longest token that a list carries (1.6 CiString20, 2.0.1 identifierString36)."""


class Listed(msgspec.Struct, frozen=True):
    """A token of a list, with what it is answered offline. `card`: read from a card, else made by us."""

    uid: str
    status: str = "Accepted"
    expires_at: datetime | None = None
    group: str = ""
    card: bool = True


class Update(msgspec.Struct, frozen=True):
    """One message: the list is `version` afterwards. Full: it is these alone; else these change and `gone` leave."""

    version: int
    full: bool
    tokens: tuple[Listed, ...] = ()
    gone: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """What a station holds, by token."""

    version: int
    tokens: Mapping[str, Listed]


def fitting(tokens: Sequence[Listed], most: int | None, uid_max: int) -> list[Listed]:
    """The tokens that a list has room for, the first ones first; one too long for the version is left out."""
    room = UNSAID_MAX if most is None else most
    return [one for one in tokens if len(one.uid) <= uid_max][:room]


def updates(held: Held | None, wanted: Sequence[Listed], last_version: int, per_message: int | None) -> list[Update]:
    """The messages that make a list what it should be; none where it is.

    `held` None: nobody knows what is there, so the first is Full. A list of version 0 is none yet, and begins Full too.
    More tokens than a message carries follow as changes. Each message has a version of its own, above all before it.
    """
    whole = held is None or not held.version
    known = {} if held is None or whole else held.tokens
    changed = [one for one in wanted if known.get(one.uid) != one]
    gone = [uid for uid in known if uid not in {one.uid for one in wanted}]
    if held is not None and not changed and not gone:
        return []
    size = max(1, per_message or len(changed) + len(gone) or 1)
    parts: list[Listed | str] = [*gone, *changed]
    chunks = [parts[start : start + size] for start in range(0, len(parts), size)] or [[]]
    first = _next(last_version, len(chunks))
    return [_update(first + number, chunk, full=whole and number == 0) for number, chunk in enumerate(chunks)]


def _next(last_version: int, messages: int) -> int:
    """The next version, from 1 again where the numbers would end."""
    return last_version + 1 if last_version + messages <= VERSION_MAX else 1


def _update(version: int, parts: Sequence[Listed | str], *, full: bool) -> Update:
    tokens = tuple(one for one in parts if isinstance(one, Listed))
    return Update(version, full, tokens, tuple(one for one in parts if isinstance(one, str)))


def after(held: Held | None, update: Update) -> Held:
    """What a station holds that accepted a message."""
    before = {} if update.full or held is None else dict(held.tokens)
    left = {uid: one for uid, one in before.items() if uid not in update.gone}
    return Held(update.version, left | {one.uid: one for one in update.tokens})

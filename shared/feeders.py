"""Shared limits under a place: what its connection, or a part of it, may carry in all."""

from typing import Annotated
from uuid import UUID

import msgspec

MOST_MA = 10_000_000
PhaseLimits = Annotated[list[int], msgspec.Meta(min_length=1, max_length=3)]
"""1 to `MOST_MA` each: the API's description could not say that, so the flow does."""
LimitW = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
LoadW = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
FeederName = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"\S")]
Identities = Annotated[list[str], msgspec.Meta(max_length=2_000)]


class LoadWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Between two local times (HH:MM; over midnight where it ends before it begins) the building takes `load_w`, W."""

    from_local: Clock
    to_local: Clock
    load_w: LoadW


Windows = Annotated[list[LoadWindow], msgspec.Meta(max_length=48)]


class FeederView(msgspec.Struct, frozen=True):
    """A shared limit. `stations`: the identities that hang on it directly; `sockets`: all cars that may charge below.

    `limit_ma` has three values, a phase each. `safe_share_ma`: what each socket that hangs here directly may take on
    a phase when nobody steers, 0 for nothing.
    """

    id: UUID
    location_id: UUID
    name: str
    parent_id: UUID | None
    limit_w: int | None
    limit_ma: list[int] | None
    base_load: list[LoadWindow]
    stations: list[str]
    sockets: int
    safe_share_ma: int


class FeederAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new shared limit: in W over all phases, in mA (one value for all phases, or three), or both.

    `base_load`: what the building takes here, what it takes at limits inside of this one left out; a third of it counts
    on each phase. `stations`: identities that hang here; left out at the first limit of a place, all of its do.
    """

    name: FeederName
    parent_id: UUID | None = None
    limit_w: LimitW | None = None
    limit_ma: PhaseLimits | None = None
    base_load: Windows = []
    stations: Identities | None = None


class FeederChange(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is to be another. `stations` hang here from now on, `without` on no limit at all; others stay."""

    name: FeederName | msgspec.UnsetType = msgspec.UNSET
    parent_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    limit_w: LimitW | msgspec.UnsetType | None = msgspec.UNSET
    limit_ma: PhaseLimits | msgspec.UnsetType | None = msgspec.UNSET
    base_load: Windows | msgspec.UnsetType = msgspec.UNSET
    stations: Identities | msgspec.UnsetType = msgspec.UNSET
    without: Identities | msgspec.UnsetType = msgspec.UNSET

"""Places to charge: for the map and the list."""

from enum import StrEnum
from uuid import UUID

import msgspec

from shared.tariffs import PublicPrice


class EvseState(StrEnum):
    """OCPI's words for what an EVSE is doing."""

    AVAILABLE = "AVAILABLE"
    CHARGING = "CHARGING"
    BLOCKED = "BLOCKED"
    RESERVED = "RESERVED"
    OUTOFORDER = "OUTOFORDER"
    INOPERATIVE = "INOPERATIVE"
    UNKNOWN = "UNKNOWN"


class EvseView(msgspec.Struct, frozen=True):
    """One EVSE with live state and price. `mine`: the signed-in driver's open session is here."""

    id: UUID
    label: str
    state: EvseState
    max_w: int
    phases: int
    online: bool
    price: PublicPrice | None
    mine: UUID | None = None


class LocationView(msgspec.Struct, frozen=True):
    """A location. Coordinates in degrees WGS 84."""

    id: UUID
    name: str
    address: str
    latitude: float
    longitude: float
    time_zone: str
    public: bool
    operator_name: str
    evses: list[EvseView]

"""Places to charge: for the map and the list."""

from datetime import datetime
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


class WorthSlot(msgspec.Struct, frozen=True):
    """One slot in which more power would be worth something: micro-units per kWh, balanced over the phases.

    `short`: more would serve energy that is missing, which has no price here.
    """

    start: datetime
    seconds: int
    kwh_micro: int
    short: bool


class PlaceWorth(msgspec.Struct, frozen=True):
    """What more at the limit of a place would be worth, as planned from `at` to `until`, at market prices.

    `kwh_micro`: one more kWh now. `ampere_nano` (and in minor units, half up): one more ampere on each of three phases,
    all that time. Only the first that is added is worth that much. `missing_wh`: what cars will lack because of it.
    """

    location_id: UUID
    at: datetime
    until: datetime
    currency: str
    kwh_micro: int
    ampere_nano: int
    ampere_minor: int
    missing_wh: int
    slots: list[WorthSlot]

"""What a driver pays: at home (three kinds) and in public."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec


class HomeKind(StrEnum):
    """The three big choices."""

    FIXED = "fixed"
    NIGHT = "night"
    DYNAMIC = "dynamic"


class HomeTariffInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One to three fields a kind; prices in micro-units per kWh including VAT and taxes.

    fixed: `price`. night: `price` (day), `night_price`, `night_from`, `night_to` (local HH:MM; weekends are night when
    `weekend_is_night`). dynamic: `markup` on the market price including VAT, energy tax and VAT added by us.
    """

    kind: HomeKind
    price_micro_per_kwh: int | None = None
    night_price_micro_per_kwh: int | None = None
    night_from: str = "23:00"
    night_to: str = "07:00"
    weekend_is_night: bool = True
    markup_micro_per_kwh: int | None = None
    supplier: Annotated[str, msgspec.Meta(max_length=80)] | None = None


class HomeTariff(msgspec.Struct, frozen=True):
    """The home tariff in force. `supplier_partner`: whether the supplier shares the valley's value."""

    id: UUID
    input: HomeTariffInput
    supplier_partner: bool
    valid_from: datetime


class PricePoint(msgspec.Struct, frozen=True):
    """A retail price at a time."""

    start: datetime
    price_micro_per_kwh: int


class TariffPreview(msgspec.Struct, frozen=True):
    """Live preview: now, the cheapest and dearest of tonight and tomorrow, and sanity notices (codes)."""

    now_micro_per_kwh: int
    tonight_low_micro_per_kwh: int
    tonight_high_micro_per_kwh: int
    tomorrow_low_micro_per_kwh: int
    tomorrow_high_micro_per_kwh: int
    points: list[PricePoint]
    notices: list[str]
    quality: str


class PriceStep(msgspec.Struct, frozen=True):
    """From this local time of day (HH:MM) on, a kWh costs this much."""

    from_local: str
    energy_micro_per_kwh: int


class PublicPrice(msgspec.Struct, frozen=True):
    """What an EVSE costs, components in AFIR order: per kWh, per minute, per session, then idle fees.

    `steps`: how the price per kWh changes over the day, in the local time of the place; empty where it does not.
    """

    tariff_id: UUID
    currency: str
    energy_micro_per_kwh: int
    energy_high_micro_per_kwh: int
    time_micro_per_hour: int
    session_minor: int
    idle_micro_per_hour: int
    idle_after_minutes: int
    steps: list[PriceStep] = []

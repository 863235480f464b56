"""What a driver pays: the home tariff as a price by slot, the public tariff as prices and a cost.

Prices are integer micro-units per kWh (or per hour) including taxes; windows are wall-clock times of the place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.core.pricecurve import half_up
from server.core.timegrid import Grid
from shared.tariffs import HomeKind, HomeTariffInput
from shared.units import NANO_PER_MINOR, SLOT_SECONDS, cost_nano, minor_half_up

DAY_MINUTES = 24 * 60
SATURDAY = 5
NL_ENERGY_TAX_MICRO = 91_600
"""Dutch energy tax of 2026 on the first 10 MWh, EUR 0.09160 per kWh before VAT."""
NL_VAT_BPS = 2_100


def minute_of_day(text: str) -> int:
    """Minutes since midnight of HH:MM; 24:00 is the end of the day. ValueError says what was expected."""
    hours, colon, minutes = text.partition(":")
    if not (colon and len(hours) == 2 and len(minutes) == 2 and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"expected HH:MM, got {text!r}")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > DAY_MINUTES:
        raise ValueError(f"expected a time from 00:00 to 24:00, got {text!r}")
    return total


def in_window(minute: int, start: int, end: int) -> bool:
    """Whether a minute of the day lies in [start, end); a window that ends before it starts runs over midnight."""
    return start <= minute < end if start <= end else minute >= start or minute < end


# --- home ---------------------------------------------------------------------


class HomeTariffTerms(msgspec.Struct, frozen=True):
    """A home tariff to price slots by. Prices and the markup include VAT; tax and VAT on the market price are ours.

    `billing_seconds` 3600: the supplier bills the mean market price of the hour.
    """

    kind: HomeKind
    price_micro_per_kwh: int = 0
    night_price_micro_per_kwh: int = 0
    night_from: str = "23:00"
    night_to: str = "07:00"
    weekend_is_night: bool = True
    markup_micro_per_kwh: int = 0
    energy_tax_micro_per_kwh: int = NL_ENERGY_TAX_MICRO
    vat_bps: int = NL_VAT_BPS
    billing_seconds: int = SLOT_SECONDS


def home_terms(entered: HomeTariffInput) -> HomeTariffTerms:
    """The terms of an entered tariff that `sanity` found nothing wrong with."""
    return HomeTariffTerms(
        kind=entered.kind,
        price_micro_per_kwh=entered.price_micro_per_kwh or 0,
        night_price_micro_per_kwh=entered.night_price_micro_per_kwh or 0,
        night_from=entered.night_from,
        night_to=entered.night_to,
        weekend_is_night=entered.weekend_is_night,
        markup_micro_per_kwh=entered.markup_micro_per_kwh or 0,
    )


def retail_micro(terms: HomeTariffTerms, market_micro: int) -> int:
    """A dynamic tariff's price at a market price: (market + energy tax) x (1 + VAT) + markup, half up (domain 2.6)."""
    return (
        half_up((market_micro + terms.energy_tax_micro_per_kwh) * (10_000 + terms.vat_bps), 10_000)
        + terms.markup_micro_per_kwh
    )


def _is_night(terms: HomeTariffTerms, local: datetime) -> bool:
    if terms.weekend_is_night and local.weekday() >= SATURDAY:
        return True
    minute = local.hour * 60 + local.minute
    return in_window(minute, minute_of_day(terms.night_from), minute_of_day(terms.night_to))


def billed_market(market_micro: Sequence[int], grid: Grid, billing_seconds: int) -> list[int]:
    """Market prices as a supplier bills them: the mean (half up) over each span of `billing_seconds` on the UTC raster.

    A grid that starts or ends inside a span is averaged over the part that it holds.
    """
    spans: dict[int, list[int]] = {}
    keys = [int(start.timestamp()) // billing_seconds for start in grid.starts()]
    for key, micro in zip(keys, market_micro, strict=True):
        spans.setdefault(key, []).append(micro)
    means = {key: half_up(sum(values), len(values)) for key, values in spans.items()}
    return [means[key] for key in keys]


def home_prices(terms: HomeTariffTerms, grid: Grid, market_micro: Sequence[int], zone: str) -> list[int]:
    """What a kWh costs at home in each slot of a grid, micro per kWh including VAT.

    `market_micro` is one market price a slot (read for dynamic only); `zone` is the IANA time zone of the meter: the
    night window is wall-clock time there, so that 02:00 to 03:00 has no slot in March and eight in October.
    """
    if terms.kind is HomeKind.FIXED:
        return [terms.price_micro_per_kwh] * grid.slots
    if terms.kind is HomeKind.DYNAMIC:
        return [retail_micro(terms, micro) for micro in billed_market(market_micro, grid, terms.billing_seconds)]
    place = ZoneInfo(zone)
    return [
        terms.night_price_micro_per_kwh if _is_night(terms, start.astimezone(place)) else terms.price_micro_per_kwh
        for start in grid.starts()
    ]


# --- public -------------------------------------------------------------------


class EnergyWindow(msgspec.Struct, frozen=True):
    """A price for energy in a wall-clock window, HH:MM to HH:MM (24:00 ends the day; it may run over midnight)."""

    from_local: str
    to_local: str
    price_micro_per_kwh: int


class PublicTariffTerms(msgspec.Struct, frozen=True):
    """A public tariff including VAT. The first window that holds a time prices its energy (as OCPI's elements do).

    `time_micro_per_hour` runs while the vehicle is plugged in and still wants energy, `idle_micro_per_hour` from
    `idle_after_minutes` after it had its last. Together the windows cover the day, in whole quarter hours.
    """

    id: UUID
    currency: str
    energy: tuple[EnergyWindow, ...]
    time_micro_per_hour: int = 0
    session_minor: int = 0
    idle_micro_per_hour: int = 0
    idle_after_minutes: int = 0
    time_zone: str = "Europe/Amsterdam"

    def __post_init__(self) -> None:
        windows = [(minute_of_day(window.from_local), minute_of_day(window.to_local)) for window in self.energy]
        assert all(
            any(in_window(minute, start, end) for start, end in windows) for minute in range(0, DAY_MINUTES, 15)
        ), "the energy windows leave a part of the day without a price"


class PublicCost(msgspec.Struct, frozen=True):
    """What a public session costs: components exact in nano-units, the total rounded half up once to minor units."""

    energy_nano: int
    time_nano: int
    session_nano: int
    idle_nano: int
    total_minor: int

    @property
    def total_nano(self) -> int:
        """The sum before rounding."""
        return self.energy_nano + self.time_nano + self.session_nano + self.idle_nano


def public_prices(terms: PublicTariffTerms, grid: Grid) -> list[int]:
    """What a kWh costs in each slot of a grid, micro per kWh: the price at the slot's start."""
    place = ZoneInfo(terms.time_zone)
    windows = [
        (minute_of_day(window.from_local), minute_of_day(window.to_local), window.price_micro_per_kwh)
        for window in terms.energy
    ]
    out = []
    for start in grid.starts():
        local = start.astimezone(place)
        minute = local.hour * 60 + local.minute
        out.append(next(price for begin, end, price in windows if in_window(minute, begin, end)))
    return out


def wanted_until(grid: Grid, energy_wh: Sequence[int], plugged_from: datetime, plugged_to: datetime) -> datetime:
    """Until when a vehicle wanted energy: the end of the last slot in which it took some, within its stay."""
    last = max((slot for slot in range(grid.slots) if energy_wh[slot] > 0), default=None)
    return plugged_from if last is None else max(plugged_from, min(grid.at(last + 1), plugged_to))


def _time_nano(micro_per_hour: int, start: datetime, end: datetime) -> int:
    seconds = max(0, round((end - start).total_seconds()))
    return half_up(micro_per_hour * 1000 * seconds, 3600)


def public_cost(
    terms: PublicTariffTerms, grid: Grid, energy_wh: Sequence[int], plugged_from: datetime, plugged_to: datetime
) -> PublicCost:
    """What a public session costs: energy, time, session and idle fees. `energy_wh` is one figure a slot of the grid.

    A vehicle that is paused by the operator still wants energy: it pays time and is not idle. Idle is being plugged in
    and not drawing after the last energy, less the grace.
    """
    until = wanted_until(grid, energy_wh, plugged_from, plugged_to)
    idle_from = until + timedelta(minutes=terms.idle_after_minutes)
    energy = sum(map(cost_nano, public_prices(terms, grid), energy_wh))
    time = _time_nano(terms.time_micro_per_hour, plugged_from, until)
    session = terms.session_minor * NANO_PER_MINOR
    idle = _time_nano(terms.idle_micro_per_hour, idle_from, plugged_to)
    return PublicCost(energy, time, session, idle, minor_half_up(energy + time + session + idle))

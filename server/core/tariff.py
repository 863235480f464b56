"""What a driver pays: the home tariff as a price by slot, the public tariff as prices and a cost.

Prices are integer micro-units per kWh (or per hour) including taxes; windows are wall-clock times of the place.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.core.pricecurve import PriceSlot, Quality, curve, half_up, worst
from server.core.timegrid import Grid, covering, floor_slot, local_day
from shared.problems import FieldError
from shared.tariffs import HomeKind, HomeTariffInput, PricePoint, PriceStep, TariffPreview
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

    @property
    def varies(self) -> bool:
        """Whether a kWh costs more at one time of day than at another."""
        return len(day_steps(self)) > 1


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


def _price_of_minute(terms: PublicTariffTerms) -> Callable[[int], int]:
    windows = [
        (minute_of_day(window.from_local), minute_of_day(window.to_local), window.price_micro_per_kwh)
        for window in terms.energy
    ]
    return lambda minute: next(price for begin, end, price in windows if in_window(minute, begin, end))


def _same_all_day(terms: PublicTariffTerms) -> int | None:
    """The price of tariffs with one price, as most are: a replan asks for it five times a session."""
    prices = {window.price_micro_per_kwh for window in terms.energy}
    return prices.pop() if len(prices) == 1 else None


def public_prices(terms: PublicTariffTerms, grid: Grid) -> list[int]:
    """What a kWh costs in each slot of a grid, micro per kWh: the price at the slot's start."""
    if (same := _same_all_day(terms)) is not None:
        return [same] * grid.slots
    place, price = ZoneInfo(terms.time_zone), _price_of_minute(terms)
    local = (start.astimezone(place) for start in grid.starts())
    return [price(moment.hour * 60 + moment.minute) for moment in local]


def day_steps(terms: PublicTariffTerms) -> list[PriceStep]:
    """The day's prices per kWh as they follow each other: each from a local time on, the last over midnight.

    One step, from 00:00, where the price is the same all day: what the windows say, not how many there are.
    """
    if (same := _same_all_day(terms)) is not None:
        return [PriceStep("00:00", same)]
    price, quarter = _price_of_minute(terms), 15
    changes = [m for m in range(0, DAY_MINUTES, quarter) if price(m) != price((m - quarter) % DAY_MINUTES)]
    return [PriceStep(f"{m // 60:02d}:{m % 60:02d}", price(m)) for m in changes or [0]]


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

    Idle is OCPI's PARKING_TIME as 2.3.0-ed2 settled it: the vehicle does not request power; one that the operator
    paused still does, so a pause is time and never idle. From energies alone that is: plugged in, not drawing, after
    the last slot in which it drew, less the grace. Fees by the hour are exact to the nano, half up.
    """
    until = wanted_until(grid, energy_wh, plugged_from, plugged_to)
    idle_from = until + timedelta(minutes=terms.idle_after_minutes)
    energy = sum(map(cost_nano, public_prices(terms, grid), energy_wh))
    stay = _time_nano(terms.time_micro_per_hour, plugged_from, until)
    session = terms.session_minor * NANO_PER_MINOR
    idle = _time_nano(terms.idle_micro_per_hour, idle_from, plugged_to)
    return PublicCost(energy, stay, session, idle, minor_half_up(energy + stay + session + idle))


# --- the form -----------------------------------------------------------------

PRICE_LIMITS_MICRO = (20_000, 1_000_000)
MARKUP_LIMITS_MICRO = (0, 200_000)
EVENING = time(18)
MORNING = time(7)
NIGHT_DEARER = "night_dearer_than_day"
ESTIMATED_PRICES = "estimated_prices"


def _amount(micro: int) -> str:
    return f"EUR {micro / 1_000_000:.4f}".rstrip("0").removesuffix(".")


def _price_error(field: str, micro: int | None, limits: tuple[int, int]) -> FieldError | None:
    """What is wrong with an entered price: missing, a mix-up of cents and euros, or out of the limits."""
    low, high = limits
    if micro is None:
        return FieldError(field, "Missing: this kind of tariff needs it.")
    if low <= micro <= high:
        return None
    for guess, what in ((micro // 100, "cents for euros"), (micro * 100, "euros for cents")):
        if micro > 0 and low < guess <= high:
            return FieldError(field, f"{_amount(micro)} per kWh looks like {what}: did you mean {_amount(guess)}?")
    return FieldError(field, f"Expected {_amount(low)} to {_amount(high)} per kWh, got {_amount(micro)}.")


def _window_errors(entered: HomeTariffInput) -> list[FieldError]:
    errors, minutes = [], []
    for field, text in (("night_from", entered.night_from), ("night_to", entered.night_to)):
        try:
            minutes.append(minute_of_day(text))
        except ValueError:
            errors.append(FieldError(field, f"Expected a local time as HH:MM, got {text!r}."))
    if not errors and minutes[0] % DAY_MINUTES == minutes[1] % DAY_MINUTES:
        errors.append(FieldError("night_to", "The night ends when it starts: enter two different times."))
    return errors


def sanity(entered: HomeTariffInput) -> list[FieldError]:
    """What is wrong with an entered home tariff; nothing, when it can be saved.

    Prices lie in EUR 0.02 to 1.00 per kWh including VAT, the markup in 0 to 0.20; 100 times too much or too little is
    named as what it is.
    """
    if entered.kind is HomeKind.DYNAMIC:
        found = [_price_error("markup_micro_per_kwh", entered.markup_micro_per_kwh, MARKUP_LIMITS_MICRO)]
    else:
        found = [_price_error("price_micro_per_kwh", entered.price_micro_per_kwh, PRICE_LIMITS_MICRO)]
    if entered.kind is HomeKind.NIGHT:
        night = entered.night_price_micro_per_kwh
        found += [_price_error("night_price_micro_per_kwh", night, PRICE_LIMITS_MICRO), *_window_errors(entered)]
    return [error for error in found if error is not None]


def notices(entered: HomeTariffInput) -> list[str]:
    """Codes of what is odd but not wrong: `night_dearer_than_day`."""
    day, night = entered.price_micro_per_kwh, entered.night_price_micro_per_kwh
    dearer = entered.kind is HomeKind.NIGHT and day is not None and night is not None and night > day
    return [NIGHT_DEARER] if dearer else []


def _tonight(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The night at hand: 18:00 to 07:00 local, or what is left of it."""
    local = now.astimezone(zone)
    evening = local.date() - timedelta(days=1 if local.time() < MORNING else 0)
    start = datetime.combine(evening, EVENING, zone).astimezone(UTC)
    end = datetime.combine(evening + timedelta(days=1), MORNING, zone).astimezone(UTC)
    return max(floor_slot(now), start), end


def preview(entered: HomeTariffInput, market: Sequence[PriceSlot], now: datetime, zone: str) -> TariffPreview:
    """What an entered tariff means: the price now, tonight (18:00 to 07:00) and tomorrow, by slot until tomorrow's end.

    `entered` has passed `sanity`; `market` is one zone's prices from now on, holes are filled with the typical curve.
    `quality` is the least certain price that was used; FINAL where the market has no part in it.
    """
    place = ZoneInfo(zone)
    tomorrow = local_day(now.astimezone(place).date() + timedelta(days=1), place)
    grid = covering(floor_slot(now), tomorrow.end)
    spot = curve(market, grid, time_zone=zone)
    prices = home_prices(home_terms(entered), grid, [slot.price_micro_per_kwh for slot in spot], zone)
    begin, end = _tonight(now, place)
    tonight = prices[grid.index(begin) : grid.index(end)]
    next_day = prices[grid.index(tomorrow.start) :]
    dynamic = entered.kind is HomeKind.DYNAMIC
    quality = worst(slot.quality for slot in spot) if dynamic else Quality.FINAL
    return TariffPreview(
        now_micro_per_kwh=prices[0],
        tonight_low_micro_per_kwh=min(tonight),
        tonight_high_micro_per_kwh=max(tonight),
        tomorrow_low_micro_per_kwh=min(next_day),
        tomorrow_high_micro_per_kwh=max(next_day),
        points=[PricePoint(start, price) for start, price in zip(grid.starts(), prices, strict=True)],
        notices=notices(entered) + ([ESTIMATED_PRICES] if quality is Quality.ESTIMATED else []),
        quality=quality.value,
    )

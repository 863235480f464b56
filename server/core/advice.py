"""Across places: how little is enough here, where the driver's own home is cheaper tonight. It advises, no more.

The way home is unknown, so "enough" is the floor that a plan would charge first: 5 kWh where nobody knows how full the
car is, up to 30 % where the car tells. What a night at home costs is what the driver's own stays there say.
"""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from server.core.demand import at_meter_wh
from server.core.departure import Stay
from shared.sessions import HomeAdvice

STAYS_MIN = 3
"""From fewer nights at home nothing is learnt."""
ENOUGH_PCT = 30
LEAST_REST_WH = 2_000
LEAST_SAVED_MINOR = 50
"""For less nobody changes a habit."""
NANO_PER_MINOR = 10_000_000
MINUTES = 24 * 60
NIGHT_LEFT = timedelta(hours=4)
"""With less of a usual stay at home to come, the next one is meant."""


class Home(msgspec.Struct, frozen=True):
    """What a night at home costs this driver, and how much it usually takes."""

    price_micro_per_kwh: int
    usual_wh: int


class Here(msgspec.Struct, frozen=True):
    """A public session: its price, how much is enough, the money expected back, and what is still to come.

    `wanted_wh` None: nobody knows yet; then it is what a night at home usually takes.
    """

    price_micro_per_kwh: int
    enough_wh: int
    back_micro_per_kwh: int = 0
    wanted_wh: int | None = None


def advise(here: Here, home: Home) -> HomeAdvice | None:
    """How little is enough here and what the rest costs here and at home; None where home is not clearly cheaper."""
    wanted = home.usual_wh if here.wanted_wh is None else here.wanted_wh
    enough = min(here.enough_wh, wanted)
    rest = wanted - enough
    rest_here = _minor((here.price_micro_per_kwh - here.back_micro_per_kwh) * rest)
    rest_home = _minor(home.price_micro_per_kwh * rest)
    if rest < LEAST_REST_WH or rest_here - rest_home < LEAST_SAVED_MINOR:
        return None
    return HomeAdvice(enough, rest, rest_here, rest_home, here.price_micro_per_kwh, home.price_micro_per_kwh)


def back_micro(back_minor: int, energy_wh: int) -> int:
    """Money expected back for an energy, as micro-units per kWh."""
    return back_minor * NANO_PER_MINOR // energy_wh if energy_wh else 0


def _minor(nano: int) -> int:
    return (nano + NANO_PER_MINOR // 2) // NANO_PER_MINOR


def enough_wh(delivered_wh: int, floor_wh: int, capacity_wh: int | None, soc_pct: int | None) -> int:
    """How much more is enough to get home: up to 30 % where the car tells, else what is missing of the floor."""
    if soc_pct is not None and capacity_wh is not None:
        return at_meter_wh(capacity_wh, max(0, ENOUGH_PCT - soc_pct))
    return max(0, floor_wh - delivered_wh)


def night_at_home(stays: Sequence[Stay], now: datetime, zone: str) -> tuple[datetime, datetime] | None:
    """The next stay at home as the driver's stays have it (usual arrival, usual length), None from too few.

    The usual arrival is the one that is nearest to all others round the clock, so that it may lie around midnight.
    """
    ended = [stay for stay in stays if stay.started_at < stay.ended_at <= now]
    if len(ended) < STAYS_MIN:
        return None
    local = ZoneInfo(zone)
    arrivals = [_minute(stay.started_at.astimezone(local)) for stay in ended]
    usual = min(arrivals, key=lambda one: (sum(_apart(one, other) for other in arrivals), one))
    length = timedelta(seconds=statistics.median((stay.ended_at - stay.started_at).total_seconds() for stay in ended))
    day, at = now.astimezone(local).date(), time(usual // 60, usual % 60)
    arrives = [datetime.combine(day + timedelta(days=more), at, local).astimezone(UTC) for more in (-1, 0, 1)]
    begins = next(one for one in arrives if one + length >= now + NIGHT_LEFT or one > now)
    return max(begins, now), begins + length


def _minute(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


def _apart(one: int, other: int) -> int:
    apart = abs(one - other)
    return min(apart, MINUTES - apart)


def cheapest_micro(prices: Sequence[int], energy_wh: int, slot_wh: int) -> int:
    """The mean price of an energy in the cheapest slots, micro per kWh; of all slots where it does not fit."""
    slots = max(1, min(len(prices), -(-energy_wh // max(1, slot_wh))))
    return energy_micro(sorted(prices)[:slots])


def energy_micro(prices: Sequence[int]) -> int:
    """The mean of prices, micro per kWh."""
    return sum(prices) // max(1, len(prices))

"""The next valley: the cheapest hours in a row of prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.plans import CurveSlot

LENGTH = timedelta(hours=4)
"""How long the valley is that the app speaks of: a night's charge of an ordinary car at 11 kW."""

MORNING = time(9)
AHEAD = timedelta(hours=6)


@dataclass(frozen=True)
class Valley:
    """The cheapest stretch: when, its mean price, and how far below the mean of all that is."""

    start: datetime
    end: datetime
    mean_micro: int
    below_percent: int


def tonight(slots: Sequence[CurveSlot], now: datetime, zone: ZoneInfo) -> list[CurveSlot]:
    """The prices until nine in the morning, the next one at least six hours away."""
    local = (now + AHEAD).astimezone(zone)
    day = local.date() + timedelta(days=1 if local.time() >= MORNING else 0)
    until = datetime.combine(day, MORNING, zone)
    return [slot for slot in slots if slot.start < until]


def cheapest(slots: Sequence[CurveSlot]) -> Valley | None:
    """The cheapest four hours in a row, the earliest of equals; None where there are fewer prices than that."""
    if not slots:
        return None
    count = int(LENGTH.total_seconds()) // slots[0].seconds
    if len(slots) < count:
        return None
    prices = [slot.price_micro_per_kwh for slot in slots]
    sums = [sum(prices[at : at + count]) for at in range(len(prices) - count + 1)]
    best = sums.index(min(sums))
    mean, everywhere = sums[best] / count, sum(prices) / len(prices)
    below = round(100 * (everywhere - mean) / everywhere) if everywhere > 0 else 0
    start = slots[best].start
    return Valley(start, start + LENGTH, round(mean), below)

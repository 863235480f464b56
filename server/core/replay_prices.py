"""Market prices on a raster of quarter hours, for looking up whole stays at once."""

import msgspec
import numpy as np

from server.core.localtime import Ints
from shared.problems import FieldError
from shared.units import SLOT_SECONDS

HOUR_S = 3_600


class PriceRaster(msgspec.Struct, frozen=True, eq=False):
    """Prices by quarter hour from `start_s` (UTC seconds): micro per kWh, and how many before each are unknown."""

    start_s: int
    micro_per_kwh: Ints
    missing_before: Ints

    def known(self, first_s: int, slots: int) -> int:
        """How many of `slots` slots from `first_s` on have a price before the first that has none."""
        first = (first_s - self.start_s) // SLOT_SECONDS
        size = len(self.micro_per_kwh)
        if not 0 <= first < size:
            return 0
        missing = self.missing_before[first : min(first + slots, size) + 1] - self.missing_before[first]
        return int(np.searchsorted(missing, 1)) - 1

    def window(self, first_s: int, slots: int) -> Ints:
        """The prices of `slots` slots from `first_s` on, all of them known."""
        first = (first_s - self.start_s) // SLOT_SECONDS
        return self.micro_per_kwh[first : first + slots]


def raster(start_s: Ints, micro_per_kwh: Ints) -> PriceRaster | FieldError:
    """Hourly or quarter-hourly prices (mixed, with gaps, in any order) by quarter hour.

    Args:
        start_s: where each price starts, UTC seconds; on a quarter hour, once each.
        micro_per_kwh: the prices.

    Returns:
        The raster, or what is wrong with `ts_utc`.
    """
    if not len(start_s):
        return FieldError("ts_utc", "expected at least one row with a time and a price")
    order = np.argsort(start_s, kind="stable")
    starts, prices = start_s[order], micro_per_kwh[order]
    off = np.flatnonzero(starts % SLOT_SECONDS)
    if len(off):
        return FieldError("ts_utc", f"expected starts of hours or quarter hours, found {_moment(starts[off[0]])}")
    twice = np.flatnonzero(np.diff(starts) == 0)
    if len(twice):
        return FieldError("ts_utc", f"expected every time once, found {_moment(starts[twice[0]])} twice")
    steps = np.diff(starts)
    usual = int(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else HOUR_S
    if usual in range(SLOT_SECONDS + 1, HOUR_S):
        return FieldError("ts_utc", f"expected hourly or quarter-hourly prices, found one every {usual} s")
    slots = _durations(starts, steps) // SLOT_SECONDS
    size = int((starts[-1] - starts[0]) // SLOT_SECONDS + slots[-1])
    values, known = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
    first = (starts - starts[0]) // SLOT_SECONDS
    for offset in range(HOUR_S // SLOT_SECONDS):
        held = slots > offset
        values[first[held] + offset] = prices[held]
        known[first[held] + offset] = True
    return PriceRaster(int(starts[0]), values, np.concatenate([[0], np.cumsum(~known)]))


def _durations(starts: Ints, steps: Ints) -> Ints:
    """How long each price holds: to the next one; before a gap and at the end, as long as the one before.

    An hour between two rows is a gap where the rows on both sides of it are quarter-hourly.
    """
    quarter = steps <= SLOT_SECONDS
    before = np.concatenate([[False], quarter[:-1]]) if len(steps) else quarter
    after = np.concatenate([quarter[1:], [False]]) if len(steps) else quarter
    whole = quarter | ((steps == HOUR_S) & ~(before & after))
    lengths = np.append(np.where(whole, steps, 0), 0)
    regular = np.flatnonzero(lengths)
    if not len(regular):
        return np.full(len(starts), HOUR_S if not (starts % HOUR_S).any() else SLOT_SECONDS, dtype=np.int64)
    nearest = np.maximum(np.searchsorted(regular, np.arange(len(starts)), side="right") - 1, 0)
    filled: Ints = np.minimum(lengths[regular[nearest]], np.append(steps, HOUR_S))
    return filled


def _moment(second: np.int64) -> str:
    return f"{np.datetime64(int(second), 's')}Z"

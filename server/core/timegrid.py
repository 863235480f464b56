"""Slots and local days. Time is aware UTC; intervals are half-open; a local day has 92, 96 or 100 quarter hours."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from shared.units import SLOT_SECONDS

KEPT_SLOTS = 1_000
"""What a longer grid's slots begin with is not kept: that of ten days is 56 KB, that of a year 2 MB."""


class Grid(msgspec.Struct, frozen=True):
    """A row of equal slots: slot t is [start + t x slot_seconds, start + (t + 1) x slot_seconds)."""

    start: datetime
    slots: int
    slot_seconds: int = SLOT_SECONDS

    def __post_init__(self) -> None:
        assert self.start.tzinfo is not None, "naive time in a grid"
        assert self.slots >= 0
        assert self.slot_seconds > 0

    @property
    def end(self) -> datetime:
        """The end of the last slot."""
        return self.at(self.slots)

    def at(self, slot: int) -> datetime:
        """The start of a slot (also beyond the grid)."""
        return self.start + timedelta(seconds=slot * self.slot_seconds)

    def starts(self) -> tuple[datetime, ...]:
        """The start of each slot."""
        made = _starts if self.slots <= KEPT_SLOTS else _starts.__wrapped__
        return made(self)

    def index(self, moment: datetime) -> int:
        """The slot that holds a moment; may lie outside [0, slots)."""
        return int((moment - self.start).total_seconds() // self.slot_seconds)

    def overlap_seconds(self, start: datetime, end: datetime) -> list[int]:
        """Whole seconds of [start, end) in each slot: the first and the last may be partial."""
        if end <= start or not self.slots:
            return [0] * self.slots
        first, last = self.index(start), self.index(end)
        out = [self.slot_seconds if first < slot < last else 0 for slot in range(self.slots)]
        for slot in {first, last}:
            if 0 <= slot < self.slots:
                begin, stop = max(start, self.at(slot)), min(end, self.at(slot + 1))
                out[slot] = max(0, round((stop - begin).total_seconds()))
        return out


@lru_cache(maxsize=32)
def _starts(grid: Grid) -> tuple[datetime, ...]:
    """Kept, for all that is asked of a place at one time has the same grid."""
    return tuple([grid.at(slot) for slot in range(grid.slots)])


def floor_slot(moment: datetime, slot_seconds: int = SLOT_SECONDS) -> datetime:
    """The start of the slot that holds a moment, on the UTC raster."""
    seconds = int(moment.timestamp()) // slot_seconds * slot_seconds
    return datetime.fromtimestamp(seconds, UTC)


def covering(start: datetime, end: datetime, slot_seconds: int = SLOT_SECONDS) -> Grid:
    """The smallest raster-aligned grid that holds [start, end)."""
    first = floor_slot(start, slot_seconds)
    slots = -(-max(0, int((end - first).total_seconds() * 1000)) // (slot_seconds * 1000))
    return Grid(first, slots, slot_seconds)


def local_day(day: date, zone: ZoneInfo, slot_seconds: int = SLOT_SECONDS) -> Grid:
    """The grid of a local calendar day: 92, 96 or 100 quarter hours."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return Grid(start, int((end - start).total_seconds()) // slot_seconds, slot_seconds)

"""Local wall clocks for whole arrays of moments: a zone's offsets as a table, so that a year of stays costs one search.

Moments are whole seconds since 1970 UTC; a local moment is the same count on the wall clock of the zone.
"""

from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

DAY_S = 86_400
EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""
BLOCK_S = 366 * DAY_S


class LocalClock(msgspec.Struct, frozen=True, eq=False):
    """The offsets of a zone over a span: `offsets[i]` holds from `changes[i - 1]` to `changes[i]` (UTC seconds)."""

    changes: Ints
    offsets: Ints

    def local(self, moments: Ints) -> Ints:
        """Wall clock seconds of UTC moments."""
        return moments + self.offsets[np.searchsorted(self.changes, moments, side="right")]

    def utc(self, local: Ints) -> Ints:
        """UTC moments of wall clock seconds; a repeated hour is its first pass, a skipped one is read as before it.

        So does `zoneinfo`, and RFC 5545 (3.3.5).
        """
        ends = self.changes + np.maximum(self.offsets[:-1], self.offsets[1:])
        return local - self.offsets[np.searchsorted(ends, local, side="right")]


def local_clock(zone: str, first_s: int, last_s: int) -> LocalClock:
    """The clock of a zone from `first_s` to `last_s`, with a month to spare on either side.

    Args:
        zone: an IANA name that the machine knows (an unknown one raises, as `ZoneInfo` does).
        first_s: first moment, seconds since 1970 UTC.
        last_s: last moment.
    """
    margin = 31 * DAY_S
    return _clock(zone, (first_s - margin) // BLOCK_S, (last_s + margin) // BLOCK_S + 1)


@lru_cache(maxsize=64)
def _clock(zone: str, first_block: int, last_block: int) -> LocalClock:
    local = ZoneInfo(zone)
    days = range(first_block * BLOCK_S, last_block * BLOCK_S + 1, DAY_S)
    offsets = [_offset(local, days[0])]
    changes: list[int] = []
    for before, after in pairwise(days):
        offset = _offset(local, after)
        if offset != offsets[-1]:
            changes.append(_change(local, before, after))
            offsets.append(offset)
    return LocalClock(np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _offset(zone: ZoneInfo, moment_s: int) -> int:
    offset = datetime.fromtimestamp(moment_s, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second in (before, after] with the offset of `after`."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == _offset(zone, after):
            after = middle
        else:
            before = middle
    return after

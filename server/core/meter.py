"""Register readings as energy by slot: integer Wh whose sum is exactly stop minus start, whatever the readings say."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from server.core.timegrid import Grid, covering

ONE_MICROSECOND = timedelta(microseconds=1)
HOLE = timedelta(minutes=30)
"""A longer silence of the meter is a hole (domain 1.3, UNMANAGED_GAP)."""
REGISTER_NOISE_WH = 100
"""Stations that report kWh with one decimal beside Wh seem to step back by less than this."""


class Reading(msgspec.Struct, frozen=True):
    """An energy register at a moment: Wh imported since the meter was made."""

    at: datetime
    register_wh: int


class MeterSpan(msgspec.Struct, frozen=True):
    """A stay as the station stated it: from when to when, and the registers at both ends."""

    started_at: datetime
    ended_at: datetime
    meter_start_wh: int
    meter_stop_wh: int

    @property
    def energy_wh(self) -> int:
        """What the stay is billed for; a register that ran backwards delivered nothing that can be proven."""
        return max(0, self.meter_stop_wh - self.meter_start_wh)


def stay_grid(span: MeterSpan) -> Grid:
    """The slots of a stay, at least one: a stay of no length may have drawn energy too."""
    grid = covering(span.started_at, span.ended_at)
    return Grid(grid.start, max(1, grid.slots), grid.slot_seconds)


def energy_by_slot(readings: Sequence[Reading], grid: Grid, span: MeterSpan) -> list[int]:
    """Metered energy in each slot, Wh: the cumulative register interpolated linearly between the readings that agree.

    Readings may come twice, out of order, from outside the stay, or from a register that was reset; what contradicts
    the rest is left out. Each figure is the difference of a rounded cumulative, none is negative and their sum is
    exactly `span.energy_wh`. The grid must hold the stay (`stay_grid` does).
    """
    assert grid.start <= span.started_at <= span.ended_at <= grid.end, "the grid does not hold the stay"
    assert grid.slots or not span.energy_wh, "energy, and no slot to hold it"
    track = _track(readings, span)
    moments = [moment for moment, _ in track]
    ends = [grid.at(slot + 1) for slot in range(grid.slots)]
    cumulative = [_cumulative(track, moments, end) for end in ends]
    if span.started_at == span.ended_at and grid.slots:
        # A stay of no length: its energy, if any, belongs to the slot that holds it.
        slot = min(grid.index(span.started_at), grid.slots - 1)
        cumulative = [span.energy_wh if index >= slot else 0 for index in range(grid.slots)]
    return [after - before for before, after in pairwise([0, *cumulative])]


def gap_share(readings: Sequence[Reading], span: MeterSpan, hole: timedelta = HOLE) -> int:
    """The share of the energy that flowed while the meter was silent for longer than `hole`, in basis points.

    Domain 1.3: above 1 000 (10 %) the session counts as unmanaged (UNMANAGED_GAP). 0 where nothing flowed.
    """
    if not span.energy_wh:
        return 0
    unseen = sum(
        after_wh - before_wh
        for (before, before_wh), (after, after_wh) in pairwise(_track(readings, span))
        if after - before > hole
    )
    return unseen * 10_000 // span.energy_wh


def is_valid(readings: Sequence[Reading], span: MeterSpan) -> bool:
    """Whether the register only rose: False where it stepped back by more than its own noise (METER_INVALID)."""
    inside = sorted(
        (reading.at, reading.register_wh) for reading in readings if span.started_at <= reading.at <= span.ended_at
    )
    path = [span.meter_start_wh, *(register_wh for _, register_wh in inside), span.meter_stop_wh]
    return all(after >= before - REGISTER_NOISE_WH for before, after in pairwise(path)) and path[-1] >= path[0]


def powers(readings: Sequence[Reading]) -> list[int]:
    """Mean power between consecutive readings in which energy flowed, W, oldest first."""
    ordered = sorted({reading.at: reading.register_wh for reading in readings}.items())
    return [
        (after_wh - before_wh) * 3_600_000_000 // ((after - before) // ONE_MICROSECOND)
        for (before, before_wh), (after, after_wh) in pairwise(ordered)
        if after_wh > before_wh
    ]


def p95(values: Sequence[int]) -> int:
    """The 95th percentile by nearest rank; 0 of nothing."""
    return sorted(values)[-(-95 * len(values) // 100) - 1] if values else 0


def _track(readings: Sequence[Reading], span: MeterSpan) -> list[tuple[datetime, int]]:
    """The agreed path of energy since plug-in: ends fixed, the longest rising row of readings between them."""
    inside = sorted(
        (reading.at, reading.register_wh - span.meter_start_wh)
        for reading in readings
        if span.started_at < reading.at < span.ended_at
        and span.meter_start_wh <= reading.register_wh <= span.meter_start_wh + span.energy_wh
    )
    return [(span.started_at, 0), *_longest_rising(inside), (span.ended_at, span.energy_wh)]


def _longest_rising(points: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """The longest non-decreasing subsequence, so that one wild register costs one reading and not its neighbours."""
    tails: list[int] = []  # least last value of a row of each length
    holders: list[int] = []  # which point holds it
    previous: list[int] = []
    for index, (_, value) in enumerate(points):
        length = bisect_right(tails, value)
        previous.append(holders[length - 1] if length else -1)
        tails[length:] = [value, *tails[length + 1 :]]
        holders[length:] = [index, *holders[length + 1 :]]
    row: list[tuple[datetime, int]] = []
    at = holders[-1] if holders else -1
    while at >= 0:
        row.append(points[at])
        at = previous[at]
    return row[::-1]


def _cumulative(track: Sequence[tuple[datetime, int]], moments: Sequence[datetime], moment: datetime) -> int:
    """Energy since plug-in at a moment, Wh, half up."""
    after = bisect_right(moments, moment)
    if after == 0:
        return 0
    if after == len(track):
        return track[-1][1]
    (start, low), (end, high) = track[after - 1], track[after]
    span_us, part_us = (end - start) // ONE_MICROSECOND, (moment - start) // ONE_MICROSECOND
    return low + (2 * (high - low) * part_us + span_us) // (2 * span_us)

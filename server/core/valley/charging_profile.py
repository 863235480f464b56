"""A plan as a charger hears it: at most 24 periods with a limit, in the unit that it takes, ending in a safe one.

A limit is a maximum, not a target: it never allows more than the plan gives the slot (OCPP 1.6 §3.13, OCPI 2.2.1
chargingprofiles: limits with one decimal; IEC 61851: 0 or at least 6 A on AC; A counts per phase).
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from shared.units import VOLTS

PERIODS_MAX = 24
MIN_CURRENT_A = 6
Unit = Literal["W", "A"]


class Period(msgspec.Struct, frozen=True):
    """From `start_s` seconds after the profile's start: at most `limit` in the unit asked for, which is `limit_w`."""

    start_s: int
    limit_w: int
    limit: float


class ChargingPeriods(msgspec.Struct, frozen=True):
    """A whole schedule: periods as (start_s, limit) in `unit`; from `duration_s` on the last limit holds."""

    unit: Unit
    periods: list[tuple[int, float]]
    duration_s: int


class _Run(msgspec.Struct):
    """Neighbouring slots under one limit, in tenths of the unit."""

    start_s: int
    seconds: int
    tenths: int


def to_periods(  # noqa: PLR0913  the port agreed between the rooms, all but the plan by name
    energy_wh: Sequence[int],
    slot_seconds: int,
    *,
    max_w: int,
    phases: int,
    unit: str,
    final_w: int,
    elapsed_s: int = 0,
) -> list[Period]:
    """The limits of a plan: equal neighbours merged, at most 24, the last `final_w`, rounded down to 0.1 of the unit.

    `energy_wh` by slot; `elapsed_s` seconds of the first slot are gone, period times count from that moment.
    Where 24 are too few, the neighbours that cost the least energy share the lower of their limits.
    """
    assert unit in ("W", "A")
    assert 0 <= elapsed_s < slot_seconds
    watts_per_unit = 1 if unit == "W" else VOLTS * phases
    least = MIN_CURRENT_A * VOLTS * phases * 10 // watts_per_unit
    runs: list[_Run] = []
    start = 0
    for index, energy in enumerate(energy_wh):
        seconds = slot_seconds - (elapsed_s if index == 0 else 0)
        tenths = min(_tenths(energy, seconds, watts_per_unit, least), max_w * 10 // watts_per_unit)
        _append(runs, _Run(start, seconds, tenths if tenths >= least else 0))
        start += seconds
    final = min(final_w, max_w) * 10 // watts_per_unit
    _append(runs, _Run(start, 0, final if final >= least else 0))
    while len(runs) > PERIODS_MAX:
        _merge_cheapest(runs)
    return [Period(run.start_s, run.tenths * watts_per_unit // 10, run.tenths / 10) for run in runs]


def schedule(periods: Sequence[Period], unit: Unit, duration_s: int) -> ChargingPeriods:
    """Periods as the gateway sends them."""
    return ChargingPeriods(unit, [(period.start_s, period.limit) for period in periods], duration_s)


def _tenths(energy_wh: int, seconds: int, watts_per_unit: int, least: int) -> int:
    """The power of a slot in tenths of the unit, rounded down."""
    exact = energy_wh * 36_000 // (seconds * watts_per_unit)
    # Whole Wh hide up to one: a plan at just 6 A must not become a pause for that.
    if 0 < exact < least and math.ceil(least * seconds * watts_per_unit / 36_000) <= energy_wh + 1:
        return least
    return exact


def _append(runs: list[_Run], run: _Run) -> None:
    if runs and runs[-1].tenths == run.tenths:
        runs[-1].seconds += run.seconds
    else:
        runs.append(run)


def _merge_cheapest(runs: list[_Run]) -> None:
    """Join the two neighbours that lose the least energy; the later of equals, which a later plan can mend."""

    def loss(index: int) -> tuple[int, int]:
        left, right = runs[index], runs[index + 1]
        higher = left if left.tenths > right.tenths else right
        return abs(left.tenths - right.tenths) * higher.seconds, -index

    # The last one, `final_w`, stands for ever after: it takes part only by giving way to nothing.
    best = min(range(len(runs) - 2), key=loss)
    left, right = runs[best], runs[best + 1]
    joined = _Run(left.start_s, left.seconds + right.seconds, min(left.tenths, right.tenths))
    tail = runs[best + 2 :]
    del runs[best:]
    for run in [joined, *tail]:
        _append(runs, run)

"""A plan as a charger hears it: few periods, never above the plan, safe at the end."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.valley.charging_profile import PERIODS_MAX, Period, schedule, to_periods

FULL = 2760
SLOT = 900


def limits(periods):
    return [(period.start_s, period.limit) for period in periods]


def amps(energy_wh, **said):
    return to_periods(energy_wh, SLOT, **{"max_w": 11_040, "phases": 3, "unit": "A", "final_w": 11_040, **said})


def test_equal_neighbours_are_one_period_and_the_last_is_final():
    periods = amps([0, 0, FULL, FULL, 0])
    assert limits(periods) == [(0, 0.0), (1800, 16.0), (3600, 0.0), (4500, 16.0)]
    assert periods[1] == Period(start_s=1800, limit_w=11_040, limit=16.0)


def test_a_plan_that_ends_as_the_final_limit_says_needs_no_further_period():
    assert limits(amps([0, FULL])) == [(0, 0.0), (900, 16.0)]


def test_a_plan_of_nothing_is_its_final_limit():
    assert limits(amps([], final_w=4140)) == [(0, 6.0)]


def test_watts_count_over_all_phases_and_amperes_in_each():
    assert limits(to_periods([1840], SLOT, max_w=7360, phases=1, unit="A", final_w=0)) == [(0, 32.0), (900, 0.0)]
    assert limits(to_periods([1840], SLOT, max_w=7360, phases=1, unit="W", final_w=0)) == [(0, 7360.0), (900, 0.0)]


def test_a_final_share_below_six_amperes_is_none():
    assert limits(amps([FULL], final_w=4000)) == [(0, 16.0), (900, 0.0)]


def test_less_than_six_amperes_is_a_pause():
    assert limits(amps([1034 - 1, FULL])) == [(0, 0.0), (900, 16.0)]


def test_whole_watt_hours_do_not_turn_six_amperes_into_a_pause():
    # 4 140 W for 463 s is 532.45 Wh; a plan of whole Wh says 532.
    assert limits(amps([532], elapsed_s=437, final_w=0)) == [(0, 6.0), (463, 0.0)]


def test_a_slot_that_has_begun_counts_for_its_rest():
    assert limits(amps([FULL // 2, FULL], elapsed_s=450, final_w=0)) == [(0, 16.0), (1350, 0.0)]


def test_a_schedule_says_its_unit():
    said = schedule(amps([FULL, 0]), "A", 1800)
    assert (said.unit, said.periods, said.duration_s) == ("A", [(0, 16.0), (900, 0.0), (1800, 16.0)], 1800)


def test_what_costs_the_least_energy_is_merged():
    # 25 periods; the smallest step is between 2 000 and 2 001 Wh.
    energy = [FULL, 1200] * 11 + [2000, 2040]
    periods = amps(energy, final_w=0)
    assert len(periods) == PERIODS_MAX
    assert periods[22].limit == pytest.approx(11.5)
    assert limits(periods)[:4] == [(0, 16.0), (900, 6.9), (1800, 16.0), (2700, 6.9)]


PLANS = st.lists(st.sampled_from([0, 0, 1035, 1500, FULL]) | st.integers(0, FULL), min_size=0, max_size=100)


@settings(max_examples=200, deadline=None)
@given(PLANS, st.sampled_from([1, 2, 3]), st.sampled_from(["A", "W"]), st.integers(0, 899), st.integers(0, 12_000))
def test_limits_never_allow_more_than_the_plan(energy, phases, unit, elapsed, final):
    periods = to_periods(energy, SLOT, max_w=11_040, phases=phases, unit=unit, final_w=final, elapsed_s=elapsed)
    least = 6.0 if unit == "A" else 1380.0 * phases
    watts = 230 * phases if unit == "A" else 1
    assert 1 <= len(periods) <= PERIODS_MAX
    assert periods[0].start_s == 0
    assert [period.start_s for period in periods] == sorted({period.start_s for period in periods})
    assert all(period.limit == 0 or period.limit >= least for period in periods)
    assert all(round(period.limit * 10) == pytest.approx(period.limit * 10) for period in periods)
    assert all(period.limit_w <= period.limit * watts + 1e-6 for period in periods)
    last = min(final, 11_040)
    assert periods[-1].limit * watts <= last + 1e-6
    assert periods[-1].limit > 0 or last < least * watts
    starts = [0, *(SLOT - elapsed + SLOT * slot for slot in range(len(energy)))]
    for start, end, planned in zip(starts, starts[1:], energy, strict=False):
        inside = [period for period in periods if period.start_s < end]
        assert inside[-1].start_s <= start
        assert inside[-1].limit * watts * (end - start) / 3600 <= planned + 1 + 1e-6


@given(PLANS)
def test_few_enough_periods_lose_only_the_rounding(energy):
    # 6 A is 1035 Wh a slot; whole Wh hide up to one, so 1034 is no pause.
    steps = [max(4 * slot, 4_140) if slot >= 1_034 else 0 for slot in energy]
    changes = 1 + sum(a != b for a, b in itertools.pairwise(steps))
    periods = to_periods(energy, SLOT, max_w=11_040, phases=3, unit="W", final_w=0)
    if energy and changes < PERIODS_MAX:
        for slot, watts in enumerate(steps):
            at = [period for period in periods if period.start_s <= slot * SLOT][-1]
            assert abs(at.limit - watts) <= 4

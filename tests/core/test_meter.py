"""Register readings become energy by slot that sums exactly to what the station billed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.meter import MeterSpan, Reading, energy_by_slot, gap_share, is_valid, p95, powers, stay_grid
from server.core.timegrid import Grid, covering

START = datetime(2026, 1, 14, 17, 7, 30, tzinfo=UTC)


def at(minutes):
    return START + timedelta(minutes=minutes)


def span(minutes=60, start_wh=1_000, stop_wh=5_000):
    return MeterSpan(START, at(minutes), start_wh, stop_wh)


def by_slot(readings, stay):
    return energy_by_slot(readings, stay_grid(stay), stay)


def test_without_readings_the_energy_is_spread_evenly_over_the_stay():
    assert by_slot([], span(60, 0, 4_000)) == [500, 1000, 1000, 1000, 500]


def test_energy_flows_where_the_register_rose():
    readings = [Reading(at(30), 1_000), Reading(at(45), 5_000)]
    assert by_slot(readings, span()) == [0, 0, 2000, 2000, 0]


def test_what_comes_twice_or_out_of_order_changes_nothing():
    readings = [Reading(at(10), 1_500), Reading(at(20), 1_700), Reading(at(50), 4_000)]
    assert by_slot([*reversed(readings), *readings], span()) == by_slot(readings, span())


def test_one_wild_register_costs_one_reading_and_not_its_neighbours():
    readings = [Reading(at(10), 1_500), Reading(at(20), 1_700), Reading(at(50), 4_000)]
    for wild in (0, 1_001, 4_900, 9_999_999):
        assert by_slot([*readings, Reading(at(21), wild)], span()) == by_slot(readings, span())


def test_a_register_that_was_reset_in_the_middle_is_left_out_and_the_sum_holds():
    readings = [Reading(at(10), 2_000), Reading(at(20), 3_000), Reading(at(30), 5), Reading(at(40), 800)]
    assert sum(by_slot(readings, span())) == 4_000
    assert not is_valid(readings, span())


def test_readings_from_outside_the_stay_are_left_out():
    readings = [Reading(at(-5), 900), Reading(at(30), 2_000), Reading(at(65), 5_000), Reading(at(90), 7_000)]
    assert by_slot(readings, span()) == by_slot([readings[1]], span())


def test_two_registers_at_one_moment_are_both_passed_through():
    readings = [Reading(at(22.5), 2_000), Reading(at(22.5), 3_000)]
    assert by_slot(readings, span()) == [333, 1667, 800, 800, 400]


def test_a_stop_below_the_start_bills_nothing():
    assert by_slot([Reading(at(30), 1_500)], span(60, 5_000, 1_000)) == [0, 0, 0, 0, 0]
    assert not is_valid([], span(60, 5_000, 1_000))
    assert gap_share([], span(60, 5_000, 1_000)) == 0


def test_a_stay_of_no_length_keeps_its_energy_in_its_slot():
    for start in (START, START.replace(minute=15, second=0)):
        stay = MeterSpan(start, start, 0, 700)
        assert by_slot([], stay) == [700]
    day = Grid(START.replace(minute=0, second=0), 4)
    assert energy_by_slot([], day, MeterSpan(START.replace(minute=30, second=0), at(22.5), 0, 70)) == [0, 0, 70, 0]


def test_a_stay_of_no_length_and_no_energy_needs_no_slot():
    moment = START.replace(minute=15, second=0)
    assert energy_by_slot([], covering(moment, moment), MeterSpan(moment, moment, 5, 5)) == []


def test_a_grid_that_does_not_hold_the_stay_is_a_broken_assumption():
    with pytest.raises(AssertionError):
        energy_by_slot([], covering(START, at(30)), span(60))


def test_energy_during_a_long_silence_is_said_as_a_share():
    quiet = [Reading(at(10), 2_000), Reading(at(45), 3_000), Reading(at(55), 5_000)]
    assert gap_share(quiet, span()) == 2_500
    assert gap_share([Reading(at(30), 2_000)], span()) == 0
    assert gap_share([], span()) == 10_000


def test_a_silence_in_which_nothing_flowed_is_no_gap():
    assert gap_share([Reading(at(5), 1_000), Reading(at(50), 1_000)], span()) == 0


def test_a_register_is_valid_while_it_only_rises_give_or_take_its_rounding():
    assert is_valid([Reading(at(10), 2_040), Reading(at(20), 2_000)], span())
    assert not is_valid([Reading(at(10), 2_140), Reading(at(20), 2_000)], span())
    assert is_valid([Reading(at(-10), 9_999)], span())


def test_power_is_told_from_the_register_where_it_rose():
    readings = [Reading(at(0), 0), Reading(at(15), 2_750), Reading(at(30), 2_750), Reading(at(40), 3_350)]
    assert powers([*readings, readings[1]]) == [11_000, 3_600]


def test_the_95th_percentile_is_by_nearest_rank():
    assert p95([]) == 0
    assert p95([5]) == 5
    assert p95(list(range(1, 21))) == 19
    assert p95(list(range(100, 0, -1))) == 95


MINUTES = st.integers(-30, 400)


@given(
    readings=st.lists(st.builds(Reading, at=MINUTES.map(at), register_wh=st.integers(0, 60_000)), max_size=25),
    minutes=st.integers(0, 360),
    start_wh=st.integers(0, 50_000),
    stop_wh=st.integers(0, 50_000),
    shuffled=st.randoms(use_true_random=False),
)
def test_whatever_the_readings_say_the_slots_sum_to_stop_minus_start(readings, minutes, start_wh, stop_wh, shuffled):
    stay = span(minutes, start_wh, stop_wh)
    energy = by_slot(readings, stay)
    assert sum(energy) == max(0, stop_wh - start_wh)
    assert min(energy) >= 0
    again = [*readings, *readings]
    shuffled.shuffle(again)
    assert by_slot(again, stay) == energy
    assert 0 <= gap_share(readings, stay) <= 10_000


@given(minutes=st.integers(1, 360), reading=st.integers(0, 9_000), when=st.integers(0, 360))
def test_finer_slots_add_up_to_coarser_ones(minutes, reading, when):
    stay = span(minutes, 0, 9_000)
    readings = [Reading(at(when), reading)]
    fine = covering(stay.started_at, stay.ended_at, 300)
    coarse = covering(stay.started_at, stay.ended_at, 900)
    padded = Grid(coarse.start, coarse.slots * 3, 300)
    assert fine.start >= padded.start
    thirds = energy_by_slot(readings, padded, stay)
    sums = [sum(thirds[slot : slot + 3]) for slot in range(0, len(thirds), 3)]
    assert sums == energy_by_slot(readings, coarse, stay)

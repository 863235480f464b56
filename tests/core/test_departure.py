from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.departure import (
    ANSWER_SPREAD_S,
    GONE,
    Basis,
    PluggedIn,
    Stay,
    answered,
    outlook,
    quantile_departure,
    stated,
    survival,
)
from server.core.timegrid import Grid, floor_slot

ZONE = "Europe/Amsterdam"
LOCAL = ZoneInfo(ZONE)
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)


def at(day, clock):
    """A local moment of March 2026."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, day, hour, minute, tzinfo=LOCAL).astimezone(UTC)


def night(day, arrives="18:00", leaves="07:30"):
    return Stay(at(day, arrives), at(day + 1, leaves))


WORKING_NIGHTS = [night(day) for day in (2, 3, 4, 5, 9, 10, 11, 12, 16, 17)]

moments = st.integers(0, 400 * 96).map(lambda quarters: NOON - timedelta(minutes=15 * quarters))
stays = st.lists(
    st.builds(lambda start, minutes: Stay(start, start + timedelta(minutes=minutes)), moments, st.integers(1, 6_000)),
    max_size=12,
)


@given(history=stays, prior=stays, waited=st.integers(0, 5_000), back=st.integers(-500, 500), slots=st.integers(0, 200))
def test_the_chance_is_a_chance_and_never_rises(history, prior, waited, back, slots):
    now = NOON + timedelta(minutes=waited)
    grid = Grid(floor_slot(now + timedelta(minutes=back)), slots)
    chance = survival(history, prior, NOON, now, grid, ZONE)
    assert len(chance) == slots
    assert all(0.0 <= value <= 1.0 for value in chance)
    assert all(earlier >= later for earlier, later in pairwise(chance))
    assert all(value == 1.0 for slot, value in enumerate(chance) if grid.at(slot + 1) <= now)


@given(history=stays, prior=stays, later=st.integers(1, 60))
def test_to_survive_a_slot_only_rescales_the_chance(history, prior, later):
    grid = Grid(NOON, 96)
    at_first = survival(history, prior, NOON, NOON, grid, ZONE)
    # Who leaves on the very second of a slot's end was there at that end: a second earlier nobody has left yet.
    now = grid.at(later) - timedelta(seconds=1)
    afterwards = survival(history, prior, NOON, now, grid, ZONE)
    for slot in range(later, 96):
        assert afterwards[slot] * at_first[later - 1] == pytest.approx(at_first[slot], abs=2e-3)


def test_the_first_session_of_all_has_a_forecast_that_promises_little():
    chance = survival([], [], NOON, NOON, Grid(NOON, 96), ZONE)
    assert 0.9 < chance[0] < 1.0
    assert 0.3 < chance[31] < 0.4  # after 8 h
    assert chance[95] < 0.1


def test_a_newcomer_is_expected_to_do_as_others_do():
    grid = Grid(at(18, "18:00"), 64)
    seen = outlook([], WORKING_NIGHTS, PluggedIn(at(18, "18:00"), at(18, "18:00"), ZONE), grid)
    assert seen.basis is Basis.OTHER_STAYS
    assert seen.likely_until == at(19, "07:00")


def test_own_habits_outweigh_those_of_others():
    short_stays = [Stay(at(day, "18:00"), at(day, "20:00")) for day in (2, 3, 4, 5, 9, 10, 11, 12, 16, 17)]
    arrived = at(18, "18:00")
    seen = outlook(WORKING_NIGHTS, short_stays, PluggedIn(arrived, arrived, ZONE), Grid(arrived, 64))
    assert seen.basis is Basis.OWN_STAYS
    assert seen.stays == 10
    assert seen.survival[19] > 0.7  # 23:00, when the others have long left
    alone = survival(short_stays, WORKING_NIGHTS, arrived, arrived, Grid(arrived, 64), ZONE)
    assert alone[19] < 0.3


def test_who_comes_late_still_leaves_by_the_clock():
    arrived = at(18, "23:30")
    late = [night(day, arrives="21:00") for day in (2, 3, 4, 5, 9, 10, 11, 12, 16, 17)]
    chance = survival(late, [], arrived, arrived, Grid(arrived, 64), ZONE)
    before, after = round((at(19, "06:45") - arrived) / HOUR * 4), round((at(19, "08:30") - arrived) / HOUR * 4)
    assert chance[before - 1] > 0.95
    assert 0.25 < chance[after] < 0.35  # three tenths of each stay speak as its dwell, until 10:00


def test_in_the_spring_night_clock_and_dwell_are_an_hour_apart():
    arrived = at(28, "18:00")  # the clocks change at 02:00 on the 29th
    chance = survival([night(day) for day in (7, 14, 21)], [], arrived, arrived, Grid(arrived, 64), ZONE)
    assert at(29, "07:30") - arrived == 12.5 * HOUR
    assert chance[47] > 0.97  # 12 h: nobody has left
    assert 0.35 < chance[51] < 0.5  # 13 h: who leaves at 07:30 by the clock has left, who stays 13.5 h has not
    assert chance[57] < 0.03


def test_a_stay_that_has_not_ended_teaches_nothing():
    arrived = at(18, "18:00")
    grid = Grid(arrived, 64)
    running = Stay(at(17, "18:00"), arrived + timedelta(seconds=1))
    assert survival([running], [running], arrived, arrived, grid, ZONE) == survival(
        [], [], arrived, arrived, grid, ZONE
    )
    assert outlook([running], [], PluggedIn(arrived, arrived, ZONE), grid).basis is Basis.NO_STAYS


def test_a_statement_is_certain_until_then_and_nearly_nothing_after():
    grid = Grid(NOON, 6)
    assert stated(NOON + HOUR, grid) == [1.0] * 4 + [GONE] * 2
    assert stated(NOON + timedelta(minutes=50), grid) == [1.0] * 3 + [GONE] * 3


def test_the_drivers_word_wins_until_it_has_passed():
    arrived = at(18, "18:00")
    grid = Grid(arrived, 64)
    here = PluggedIn(arrived, arrived, ZONE)
    seen = outlook(WORKING_NIGHTS, [], here, grid, ready_by=arrived + HOUR)
    assert (seen.basis, seen.likely_until) == (Basis.STATED, arrived + HOUR)
    assert seen.survival == stated(arrived + HOUR, grid)
    late = outlook(WORKING_NIGHTS, [], PluggedIn(arrived, arrived + HOUR, ZONE), grid, ready_by=arrived + HOUR)
    assert late.basis is Basis.OWN_STAYS
    assert late.survival[30] > 0.9


def test_a_quantile_is_the_last_slot_end_that_is_likely_enough():
    grid = Grid(NOON, 4)
    assert quantile_departure([1.0, 0.95, 0.9, 0.4], grid) == grid.at(3)
    assert quantile_departure([1.0, 0.95, 0.9, 0.4], grid, share=0.3) == grid.end
    assert quantile_departure([0.8, 0.7, 0.6, 0.5], grid) is None


@given(said=st.integers(-3_600, 90_000), waited=st.integers(0, 80_000), slots=st.integers(1, 96))
def test_an_answer_is_believed_to_half_an_hour_and_never_beyond(said, waited, slots):
    start = int(NOON.timestamp())
    chance = answered(start + said, start + waited, start, slots, 900)
    assert all(0.0 < value <= 1.0 for value in chance)
    assert all(earlier >= later for earlier, later in pairwise(chance))
    for slot, value in enumerate(chance):
        end = 900 * (slot + 1)
        if end <= max(waited, said - ANSWER_SPREAD_S):
            assert value == 1.0
        if end >= said + ANSWER_SPREAD_S and waited <= said - ANSWER_SPREAD_S:
            assert value == pytest.approx(GONE)


@given(history=stays, prior=stays, minutes=st.integers(1, 2_000))
def test_what_the_driver_says_always_wins(history, prior, minutes):
    ready_by, grid = NOON + timedelta(minutes=minutes), Grid(NOON, 192)
    seen = outlook(history, prior, PluggedIn(NOON, NOON, ZONE), grid, ready_by)
    assert (seen.basis, seen.likely_until) == (Basis.STATED, ready_by)
    assert all(value == (1.0 if grid.at(slot + 1) <= ready_by else GONE) for slot, value in enumerate(seen.survival))


def test_who_works_at_night_sleeps_while_the_car_charges():
    days = [Stay(at(day, "07:00"), at(day, "21:15")) for day in (2, 3, 4, 5, 9, 10, 11, 12, 16, 17)]
    arrived = at(18, "07:10")
    seen = outlook(days, WORKING_NIGHTS, PluggedIn(arrived, arrived, ZONE), Grid(arrived, 96))
    assert seen.basis is Basis.OWN_STAYS
    assert at(18, "20:30") <= seen.likely_until <= at(18, "21:15")


def test_a_car_that_stays_for_two_weeks_is_not_expected_to_leave_tomorrow():
    fortnights = [
        Stay(NOON - timedelta(days=14 * back + 15), NOON - timedelta(days=14 * back + 1)) for back in range(1, 7)
    ]
    seen = outlook(fortnights, WORKING_NIGHTS, PluggedIn(NOON, NOON, ZONE), Grid(NOON, 288))
    assert seen.survival[95] > 0.45  # others count as three stays, and they leave in the morning
    # After ten days it is still there, and so are its habits: others who stayed a night say nothing any more.
    later = NOON + timedelta(days=10)
    seen = outlook(fortnights, WORKING_NIGHTS, PluggedIn(NOON, later, ZONE), Grid(later, 288))
    assert seen.survival[287] > 0.9
    assert seen.likely_until == Grid(later, 288).end


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 4), (10, 25, 6)])
def test_half_past_two_when_the_clocks_change(month, day, hours):
    """Plugged in at 01:30 or gone at 02:30 in a night of 23 or 25 hours: the car leaves by the clock on the wall."""

    def local(moved, clock):
        hour, minute = map(int, clock.split(":"))
        return datetime(2026, month, day + moved, hour, minute, tzinfo=LOCAL).astimezone(UTC)

    nights = [Stay(local(-back, "01:30"), local(-back, "06:30")) for back in (1, 7, 8, 14, 21)]
    arrived = local(0, "01:30")
    assert local(0, "06:30") - arrived == hours * HOUR
    chance = survival(nights, [], arrived, arrived, Grid(arrived, 40), ZONE)
    until = hours * 4 - 3  # 45 minutes before 06:30 by the clock
    assert chance[until - 1] > 0.65
    assert chance[hours * 4 + 2] < 0.35
    said = datetime(2026, month, day, 2, 30, tzinfo=LOCAL).astimezone(UTC)  # does not exist, or twice
    grid = Grid(local(0, "00:00"), 24)
    assert stated(said, grid) == [1.0] * 10 + [GONE] * 14
    leaves_then = [Stay(local(-back, "00:00"), local(-back, "02:30")) for back in (1, 7, 8, 14, 21)]
    chance = survival(leaves_then, [], grid.start, grid.start, grid, ZONE)
    assert chance[7] > 0.9
    assert chance[15] < 0.1

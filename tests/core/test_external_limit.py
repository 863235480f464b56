"""Limits that a station has from elsewhere: what holds when, and where."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from server.core.external_limit import (
    MOST_W,
    ExternalLimit,
    LimitStep,
    ToldLimit,
    ToldStep,
    by_slot,
    dated,
    going_on,
    least_w,
    look_again_at,
    read,
    replaced,
    said_before,
    shortened,
    without,
)
from server.core.timegrid import Grid

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMS = ExternalLimit("EMS", 1, (LimitStep(NOW, 4_000), LimitStep(NOW + HOUR, 7_000)), NOW + 2 * HOUR)
GRID = ExternalLimit("SO", 0, (LimitStep(NOW + HOUR, 2_000),))


def test_a_limit_is_read_in_watts_whatever_it_is_said_in():
    steps = (ToldStep(NOW, 6.0, "A"), ToldStep(NOW + HOUR, 10.0, "A", 1), ToldStep(NOW + 2 * HOUR, 5_000.5, "W"))
    told = read(ToldLimit("EMS", 1, steps, critical=True), phases=3)
    assert [step.limit_w for step in told.steps] == [4_140, 2_300, 5_000]
    assert told.critical
    assert read(ToldLimit("EMS", 1, (ToldStep(NOW, -1, "A"),)), 3).steps == ()  # "no limit", as some say it


@pytest.mark.parametrize(("limit", "unit"), [(1e308, "A"), (1e308, "W"), (float("inf"), "W")])
def test_a_limit_beyond_all_is_the_most_that_is_counted(limit, unit):
    told = read(ToldLimit("EMS", 1, (ToldStep(NOW, limit, unit),)), 3)
    assert [step.limit_w for step in told.steps] == [MOST_W]
    assert read(ToldLimit("EMS", 1, (ToldStep(NOW, float("nan"), unit),)), 3).steps == ()
    assert read(ToldLimit("EMS", 1, (ToldStep(NOW, 10.0, "A", -1),)), 3).steps == (LimitStep(NOW, 2_300),)


def test_no_station_fills_its_row():
    kept = ()
    for number in range(12):
        kept = replaced(kept, ExternalLimit(f"EMS {number}", 1))
    assert [one.source for one in kept] == [f"EMS {number}" for number in range(4, 12)]
    assert replaced(kept, kept[0]) == kept
    long = ExternalLimit("EMS", 1, tuple(LimitStep(NOW + hour * HOUR, hour) for hour in range(-200, 800)))
    short = shortened(long, NOW)
    assert [step.limit_w for step in short.steps] == list(range(100))
    assert shortened(short, NOW + 5 * HOUR) == short


def test_the_least_of_those_that_hold_counts_from_when_they_begin_until_they_end():
    both = (EMS, GRID)
    assert [least_w(both, 1, NOW + part * HOUR) for part in (-1, 0, 1, 2)] == [None, 4_000, 2_000, 2_000]
    assert [least_w(both, 2, NOW + part * HOUR) for part in (0, 1)] == [None, 2_000]
    assert least_w((ExternalLimit("EMS", 0),), 1, NOW) is None


def test_one_that_is_said_anew_holds_since_it_was_said_first():
    first = ExternalLimit("EMS", 1, (LimitStep(NOW, 5_000),))
    again = ExternalLimit("EMS", 1, (LimitStep(NOW + QUARTER, 5_000), LimitStep(NOW + HOUR, 7_000)))
    assert going_on((first,), again, NOW + QUARTER).steps == (LimitStep(NOW, 5_000), LimitStep(NOW + HOUR, 7_000))
    less = ExternalLimit("EMS", 1, (LimitStep(NOW + QUARTER, 3_000),))
    held = going_on((first,), less, NOW + QUARTER)
    assert [held.at(NOW + part * QUARTER) for part in (0, 1)] == [5_000, 3_000]
    assert len(going_on((held,), replace(less, steps=(LimitStep(NOW + HOUR, 1_000),)), NOW + HOUR).steps) == 2


def test_one_that_begins_later_or_after_a_gap_or_of_another_source_carries_nothing_on():
    later = ExternalLimit("EMS", 1, (LimitStep(NOW + HOUR, 5_000),))
    now = ExternalLimit("EMS", 1, (LimitStep(NOW + 3 * HOUR, 5_000),))
    assert going_on((EMS,), later, NOW) == later
    assert going_on((EMS,), now, NOW + 3 * HOUR) == now, "that one had ended"
    assert going_on((replace(EMS, connector_no=2), replace(EMS, source="SO")), later, NOW + HOUR) == later
    assert going_on((EMS,), ExternalLimit("EMS", 1), NOW).steps == ()


def test_the_same_words_are_news_only_after_a_boot():
    first = dated((), EMS, None, NOW)
    assert first.said_at == NOW
    assert dated((first,), EMS, None, NOW + HOUR) == first
    assert dated((first,), EMS, NOW - HOUR, NOW + HOUR) == first
    assert dated((first,), EMS, NOW + HOUR, NOW + 2 * HOUR).said_at == NOW + 2 * HOUR
    assert dated((first,), replace(EMS, critical=True), None, NOW + HOUR).said_at == NOW + HOUR
    assert said_before(EMS, NOW)
    assert not said_before(first, NOW)


def test_it_begins_and_ends_on_whole_seconds_as_plans_do():
    begins, ends = NOW + timedelta(microseconds=400_000), NOW + HOUR + timedelta(microseconds=1)
    told = read(ToldLimit("EMS", 1, (ToldStep(begins, 8.0, "A"),), ends), 3)
    assert (told.at(NOW), told.ends_at) == (8 * 690, NOW + HOUR + timedelta(seconds=1))


def test_a_limit_that_says_none_later_ends_then():
    told = read(ToldLimit("EMS", 1, (ToldStep(NOW, 0.0, "W"), ToldStep(NOW + HOUR / 2, -1.0, "W"))), 3)
    assert [told.at(NOW + part * HOUR) for part in (0, 0.4, 0.5)] == [0, 0, None]
    assert by_slot((told,), (1,), GRID_OF, NOW) == [0, 0, None, None]


GRID_OF = Grid(NOW, 4)
QUARTER = timedelta(minutes=15)


def test_a_slot_is_held_to_the_least_that_holds_in_any_part_of_it():
    late = ExternalLimit("EMS", 1, (LimitStep(NOW + QUARTER * 1.5, 4_000), LimitStep(NOW + 2 * QUARTER, 7_000)))
    whole = ExternalLimit("SO", 0, (LimitStep(NOW - HOUR, 5_000),), NOW + QUARTER * 1.2)
    assert by_slot((late, whole), (0, 1), GRID_OF, NOW) == [5_000, 4_000, 7_000, 7_000]
    assert by_slot((late, whole), (1,), GRID_OF, NOW) == [None, 4_000, 7_000, 7_000]
    assert by_slot((late, whole), (0,), GRID_OF, NOW + QUARTER * 1.2) == [None] * 4, "it has ended"
    assert by_slot((late,), (2,), GRID_OF, NOW) == [None] * 4


def test_a_plan_is_made_anew_where_there_is_more_in_the_middle_of_a_slot_or_a_limit_beyond_its_end():
    def due(*limits, now=NOW):
        return look_again_at(limits, 1, GRID_OF, now)

    def limit(begin, end, limit_w=4_000, connector_no=1):
        ends_at = None if end is None else NOW + end * QUARTER
        return ExternalLimit("EMS", connector_no, (LimitStep(NOW + begin * QUARTER, limit_w),), ends_at)

    assert due() is due(limit(0, 2)) is due(limit(0.5, 2)) is None, "what it says is in the plan"
    assert due(limit(0, 1.5)) == NOW + 1.5 * QUARTER
    assert due(limit(0, 1.5), now=NOW + 1.5 * QUARTER) is None
    assert due(limit(0, 1.5), limit(0, 2, connector_no=0)) is None, "another one holds on"
    assert due(limit(0, None)) == GRID_OF.end
    assert due(limit(6, 8)) == NOW + 6 * QUARTER
    assert due(limit(6, 8, connector_no=2)) is None


def test_a_source_has_one_limit_at_a_place_and_takes_back_its_own():
    less = ExternalLimit("EMS", 1, (LimitStep(NOW, 1_000),))
    assert replaced((EMS, GRID), less) == (GRID, less)
    assert without((EMS, GRID), "EMS", 1) == (GRID,)
    assert without((EMS, GRID), "EMS", 2) == (EMS, GRID)
    assert without((EMS, GRID), "EMS", None) == (GRID,)

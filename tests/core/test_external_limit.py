"""Limits that a station has from elsewhere: what holds when, and where."""

from datetime import UTC, datetime, timedelta

import pytest

from server.core.external_limit import (
    MOST_W,
    ExternalLimit,
    LimitStep,
    ToldLimit,
    ToldStep,
    least_w,
    next_change,
    read,
    replaced,
    shortened,
    without,
)

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


def test_the_next_change_is_a_step_or_an_end():
    assert next_change((EMS, GRID), NOW) == NOW + HOUR
    assert next_change((EMS, GRID), NOW + HOUR) == NOW + 2 * HOUR
    assert next_change((EMS, GRID), NOW + 2 * HOUR) is None


def test_a_source_has_one_limit_at_a_place_and_takes_back_its_own():
    less = ExternalLimit("EMS", 1, (LimitStep(NOW, 1_000),))
    assert replaced((EMS, GRID), less) == (GRID, less)
    assert without((EMS, GRID), "EMS", 1) == (GRID,)
    assert without((EMS, GRID), "EMS", 2) == (EMS, GRID)
    assert without((EMS, GRID), "EMS", None) == (GRID,)

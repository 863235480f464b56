"""When a car is remembered for sleeping, and when it begins by a timer of its own."""

from datetime import UTC, datetime

import pytest

from server.core.waking import MODEL_CARS, local_minute, sleepy, timer


@pytest.mark.parametrize(
    ("began", "at"),
    [
        ([], None),
        (["02:00"], None),
        (["02:00", "02:03"], "02:00"),
        (["02:03", "02:00"], "02:00"),
        (["02:00", "02:07"], None),
        (["02:00", "19:30", "02:04"], "02:00"),
        (["23:58", "00:02"], "23:58"),  # around midnight, and the earlier of the two is before it
        (["00:02", "23:58"], "23:58"),
        (["06:30", "02:00", "02:00"], None),  # it was told another time, or none
    ],
)
def test_a_timer_is_the_time_at_which_the_newest_beginnings_lie(began, at):
    assert timer(began) == at


def test_a_timer_is_by_the_wall_clock_of_the_place():
    moment = datetime(2025, 7, 1, 23, 30, tzinfo=UTC)
    assert (local_minute(moment, "Europe/Amsterdam"), local_minute(moment, "UTC")) == ("01:30", "23:30")


def test_one_failure_of_the_car_or_several_of_its_model_are_remembered():
    assert sleepy(1, 0)
    assert sleepy(0, MODEL_CARS)
    assert not sleepy(0, MODEL_CARS - 1)

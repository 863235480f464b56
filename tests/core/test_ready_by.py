"""The driver's word, else a habit, else nothing; by the wall clock, also on the days on which it changes."""

from datetime import UTC, datetime, timedelta

import pytest

from server.core.ready_by import Known, ReadySource, choose, next_habit
from shared.accounts import Habit

ZONE = "Europe/Amsterdam"
WORKDAYS = [*[Habit(day, "07:30") for day in range(5)], Habit(5, None), Habit(6, "10:00")]
KNOWN = Known(ZONE, WORKDAYS)
TUESDAY_EVENING = datetime(2026, 3, 10, 17, tzinfo=UTC)


def test_the_drivers_word_wins_until_it_has_passed_then_the_habit_takes_over():
    said = TUESDAY_EVENING + timedelta(hours=3)
    assert choose(said, KNOWN, TUESDAY_EVENING, TUESDAY_EVENING).source is ReadySource.STATED
    late = choose(said, KNOWN, TUESDAY_EVENING, said)
    assert (late.source, late.at) == (ReadySource.HABIT, datetime(2026, 3, 11, 6, 30, tzinfo=UTC))
    assert choose(None, Known(ZONE), TUESDAY_EVENING, TUESDAY_EVENING).source is ReadySource.NONE


def test_the_next_shift_comes_after_the_drivers_word_and_before_habits():
    thursday = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260312T060000\nEND:VEVENT\nEND:VCALENDAR"
    works = Known(ZONE, WORKDAYS, thursday, travel_minutes=45)
    said = TUESDAY_EVENING + timedelta(hours=3)
    assert choose(said, works, TUESDAY_EVENING, TUESDAY_EVENING).source is ReadySource.STATED
    shift = choose(None, works, TUESDAY_EVENING, TUESDAY_EVENING)
    assert (shift.source, shift.at) == (ReadySource.ROTA, datetime(2026, 3, 12, 4, 15, tzinfo=UTC)), "a day off first"
    over = datetime(2026, 3, 12, 15, tzinfo=UTC)
    assert choose(None, works, over, over).source is ReadySource.HABIT, "no shift is known any more"


def test_a_habit_within_the_hour_of_arrival_is_not_meant():
    arrived = datetime(2026, 3, 11, 6, 0, tzinfo=UTC)  # 07:00 local, half an hour before the habit
    chosen = choose(None, KNOWN, arrived, arrived)
    assert chosen.at == datetime(2026, 3, 12, 6, 30, tzinfo=UTC)


def test_a_day_without_a_habit_is_passed_over():
    friday = datetime(2026, 3, 13, 20, tzinfo=UTC)
    assert next_habit(WORKDAYS, friday, ZONE) == datetime(2026, 3, 15, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("evening", "leaves"),
    [
        (datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 8, tzinfo=UTC)),  # summer time begins
        (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 9, tzinfo=UTC)),  # and ends
    ],
)
def test_ten_oclock_is_ten_oclock_on_the_wall(evening, leaves):
    assert next_habit(WORKDAYS, evening, ZONE) == leaves

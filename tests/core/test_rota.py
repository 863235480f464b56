from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.rota import MOST_EVENTS, Shift, coming, next_departure, shifts
from shared.problems import FieldError

ZONE = "Europe/Amsterdam"
LOCAL = ZoneInfo(ZONE)


def at(month, day, clock, year=2026):
    hour, minute = map(int, clock.split(":"))
    return datetime(year, month, day, hour, minute, tzinfo=LOCAL).astimezone(UTC)


YEAR = at(1, 1, "00:00"), at(1, 1, "00:00", 2027)


def calendar(*events):
    blocks = ["\r\n".join(["BEGIN:VEVENT", *event.split(), "END:VEVENT"]) for event in events]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *blocks, "END:VCALENDAR", ""])


def starts(text, window=YEAR):
    found = shifts(text, ZONE, *window)
    assert not isinstance(found, FieldError), found
    return [one.starts_at for one in found]


def test_a_night_shift_begins_in_the_evening_and_ends_in_the_morning():
    text = calendar("UID:1 SUMMARY:Night DTSTART;TZID=Europe/Amsterdam:20260310T220000 DURATION:PT8H30M")
    assert shifts(text, ZONE, *YEAR) == [Shift(at(3, 10, "22:00"), at(3, 11, "06:30"), "Night")]


def test_the_driver_leaves_in_time_for_the_next_shift_that_can_be_reached():
    text = calendar("DTSTART:20260310T220000 DTEND:20260311T060000", "DTSTART:20260311T220000 DTEND:20260312T060000")
    found = shifts(text, ZONE, *YEAR)
    half = timedelta(minutes=30)
    assert next_departure(found, at(3, 10, "21:29"), half) == at(3, 10, "21:30")
    # Half past nine has passed: who is still here does not go to that shift.
    assert next_departure(found, at(3, 10, "21:30"), half) == at(3, 11, "21:30")
    assert next_departure(found, at(3, 12, "12:00"), half) is None


def test_three_ways_to_say_where_the_clock_is():
    text = calendar(
        "DTSTART:20260310T210000Z",
        'DTSTART;TZID="Europe/London":20260311T210000',
        "DTSTART:20260312T220000",
        "DTSTART;TZID=W.EuropeStandardTime:20260313T220000",
    )
    assert starts(text) == [at(3, day, "22:00") for day in (10, 11, 12, 13)]


def test_two_weeks_of_nights_two_weeks_off_and_a_swapped_night():
    text = calendar(
        "UID:n DTSTART:20260302T220000 DTEND:20260303T060000 RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,SU;COUNT=6 "
        "EXDATE:20260303T220000",
        "UID:n RECURRENCE-ID:20260316T220000 DTSTART:20260317T140000 DTEND:20260317T220000",
    )
    # Weeks of 2, 16 and 30 March; the night that was taken out still counts as one of six.
    assert starts(text) == [
        at(3, 2, "22:00"), at(3, 8, "22:00"), at(3, 17, "14:00"), at(3, 17, "22:00"), at(3, 22, "22:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "count"),
    [("FREQ=DAILY", 365 - 59), ("FREQ=DAILY;UNTIL=20260303", 3), ("FREQ=DAILY;UNTIL=20260303T045959Z", 2),
     ("FREQ=DAILY;INTERVAL=4;COUNT=5", 5), ("FREQ=WEEKLY", 44), ("FREQ=DAILY;BYDAY=SA,SU;COUNT=4", 4),
     ("FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=SU,MO;COUNT=3", 3)],
)  # fmt: skip
def test_what_repeats(rule, count):
    assert len(starts(calendar(f"DTSTART:20260301T060000 RRULE:{rule}"))) == count


def test_a_rota_of_many_years_ago_still_holds():
    text = calendar("DTSTART;TZID=Europe/Amsterdam:20010101T060000 RRULE:FREQ=WEEKLY;INTERVAL=3;BYDAY=MO")
    week = at(3, 1, "00:00"), at(3, 31, "00:00")
    assert all(moment.astimezone(LOCAL).hour == 6 for moment in starts(text, week))
    assert [later - earlier for earlier, later in pairwise(starts(text, YEAR))].count(timedelta(weeks=3)) >= 14


def test_half_past_two_on_both_nights_of_the_year():
    """On 29 March the clock goes from 02:00 to 03:00, on 25 October it has 02:30 twice: the first is the safe one."""
    text = calendar(
        "DTSTART:20260328T023000 RRULE:FREQ=DAILY;COUNT=3", "DTSTART:20261024T023000 RRULE:FREQ=DAILY;COUNT=3"
    )
    assert [moment.strftime("%m-%d %H:%M") for moment in starts(text)] == [
        "03-28 01:30", "03-29 01:30", "03-30 00:30", "10-24 00:30", "10-25 00:30", "10-26 01:30",
    ]  # fmt: skip


def test_days_off_cancelled_shifts_and_reminders_move_no_car():
    text = calendar(
        "DTSTART;VALUE=DATE:20260310 SUMMARY:Holiday",
        "DTSTART:20260311T060000 STATUS:CANCELLED",
        "DTSTART:20260312T060000 TRANSP:TRANSPARENT",
        "DTSTART:20260313T060000 BEGIN:VALARM TRIGGER:-PT15M DTSTART:20200101T000000 END:VALARM",
    )
    assert starts(text) == [at(3, 13, "06:00")]


def test_long_lines_are_folded_and_titles_are_read():
    text = calendar("DTSTART:20260310T220000").replace(
        "DTSTART", "SUMMARY:Late\\, then\r\n  early\\; tired\r\nDTSTART", 1
    )
    assert shifts(text, ZONE, *YEAR)[0].title == "Late, then early; tired"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "calendar"),
        ("<html>", "calendar"),
        ("x" * 1_000_001, "calendar"),
        (calendar("SUMMARY:Late"), "DTSTART"),
        (calendar("DTSTART:tomorrowT"), "DTSTART"),
        (calendar("DTSTART:20261340T220000"), "DTSTART"),
        (calendar("DTSTART:00010101T000000"), "DTSTART"),
        (calendar("DTSTART:20260310T220000 DURATION:long"), "DURATION"),
        (calendar("DTSTART:20260310T220000 RRULE:FREQ=MONTHLY"), "RRULE"),
        (calendar("DTSTART:20260310T220000 RRULE:FREQ=WEEKLY;BYDAY=1MO"), "RRULE"),
        (calendar("DTSTART:20260310T220000 RRULE:FREQ=DAILY;COUNT=0"), "RRULE"),
        (calendar("DTSTART:20260310T220000 RRULE:FREQ=DAILY;UNTIL=soon"), "RRULE"),
        (calendar(*["DTSTART:20260310T220000"] * (MOST_EVENTS + 1)), "VEVENT"),
    ],
)
def test_what_cannot_be_read_is_named(text, field):
    found = shifts(text, ZONE, *YEAR)
    assert isinstance(found, FieldError)
    assert found.field == field


def test_an_error_names_the_line_on_which_its_property_begins():
    folded = calendar("DTSTART:20260310T220000 SUMMARY:Late RRULE:FREQ=WEEKLY;BYHOUR=9").replace(
        "SUMMARY:Late", "SUMMARY:La\r\n te\r\n\tr"
    )
    found = shifts(folded, ZONE, *YEAR)
    assert isinstance(found, FieldError)
    assert found.message.startswith("line 8: expected FREQ=DAILY or FREQ=WEEKLY")
    assert "BYHOUR=9" in found.message
    empty = shifts(calendar("DTSTART:20260310T220000", "SUMMARY:Late"), ZONE, *YEAR)
    assert empty == FieldError("DTSTART", "line 6: expected one in every event")


def test_a_plan_asks_for_the_coming_fortnight():
    text = calendar("DTSTART:20260310T220000", "DTSTART:20260330T220000")
    assert [one.starts_at for one in coming(text, ZONE, at(3, 1, "12:00").date())] == [at(3, 10, "22:00")]
    assert coming("no calendar", ZONE, at(3, 1, "12:00").date()) == ()


words = st.sampled_from(
    [
        "BEGIN:VEVENT",
        "END:VEVENT",
        "DTSTART:20260310T220000",
        "RRULE:FREQ=DAILY",
        "RRULE:",
        ":",
        ";=",
        "DTEND:99991231T235959",
        "DTSTART;TZID=../etc:20260310T220000",
        "EXDATE:x",
        "DURATION:P9999W",
        "BEGIN:VALARM",
        "RECURRENCE-ID:20260310T220000",
        "RDATE:20260311T220000,x",
        'A;"B:C',
    ]
)


def test_an_end_in_the_year_9999_lasts_a_year_at_each_start():
    text = calendar("DTSTART:20260310T220000 DTEND:99991231T235959 RDATE:20260311T220000")
    found = shifts(text, ZONE, *YEAR)
    assert [one.ends_at - one.starts_at for one in found] == [timedelta(days=366)] * 2


@given(lines=st.lists(words | st.text(max_size=30), max_size=12), bare=st.booleans())
def test_no_file_whatever_breaks_it(lines, bare):
    text = "\n".join(lines if bare else ["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"])
    found = shifts(text, ZONE, *YEAR)
    assert isinstance(found, FieldError) or all(YEAR[0] <= one.starts_at < YEAR[1] for one in found)

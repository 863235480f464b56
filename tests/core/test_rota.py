"""When shifts begin: rules by arithmetic against rules by counting, both clock changes, errors that name the line."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import rota_calendar
from server.core.rota import Rota, Rule, Shift, moment, next_departure, next_start
from server.core.rota_calendar import Unreadable

ZONE = "Europe/Amsterdam"


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""])


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def starts(text: str, after: datetime, many: int = 4) -> list[datetime]:
    rota = rota_calendar.read(text, ZONE)
    assert isinstance(rota, Rota), rota
    out: list[datetime] = []
    while len(out) < many and (found := next_start(rota, out[-1] if out else after, ZONE)) is not None:
        out.append(found)
    return out


def utc(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_shift_in_utc_in_a_zone_and_on_the_drivers_own_clock():
    text = calendar(
        event("UID:1", "DTSTART:20260302T050000Z"),
        event("UID:2", "DTSTART;TZID=Europe/London:20260303T060000"),
        event("UID:3", "DTSTART:20260304T070000"),
    )
    assert starts(text, utc(3, 1)) == [utc(3, 2, 5), utc(3, 3, 6), utc(3, 4, 6)]


def test_the_driver_leaves_the_travel_time_before_the_first_shift_that_can_still_be_reached():
    rota = rota_calendar.read(calendar(event("DTSTART:20260302T060000"), event("DTSTART:20260303T140000")), ZONE)
    assert isinstance(rota, Rota)
    assert next_departure(rota, 45, utc(3, 1, 20), ZONE) == utc(3, 2, 4, 15)
    assert next_departure(rota, 45, utc(3, 2, 4, 20), ZONE) == utc(3, 3, 12, 15), "the first was left for"
    assert next_departure(rota, 45, utc(3, 3, 13), ZONE) is None


def test_a_shift_beyond_a_fortnight_says_nothing():
    text = calendar(event("DTSTART:20260320T060000"))
    assert starts(text, utc(3, 1)) == []
    assert starts(text, utc(3, 10)) == [utc(3, 20, 5)]


def test_early_and_late_weeks_in_turn_with_days_off():
    text = calendar(
        event(
            "UID:early",
            "DTSTART;TZID=Europe/Amsterdam:20260302T060000",
            "DTEND;TZID=Europe/Amsterdam:20260302T140000",
            "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU",
        ),
        event("UID:late", "DTSTART;TZID=Europe/Amsterdam:20260309T140000", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
    )
    assert starts(text, utc(3, 1), 6) == [
        utc(3, 2, 5),
        utc(3, 3, 5),
        utc(3, 9, 13),
        utc(3, 16, 5),
        utc(3, 17, 5),
        utc(3, 23, 13),
    ]


def test_exceptions_counts_untils_and_moved_instances():
    series = ("UID:a", "DTSTART;TZID=Europe/Amsterdam:20260302T060000", "RRULE:FREQ=DAILY;COUNT=5")
    text = calendar(
        event(*series, "EXDATE;TZID=Europe/Amsterdam:20260303T060000,20260304T060000"),
        event("UID:a", "RECURRENCE-ID:20260305T050000Z", "DTSTART:20260305T110000Z"),
        event("UID:b", "DTSTART:20260306T190000Z", "STATUS:CANCELLED"),
    )
    assert starts(text, utc(3, 1), 9) == [utc(3, 2, 5), utc(3, 5, 11), utc(3, 6, 5)]
    until = calendar(event("DTSTART:20260302T060000Z", "RRULE:FREQ=DAILY;BYDAY=MO,WE;UNTIL=20260309T060000Z"))
    assert starts(until, utc(3, 1), 9) == [utc(3, 2, 6), utc(3, 4, 6), utc(3, 9, 6)]
    day = calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=DAILY;UNTIL=20260304", "EXDATE;VALUE=DATE:20260303"))
    assert starts(day, utc(3, 1), 9) == [utc(3, 2, 5), utc(3, 4, 5)]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        # 02:30 does not exist on 29 March: the offset before the gap holds (RFC 5545, 3.3.5)
        ("20260328T023000", [utc(3, 28, 1, 30), utc(3, 29, 1, 30), utc(3, 30, 0, 30)]),
        # 02:30 exists twice on 25 October: the first
        ("20261024T023000", [utc(10, 24, 0, 30), utc(10, 25, 0, 30), utc(10, 26, 1, 30)]),
    ],
)
def test_half_past_two_on_both_nights_of_the_clock_change(first, expected):
    text = calendar(event(f"DTSTART;TZID=Europe/Amsterdam:{first}", "RRULE:FREQ=DAILY"))
    assert starts(text, expected[0] - timedelta(hours=1), 3) == expected


def test_long_lines_alarms_time_zones_and_outlooks_names_are_read():
    text = calendar(
        "BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n"
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE",
        event(
            "SUMMARY;LANGUAGE=nl:Vroege dienst: balie\\, 2e verd",
            " ieping",
            'DTSTART;TZID="W. Europe Standard Time":202603',
            "\t02T060000",
            "DURATION:PT8H",
            "BEGIN:VALARM\r\nTRIGGER:-PT30M\r\nACTION:DISPLAY\r\nEND:VALARM",
        ),
    )
    assert starts(text, utc(3, 1)) == [utc(3, 2, 5)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "BEGIN:VCALENDAR"),
        ("hello", 1, "NAME:value"),
        ("SUMMARY:x", 1, "BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", 3, "END:VEVENT"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT", 2, "the text ends here"),
        (calendar(event("SUMMARY:x")), 3, "DTSTART"),
        (calendar(event("DTSTART;VALUE=DATE:20260302")), 4, "time of day"),
        (calendar(event("DTSTART:tomorrow")), 4, "a time such as"),
        (calendar(event("DTSTART:20260230T060000")), 4, "no such day"),
        (calendar(event("DTSTART:99990102T060000")), 4, "year"),
        (calendar(event("DTSTART;TZID=Mars/Olympus:20260302T060000")), 4, "time zone"),
        (calendar(event("DTSTART;TZID=../etc:20260302T060000")), 4, "time zone"),
        (calendar(event("DTSTART:20260302T060000", "DTEND:20260302T050000")), 5, "not before"),
        (calendar(event("DTSTART:20260302T060000", "DURATION:8 hours")), 5, "PT8H"),
        (calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=MONTHLY")), 5, "FREQ=MONTHLY is not read"),
        (calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=WEEKLY;BYSETPOS=1")), 5, "BYSETPOS is not read"),
        (calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=WEEKLY;BYDAY=1MO")), 5, "weekdays"),
        (calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=DAILY;COUNT=0")), 5, "COUNT"),
        (calendar(event("DTSTART:20260302T060000", "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260401")), 5, "not both"),
        (calendar(event("DTSTART:20260302T060000", "RDATE:20260401T060000")), 5, "RDATE"),
    ],
)
def test_what_is_not_read_is_named_with_its_line(text, line, says):
    found = rota_calendar.read(text, ZONE)
    assert isinstance(found, Unreadable)
    assert (found.line, says in found.message) == (line, True), found


@given(st.text(max_size=300), st.sampled_from(["DTSTART", "RRULE", "EXDATE", "DTEND", "RECURRENCE-ID", "DURATION"]))
def test_no_text_breaks_it(text, name):
    rota_calendar.read(text, ZONE)
    made = rota_calendar.read(calendar(event("DTSTART:20260302T060000", f"{name}:{text}")), ZONE)
    if isinstance(made, Rota):
        next_start(made, utc(3, 1), ZONE)


@given(
    start=st.integers(0, 20),
    rule=st.builds(
        Rule,
        interval=st.integers(1, 4),
        weekdays=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
        week_start=st.integers(0, 6),
        count=st.none() | st.integers(1, 12),
    ),
    hours=st.integers(0, 24 * 60),
)
def test_arithmetic_finds_what_counting_finds(start, rule, hours):
    """Counting, day by day from the first: RFC 5545 as it is written."""
    first = datetime(2026, 3, 1, 6) + timedelta(days=start)  # noqa: DTZ001 -- a wall clock
    begin = first - timedelta(days=(first.weekday() - rule.week_start) % 7)
    seen: list[datetime] = []
    for day in range(200):
        wall = first + timedelta(days=day)
        if rule.weekdays:
            week = (wall - begin).days // 7
            holds = wall.weekday() in rule.weekdays and week % rule.interval == 0
        else:
            holds = day % rule.interval == 0
        if holds and (rule.count is None or len(seen) < rule.count):
            seen.append(wall)
    after = datetime(2026, 2, 28, tzinfo=UTC) + timedelta(hours=hours)
    moments = [moment(wall, ZoneInfo(ZONE)) for wall in seen]
    expected = next((at for at in moments if after < at <= after + timedelta(days=14)), None)
    assert next_start(Rota((Shift(first, None, rule),)), after, ZONE) == expected

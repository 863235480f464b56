"""A shift rota that sets departures: a calendar file (iCalendar, RFC 5545) of a driver's shifts.

Read is what rotas are made of: VEVENT with DTSTART, DTEND or DURATION, RRULE (daily and weekly, with INTERVAL, COUNT,
UNTIL, BYDAY, WKST), RDATE, EXDATE, RECURRENCE-ID, STATUS. Whole-day events (holidays, days off), cancelled ones and
those that block no time are no shifts. A wall clock time that a spring night leaves out is read with the offset before
the gap, one that an autumn night has twice is its first pass (RFC 5545, 3.3.5).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from shared.problems import FieldError

LONGEST = timedelta(days=366)
"""No shift lasts longer, whatever a file says: an end in the year 9999 added to a later start is no date."""
FORTNIGHT = timedelta(days=14)
MOST_CHARACTERS = 1_000_000
MOST_EVENTS = 1_000
MOST_REPEATS = 2_000
"""Days of a rule that are looked at: from its first on where it counts its repeats, else from the time asked for."""
RULE_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TRAVEL = timedelta(minutes=45)
"""From plug to shift where the driver says nothing else."""
MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)")
LENGTH = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")


class Shift(msgspec.Struct, frozen=True, order=True):
    """One shift, aware; `title` is what the calendar calls it."""

    starts_at: datetime
    ends_at: datetime
    title: str = ""


class _Line(msgspec.Struct, frozen=True):
    """A property, and the number of the line on which it begins (the first is 1)."""

    name: str
    options: dict[str, str]
    value: str
    number: int


class _Event(msgspec.Struct, frozen=True):
    """A VEVENT, on the wall clock of its zone. `instead_of`: the repeat of its `uid` that it replaces."""

    uid: str
    title: str
    starts: datetime
    lasts: timedelta
    rule: dict[str, str]
    rule_line: int
    more: tuple[datetime, ...]
    without: frozenset[datetime]
    instead_of: datetime | None
    counts: bool


class _Unreadable(Exception):
    """What is wrong with a calendar, and in which line; leaves this module as a FieldError."""

    def __init__(self, line: int, field: str, message: str) -> None:
        super().__init__(message)
        self.error = FieldError(field, f"line {line}: {message}")


def shifts(text: str, zone: str, start: datetime, end: datetime) -> list[Shift] | FieldError:
    """The shifts that start in [start, end), in order.

    Args:
        text: the calendar file.
        zone: IANA name of the driver's wall clock, for times without a zone and for zones that nobody knows.
        start: aware.
        end: aware.

    Returns:
        The shifts, or which property cannot be read, in which line, and what was expected.
    """
    try:
        events = _events(text, ZoneInfo(zone))
        replaced = {(event.uid, event.instead_of) for event in events if event.instead_of is not None}
        found: set[Shift] = set()
        for event in events:
            for moment in _starts(event, start, end):
                at = moment.astimezone(UTC)
                if event.counts and start <= at < end and (event.instead_of or (event.uid, at) not in replaced):
                    found.add(Shift(at, at + event.lasts, event.title))
        return sorted(found)
    except _Unreadable as reason:
        return reason.error


@lru_cache(maxsize=512)
def coming(text: str, zone: str, day: date) -> tuple[Shift, ...]:
    """The shifts from the day before a UTC day to a fortnight after it; none from a calendar that cannot be read.

    A plan asks again and again, and a calendar of a thousand events takes tens of milliseconds to read.
    """
    start = datetime.combine(day, time(), UTC)
    found = shifts(text, zone, start - timedelta(days=1), start + timedelta(days=1) + FORTNIGHT)
    return () if isinstance(found, FieldError) else tuple(found)


def next_departure(found: Sequence[Shift], now: datetime, travel: timedelta = TRAVEL) -> datetime | None:
    """When the driver must leave for the next shift that can still be reached in time; None where there is none."""
    return min((one.starts_at - travel for one in found if one.starts_at - travel > now), default=None)


def _events(text: str, own: tzinfo) -> list[_Event]:
    if len(text) > MOST_CHARACTERS:
        raise _Unreadable(1, "calendar", f"expected at most {MOST_CHARACTERS} characters, got {len(text)}")
    lines = _lines(text)
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise _Unreadable(1, "calendar", "expected an iCalendar file, which begins with BEGIN:VCALENDAR")
    blocks = list(_blocks(lines))
    if len(blocks) > MOST_EVENTS:
        extra = blocks[MOST_EVENTS][0].number
        raise _Unreadable(extra, "VEVENT", f"expected at most {MOST_EVENTS} events, got {len(blocks)}")
    return [_event(block, own) for block in blocks if _is_timed(block)]


def _lines(text: str) -> list[_Line]:
    """The properties, long lines put together again (RFC 5545, 3.1)."""
    whole: list[tuple[int, str]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line[:1] in {" ", "\t"} and whole:
            whole[-1] = (whole[-1][0], whole[-1][1] + line[1:])
        elif line.strip():
            whole.append((number, line))
    return [_line(number, line) for number, line in whole]


def _blocks(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """The lines of each event from its BEGIN on, without those of its alarms."""
    inside: list[_Line] = []
    depth = 0
    for line in lines:
        if line.name == "BEGIN":
            depth += 1
            inside = [line] if line.value.upper() == "VEVENT" else inside
        elif line.name == "END":
            depth -= 1
            if line.value.upper() == "VEVENT":
                yield inside
        elif depth == 2:  # in the calendar, in the event, not deeper
            inside.append(line)


def _line(number: int, text: str) -> _Line:
    """One content line: name, options, value (RFC 5545, 3.1); a colon in quotes does not end the options."""
    head, _, value = re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace(":", "\0"), text).partition(":")
    name, *options = head.replace("\0", ":").split(";")
    pairs = (option.partition("=") for option in options)
    return _Line(name.strip().upper(), {key.upper(): told.strip('"') for key, _, told in pairs}, value.strip(), number)


def _is_timed(lines: Sequence[_Line]) -> bool:
    starts = [line for line in lines if line.name == "DTSTART"]
    if not starts:
        raise _Unreadable(lines[0].number if lines else 1, "DTSTART", "expected one in every event")
    return "T" in starts[0].value.upper()


def _event(lines: Sequence[_Line], own: tzinfo) -> _Event:
    by_name = {line.name: line for line in lines}
    starts = _moment(by_name["DTSTART"], by_name["DTSTART"].value, own)
    again = by_name.get("RECURRENCE-ID")
    many = {name: [_moment(line, part, own) for line in lines if line.name == name for part in line.value.split(",")
                   if "T" in part] for name in ("RDATE", "EXDATE")}  # fmt: skip
    rule = by_name["RRULE"].value.upper() if "RRULE" in by_name else ""
    title = by_name["SUMMARY"].value if "SUMMARY" in by_name else ""
    quiet = {line.value.upper() for line in lines if line.name in {"STATUS", "TRANSP"}}
    return _Event(
        uid=by_name["UID"].value if "UID" in by_name else "",
        title=re.sub(r"\\([,;\\])", r"\1", re.sub(r"\\[nN]", " ", title))[:200],
        starts=starts,
        lasts=min(_lasts(by_name, starts, own), LONGEST),
        rule=dict(part.split("=", 1) for part in rule.split(";") if "=" in part),
        rule_line=by_name["RRULE"].number if "RRULE" in by_name else 0,
        more=tuple(many["RDATE"]),
        without=frozenset(moment.astimezone(UTC) for moment in many["EXDATE"]),
        instead_of=_moment(again, again.value, own).astimezone(UTC) if again and "T" in again.value else None,
        counts=not quiet & {"CANCELLED", "TRANSPARENT"},
    )


def _lasts(by_name: dict[str, _Line], starts: datetime, own: tzinfo) -> timedelta:
    if "DTEND" in by_name:
        ends = _moment(by_name["DTEND"], by_name["DTEND"].value, own)
        return max(timedelta(), ends.astimezone(UTC) - starts.astimezone(UTC))
    if "DURATION" not in by_name:
        return timedelta()
    found = LENGTH.fullmatch(by_name["DURATION"].value.upper())
    if found is None:
        number = by_name["DURATION"].number
        raise _Unreadable(number, "DURATION", f"expected a length such as PT8H, got {by_name['DURATION'].value[:40]!r}")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _moment(line: _Line, text: str, own: tzinfo) -> datetime:
    """A moment on the wall clock of its zone: UTC (Z), that of TZID, or the driver's own."""
    found = MOMENT.fullmatch(text.strip().upper())
    try:
        if found is None:
            raise ValueError  # noqa: TRY301 - both ways of being no moment read alike
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        zone = UTC if found[7] else _zone(line.options.get("TZID"), own)
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)  # a leap second is 60
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Unreadable(
            line.number, line.name, f"expected a time such as 20260328T220000, got {text[:40]!r}"
        ) from error
    return moment


def _zone(name: str | None, own: tzinfo) -> tzinfo:
    """A zone by name; what nobody knows (an office program's own names) is taken for the driver's."""
    try:
        return ZoneInfo(name) if name else own
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return own


def _starts(event: _Event, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every start before `end` (of a rule that does not count, from `start` on), those of RDATE after them."""
    if not event.rule:
        yield event.starts
    else:
        last, count = _bounds(event, end)
        for number, moment in enumerate(takewhile(lambda one: one.astimezone(UTC) <= last, _repeats(event, start))):
            if number >= count:
                break
            if moment.astimezone(UTC) not in event.without:
                yield moment
    yield from (moment for moment in event.more if moment.astimezone(UTC) not in event.without)


def _bounds(event: _Event, end: datetime) -> tuple[datetime, int]:
    """The last moment at which a repeat may start, and how many repeats there are."""
    last, told = end.astimezone(UTC), event.rule.get("UNTIL", "")
    if told:
        whole_day = "T" not in told
        line = _Line("RRULE", {}, told, event.rule_line)
        until = _moment(line, f"{told}T235959" if whole_day else told, event.starts.tzinfo or UTC)
        last = min(last, until.astimezone(UTC))
    return last, _number(event, "COUNT", MOST_REPEATS)


def _said(rule: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in rule.items())[:80]


def _number(event: _Event, name: str, otherwise: int) -> int:
    text = event.rule.get(name, str(otherwise))
    if not re.fullmatch(r"\d{1,6}", text) or not int(text):
        raise _Unreadable(event.rule_line, "RRULE", f"expected {name} to be a number from 1, got {text[:40]!r}")
    return min(int(text), MOST_REPEATS)


def _repeats(event: _Event, start: datetime) -> Iterator[datetime]:
    """The starts that a rule names, each at the same time on the wall clock; see MOST_REPEATS for from when on."""
    kind, every = event.rule.get("FREQ", ""), _number(event, "INTERVAL", 1)
    if kind not in {"DAILY", "WEEKLY"} or not event.rule.keys() <= RULE_PARTS:
        raise _Unreadable(
            event.rule_line,
            "RRULE",
            f"expected FREQ=DAILY or FREQ=WEEKLY with INTERVAL, COUNT, UNTIL and BYDAY, got {_said(event.rule)}",
        )
    named = [part for part in event.rule.get("BYDAY", "").split(",") if part]
    if any(part not in DAYS for part in named):
        raise _Unreadable(
            event.rule_line, "RRULE", f"expected BYDAY of {', '.join(DAYS)}, got {event.rule['BYDAY'][:40]!r}"
        )
    first, clock = event.starts.date(), event.starts.time()
    days = {DAYS.index(part) for part in named} or (set(range(7)) if kind == "DAILY" else {first.weekday()})
    week = DAYS.index(event.rule["WKST"]) if event.rule.get("WKST") in DAYS else 0
    monday = first - timedelta(days=(first.weekday() - week) % 7)
    skipped = 0 if "COUNT" in event.rule else max(0, (start.date() - first).days - 2)
    for offset in range(skipped, skipped + MOST_REPEATS):
        try:
            day = first + timedelta(days=offset)
        except OverflowError:
            return
        beat = offset if kind == "DAILY" else (day - monday).days // 7
        if beat % every == 0 and (day == first or day.weekday() in days):
            yield datetime.combine(day, clock, event.starts.tzinfo)

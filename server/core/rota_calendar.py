"""A rota out of a calendar's text (RFC 5545, "ICS"): what the rest of the world exports, read narrowly.

Read are the VEVENTs of a VCALENDAR: DTSTART (UTC, TZID or floating), RRULE with FREQ DAILY or WEEKLY, EXDATE, moved
instances (RECURRENCE-ID) and STATUS:CANCELLED. What would change when a shift begins and is not read is an error that
names its line; what would not is passed over.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from server.core.rota import Rota, Rule, Shift, moment

EVENTS_MAX = 1_000
YEARS = range(1990, 2101)
COUNT_MAX = 100_000
WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
WINDOWS_ZONES = {
    "W. Europe Standard Time": "Europe/Berlin",
    "Romance Standard Time": "Europe/Paris",
    "Central Europe Standard Time": "Europe/Budapest",
    "Central European Standard Time": "Europe/Warsaw",
    "GMT Standard Time": "Europe/London",
}
"""What Outlook calls the zones hereabouts (Unicode CLDR, windowsZones)."""
EVENT = ("VCALENDAR", "VEVENT")
UNREAD = ("RDATE", "EXRULE")
_DURATION = re.compile(r"[+-]?P(\d+W|(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?)")
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_LINE = re.compile(
    r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:\"[^\"]*\"|[^\";:,]*)(?:,(?:\"[^\"]*\"|[^\";:,]*))*)*):(.*)", re.DOTALL
)
_PARAM = re.compile(r";([A-Za-z0-9-]+)=(\"[^\"]*\"|[^\";:]*)")


class Unreadable(msgspec.Struct, frozen=True):
    """Why a text is no rota: the line (the first is 1) and what was expected there."""

    line: int
    message: str


class _Line(msgspec.Struct, frozen=True):
    """A property: the number of the line on which it begins, its name, parameters and value."""

    number: int
    name: str
    params: dict[str, str]
    value: str


class _Stamp(msgspec.Struct, frozen=True):
    """A date, or a time on the wall clock of `zone` (None: floating)."""

    wall: datetime
    zone: str | None
    only_day: bool


class _Event(msgspec.Struct, frozen=True):
    """A VEVENT that counts. `instead_of`: the one start of a series that it replaces."""

    line: int
    uid: str
    shift: Shift
    cancelled: bool
    instead_of: _Stamp | None


class _WrongError(Exception):
    """Ends the reading; never leaves this module."""

    def __init__(self, line: int, message: str) -> None:
        """Where, and what was expected."""
        super().__init__(message)
        self.found = Unreadable(line, message)


def read(text: str, zone: str) -> Rota | Unreadable:
    """The shifts of a calendar, or the first line that cannot be read.

    Args:
        text: the calendar, lines ended by CRLF or LF.
        zone: the driver's wall clock, on which floating times are compared with others.
    """
    try:
        events = [_event(number, lines) for number, lines in _events(_lines(text))]
        return Rota(_shifts(events, zone))
    except _WrongError as wrong:
        return wrong.found


def _lines(text: str) -> list[_Line]:
    """The properties, long lines put together again (3.1)."""
    whole: list[tuple[int, str]] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if raw[:1] in {" ", "\t"} and whole:
            whole[-1] = (whole[-1][0], whole[-1][1] + raw[1:])
        elif raw.strip():
            whole.append((number, raw))
    return [_line(number, raw) for number, raw in whole]


def _line(number: int, raw: str) -> _Line:
    found = _LINE.fullmatch(raw)
    if found is None:
        raise _WrongError(number, "expected NAME:value, as calendars have it")
    params = {name.upper(): value.strip('"') for name, value in _PARAM.findall(found[2])}
    return _Line(number, found[1].upper(), params, found[3].strip())


def _events(lines: Sequence[_Line]) -> Iterator[tuple[int, list[_Line]]]:
    """The lines of each VEVENT, less those of what is nested in it (alarms), and the number of its first."""
    begun, own, events = 0, list[_Line](), 0
    for inside, line in _nested(lines):
        if inside == EVENT and line.name == "END":
            yield begun, own
        elif inside == EVENT and line.name != "BEGIN":
            own.append(line)
        elif (*inside, line.value.upper()) == EVENT and line.name == "BEGIN":
            begun, own, events = line.number, [], events + 1
        if events > EVENTS_MAX:
            raise _WrongError(line.number, f"expected at most {EVENTS_MAX} events")


def _nested(lines: Sequence[_Line]) -> Iterator[tuple[tuple[str, ...], _Line]]:
    """Each line with the components that it stands in; every one must be closed."""
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise _WrongError(lines[0].number if lines else 1, "expected BEGIN:VCALENDAR: is this a calendar file?")
    inside: tuple[str, ...] = ()
    for line in lines:
        if line.name == "END":
            _check_closed(inside, line)
        yield inside, line
        if line.name == "BEGIN":
            inside = (*inside, line.value.upper())
        elif line.name == "END":
            inside = inside[:-1]
    if inside:
        raise _WrongError(lines[-1].number, f"expected END:{inside[-1]}, but the text ends here")


def _check_closed(inside: Sequence[str], line: _Line) -> None:
    if not inside:
        raise _WrongError(line.number, "expected no more lines")
    if inside[-1] != line.value.upper():
        raise _WrongError(line.number, f"expected END:{inside[-1]}")


def _event(number: int, lines: Sequence[_Line]) -> _Event:
    by_name: dict[str, _Line] = {}
    for line in lines:
        if line.name in UNREAD:
            raise _WrongError(line.number, f"{line.name} is not read: give these shifts as events of their own")
        if line.name in by_name and line.name in {"DTSTART", "RRULE", "RECURRENCE-ID", "UID"}:
            raise _WrongError(line.number, f"expected {line.name} once in an event")
        by_name.setdefault(line.name, line)
    if "DTSTART" not in by_name:
        raise _WrongError(number, "expected DTSTART in this event: when does the shift begin?")
    start = _stamp(by_name["DTSTART"], by_name["DTSTART"].value)
    if start.only_day:
        raise _WrongError(by_name["DTSTART"].number, "expected a time of day: a whole day is no shift")
    _check_end(by_name, start)
    moved = by_name.get("RECURRENCE-ID")
    if moved is not None and "RANGE" in moved.params:
        raise _WrongError(moved.number, "RANGE is not read: export the calendar with every shift as it is")
    times, days = _exceptions([line for line in lines if line.name == "EXDATE"], start)
    rule = _rule(by_name["RRULE"], start) if "RRULE" in by_name else None
    return _Event(
        line=number,
        uid=by_name["UID"].value if "UID" in by_name else f"line {number}",
        shift=Shift(start.wall, start.zone, rule, times, days),
        cancelled="STATUS" in by_name and by_name["STATUS"].value.upper() == "CANCELLED",
        instead_of=_stamp(moved, moved.value) if moved is not None else None,
    )


def _check_end(by_name: Mapping[str, _Line], start: _Stamp) -> None:
    """Ends are not needed, but a shift that ends before it begins was not meant."""
    end, duration = by_name.get("DTEND"), by_name.get("DURATION")
    if duration is not None and not (_DURATION.fullmatch(duration.value) and duration.value[-1] not in "PT"):
        raise _WrongError(duration.number, "expected a duration such as PT8H")
    if end is not None:
        found = _stamp(end, end.value)
        if found.zone == start.zone and found.wall < start.wall:
            raise _WrongError(end.number, "expected an end that is not before the start")


def _stamp(line: _Line, text: str) -> _Stamp:
    """A date or time: `Z` is UTC, TZID a zone, nothing the driver's own wall clock (3.3.5)."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise _WrongError(line.number, f"expected a time such as 20260302T063000, got {text[:40]!r}")
    try:
        day = datetime.strptime(found[1], "%Y%m%d").date()  # noqa: DTZ007 -- a wall clock; its zone is kept beside
        at = time(int(found[2][:2]), int(found[2][2:4]), min(59, int(found[2][4:]))) if found[2] else time()
    except ValueError:
        raise _WrongError(line.number, f"there is no such day or time: {text}") from None
    if day.year not in YEARS:
        raise _WrongError(line.number, f"expected a year from {YEARS[0]} to {YEARS[-1]}, got {day.year}")
    zone = "UTC" if found[3] else _zone(line)
    return _Stamp(datetime.combine(day, at), zone, only_day=found[2] is None)


def _zone(line: _Line) -> str | None:
    name = line.params.get("TZID")
    if name is None:
        return None
    name = WINDOWS_ZONES.get(name, name.removeprefix("/"))
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # not a key, no such zone, the name of a folder
        message = f"expected a time zone such as Europe/Amsterdam, got {name[:40]!r}"
        raise _WrongError(line.number, message) from None
    return name


def _exceptions(lines: Sequence[_Line], start: _Stamp) -> tuple[tuple[datetime, ...], tuple[date, ...]]:
    """The starts of a series that are left out, on its own wall clock; whole days likewise."""
    found = [_stamp(line, text.strip()) for line in lines for text in line.value.split(",")]
    times = [_on_clock_of(start, one) for one in found if not one.only_day]
    return tuple(times), tuple(one.wall.date() for one in found if one.only_day)


def _on_clock_of(start: _Stamp, other: _Stamp) -> datetime:
    """A time on the wall clock of a series. Against a floating one, or from one, the wall clock is taken as it is."""
    if other.zone == start.zone or other.zone is None or start.zone is None:
        return other.wall
    return moment(other.wall, ZoneInfo(other.zone)).astimezone(ZoneInfo(start.zone)).replace(tzinfo=None)


def _rule(line: _Line, start: _Stamp) -> Rule:
    """FREQ=DAILY or WEEKLY with INTERVAL, BYDAY, WKST, and COUNT or UNTIL (3.3.10)."""
    parts: dict[str, str] = {}
    for part in line.value.upper().split(";"):
        name, _, value = part.partition("=")
        if not value or name in parts:
            raise _WrongError(line.number, f"expected NAME=value once each in the rule, got {part[:40]!r}")
        parts[name] = value
    strange = parts.keys() - {"FREQ", "INTERVAL", "BYDAY", "WKST", "COUNT", "UNTIL"}
    if strange or parts.get("FREQ") not in {"DAILY", "WEEKLY"}:
        what = f"{min(strange)} is not read" if strange else f"FREQ={parts.get('FREQ', '')} is not read"
        raise _WrongError(line.number, f"{what}: expected FREQ=DAILY or WEEKLY with INTERVAL, BYDAY, COUNT or UNTIL")
    interval = _whole(line, parts, "INTERVAL", 1_000) or 1
    days = _weekdays(line, parts.get("BYDAY"))
    if parts["FREQ"] == "DAILY" and days and interval > 1:
        raise _WrongError(line.number, "INTERVAL with BYDAY is read with FREQ=WEEKLY only")
    if parts["FREQ"] == "WEEKLY" and not days:
        days = (start.wall.weekday(),)
    if "COUNT" in parts and "UNTIL" in parts:
        raise _WrongError(line.number, "expected COUNT or UNTIL, not both")
    until = _stamp(line, parts["UNTIL"]) if "UNTIL" in parts else None
    last = None if until is None else _on_clock_of(start, until)
    if until is not None and last is not None and until.only_day:
        last += timedelta(days=1, seconds=-1)
    week_start = _weekdays(line, parts.get("WKST", "MO"))
    return Rule(interval, days, week_start[0], _whole(line, parts, "COUNT", COUNT_MAX), last)


def _whole(line: _Line, parts: Mapping[str, str], name: str, most: int) -> int | None:
    text = parts.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise _WrongError(line.number, f"expected {name} from 1 to {most}, got {text[:20]!r}")
    return int(text)


def _weekdays(line: _Line, text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    names = text.split(",")
    for name in names:
        if name not in WEEKDAYS:
            raise _WrongError(line.number, f"expected weekdays such as MO,TU, got {name[:20]!r}")
    return tuple(sorted({WEEKDAYS[name] for name in names}))


def _shifts(events: Sequence[_Event], zone: str) -> tuple[Shift, ...]:
    """Every shift that takes place; a moved one leaves its old time."""
    moved: dict[str, list[_Stamp]] = {}
    for event in events:
        if event.instead_of is not None:
            moved.setdefault(event.uid, []).append(event.instead_of)
    out = []
    for event in events:
        if event.cancelled:
            continue
        shift = event.shift
        if event.instead_of is None and shift.rule is not None and event.uid in moved:
            start = _Stamp(shift.starts, shift.zone or zone, only_day=False)
            gone = [_on_clock_of(start, one) for one in moved[event.uid] if not one.only_day]
            days = [one.wall.date() for one in moved[event.uid] if one.only_day]
            without, without_days = (*shift.without, *gone), (*shift.without_days, *days)
            shift = msgspec.structs.replace(shift, without=without, without_days=without_days)
        out.append(shift)
    return tuple(out)

"""A shift rota: when the shifts of a calendar begin, and so when its driver must leave (RFC 5545, read in calendar.py).

A shift is a moment on a wall clock, once or by a rule. All of it is found by arithmetic, never by counting through
the years, so that a rota costs a plan nothing.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

HORIZON = timedelta(days=14)
"""A shift that begins later than this says nothing about when the car leaves next."""
WEEK = 7
DAY = timedelta(days=1)


class Rule(msgspec.Struct, frozen=True):
    """Every `interval` days (no `weekdays`) or weeks. `until` is a wall clock time, the last that counts."""

    interval: int = 1
    weekdays: tuple[int, ...] = ()  # 0 = Monday, in order
    week_start: int = 0
    count: int | None = None
    until: datetime | None = None


class Shift(msgspec.Struct, frozen=True):
    """When a shift begins: `starts` on the wall clock of `zone` (None: the driver's own)."""

    starts: datetime
    zone: str | None = None
    rule: Rule | None = None
    without: tuple[datetime, ...] = ()
    without_days: tuple[date, ...] = ()


class Rota(msgspec.Struct, frozen=True):
    """All shifts of a calendar."""

    shifts: tuple[Shift, ...] = ()


def next_departure(rota: Rota, travel_minutes: int, after: datetime, zone: str) -> datetime | None:
    """When the driver must leave for the first shift that can still be reached, None where none begins soon.

    Args:
        rota: the shifts.
        travel_minutes: how long before its shift the driver leaves.
        after: the departure lies after this moment, aware.
        zone: the driver's wall clock, for shifts that name no zone.
    """
    travel = timedelta(minutes=travel_minutes)
    begins = next_start(rota, after + travel, zone)
    return None if begins is None else begins - travel


def next_start(rota: Rota, after: datetime, zone: str) -> datetime | None:
    """The first start of a shift after a moment, aware UTC; None where none lies within a fortnight."""
    found = (_next(shift, after, shift.zone or zone) for shift in rota.shifts)
    return min((at for at in found if at is not None), default=None)


def _next(shift: Shift, after: datetime, zone: str) -> datetime | None:
    """The first start of one shift after a moment."""
    clock = ZoneInfo(zone)
    if shift.rule is None:
        at = moment(shift.starts, clock)
        return at if after < at <= after + HORIZON and not _left_out(shift, shift.starts) else None
    local = after.astimezone(clock).replace(tzinfo=None)
    first = max(0, (local.date() - shift.starts.date()).days - 1)
    last = (local.date() - shift.starts.date()).days + HORIZON.days + 1
    for day in range(first, last + 1):
        wall = shift.starts + day * DAY
        number = _number(shift.rule, shift.starts.date(), day)
        if number is None or _left_out(shift, wall):
            continue
        if shift.rule.count is not None and number >= shift.rule.count:
            return None
        if shift.rule.until is not None and wall > shift.rule.until:
            return None
        at = moment(wall, clock)
        if after < at <= after + HORIZON:
            return at
    return None


def _left_out(shift: Shift, wall: datetime) -> bool:
    return wall in shift.without or wall.date() in shift.without_days


def moment(wall: datetime, clock: ZoneInfo) -> datetime:
    """A wall clock time as UTC: the first of two (autumn), and with the offset before the gap in spring (RFC 5545)."""
    return wall.replace(tzinfo=clock, fold=0).astimezone(UTC)


def _number(rule: Rule, start: date, day: int) -> int | None:
    """Which occurrence of a rule a day is (0 = the first; `day` counts from its start), None where it is none."""
    if not rule.weekdays:
        return None if day % rule.interval else day // rule.interval
    offset = (start.weekday() - rule.week_start) % WEEK  # days since the week of the start began
    week, in_week = divmod(offset + day, WEEK)
    order = sorted((weekday - rule.week_start) % WEEK for weekday in rule.weekdays)
    if week % rule.interval or in_week not in order:
        return None
    before_start = sum(1 for one in order if one < offset)
    return week // rule.interval * len(order) + order.index(in_week) - before_start

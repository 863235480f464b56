"""When a car should be ready: the driver's word, the car's, a shift, a habit, else nothing (then a forecast)."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from server.core.rota import coming, next_departure
from shared.accounts import Habit

SETTLED_IN = timedelta(hours=1)
"""A habit this soon after plug-in is not meant: the car has just come."""


class ReadySource(StrEnum):
    """Where a ready-by time comes from."""

    STATED = "stated"
    CAR = "car"
    ROTA = "rota"
    HABIT = "habit"
    FORECAST = "forecast"
    NONE = "none"


class ReadyBy(msgspec.Struct, frozen=True):
    """When, and on whose word."""

    at: datetime | None
    source: ReadySource


class Known(msgspec.Struct, frozen=True):
    """What a driver said once for all days: habits, shifts with the way there, and whose wall clock holds."""

    zone: str
    habits: Sequence[Habit] = ()
    calendar: str | None = None  # of shifts
    travel_minutes: int = 0


def choose(
    stated: datetime | None, known: Known, plugged_at: datetime, now: datetime, car: datetime | None = None
) -> ReadyBy:
    """The time in force. A statement that has passed is used up; the next shift takes over, else the next habit.

    Who works in shifts does not leave by habit before the next one begins. `car`: what it says itself (ISO 15118).
    """
    if stated is not None and stated > now:
        return ReadyBy(stated, ReadySource.STATED)
    if car is not None and car > now:
        return ReadyBy(car, ReadySource.CAR)
    after = max(now, plugged_at + SETTLED_IN)
    if known.calendar is not None:
        ahead = coming(known.calendar, known.zone, after.astimezone(UTC).date())
        shift = next_departure(ahead, after, timedelta(minutes=known.travel_minutes))
        if shift is not None:
            return ReadyBy(shift, ReadySource.ROTA)
    habit = next_habit(known.habits, after, known.zone)
    return ReadyBy(habit, ReadySource.HABIT) if habit else ReadyBy(None, ReadySource.NONE)


def next_habit(habits: Sequence[Habit], after: datetime, zone: str) -> datetime | None:
    """The first time after `after` at which the driver usually leaves (local wall clock, also on DST days)."""
    local = ZoneInfo(zone)
    times = {habit.weekday: habit.leaves_at for habit in habits if habit.leaves_at}
    day = after.astimezone(local).date()
    for offset in range(8):
        date = day + timedelta(days=offset)
        text = times.get(date.weekday())
        if text is None:
            continue
        moment = datetime.combine(date, time.fromisoformat(text), local).astimezone(UTC)
        if moment > after:
            return moment
    return None

"""Cars that do not go on after a pause, and cars that begin when it suits them: their own timers."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
SAME_MINUTES = 6
"""Readings are five minutes apart: two beginnings so close may be one timer."""
TIMES_SEEN = 2
MODEL_CARS = 3
"""So many cars of one name that did not go on say something about the model."""


def local_minute(moment: datetime, zone: str) -> str:
    """A moment as a timer has it: HH:MM by the wall clock of a place."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def timer(began: Sequence[str]) -> str | None:
    """The time (HH:MM) at which a car began by itself TIMES_SEEN times, the newest first; None: no habit to be seen.

    The earliest of them: a reading is never before what it shows.
    """
    if not began:
        return None
    alike = [one for one in began if _apart(one, began[0]) <= SAME_MINUTES]
    if len(alike) < TIMES_SEEN:
        return None
    return min(alike, key=lambda one: (_minutes(one) - _minutes(began[0]) + DAY_MINUTES // 2) % DAY_MINUTES)


def sleepy(failed_resumes: int, cars_of_its_name: int) -> bool:
    """Whether a car is better charged without breaks: it did not go on before, or several of its model did not."""
    return failed_resumes > 0 or cars_of_its_name >= MODEL_CARS


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _apart(one: str, other: str) -> int:
    apart = abs(_minutes(one) - _minutes(other))
    return min(apart, DAY_MINUTES - apart)

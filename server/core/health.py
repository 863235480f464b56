"""A station's days in figures, from what happened to it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from server.core.timegrid import local_day
from shared.health import StationDay

FAILED = frozenset(["PowerLoss", "Reboot", "HardReset", "SoftReset", "Superseded", "Unheard"])
"""Reasons of an end that no driver chose."""
REFUSED = "DeAuthorized"
"""A card that may not charge says nothing about the station."""


class Happening(msgspec.Struct, frozen=True):
    """online, offline, faulted or recovered; `connector_no` of the last two; `ours`: the server was away, not it."""

    at: datetime
    kind: str
    connector_no: str = ""
    ours: bool = False


class Stay(msgspec.Struct, frozen=True):
    """A session as far as it says how a station works. `waited`: its plan held it back."""

    started_at: datetime
    ended_at: datetime | None
    stop_reason: str | None
    energy_wh: int
    waited: bool


class Before(msgspec.Struct, frozen=True):
    """How a station stood when the first day began; `online` None: it was never here."""

    online: bool | None = None
    faulted: bool = False


class Record(msgspec.Struct, frozen=True):
    """All that is known of a station's days. `unstarted`: when cars stood there and nothing began."""

    before: Before
    happened: Sequence[Happening]
    stays: Sequence[Stay]
    unstarted: Sequence[datetime]


def local_days(now: datetime, zone: ZoneInfo, count: int) -> list[date]:
    """Today and the days before it by the local calendar, the newest first."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(count)]


def figures(record: Record, days: Sequence[date], zone: ZoneInfo, now: datetime) -> list[StationDay]:
    """A station's days, in the order of `days`."""
    out = []
    for day in days:
        grid = local_day(day, zone)
        start, end = grid.start, min(grid.end, now)
        happened = [one for one in record.happened if start <= one.at < end]
        begun = [stay for stay in record.stays if start <= stay.started_at < end]
        ended = [stay for stay in record.stays if stay.ended_at is not None and start <= stay.ended_at < end]
        unstarted = sum(start <= at < end for at in record.unstarted)
        out.append(
            StationDay(
                day=day,
                uptime_permille=_uptime(record, start, end),
                reliability_permille=_share(stay.stop_reason not in FAILED for stay in _admitted(ended)),
                plug_in_permille=_share([*(stay.energy_wh > 0 for stay in _judged(begun)), *[False] * unstarted]),
                disconnects=sum(one.kind == "offline" and not one.ours for one in happened),
                sessions=len(begun),
            )
        )
    return out


def _admitted(stays: Iterable[Stay]) -> list[Stay]:
    return [stay for stay in stays if stay.stop_reason != REFUSED]


def _judged(stays: Iterable[Stay]) -> list[Stay]:
    """Plug-ins that can be judged: who still waits for the valley, or left before it, was not let down."""
    return [stay for stay in _admitted(stays) if stay.energy_wh > 0 or not (stay.waited or stay.ended_at is None)]


def _share(good: Iterable[bool]) -> int | None:
    values = list(good)
    return round(1000 * sum(values) / len(values)) if values else None


def _uptime(record: Record, start: datetime, end: datetime) -> int | None:
    """The share of [start, end) that it was connected and not faulted, less the time before it was first here."""
    online, broken = record.before.online, {"?"} if record.before.faulted else set()
    known = up = timedelta(0)
    since = start
    for one in [*record.happened, Happening(end, "end")]:
        until = min(max(one.at, start), end)
        known += (until - since) if online is not None else timedelta(0)
        up += (until - since) if online and not broken else timedelta(0)
        since = until
        if one.kind in ("online", "offline"):
            online = one.kind == "online"
        elif one.kind == "faulted":
            broken = broken | {one.connector_no}
        elif one.kind == "recovered":
            broken = broken - {one.connector_no, "?"}
    return round(1000 * (up / known)) if known else None

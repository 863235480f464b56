"""What is wrong with a station: one rule a thing, each pure. What is done about it is in `core.remedy`.

The house plan has the rules in `core/station.py`. They are here because a rule looks at connections, readings, plans,
clocks and certificates together, as `StationSight` has them, and at nothing of `Station`, which every plan loads.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from server.core.certificate import NOTICE_DAYS
from server.core.following import DRAWING_W
from server.core.inventory import Problem, is_grave
from shared.health import Rule, Severity

OFFLINE_AFTER = timedelta(minutes=5)
HEARTBEAT = timedelta(hours=1)
SILENT_AFTER = 2 * HEARTBEAT + timedelta(minutes=5)
"""Two heartbeats may get lost; a station that reports anything else need send none."""
READING_AFTER = timedelta(minutes=35)
"""Readings of a session are asked for every five minutes; many stations give them by the quarter: two are missing."""
FLAPS = 4
FLAPS_WITHIN = timedelta(hours=1)
CLOCK_OFF_S = 300
"""As far as a start's time is believed ahead of ours: beyond it slots and receipts are wrong."""
CERTIFICATE_LEFT, CERTIFICATE_LAST = (timedelta(days=days) for days in NOTICE_DAYS)
IDLE_AFTER = timedelta(minutes=15)
STRAY_WITHIN = timedelta(minutes=20)
START_WITHIN = timedelta(minutes=5)
DETAIL_MAX = 400
BY_CAR, BY_STATION = "car", "station"
"""Who keeps energy back, as far as the station's own word goes."""


class Socket(msgspec.Struct, frozen=True):
    """A connector as its station says it is (0: the station itself). `clock_off_s`: its clock less ours, last seen."""

    connector_no: int
    status: str
    error_code: str = "NoError"
    status_at: datetime | None = None
    clock_off_s: int = 0


class Charge(msgspec.Struct, frozen=True):
    """An open session. `allowed_since`: since when its plan gives it energy that it still lacks, None where not.

    `nobodys`: no token that may charge was shown for it.
    """

    connector_no: int
    started_at: datetime
    read_at: datetime | None
    power_w: int
    energy_wh: int
    allowed_since: datetime | None = None
    not_followed: str | None = None
    nobodys: bool = False

    @property
    def waits(self) -> bool:
        """A cable without a card: 2.x stations may call that a transaction, and nothing has begun."""
        return self.nobodys and self.energy_wh == 0 and self.power_w < DRAWING_W


class Stray(msgspec.Struct, frozen=True):
    """Power that a connector's meter showed outside any session."""

    connector_no: int
    at: datetime
    power_w: int


class StationSight(msgspec.Struct, frozen=True):
    """All that the rules look at. `dropped_at`: lately lost connections; `certificate_until`: None where unknown.

    `shared`: it stands behind a limit with others. `problems`: what it says itself is wrong with it, the oldest first.
    """

    station_id: UUID
    party_id: UUID
    online: bool
    last_seen_at: datetime | None
    sockets: tuple[Socket, ...] = ()
    charges: tuple[Charge, ...] = ()
    dropped_at: tuple[datetime, ...] = ()
    strays: tuple[Stray, ...] = ()
    certificate_until: datetime | None = None
    shared: bool = False
    problems: tuple[tuple[datetime, Problem], ...] = ()

    def charge_on(self, connector_no: int) -> Charge | None:
        """The session of a connector."""
        return next((one for one in self.charges if one.connector_no == connector_no), None)


class Found(msgspec.Struct, frozen=True):
    """Something is wrong, since a time as far as it can be told."""

    rule: Rule
    since: datetime
    severity: Severity = Severity.WARNING
    detail: str = ""


def offline(sight: StationSight, now: datetime) -> Found | None:
    """It was here and is not; worse while a car charges there that nobody can steer."""
    if sight.online or sight.last_seen_at is None or now - sight.last_seen_at < OFFLINE_AFTER:
        return None
    return Found(Rule.OFFLINE, sight.last_seen_at, Severity.CRITICAL if sight.charges else Severity.WARNING)


def faulted(sight: StationSight, now: datetime) -> Found | None:
    """A connector, or the station, says so itself."""
    broken = [one for one in sight.sockets if one.status == "Faulted"]
    if not broken:
        return None
    since = min((one.status_at or now for one in broken), default=now)
    detail = " ".join(f"{one.connector_no}:{one.error_code}" for one in broken)
    return Found(Rule.FAULTED, min(since, now), Severity.CRITICAL, detail)


def problem_reported(sight: StationSight, _now: datetime) -> Found | None:
    """It says of one of its parts that something is wrong (2.x), and not yet that it is over."""
    if not sight.problems:
        return None
    problems = [problem for _, problem in sight.problems]
    severity = Severity.CRITICAL if is_grave(problems) else Severity.WARNING
    return Found(Rule.PROBLEM, sight.problems[0][0], severity, "; ".join(one.text for one in problems)[:DETAIL_MAX])


def flapping(sight: StationSight, now: datetime) -> Found | None:
    """It lost its connection FLAPS times within an hour."""
    lately = sorted(at for at in sight.dropped_at if now - at < FLAPS_WITHIN)
    return Found(Rule.FLAPPING, lately[0], detail=str(len(lately))) if len(lately) >= FLAPS else None


def silent(sight: StationSight, now: datetime) -> Found | None:
    """Connected, and yet nothing is heard: no sign of life at all, or no readings of a session."""
    if not sight.online or sight.last_seen_at is None:
        return None
    unread = [charge.read_at or charge.started_at for charge in sight.charges]
    if unread and now - max(unread) > READING_AFTER and now - sight.last_seen_at > READING_AFTER:
        return Found(Rule.SILENT, max(unread), detail="readings")
    said = [one.status_at for one in sight.sockets if one.status_at is not None and one.status_at <= now]
    heard = max([sight.last_seen_at, *said, *unread])
    return Found(Rule.SILENT, heard) if now - heard > SILENT_AFTER else None


def clock_wrong(sight: StationSight, now: datetime) -> Found | None:
    """Its times are not ours."""
    off = max((one.clock_off_s for one in sight.sockets), key=abs, default=0)
    return Found(Rule.CLOCK_WRONG, now, Severity.INFO, str(off)) if abs(off) > CLOCK_OFF_S else None


def certificate_expiring(sight: StationSight, now: datetime) -> Found | None:
    """Its certificate will not let it in for much longer."""
    until = sight.certificate_until
    if until is None or until - now > CERTIFICATE_LEFT:
        return None
    soon = until - now <= CERTIFICATE_LAST
    return Found(Rule.CERTIFICATE_EXPIRING, now, Severity.CRITICAL if soon else Severity.WARNING, until.isoformat())


def charging_without_energy(sight: StationSight, now: datetime) -> Found | None:
    """A session that its plan gives energy has not taken any for a quarter of an hour, and readings say so."""
    for charge in sight.charges:
        since = charge.allowed_since
        idle = since is not None and now - since >= IDLE_AFTER and charge.power_w < DRAWING_W
        if not idle or since is None or charge.read_at is None or charge.read_at < since + IDLE_AFTER / 2:
            continue
        says = [one.status for one in sight.sockets if one.connector_no == charge.connector_no]
        if says == ["SuspendedEV"]:
            return Found(Rule.NO_ENERGY, since, Severity.INFO, BY_CAR)
        return Found(Rule.NO_ENERGY, since, detail=BY_STATION)
    return None


def energy_without_session(sight: StationSight, now: datetime) -> Found | None:
    """A meter counts, or a connector says that it charges, and nobody began anything there."""
    for stray in sight.strays:
        if stray.power_w >= DRAWING_W and now - stray.at < STRAY_WITHIN and not sight.charge_on(stray.connector_no):
            return Found(Rule.NO_SESSION, stray.at, detail=f"{stray.connector_no}:{stray.power_w}")
    since = _stands(sight, "Charging", now)
    return None if since is None or not sight.online else Found(Rule.NO_SESSION, since)


def plan_not_followed(sight: StationSight, now: datetime) -> Found | None:
    """The meter shows another thing than the plan, or the station would not take it."""
    reasons = [charge.not_followed for charge in sight.charges if charge.not_followed]
    return Found(Rule.NOT_FOLLOWED, now, detail=reasons[0]) if reasons else None


def unknown_connector(sight: StationSight, now: datetime) -> Found | None:
    """A session runs on a number that nobody entered: a second socket, or a station that counts in its own way.

    The first is entered with its station; of any other a status must have been heard.
    """
    told = {one.connector_no for one in sight.sockets if one.connector_no <= 1 or one.status_at is not None}
    strange = [one for one in sight.charges if one.connector_no not in told]
    if not strange:
        return None
    numbers = " ".join(str(one.connector_no) for one in strange)
    return Found(Rule.UNKNOWN_CONNECTOR, min(*(one.started_at for one in strange), now), detail=numbers)


def no_start(sight: StationSight, now: datetime) -> Found | None:
    """A car stands there for five minutes, and no session begins or nobody's does."""
    since = _stands(sight, "Preparing", now)
    return None if since is None or not sight.online else Found(Rule.NO_START, since)


def _stands(sight: StationSight, status: str, now: datetime) -> datetime | None:
    """Since when a connector without a session of anybody's has said this of itself, if for START_WITHIN already."""
    for one in sight.sockets:
        charge = sight.charge_on(one.connector_no)
        alone = one.status == status and (charge is None or charge.waits)
        if alone and one.status_at is not None and now - one.status_at >= START_WITHIN:
            return one.status_at
    return None


RULES: tuple[Callable[[StationSight, datetime], Found | None], ...] = (
    offline,
    faulted,
    problem_reported,
    flapping,
    silent,
    clock_wrong,
    certificate_expiring,
    charging_without_energy,
    energy_without_session,
    plan_not_followed,
    unknown_connector,
    no_start,
)


def judge(sight: StationSight, now: datetime) -> list[Found]:
    """Everything that is wrong with a station."""
    return [found for rule in RULES if (found := rule(sight, now)) is not None]


def judge_all(sights: Iterable[StationSight], now: datetime) -> dict[UUID, Sequence[Found]]:
    """What is wrong, by station; stations with which nothing is are left out."""
    found = ((sight.station_id, judge(sight, now)) for sight in sights)
    return {station_id: wrong for station_id, wrong in found if wrong}

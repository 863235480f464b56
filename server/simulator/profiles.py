"""The charging profiles that a station holds, and the limit that follows from them (OCPP 1.6, 3.13)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from server.simulator.car import FAR_US, micros

MAX_PERIODS = 24
MAX_STACK_LEVEL = 9
MAX_PROFILES = 12
DAY_US = 86_400_000_000


class Period(msgspec.Struct, frozen=True):
    """A limit from `start_us` after the schedule's start; thousandths of the schedule's unit."""

    start_us: int
    limit_milli: int


class Profile(msgspec.Struct, frozen=True):
    """A charging profile as installed. `recurs_us` 0: does not recur; `start_us` None: runs from the transaction."""

    id: int
    connector: int
    stack_level: int
    purpose: str
    start_us: int | None
    recurs_us: int
    duration_us: int
    valid_from_us: int
    valid_to_us: int
    transaction_id: int | None
    periods: tuple[Period, ...]


class Limit(msgspec.Struct, frozen=True):
    """A limit in thousandths of the station's unit (None: none) that holds until `until_us`."""

    milli: int | None
    until_us: int


class Transaction(msgspec.Struct):
    """A running transaction. `id` is None while the start has not been answered (offline)."""

    token: str
    started_us: int
    meter_start_wh: int
    id: int | None = None
    stopped_us: int | None = None
    meter_stop_wh: int | None = None


class Profiles:
    """What a station keeps: transaction profiles die with the transaction or the power, defaults survive both."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._held: list[Profile] = []

    def install(self, connector: int, raw: dict[str, Any], running: Transaction | None) -> str:
        """Take a SetChargingProfile.req; `Accepted`, or `Rejected` where the station cannot hold to it."""
        profile = _read(connector, raw, self.unit)
        if profile is None:
            return "Rejected"
        if profile.purpose == "TxProfile" and not _for_running(profile, running):
            return "Rejected"
        if profile.purpose == "ChargePointMaxProfile" and connector != 0:
            return "Rejected"
        kept = [held for held in self._held if held.id != profile.id and not _same_place(held, profile)]
        if len(kept) >= MAX_PROFILES:
            return "Rejected"
        self._held = [*kept, profile]
        return "Accepted"

    def clear(self, wanted: dict[str, Any]) -> str:
        """Drop what matches id, connector, purpose and stack level (whichever are given)."""
        if wanted.get("id") is not None:
            hits = [profile for profile in self._held if profile.id == wanted["id"]]
        else:
            hits = [profile for profile in self._held if _matches(profile, wanted)]
        self._held = [profile for profile in self._held if profile not in hits]
        return "Accepted" if hits else "Unknown"

    def forget_transaction(self) -> None:
        """The transaction ended, or the power was lost: its profiles are gone."""
        self._held = [profile for profile in self._held if profile.purpose != "TxProfile"]

    def defaults(self) -> tuple[Profile, ...]:
        """What survives a power cycle."""
        return tuple(profile for profile in self._held if profile.purpose != "TxProfile")

    def restore(self, profiles: tuple[Profile, ...]) -> None:
        """Hold these, and nothing else."""
        self._held = list(profiles)

    def limit(self, now_us: int, running: Transaction | None) -> Limit:
        """The limit in force: a TxProfile beats the default, and the station's own maximum caps both."""
        session = Limit(None, FAR_US)
        for purpose in ("TxProfile", "TxDefaultProfile"):
            found = self._of(purpose, now_us, running)
            session = Limit(found.milli, min(session.until_us, found.until_us))
            if found.milli is not None:
                break
        top = self._of("ChargePointMaxProfile", now_us, running)
        values = [limit.milli for limit in (session, top) if limit.milli is not None]
        return Limit(min(values) if values else None, min(session.until_us, top.until_us))

    def _of(self, purpose: str, now_us: int, running: Transaction | None) -> Limit:
        """Highest stack level that has a limit now; a TxDefaultProfile of the connector hides those of connector 0."""
        mine = [profile for profile in self._held if profile.purpose == purpose]
        if purpose == "TxDefaultProfile" and any(profile.connector for profile in mine):
            mine = [profile for profile in mine if profile.connector]
        until = FAR_US
        for profile in sorted(mine, key=lambda profile: -profile.stack_level):
            found = _at(profile, now_us, running)
            until = min(until, found.until_us)
            if found.milli is not None:
                return Limit(found.milli, until)
        return Limit(None, until)


def _for_running(profile: Profile, running: Transaction | None) -> bool:
    if running is None or profile.connector == 0:
        return False
    return profile.transaction_id is None or profile.transaction_id == running.id


def _same_place(held: Profile, new: Profile) -> bool:
    return (held.purpose, held.stack_level, held.connector) == (new.purpose, new.stack_level, new.connector)


def _matches(profile: Profile, wanted: dict[str, Any]) -> bool:
    pairs = (
        (wanted.get("connector_id"), profile.connector),
        (wanted.get("charging_profile_purpose"), profile.purpose),
        (wanted.get("stack_level"), profile.stack_level),
    )
    return all(want is None or want == have for want, have in pairs)


def _at(profile: Profile, now_us: int, running: Transaction | None) -> Limit:
    if now_us < profile.valid_from_us:
        return Limit(None, profile.valid_from_us)
    if now_us >= profile.valid_to_us:
        return Limit(None, FAR_US)
    start = profile.start_us if profile.start_us is not None else (running.started_us if running else None)
    if start is None:
        return Limit(None, FAR_US)
    if profile.recurs_us and now_us >= start:
        start += (now_us - start) // profile.recurs_us * profile.recurs_us
    found = _in_schedule(profile, now_us, start)
    if profile.recurs_us and now_us >= start:
        found = Limit(found.milli, min(found.until_us, start + profile.recurs_us))
    return Limit(found.milli, min(found.until_us, profile.valid_to_us))


def _in_schedule(profile: Profile, now_us: int, start_us: int) -> Limit:
    end = start_us + profile.duration_us
    if now_us < start_us:
        return Limit(None, start_us)
    if now_us >= end:
        return Limit(None, FAR_US)
    limit, until = None, end
    for period in profile.periods:
        if start_us + period.start_us > now_us:
            until = min(until, start_us + period.start_us)
            break
        limit = period.limit_milli
    return Limit(limit, until)


def _read(connector: int, raw: dict[str, Any], unit: str) -> Profile | None:
    """The profile, or None where this station must reject it (unit, periods, stack level, missing start)."""
    schedule = raw["charging_schedule"]
    periods = schedule["charging_schedule_period"]
    relative = raw["charging_profile_kind"] == "Relative"
    fits = schedule["charging_rate_unit"] == unit and 0 < len(periods) <= MAX_PERIODS
    if not fits or periods[0]["start_period"] != 0 or raw["stack_level"] > MAX_STACK_LEVEL:
        return None
    if not relative and "start_schedule" not in schedule:
        return None
    recurs = {"Daily": DAY_US, "Weekly": 7 * DAY_US}.get(raw.get("recurrency_kind", ""), 0)
    return Profile(
        id=raw["charging_profile_id"],
        connector=connector,
        stack_level=raw["stack_level"],
        purpose=raw["charging_profile_purpose"],
        start_us=None if relative else _time(schedule["start_schedule"]),
        recurs_us=recurs if raw["charging_profile_kind"] == "Recurring" else 0,
        duration_us=schedule["duration"] * 1_000_000 if "duration" in schedule else FAR_US,
        valid_from_us=_time(raw["valid_from"]) if "valid_from" in raw else -FAR_US,
        valid_to_us=_time(raw["valid_to"]) if "valid_to" in raw else FAR_US,
        transaction_id=raw.get("transaction_id"),
        periods=tuple(
            Period(period["start_period"] * 1_000_000, int(Decimal(str(period["limit"])) * 1000)) for period in periods
        ),
    )


def _time(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def stamp(us: int) -> str:
    """A time as OCPP wants it: UTC with `Z`, milliseconds only where there are some."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=us // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{us // 1000 % 1000:03d}Z" if us // 1000 % 1000 else "Z")

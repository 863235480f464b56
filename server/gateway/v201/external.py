"""Limits that a station has from others, as it tells of them (OCPP 2.0.1 K11 to K13, K09)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from server.core.external_limit import ToldLimit, ToldStep
from server.gateway import moments
from server.gateway.caller import Answer, Caller
from server.gateway.v201.messages import Empty, Message

TEXT_MAX = 50
STEPS_MAX = 1_000
NONE = -1.0
"""No limit from then on, as some say it with a number too."""
EXTERNAL = "ChargingStationExternalConstraints"


class Period(Message, frozen=True):
    """From so many seconds after the schedule's start: at most `limit`. (2.1 may leave it out.)"""

    start_period: int | float
    limit: float | None = None
    number_phases: int | None = None


class Schedule(Message, frozen=True):
    """Limits in W, or A on each phase; without a start from now on, without a duration until it is taken back."""

    charging_rate_unit: str
    charging_schedule_period: list[Period]
    start_schedule: str | None = None
    duration: int | float | None = None


class Limit(Message, frozen=True):
    """Whose it is, and whether the grid is in need."""

    charging_limit_source: str
    is_grid_critical: bool | None = None


class NotifyChargingLimit(Message, frozen=True):
    """A station got a limit from elsewhere; without an EVSE it is the whole station's."""

    charging_limit: Limit
    charging_schedule: list[Schedule] | None = None
    evse_id: int | None = None


class ClearedChargingLimit(Message, frozen=True):
    """It is gone."""

    charging_limit_source: str
    evse_id: int | None = None


class Profile(Message, frozen=True):
    """A profile that a station holds."""

    charging_profile_purpose: str
    charging_schedule: tuple[Schedule, ...] = ()


class ReportChargingProfiles(Message, frozen=True):
    """Profiles that a station was asked for."""

    charging_limit_source: str
    evse_id: int
    charging_profile: list[Profile]


async def limited(caller: Caller, request: NotifyChargingLimit) -> Answer:
    """A limit from elsewhere: planning counts on no more than that."""
    said = request.charging_limit
    now = await caller.flows.heartbeat(caller.station_id)
    steps, ends_at = _steps(caller, request.charging_schedule or (), now)
    source = said.charging_limit_source[:TEXT_MAX]
    told = ToldLimit(source, request.evse_id or 0, steps, ends_at, critical=bool(said.is_grid_critical))
    await caller.flows.limited(caller.station_id, told)
    return Empty()


async def released(caller: Caller, request: ClearedChargingLimit) -> Answer:
    """It is gone."""
    await caller.flows.released(caller.station_id, request.charging_limit_source[:TEXT_MAX], request.evse_id)
    return Empty()


async def reported(caller: Caller, request: ReportChargingProfiles) -> Answer:
    """Of the profiles that a station holds those from elsewhere say what it is limited to; the others are ours."""
    found = [one for one in request.charging_profile if one.charging_profile_purpose == EXTERNAL]
    for profile in found:
        now = await caller.flows.heartbeat(caller.station_id)
        steps, ends_at = _steps(caller, profile.charging_schedule, now)
        source = request.charging_limit_source[:TEXT_MAX]
        told = ToldLimit(source, request.evse_id, steps, ends_at, asked=True)
        await caller.flows.limited(caller.station_id, told)
    return Empty()


def _steps(
    caller: Caller, schedules: Sequence[Schedule], now: datetime
) -> tuple[tuple[ToldStep, ...], datetime | None]:
    """The first schedule's steps and its end; the others say the same in other units, or for other cars."""
    if not schedules:
        return (), None
    said = schedules[0]
    start = moments.read(said.start_schedule, caller.quirks.clock) or now
    periods = sorted(said.charging_schedule_period, key=lambda one: one.start_period)[:STEPS_MAX]
    steps = tuple(
        ToldStep(start + timedelta(seconds=one.start_period), _limit(one), said.charging_rate_unit, one.number_phases)
        for one in periods
        if 0 <= one.start_period < timedelta.max.total_seconds() / 1_000
    )
    sound = said.duration is not None and 0 <= said.duration < timedelta.max.total_seconds() / 1_000
    return steps, start + timedelta(seconds=said.duration or 0) if sound else None


def _limit(period: Period) -> float:
    return NONE if period.limit is None else period.limit

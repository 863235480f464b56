"""Readings as stations report them: kept, and held against the plans. Of one station, or of many at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import external_limit, following, objective
from server.core.demand import NeedSource
from server.core.following import DRAWING_W, GRACE, TOLERANCE_W, TOO_MUCH, Sight, Verdict
from server.core.reports import UNSAID_WH, ReadingsInfo, SampledReading
from server.core.session import Followed, Session
from server.core.station import Station
from server.flows import metered, waking
from server.flows.announcements import SessionMoved
from server.storage import outbox, plans, session_batches, sessions, stations
from server.storage.db import announce
from server.storage.plans import Plan
from shared.sessions import SessionState

LIVE = timedelta(minutes=20)
"""An older reading is a replay from a station's queue: it counts for the energy, not for what happens now."""
BEHIND_WH = 700
_TIME = attrgetter("at")


class Came(msgspec.Struct, frozen=True):
    """What a station reported."""

    station_id: UUID
    info: ReadingsInfo


async def take(tx: AsyncSession, station_id: UUID, info: ReadingsInfo, now: datetime) -> None:
    """Readings came: kept for the energy, and, where they are of now, held against the plan."""
    await take_all(tx, [Came(station_id, info)], now)


async def take_all(tx: AsyncSession, came: Sequence[Came], now: datetime) -> None:
    """Readings of several stations came; each as if it had come alone, in this order, with few statements for all."""
    heard: plans.Heard = {}
    found = await _sessions_of(tx, came, heard)
    before = {one.id: one for one in found if one is not None and one.state is SessionState.OPEN}
    pairs = [(one.info.readings, session) for one, session in zip(came, found, strict=True)]
    kept = [metered.rows(of, samples, now) for samples, of in pairs if of is not None and of.id in before]
    await sessions.add_readings(tx, [row for rows in kept for row in rows])
    in_force = await plans.in_force(tx, [one.plan_id for one in before.values() if one.plan_id is not None], heard)
    after = dict(before)
    nobodys = [(one.station_id, one.info) for one, session in zip(came, found, strict=True) if session is None]
    await metered.keep_orphans(tx, "MeterValues", nobodys, now)
    for one, session in zip(came, found, strict=True):
        if session is None:
            continue
        if session.id in before:
            running = after[session.id]
            after[session.id] = await _read_all(tx, running, in_force.get(session.id), one.info, now)
        else:
            ended = await sessions.held(tx, session.id)  # as it stands: another of these reports may have moved it
            assert ended is not None
            await metered.keep_late(tx, ended, one.info.readings, now)
    await session_batches.save_metered(tx, [(one, after[one.id]) for one in before.values()])
    for was in before.values():
        announce(tx, SessionMoved(was.account_id, was.id))


async def _sessions_of(tx: AsyncSession, came: Sequence[Came], heard: plans.Heard) -> list[Session | None]:
    """The session of each report: that of its transaction, else the one that is open on its connector."""
    numbers = [one.info.transaction_id or 0 for one in came]
    known = await session_batches.of_transactions(tx, [number for number in numbers if number > 0], heard)
    unnamed = [one.station_id for one, number in zip(came, numbers, strict=True) if number <= 0]
    open_now = await session_batches.open_at_connectors(tx, unnamed)
    found: list[Session | None] = []
    for one, number in zip(came, numbers, strict=True):
        session = known.get(number) if number > 0 else open_now.get((one.station_id, one.info.connector_no))
        found.append(session if session is not None and session.station_id == one.station_id else None)
    return found


async def _read_all(
    tx: AsyncSession, session: Session, plan: Plan | None, info: ReadingsInfo, now: datetime
) -> Session:
    """An open session after a report."""
    unsaid = session.meter_start_wh == UNSAID_WH
    after = await metered.first_read(tx, session, info.readings) if unsaid else session
    for sample in sorted(info.readings, key=_TIME):
        after = _read(after, sample)
        if plan is not None and info.live and now - sample.at <= LIVE:
            after = await _hold_against_plan(tx, after, plan, sample, now)
    if session.soc_pct is None and after.soc_pct is not None:  # the plan in force guessed, and charges a floor first
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "soc_known"}, now)
    if following.is_silent(session) and after.power_w > session.power_w + TOLERANCE_W:  # what it draws is reserved
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "silent_draws_more"}, now)
    return after


def _read(session: Session, sample: SampledReading) -> Session:
    """The session after a sample; an older one than the last moves nothing back."""
    if session.read_at is not None and sample.at < session.read_at:
        return session
    return msgspec.structs.replace(
        session,
        read_at=sample.at,
        register_wh=session.register_wh if sample.register_wh is None else max(session.register_wh, sample.register_wh),
        power_w=session.power_w if sample.power_w is None else sample.power_w,
        soc_pct=session.soc_pct if sample.soc_pct is None else sample.soc_pct,
    )


async def _hold_against_plan(
    tx: AsyncSession, session: Session, plan: Plan, sample: SampledReading, now: datetime
) -> Session:
    told = plan.sent_at is not None and plan.outcome == "accepted"
    if sample.power_w is None or not told or sample.at < max(plan.sent_at or now, plan.made_at) + GRACE:
        return session
    since = plan.allowed_since(sample.at)
    idle = since is not None and sample.power_w < DRAWING_W and session.plan_accepted and not session.full
    drew = since is not None and idle and await sessions.drew_between(tx, session.id, since, sample.at)
    allowed = max(plan.power_w(sample.at), plan.power_w(sample.at - GRACE))
    sight = Sight(sample.at, sample.power_w, allowed, since, drew)
    verdict = await _judged(tx, session, plan, sight)
    if session.idle_since is not None and sample.power_w >= DRAWING_W:
        session = await waking.drew_again(tx, session, plan, sample)
    session = _idling(session, sight)
    if verdict is Verdict.FINE:
        if why := await _plan_anew(tx, session, plan, sample):
            await outbox.put_once(tx, "replan", str(session.location_id), {"why": why}, now)
        ok = session.followed is Followed.PENDING and sample.power_w >= DRAWING_W and session.plan_accepted
        if ok:
            await stations.set_follows(tx, session.station_id, follows=True)
        return msgspec.structs.replace(session, followed=Followed.FOLLOWED) if ok else session
    await sessions.add_event(tx, session, sample.at, verdict.value)
    if verdict is Verdict.WAKE:
        await waking.not_resumed(tx, session, sample)
    return await _act_on(tx, session, verdict, now)


async def _judged(tx: AsyncSession, session: Session, plan: Plan, sight: Sight) -> Verdict:
    """What is seen of a car; one that was not told its plan is held against the limits from elsewhere."""
    verdict = following.judge(session, sight)
    if verdict not in (Verdict.SEND_AGAIN, Verdict.NOT_FOLLOWED):
        return verdict
    station = await stations.get(tx, session.station_id)
    if not _is_unplanned(station, session, plan):
        return verdict
    limit_w = _elsewhere_w(station, session, sight.at)
    return following.judge(session, msgspec.structs.replace(sight, allowed_w=limit_w))


def _is_unplanned(station: Station, session: Session, plan: Plan) -> bool:
    """A charge at once on a limit of its own was not told its plan: that is only what we expect of it."""
    shared = station.feeder_id is not None
    return objective.told_no_limit(session.delay, plan.need_source, shared=shared, asleep=session.asleep)


def _elsewhere_w(station: Station, session: Session, at: datetime) -> int:
    """The most that limits from elsewhere, which it was told, left it within GRACE before a moment, W."""
    limits = station.external_limits or ()
    found = [external_limit.least_w(limits, session.connector_no, then) for then in (at, at - GRACE)]
    return max(external_limit.MOST_W if one is None else one for one in found)


async def _plan_anew(tx: AsyncSession, session: Session, plan: Plan, sample: SampledReading) -> str | None:
    """Why what the meter says asks for another plan: the estimate is used up, or the car fell behind (it had slept)."""
    if plan.delivered_by(sample.at) and _used_up(session, plan):
        goes_on = await sessions.drew_between(tx, session.id, sample.at - LIVE, sample.at)
        return "goes_on" if goes_on else None
    behind = plan.energy_until(sample.at) - (session.energy_wh - plan.delivered_at_wh)
    drawing = sample.power_w is not None and sample.power_w >= DRAWING_W
    return "behind" if drawing and behind > BEHIND_WH else None


def _idling(session: Session, sight: Sight) -> Session:
    since = _idle_since(session, sight)
    return session if since == session.idle_since else msgspec.structs.replace(session, idle_since=since)


def _idle_since(session: Session, sight: Sight) -> datetime | None:
    """The first reading at which a car that may draw, and has had time to begin, does not."""
    if session.asleep and sight.power_w < DRAWING_W:
        return session.idle_since or sight.at
    if sight.allowed_since is None or sight.power_w >= DRAWING_W or sight.at - sight.allowed_since < GRACE:
        return None
    return session.idle_since or sight.at


def _used_up(session: Session, plan: Plan) -> bool:
    """An estimate is reached and the car was not seen to be full. What a driver stated is no estimate."""
    if session.full or plan.need_source == NeedSource.STATED:
        return False
    return session.energy_wh - plan.delivered_at_wh >= plan.need_wh * 0.97 - 100


async def _act_on(tx: AsyncSession, session: Session, verdict: Verdict, now: datetime) -> Session:
    """What a verdict leads to; always a new plan or the same one sent again."""
    if verdict is Verdict.FULL:
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "full"}, now)
        return msgspec.structs.replace(session, full=True)
    if verdict is Verdict.FOLLOWED_AGAIN:
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "followed_again"}, now)
        return msgspec.structs.replace(session, followed=Followed.FOLLOWED, not_followed_reason=None)
    if verdict is Verdict.NOT_FOLLOWED:
        if session.followed is Followed.NOT_FOLLOWED and not following.is_silent(session):
            return session
        await stations.set_follows(tx, session.station_id, follows=False)
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "not_followed"}, now)
        return msgspec.structs.replace(session, followed=Followed.NOT_FOLLOWED, not_followed_reason=TOO_MUCH)
    await outbox.put(tx, "resend", str(session.station_id), {"session_id": session.id}, now)
    if verdict is Verdict.WAKE:
        return msgspec.structs.replace(session, wakes=session.wakes + 1)
    return msgspec.structs.replace(session, followed=Followed.RESENT)

"""A session as its station tells it: authorised, opened, read, closed. Each message may come twice, late or never."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import following, objective
from server.core.demand import NeedSource
from server.core.following import DRAWING_W, GRACE, TOLERANCE_W, TOO_MUCH, Sight, Verdict
from server.core.reports import ReadingsInfo, SampledReading, StartAnswer, StartInfo, StopInfo, TokenAnswer
from server.core.session import AWAITED, Followed, Session
from server.flows.announcements import LocationMoved, SessionMoved
from server.flows.opening import SUPERSEDED, new_session, token_group, token_status
from server.storage import outbox, plans, sessions, stations
from server.storage.db import announce
from server.storage.plans import Plan
from server.storage.sessions import SampleRow
from server.storage.stations import Evse
from shared.ids import derive
from shared.sessions import SessionState

LIVE = timedelta(minutes=20)
"""An older reading is a replay from a station's queue: it counts for the energy, not for what happens now."""
BEHIND_WH = 700
CLOCK_SKEW = timedelta(minutes=5)
OLDEST = timedelta(days=60)
"""A start of longer ago comes of a clock that was never set: no station's queue holds a season."""
LATE = OLDEST
"""So long after its end a session's readings still change its money, as long as a queue is believed."""
UNHEARD = "Unheard"
GUESSED = (SUPERSEDED, UNHEARD)
"""Why we took a session for ended, without its station's word: the word counts, whenever it comes."""


async def authorize(tx: AsyncSession, station_id: UUID, token_uid: str, now: datetime) -> TokenAnswer:
    """May this token charge at this station."""
    station = await stations.get(tx, station_id)
    status = await token_status(tx, station, token_uid, now)
    return TokenAnswer(status, await token_group(tx, token_uid) if status == "Accepted" else "")


async def open_session(tx: AsyncSession, station_id: UUID, info: StartInfo, now: datetime) -> StartAnswer:
    """A transaction began. The same start again, under whatever message id, gets the first answer."""
    station = await stations.get(tx, station_id)
    status = await token_status(tx, station, info.token_uid, now)
    session_id = _id_of(station_id, info)
    known = await sessions.get(tx, session_id) or await _begun_already(tx, station_id, info)
    if known is not None:
        return StartAnswer(known.transaction_id, status)
    info = msgspec.structs.replace(info, at=min(info.at, now + CLOCK_SKEW) if info.at >= now - OLDEST else now)
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    if evse is None:
        evse = await stations.add_evse(tx, station, info.connector_no)
    await _supersede(tx, evse, info, now)
    session = await new_session(tx, station, evse, info, now)
    session = msgspec.structs.replace(session, id=session_id)
    if status != "Accepted":
        session = msgspec.structs.replace(session, account_id=None, contract_id=None, vehicle_id=None)
    transaction_id = await sessions.next_transaction_id(tx, session_id)
    session = msgspec.structs.replace(session, transaction_id=transaction_id)
    await sessions.insert(tx, session)
    await sessions.add_event(tx, session, session.started_at, "plugged_in")
    if session.override_since is not None:
        await sessions.add_event(tx, session, session.override_since, "override", "replugged")
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "plugged_in"}, now)
    _tell(tx, session)
    return StartAnswer(transaction_id, status)


def _id_of(station_id: UUID, info: StartInfo) -> UUID:
    """From the facts of the start, or, where the station named the transaction (2.x), from its name and time."""
    if info.reference is not None:
        return derive("session", station_id, info.reference, info.at)
    return derive("session", station_id, info.connector_no, info.token_uid.lower(), info.meter_start_wh, info.at)


async def _begun_already(tx: AsyncSession, station_id: UUID, info: StartInfo) -> Session | None:
    """The open session that a start without a time of its own repeats: the same token, the meter where it was."""
    evse = await stations.evse_at(tx, station_id, info.connector_no) if info.at_heard else None
    found = await sessions.open_on(tx, evse.id) if evse is not None else None
    if found is None or found.token_uid.lower() != info.token_uid.lower():
        return None
    return found if found.meter_start_wh == info.meter_start_wh else None


async def _supersede(tx: AsyncSession, evse: Evse, info: StartInfo, now: datetime) -> None:
    """A station that starts anew has lost the end of what ran before: it ended where its last reading is."""
    for left in await sessions.all_open_on(tx, evse.id):
        if left.started_at < info.at:
            stop = max(left.register_wh, left.meter_start_wh)
            await _end(tx, left, max(left.read_at or left.started_at, left.started_at), stop, SUPERSEDED)
            await outbox.put(tx, "settle", str(left.id), {"session_id": left.id}, now + AWAITED)


async def take_readings(tx: AsyncSession, station_id: UUID, info: ReadingsInfo, now: datetime) -> None:
    """Readings came: kept for the energy, and, where they are of now, held against the plan."""
    session = await _session_of(tx, station_id, info)
    if session is None:
        await _keep_orphan(tx, station_id, "MeterValues", info, now)
        return
    if session.state is not SessionState.OPEN:
        await _keep_late(tx, session, info.readings, now)
        return
    await _keep(tx, session, info.readings, now)
    plan = await plans.get(tx, session.plan_id)
    after = session
    for sample in sorted(info.readings, key=lambda one: one.at):
        after = _read(after, sample)
        if plan is not None and info.live and now - sample.at <= LIVE:
            after = await _hold_against_plan(tx, after, plan, sample, now)
    if session.soc_pct is None and after.soc_pct is not None:  # the plan in force guessed, and charges a floor first
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "soc_known"}, now)
    if following.is_silent(session) and after.power_w > session.power_w + TOLERANCE_W:  # what it draws is reserved
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "silent_draws_more"}, now)
    await sessions.save(tx, session, after)
    announce(tx, SessionMoved(session.account_id, session.id))


async def _session_of(tx: AsyncSession, station_id: UUID, info: ReadingsInfo) -> Session | None:
    if info.transaction_id is not None and info.transaction_id > 0:
        return await sessions.by_transaction(tx, station_id, info.transaction_id)
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    return None if evse is None else await sessions.open_on(tx, evse.id)


async def _keep(tx: AsyncSession, session: Session, samples: Sequence[SampledReading], now: datetime) -> None:
    rows = [
        SampleRow(session.id, one.at, one.register_wh, one.power_w, one.soc_pct, now)
        for one in samples
        if one.register_wh is not None and one.at >= session.started_at
    ]
    await sessions.add_readings(tx, rows)


async def _keep_late(tx: AsyncSession, session: Session, samples: Sequence[SampledReading], now: datetime) -> None:
    """Readings of a session that has ended: where they say anything new of its stay, it is settled anew.

    Once for all that come within a while: a queue is replayed reading by reading.
    """
    before = await sessions.readings(tx, session.id)
    await _keep(tx, session, samples, now)
    if session.ended_at is None or now - session.ended_at > LATE:
        return
    after = await _guess_again(tx, session, samples)
    await sessions.save(tx, session, after)
    new = set(await sessions.readings(tx, session.id)).difference(before)
    if after != session or any(one.at <= session.ended_at for one in new):
        await outbox.put_once(tx, "settle", str(session.id), {"session_id": session.id}, now + AWAITED)


async def _guess_again(tx: AsyncSession, session: Session, samples: Sequence[SampledReading]) -> Session:
    """The session with the end that we guessed where it is by its readings now; what its station said stands.

    Nothing counts from the moment on at which the EVSE was free or the next car there.
    """
    if session.stop_reason not in GUESSED or session.ended_at is None:
        return session
    until = session.ended_at
    if session.stop_reason == SUPERSEDED:
        until = await sessions.next_start(tx, session) or until
    seen = [(one.at, one.register_wh) for one in samples if one.register_wh is not None]
    inside = [(at, register_wh) for at, register_wh in seen if session.started_at <= at <= until]
    stop_wh = max([session.meter_stop_wh or session.meter_start_wh, *(register_wh for _, register_wh in inside)])
    return msgspec.structs.replace(
        session,
        ended_at=max([session.ended_at, *(at for at, _ in inside)]),
        meter_stop_wh=stop_wh,
        register_wh=max(session.register_wh, stop_wh),
    )


def _read(session: Session, sample: SampledReading) -> Session:
    """The session after a sample; an older one than the last moves nothing back."""
    if session.read_at is not None and sample.at < session.read_at:
        return session
    changes: dict[str, object] = {"read_at": sample.at}
    if sample.register_wh is not None:
        changes["register_wh"] = max(session.register_wh, sample.register_wh)
    if sample.power_w is not None:
        changes["power_w"] = sample.power_w
    if sample.soc_pct is not None:
        changes["soc_pct"] = sample.soc_pct
    return msgspec.structs.replace(session, **changes)


async def _hold_against_plan(
    tx: AsyncSession, session: Session, plan: Plan, sample: SampledReading, now: datetime
) -> Session:
    told = plan.sent_at is not None and plan.outcome == "accepted"
    if sample.power_w is None or not told or sample.at < max(plan.sent_at or now, plan.made_at) + GRACE:
        return session
    since = plan.allowed_since(sample.at)
    drew = since is not None and await sessions.drew_between(tx, session.id, since, sample.at)
    allowed = max(plan.power_w(sample.at), plan.power_w(sample.at - GRACE))
    sight = Sight(sample.at, sample.power_w, allowed, since, drew)
    verdict = following.judge(session, sight)
    if verdict in (Verdict.SEND_AGAIN, Verdict.NOT_FOLLOWED) and await _is_unlimited(tx, session, plan):
        verdict = Verdict.FINE
    session = msgspec.structs.replace(session, idle_since=_idle_since(session, sight))
    if verdict is Verdict.FINE:
        if why := await _plan_anew(tx, session, plan, sample):
            await outbox.put_once(tx, "replan", str(session.location_id), {"why": why}, now)
        ok = session.followed is Followed.PENDING and sample.power_w >= DRAWING_W and session.plan_accepted
        return msgspec.structs.replace(session, followed=Followed.FOLLOWED) if ok else session
    await sessions.add_event(tx, session, sample.at, verdict.value)
    return await _act_on(tx, session, verdict, now)


async def _is_unlimited(tx: AsyncSession, session: Session, plan: Plan) -> bool:
    """A charge at once on a limit of its own was told no limit: its plan is only what we expect of it."""
    station = await stations.get(tx, session.station_id)
    return objective.told_no_limit(session.delay, plan.need_source, shared=station.feeder_id is not None)


async def _plan_anew(tx: AsyncSession, session: Session, plan: Plan, sample: SampledReading) -> str | None:
    """Why what the meter says asks for another plan: the estimate is used up, or the car fell behind (it had slept)."""
    if plan.delivered_by(sample.at) and _used_up(session, plan):
        goes_on = await sessions.drew_between(tx, session.id, sample.at - LIVE, sample.at)
        return "goes_on" if goes_on else None
    behind = plan.energy_until(sample.at) - (session.energy_wh - plan.delivered_at_wh)
    drawing = sample.power_w is not None and sample.power_w >= DRAWING_W
    return "behind" if drawing and behind > BEHIND_WH else None


def _idle_since(session: Session, sight: Sight) -> datetime | None:
    """The first reading at which a car that may draw, and has had time to begin, does not."""
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
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "not_followed"}, now)
        return msgspec.structs.replace(session, followed=Followed.NOT_FOLLOWED, not_followed_reason=TOO_MUCH)
    await outbox.put(tx, "resend", str(session.station_id), {"session_id": session.id}, now)
    if verdict is Verdict.WAKE:
        return msgspec.structs.replace(session, wakes=session.wakes + 1)
    return msgspec.structs.replace(session, followed=Followed.RESENT)


async def close_session(tx: AsyncSession, station_id: UUID, info: StopInfo, now: datetime) -> TokenAnswer | None:
    """A transaction ended. A repeat, or one that we never saw, is acknowledged and changes nothing.

    The end of a session that we took for ended may come after all, out of a station's queue. It counts whenever it
    comes: after the settlement, what was posted is corrected.
    """
    session = await sessions.by_transaction(tx, station_id, info.transaction_id)
    if session is None:
        await _keep_orphan(tx, station_id, "StopTransaction", info, now)
        return None
    if session.state is SessionState.OPEN or (session.stop_reason in GUESSED and info.reason not in GUESSED):
        await _keep(tx, session, info.readings, now)
        ended_at = max(min(info.at, now + CLOCK_SKEW), session.started_at)
        if session.stop_reason == SUPERSEDED:  # the next car was there by then
            ended_at = min(ended_at, await sessions.next_start(tx, session) or ended_at)
        await _end(tx, session, ended_at, max(info.meter_stop_wh, session.meter_start_wh), info.reason or "Local")
        await outbox.withdraw(tx, "close", str(session.id), now)
        await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    else:
        await _keep_late(tx, session, info.readings, now)
    return TokenAnswer("Accepted")


async def close_unheard(tx: AsyncSession, session_id: UUID, free_at: datetime, now: datetime) -> str:
    """End a session whose EVSE said a while ago that it is free, though nobody said that the session ended.

    Returns what became of it: `closed`, `ended` (its end was heard meanwhile), `in_use` (the car is there after all).
    """
    session = await sessions.held(tx, session_id)
    if session is None or session.state is not SessionState.OPEN:
        return "ended"
    evse = await stations.evse(tx, session.evse_id)
    read_at = session.read_at or session.started_at
    if evse is None or evse.status != "Available" or read_at > free_at:
        return "in_use"
    await _end(tx, session, free_at, max(session.register_wh, session.meter_start_wh), UNHEARD)
    await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    return "closed"


async def close_lost(tx: AsyncSession, session_id: UUID, now: datetime) -> bool:
    """End a session of which its station says that it is over and that it has no more to tell: at its last reading."""
    session = await sessions.held(tx, session_id)
    if session is None or session.state is not SessionState.OPEN:
        return False
    stop_wh = max(session.register_wh, session.meter_start_wh)
    await _end(tx, session, max(session.read_at or session.started_at, session.started_at), stop_wh, UNHEARD)
    await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    return True


async def _end(tx: AsyncSession, session: Session, ended_at: datetime, stop_wh: int, reason: str) -> None:
    after = msgspec.structs.replace(
        session,
        state=SessionState.ENDED,
        ended_at=ended_at,
        meter_stop_wh=stop_wh,
        register_wh=max(session.register_wh, stop_wh),
        stop_reason=reason,
        power_w=0,
    )
    await sessions.save(tx, session, after)
    await sessions.add_event(tx, session, ended_at, "unplugged", reason)
    _tell(tx, after)


async def _keep_orphan(
    tx: AsyncSession, station_id: UUID, action: str, info: ReadingsInfo | StopInfo, now: datetime
) -> None:
    station = await stations.get(tx, station_id)
    payload = msgspec.json.encode(info).decode()
    values: dict[str, object] = {"party_id": station.party_id, "station_id": station_id, "received_at": now}
    await sessions.add_orphan(tx, {**values, "action": action, "payload": payload})


def _tell(tx: AsyncSession, session: Session) -> None:
    announce(tx, SessionMoved(session.account_id, session.id))
    announce(tx, LocationMoved(session.location_id))

"""What cars say by way of their stations (ISO 15118): kept, and planned by where no driver says else."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.car_needs import LEAST_W, CarNeeds, is_news, passes, sound
from server.core.objective import told_no_limit
from server.core.reports import CarSchedule
from server.core.session import Session
from server.flows import facts
from server.flows.announcements import SessionMoved
from server.flows.facts import SessionFacts
from server.storage import outbox, sessions, stations
from server.storage.db import announce

ACCEPTED, PROCESSING, REJECTED = "Accepted", "Processing", "Rejected"
PLANNED_IN = timedelta(seconds=10)
"""A plan that changes by what the car said is sent as it is made; one that does not is sent again then."""


async def heard(tx: AsyncSession, station_id: UUID, connector_no: int, said: CarNeeds, now: datetime) -> str:
    """Keep what a car needs; its plan is sent once more, made anew where it says something new."""
    session = await _session(tx, station_id, connector_no)
    if session is None:
        return REJECTED
    needs = sound(said, session.energy_wh)
    changed = is_news(session.car_needs, needs)
    if changed:
        soc = session.soc_pct if needs.soc_pct is None else needs.soc_pct
        await sessions.save(tx, session, msgspec.structs.replace(session, car_needs=needs, soc_pct=soc))
        await sessions.add_event(tx, session, now, "car_needs", needs.mode)
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "car_needs"}, now)
        announce(tx, SessionMoved(session.account_id, session.id))
    due = now + PLANNED_IN if changed else now
    await outbox.put(tx, "resend", str(station_id), {"session_id": session.id}, due)
    return ACCEPTED if session.plan_id is not None else PROCESSING


async def intends(tx: AsyncSession, station_id: UUID, schedule: CarSchedule, now: datetime) -> bool:
    """Whether what a car means to draw is within its plan; where not, its station is sent that once more."""
    session = await _session(tx, station_id, schedule.connector_no)
    if session is None:
        return True
    seen = await facts.of_session(tx, session)
    slots = [] if seen.plan is None else list(seen.plan.grid.starts())
    ahead = [one for one in schedule.steps if one.at >= now]
    running = [msgspec.structs.replace(one, at=now) for one in schedule.steps if one.at < now][-1:]
    if not passes([*running, *ahead], schedule.until, lambda at: _limit_w(seen, at), slots, seen.evse.phases):
        return True
    await sessions.add_event(tx, session, now, "car_schedule", REJECTED)
    await outbox.put(tx, "resend", str(station_id), {"session_id": session.id}, now)
    return False


def _limit_w(seen: SessionFacts, at: datetime) -> int:
    """What a session may draw at a moment, W: what its station was told, at least 6 A where that is anything."""
    plan, session = seen.plan, seen.session
    shared = seen.station.feeder_id is not None
    if plan is None or told_no_limit(session.delay, plan.need_source, shared=shared, asleep=session.asleep):
        return seen.free_w(at)
    power_w = plan.power_w(at)
    return max(power_w, LEAST_W * seen.phases) if power_w else 0


async def _session(tx: AsyncSession, station_id: UUID, connector_no: int) -> Session | None:
    evse = await stations.evse_at(tx, station_id, connector_no)
    return await sessions.open_on(tx, evse.id) if evse is not None else None

"""Plans a place anew and tells its stations: who must draw less hears it first."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.core.session import Followed, Session
from server.core.station import safe_share_w
from server.flows import facts, plans
from server.flows.facts import SessionFacts
from server.storage import outbox, sessions, stations
from server.storage import plans as stored
from server.storage.outbox import Task
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order

ROUNDS = 3
REFUSED = "profile_"
REFUSALS = ("rejected", "not_supported", "error")


async def replan(context: WorkContext, task: Task) -> str:
    """Load, solve in another process, save; an answer that is older than what was saved meanwhile is asked anew."""
    location_id = UUID(task.key)
    for _ in range(ROUNDS):
        now = context.clock.now()
        async with context.db.read() as tx:
            question = await plans.prepare(tx, location_id, now)
        if question is None or not question.wishes:
            return "nobody_charges"
        answer = await context.solver.solve(question.problem)
        if verdicts := plans.regrets(question, answer):
            question = plans.charging_at_once(question, verdicts)
            answer = await context.solver.solve(question.problem)
        async with context.db.begin() as tx:
            if await plans.save(tx, question, answer, context.clock.now()):
                return "planned"
    return "outrun"


async def dispatch(context: WorkContext, task: Task) -> str:
    """Send the plans of a place that were not sent yet. Where one that takes less is refused, nobody gets more."""
    now = context.clock.now()
    async with context.db.read() as tx:
        found = await facts.of_sessions(tx, await sessions.open_at(tx, UUID(task.key)))
    unsent = [one for one in found if one.plan is not None and one.plan.sent_at is None and one.station.online]
    unsent.sort(key=lambda one: _rise(one, now))
    for one in unsent:
        heard = await _send(context, one, now)
        if not heard.accepted and _rise(one, now) < 0 and one.station.feeder_id is not None:
            await _ask_again(context, UUID(task.key))
            return f"held_back:{heard.status}"
    return f"sent:{len(unsent)}"


def _rise(one: SessionFacts, now: datetime) -> int:
    assert one.plan is not None
    return one.plan.power_w(now) - one.session.power_w


async def resend(context: WorkContext, task: Task) -> str:
    """Send the plan in force of a station's session once more."""
    session_id = msgspec.json.decode(task.payload, type=dict[str, UUID])["session_id"]
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        one = await facts.of_session(tx, session) if session is not None and session.ended_at is None else None
    if one is None or one.plan is None:
        return "ended"
    return (await _send(context, one, context.clock.now())).status


async def _send(context: WorkContext, one: SessionFacts, now: datetime) -> Heard:
    assert one.plan is not None
    heard = await context.stations.set_plan(one.station.id, order(one, now))
    async with context.db.begin() as tx:
        await stored.set_outcome(tx, one.plan.id, now, heard.status)
        current = await sessions.get(tx, one.session.id)
        assert current is not None
        await sessions.save(tx, current, _after(current, heard))
        if heard.accepted:
            await sessions.add_event(tx, current, now, "plan_accepted", str(one.plan.version))
        else:
            await sessions.add_event(tx, current, now, "plan_not_accepted", heard.status)
    if heard.status in REFUSALS:
        await _ask_again(context, one.session.location_id)
    return heard


def _after(session: Session, heard: Heard) -> Session:
    if heard.accepted:
        refused = (session.not_followed_reason or "").startswith(REFUSED)
        again = {"followed": Followed.PENDING, "not_followed_reason": None} if refused else {}
        return msgspec.structs.replace(session, plan_accepted=True, **again)
    if heard.status in REFUSALS:
        return msgspec.structs.replace(
            session, followed=Followed.NOT_FOLLOWED, not_followed_reason=f"{REFUSED}{heard.status}"
        )
    return session


async def _ask_again(context: WorkContext, location_id: UUID) -> None:
    async with context.db.begin() as tx:
        await outbox.put_once(tx, "replan", str(location_id), {"why": "not_accepted"}, context.clock.now())


def order(one: SessionFacts, now: datetime) -> Order:
    """A plan as its station hears it, from the present slot on. A charge at once on a limit of its own is unlimited."""
    plan = one.plan
    assert plan is not None
    slot = max(0, min(plan.grid.index(now), plan.grid.slots))
    elapsed = (max(plan.made_at, plan.grid.at(slot)) - plan.grid.at(slot)).total_seconds()
    free = one.session.delay.value != "managed" and one.station.feeder_id is None
    return Order(
        transaction_id=one.session.transaction_id,
        connector_no=one.session.connector_no,
        start=plan.grid.at(slot),
        slot_seconds=plan.slot_seconds,
        elapsed_s=round(elapsed),
        energy_wh=[] if free else plan.energy_wh[slot:],
        max_w=one.max_w,
        final_w=one.max_w if free else plan.final_w,
        phases=one.phases,
        unit=one.station.unit or "A",
    )


async def configure(context: WorkContext, task: Task) -> str:
    """Give a station that came (back) what it must hold: its safe share, and the plans of its open sessions."""
    station_id = UUID(task.key)
    async with context.db.read() as tx:
        station = await stations.get(tx, station_id)
        feeder = await stations.feeder_of(tx, station.location_id)
        boxes = await stations.at_location(tx, station.location_id)
        running = [one for one in await sessions.open_at(tx, station.location_id) if one.station_id == station_id]
    if not station.online:
        return "offline"
    if feeder is not None:
        share = safe_share_w(feeder, len(boxes), station.phases)
        heard = await context.stations.set_safe_share(station_id, share, station.unit or "A", station.phases)
        await context.stations.set_option(station_id, "LocalAuthorizeOffline", "false")
        async with context.db.begin() as tx:
            await stations.update(tx, station_id, safe_held_w=share if heard.accepted else None)
    for session in running:
        async with context.db.begin() as tx:
            await outbox.put(tx, "resend", str(station_id), {"session_id": session.id}, context.clock.now())
    return "configured"

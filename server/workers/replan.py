"""Plans a place anew and tells its stations: who must draw less hears it first."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.objective import told_no_limit
from server.core.session import Followed, Session
from server.core.station import Station, safe_share_w
from server.flows import facts, plans
from server.flows.facts import SessionFacts
from server.storage import outbox, sessions, stations
from server.storage import plans as stored
from server.storage.outbox import Task
from server.storage.plans import Plan
from server.storage.sessions import SessionEvent
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order
from shared.sessions import Delay

ROUNDS = 3
READING_OPTIONS = (
    ("MeterValueSampleInterval", "300"),
    ("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import"),
)
REFUSED = "profile_"
SILENT = timedelta(minutes=1)
"""Whether a station that did not answer has the plan, nobody knows: ask again soon, not at once."""
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
    async with context.db.begin() as tx:
        await outbox.put(tx, "replan", str(location_id), {"why": "outrun"}, context.clock.now())
    return "outrun"


async def dispatch(context: WorkContext, task: Task) -> str:
    """Send the plans of a place that were not sent yet: first, side by side, to all that must draw less.

    Where one of those does not accept, nobody gets more; else the others hear theirs, side by side too.
    """
    now = context.clock.now()
    async with context.db.read() as tx:
        found = await facts.of_sessions(tx, await sessions.open_at(tx, UUID(task.key)))
        accepted = await stored.last_accepted(tx, [one.session.id for one in found])
    unsent = [one for one in found if one.plan is not None and one.plan.sent_at is None and one.station.online]
    first = [one for one in unsent if _less_first(one, accepted.get(one.session.id), now)]
    told = await _send(context, first, now)
    for one, heard in zip(first, told, strict=True):
        if not heard.accepted and one.station.feeder_id is not None:
            return f"held_back:{heard.status}"
    if any(_in_doubt(one) and _less_first(one, accepted.get(one.session.id), now) for one in found):
        return "held_back:in_doubt"
    await _send(context, [one for one in unsent if one not in first], now)
    return f"sent:{len(unsent)}"


def _in_doubt(one: SessionFacts) -> bool:
    """Whether a station behind a shared limit was sent its plan and did not say that it has it; it is asked again."""
    if one.plan is None or one.plan.sent_at is None or one.plan.outcome == "accepted" or not one.station.online:
        return False
    return one.station.feeder_id is not None and one.session.followed is not Followed.NOT_FOLLOWED


def _less_first(one: SessionFacts, before: Plan | None, now: datetime) -> bool:
    """Whether a new plan allows less where it first differs from the one that the station has accepted.

    Most plans allow more at one time and less at another. What is less now makes room for others now; what is less
    later can wait until they have made room.
    """
    plan = one.plan
    assert plan is not None
    if before is None:  # behind a shared limit it is on its default profile, or on none
        held_w = one.station.safe_held_w
        return one.station.feeder_id is not None and plan.power_w(now) < (one.max_w if held_w is None else held_w)
    for moment in sorted({*plan.moments(now), *before.moments(now)}):
        change_w = plan.power_w(moment) - before.power_w(moment)
        if abs(change_w) > 1:
            return change_w < 0
    return False


async def resend(context: WorkContext, task: Task) -> str:
    """Send the plan in force of a station's session once more; one that allows more than before waits for its turn."""
    session_id, now = msgspec.json.decode(task.payload, type=dict[str, UUID])["session_id"], context.clock.now()
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        one = await facts.of_session(tx, session) if session is not None and session.ended_at is None else None
        accepted = await stored.last_accepted(tx, [session_id])
    if one is None or one.plan is None:
        return "ended"
    if not one.station.online:
        return "offline"  # it is told when it comes back
    unsent = one.plan.sent_at is None and one.station.feeder_id is not None
    if unsent and not _less_first(one, accepted.get(session_id), now):
        async with context.db.begin() as tx:
            location_id = one.session.location_id
            await outbox.put_once(tx, "dispatch", str(location_id), {"location_id": location_id}, now)
        return "in_turn"
    (heard,) = await _send(context, [one], now)
    return heard.status


async def _send(context: WorkContext, told: Sequence[SessionFacts], now: datetime) -> list[Heard]:
    """Send several plans side by side; what was heard is kept in the order of `told`, whoever answered first."""
    if not told:
        return []
    asked = [context.stations.set_plan(one.station.id, order(one, now)) for one in told]
    answers = await asyncio.gather(*asked)
    async with context.db.begin() as tx:
        await _keep(tx, told, answers, now)
        refusals = [heard.status for heard in answers if not heard.accepted]
        if refusals:
            waits = {status: timedelta(0) if status in REFUSALS else SILENT for status in refusals}
            soonest = min(refusals, key=waits.__getitem__)
            due_at = context.clock.now() + waits[soonest]
            await outbox.put(tx, "replan", str(told[0].session.location_id), {"why": soonest}, due_at)
        for one, heard in zip(told, answers, strict=True):
            if _still_held(one.plan, heard):
                again = {"session_id": one.session.id}
                await outbox.put(tx, "resend", str(one.station.id), again, context.clock.now() + SILENT)
    return answers


def _still_held(plan: Plan | None, heard: Heard) -> bool:
    """Whether a station that accepted a plan before was not heard when it was told once more: it may well have it."""
    return plan is not None and plan.outcome == "accepted" and not heard.accepted and heard.status not in REFUSALS


async def _keep(tx: AsyncSession, told: Sequence[SessionFacts], answers: Sequence[Heard], now: datetime) -> None:
    """Write what stations said of their plans. Sessions are read anew: a reading may have come in meanwhile."""
    current = await sessions.some(tx, [one.session.id for one in told])
    outcomes, happened = [], []
    for one, heard in zip(told, answers, strict=True):
        plan, session = one.plan, current[one.session.id]
        assert plan is not None
        await sessions.save(tx, session, _after(session, heard))
        if not _still_held(plan, heard):
            outcomes.append(stored.Outcome(plan.id, now, heard.status))
        kind, detail = ("accepted", str(plan.version)) if heard.accepted else ("not_accepted", heard.status)
        happened.append((session, SessionEvent(session.id, now, f"plan_{kind}", detail)))
    await stored.set_outcomes(tx, outcomes)
    await sessions.add_events(tx, happened)


def _after(session: Session, heard: Heard) -> Session:
    if heard.accepted:
        refused = (session.not_followed_reason or "").startswith(REFUSED)
        again = {"followed": Followed.PENDING, "not_followed_reason": None} if refused else {}
        held_back = session.held_back or session.delay is Delay.MANAGED
        return msgspec.structs.replace(session, plan_accepted=True, held_back=held_back, **again)
    if heard.status in REFUSALS:
        return msgspec.structs.replace(
            session, followed=Followed.NOT_FOLLOWED, not_followed_reason=f"{REFUSED}{heard.status}"
        )
    return session


def order(one: SessionFacts, now: datetime) -> Order:
    """A plan as its station hears it, from the present slot on. A charge at once on a limit of its own is unlimited."""
    plan = one.plan
    assert plan is not None
    slot = max(0, min(plan.grid.index(now), plan.grid.slots))
    elapsed = (max(plan.made_at, plan.grid.at(slot)) - plan.grid.at(slot)).total_seconds()
    free = told_no_limit(one.session.delay, plan.need_source, shared=one.station.feeder_id is not None)
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
        sockets = len(await stations.evses_at(tx, [station.location_id]))
        running = [one for one in await sessions.open_at(tx, station.location_id) if one.station_id == station_id]
    if not station.online:
        return "offline"
    if station.unit is None:
        station = await _first_acquaintance(context, station)
    if feeder is not None:
        # In W a share says nothing about phases, so it is that of one: six one-phase cars may stand on one of them.
        phases = 1 if station.unit == "W" else station.phases
        share = safe_share_w(feeder, max(len(boxes), sockets), phases)
        heard = await context.stations.set_safe_share(station_id, share, station.unit or "A", phases)
        alone = not (await context.stations.set_option(station_id, "LocalAuthorizeOffline", "false")).accepted
        async with context.db.begin() as tx:
            await stations.update(tx, station_id, safe_held_w=share if heard.accepted else None, starts_alone=alone)
            if alone != station.starts_alone:
                await outbox.put_once(tx, "replan", str(station.location_id), {"why": "share"}, context.clock.now())
    for session in running:
        async with context.db.begin() as tx:
            await outbox.put(tx, "resend", str(station_id), {"session_id": session.id}, context.clock.now())
    return "configured"


async def _first_acquaintance(context: WorkContext, station: Station) -> Station:
    """Ask a station that we do not know yet which unit its profiles take, and to report energy and power.

    One that does not say takes A (OCPP 1.6: ChargingScheduleAllowedChargingRateUnit, 9.4.2).
    """
    said = await context.stations.get_option(station.id, "ChargingScheduleAllowedChargingRateUnit")
    unit = "W" if "power" in said.lower() and "current" not in said.lower() else "A"
    for key, value in READING_OPTIONS:
        await context.stations.set_option(station.id, key, value)
    async with context.db.begin() as tx:
        await stations.update(tx, station.id, unit=unit)
    return msgspec.structs.replace(station, unit=unit)

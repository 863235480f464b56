"""Plans a place anew and tells its stations: who must draw less hears it first."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.following import PROFILE, UNANSWERED, UNANSWERED_MAX, is_silent
from server.core.objective import told_no_limit
from server.core.session import Followed, Session
from server.core.station import ACCEPTED
from server.core.traits import stack_level
from server.flows import facts, plans, returning
from server.flows.announcements import SessionMoved
from server.flows.facts import SessionFacts
from server.flows.stations import READINGS
from server.storage import outbox, sessions, stations
from server.storage import plans as stored
from server.storage.db import announce
from server.storage.outbox import Task
from server.storage.plans import Plan
from server.storage.sessions import SessionEvent
from server.workers import acquaintance, shares
from server.workers.acquaintance import REFUSALS
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order
from shared.sessions import Delay, SessionState

ROUNDS = 3
SILENT = timedelta(minutes=1)
"""Whether a station that did not answer has the plan, nobody knows: ask again soon, not at once."""
SELDOM = timedelta(minutes=10)
"""One that was given up is asked this often whether it is there again."""


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
        held = await stored.may_hold(tx, [one.session.id for one in found])
    unsent = [one for one in found if one.plan is not None and one.plan.sent_at is None and one.station.online]
    unsent = [one for one in unsent if not is_silent(one.session)]  # what is reserved for it is another plan
    held_on = [
        (one, acquaintance.instead(one, held.get(one.session.id, ()), now))
        for one in unsent
        if acquaintance.spent(one, now)
    ]
    kept = [(one, plan) for one, plan in held_on if plan is not None]
    await acquaintance.leave(context, kept, now)
    unsent = [one for one in unsent if one not in [left for left, _ in kept]]
    first = [one for one in unsent if _less_first(one, held.get(one.session.id, ()), now)]
    told = await _send(context, first, now)
    for one, heard in zip(first, told, strict=True):
        if not heard.accepted and one.station.feeder_id is not None:
            return f"held_back:{heard.status}"
    if any(_in_doubt(one) and _less_first(one, held.get(one.session.id, ()), now) for one in found):
        return "held_back:in_doubt"
    await _send(context, [one for one in unsent if one not in first], now)
    return f"sent:{len(unsent)}"


def _in_doubt(one: SessionFacts) -> bool:
    """Whether a station behind a shared limit was sent its plan and did not say that it has it; it is asked again."""
    if one.plan is None or one.plan.sent_at is None or one.plan.outcome == "accepted" or not one.station.online:
        return False
    return one.station.feeder_id is not None and one.session.followed is not Followed.NOT_FOLLOWED


def _less_first(one: SessionFacts, held: Sequence[Plan], now: datetime) -> bool:
    """Whether a new plan allows less where it first differs from one that the station may be doing.

    Most plans allow more at one time and less at another. What is less now makes room for others now; what is less
    later can wait until they have made room.
    """
    plan = one.plan
    assert plan is not None
    if all(before.outcome != "accepted" for before in held):  # on its default profile, or on none
        held_w = one.max_w if one.station.safe_held_w is None else one.station.safe_held_w
        if one.station.feeder_id is not None and plan.power_w(now) < held_w:
            return True
    return any(_less(plan, before, now) for before in held if before.id != plan.id)


def _less(plan: Plan, before: Plan, now: datetime) -> bool:
    for moment in sorted({*plan.moments(now), *before.moments(now)}):
        change_w = plan.power_w(moment) - before.power_w(moment)
        if abs(change_w) > 1:
            return change_w < 0
    return False


async def resend(context: WorkContext, task: Task) -> str:
    """Send the plan in force of a station's session once more; one that allows more than before waits for its turn.

    Where a station was given up, a plan that it was never sent is not what is reserved for it: it is asked with the
    last one that it was.
    """
    session_id, now = msgspec.json.decode(task.payload, type=dict[str, UUID])["session_id"], context.clock.now()
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        one = await facts.of_session(tx, session) if session is not None and session.ended_at is None else None
        held = await stored.may_hold(tx, [session_id])
    if one is None or one.plan is None:
        return "ended"
    if not one.station.online:
        return "offline"  # it is told when it comes back
    unsent = one.plan.sent_at is None and one.station.feeder_id is not None
    if unsent and is_silent(one.session) and session_id in held:
        one, unsent = msgspec.structs.replace(one, plan=held[session_id][-1]), False
    if unsent and not _less_first(one, held.get(session_id, ()), now):
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
    orders = [order(one, now) for one in told]
    answers = await asyncio.gather(
        *(context.stations.set_plan(one.station.id, said) for one, said in zip(told, orders, strict=True))
    )
    told, answers = await acquaintance.ask_other_unit(context, told, orders, answers)
    async with context.db.begin() as tx:
        await acquaintance.remember(tx, told, answers, now)
        await acquaintance.tell_the_rest(tx, told, orders, answers)
        kept = await _keep(tx, told, answers, now)
        waits = [(_wait(*pair, heard), heard.status) for pair, heard in zip(kept, answers, strict=True)]
        due = [(wait, status) for wait, status in waits if wait is not None]
        if due:
            wait, why = min(due, key=lambda one: one[0])
            location_id = told[0].session.location_id
            await outbox.put(tx, "replan", str(location_id), {"why": why}, context.clock.now() + wait)
        for one, (_, after), heard in zip(told, kept, answers, strict=True):
            await _ask_again(tx, one, after, heard, context.clock.now())
    return answers


def _wait(before: Session, after: Session, heard: Heard) -> timedelta | None:
    """In how long the place is to be planned anew for what a station said, None where that changes nothing."""
    if (before.followed is Followed.NOT_FOLLOWED) != (after.followed is Followed.NOT_FOLLOWED):
        return timedelta(0)  # it is given up and the others get the rest, or it takes part again
    if heard.accepted or is_silent(after):
        return None
    return timedelta(0) if heard.status in REFUSALS else SILENT


async def _ask_again(tx: AsyncSession, one: SessionFacts, after: Session, heard: Heard, now: datetime) -> None:
    """Queue another try with a station that did not answer, unless the next plan of the place is one."""
    again = {"session_id": one.session.id}
    if is_silent(after) and not heard.accepted:
        await outbox.put_once(tx, "resend", str(one.session.id), again, now + SELDOM)
    elif _still_held(one.plan, heard):
        await outbox.put(tx, "resend", str(one.station.id), again, now + SILENT)


def _still_held(plan: Plan | None, heard: Heard) -> bool:
    """Whether a station that accepted a plan before was not heard when it was told once more: it may well have it."""
    return plan is not None and plan.outcome == "accepted" and not heard.accepted and heard.status not in REFUSALS


async def _keep(
    tx: AsyncSession, told: Sequence[SessionFacts], answers: Sequence[Heard], now: datetime
) -> list[tuple[Session, Session]]:
    """Write what stations said of their plans; returns each session before and after.

    Sessions are read anew, and held: a reading may have come in meanwhile, or come now. To one that has ended nothing
    is added: what it is settled by stays.
    """
    current = await sessions.some_held(tx, [one.session.id for one in told])
    outcomes, happened, kept = [], [], []
    for one, heard in zip(told, answers, strict=True):
        plan, session = one.plan, current[one.session.id]
        assert plan is not None
        if session.state is not SessionState.OPEN:
            kept.append((session, session))
            continue
        after = _after(session, heard, given_up=await _given_up(tx, session, heard))
        kept.append((session, after))
        await sessions.save(tx, session, after)
        if not _still_held(plan, heard):
            outcomes.append(stored.Outcome(plan.id, now, heard.status))
        kind, detail = ("accepted", str(plan.version)) if heard.accepted else ("not_accepted", heard.status)
        happened.append((session, SessionEvent(session.id, now, f"plan_{kind}", detail)))
        if after.followed is not session.followed:
            if is_silent(after):
                happened.append((session, SessionEvent(session.id, now, "not_followed", heard.status)))
            announce(tx, SessionMoved(session.account_id, session.id))
    await stored.set_outcomes(tx, outcomes)
    await sessions.add_events(tx, happened)
    return kept


async def _given_up(tx: AsyncSession, session: Session, heard: Heard) -> bool:
    """Whether a station has now left its last plans unanswered, UNANSWERED_MAX in a row."""
    if heard.status not in UNANSWERED:
        return False
    before = await sessions.answers(tx, session.id, UNANSWERED_MAX - 1)
    return len(before) == UNANSWERED_MAX - 1 and all(status in UNANSWERED for status in before)


def _after(session: Session, heard: Heard, *, given_up: bool) -> Session:
    """A session after what its station said; one that is not followed for another reason stays so in its silence."""
    if heard.accepted:
        refused = (session.not_followed_reason or "").startswith(PROFILE)
        again = {"followed": Followed.PENDING, "not_followed_reason": None} if refused else {}
        held_back = session.held_back or session.delay is Delay.MANAGED
        return msgspec.structs.replace(session, plan_accepted=True, held_back=held_back, **again)
    if heard.status in REFUSALS or (given_up and session.followed is not Followed.NOT_FOLLOWED):
        reason = f"{PROFILE}{heard.status}"
        return msgspec.structs.replace(session, followed=Followed.NOT_FOLLOWED, not_followed_reason=reason)
    return session


def order(one: SessionFacts, now: datetime) -> Order:
    """A plan as its station hears it, from the present slot on.

    A charge at once on a limit of its own is unlimited, but for what somebody else limits its station to.
    """
    plan = one.plan
    assert plan is not None
    slot = max(0, min(plan.grid.index(now), plan.grid.slots))
    begun = max(plan.made_at, plan.grid.at(slot))
    shared, asleep = one.station.feeder_id is not None, one.session.asleep
    free = told_no_limit(one.session.delay, plan.need_source, shared=shared, asleep=asleep)
    return Order(
        transaction_id=one.session.transaction_id,
        connector_no=one.session.connector_no,
        start=plan.grid.at(slot),
        slot_seconds=plan.slot_seconds,
        elapsed_s=round((begun - plan.grid.at(slot)).total_seconds()),
        energy_wh=one.unplanned_wh(plan, slot, begun) if free else plan.energy_wh[slot:],
        max_w=one.max_w,
        final_w=one.max_w if free else plan.final_w,
        phases=one.phases,
        unit=one.station.unit or "A",
        reference=one.session.transaction_ref,
        stack_level=stack_level(one.station.manner),
        periods_max=one.station.manner.periods_max,
    )


async def configure(context: WorkContext, task: Task) -> str:
    """Give a station that came (back) what it must hold: its safe share, and the plans of its open sessions."""
    station_id = UUID(task.key)
    async with context.db.read() as tx:
        station = await stations.get(tx, station_id)
        limits = await stations.feeders_of(tx, station.location_id)
        here = await facts.hardware(tx, station.location_id)
        running = [one for one in await sessions.open_at(tx, station.location_id) if one.station_id == station_id]
    if not station.online:
        return "offline"
    if station.admission != ACCEPTED:
        return "held"  # it is set up once its boot is accepted
    by_hand, marks = not station.manner.auto_configure, msgspec.json.decode(task.payload)
    if station.unit is None and not by_hand:
        station = await acquaintance.first(context, station)
    elif READINGS in marks and not by_hand:
        await acquaintance.tell_readings(context, station)
    if (limits or station.safe_held_w is not None) and not by_hand:
        await shares.configure(context, station, here, here.tree(limits), again=shares.AGAIN in marks)
    for session in running:
        async with context.db.begin() as tx:
            await outbox.put(tx, "resend", str(station_id), {"session_id": session.id}, context.clock.now())
    if not by_hand:
        async with context.db.begin() as tx:
            await returning.ask_later(tx, [station], context.clock.now())
    return "by_hand" if by_hand else "configured"

"""Planning a place: what is asked of the engine, and what becomes of its answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import ask, external_limit
from server.core.ask import Elsewhere, Place, Wish
from server.core.following import is_silent
from server.core.pricecurve import PriceSlot, curve_id, sources
from server.core.session import Followed, Session
from server.core.station import Station, kept_share_w
from server.core.timegrid import Grid, floor_slot
from server.core.valley import steady
from server.core.valley.problem import Answer, Problem
from server.flows import asking, facts, verdicts, wishes
from server.flows.announcements import LocationMoved, SessionMoved
from server.flows.facts import Hardware, SessionFacts
from server.flows.wishes import Here
from server.storage import outbox, past_sessions, plan_inputs, planned_sessions, plans, sessions, stations
from server.storage.db import announce
from server.storage.outbox import Wanted
from server.storage.planned_sessions import InForce, Running
from server.storage.plans import Plan
from shared.ids import derive
from shared.sessions import Delay

HORIZON = timedelta(hours=24)
HORIZON_MAX = timedelta(days=3)
DEADLINE_GRACE = timedelta(minutes=1)
MISSING_WH = 500
"""What is missing may drift this far with the readings before a plan is told anew."""


class Question(msgspec.Struct, frozen=True):
    """All that a plan of a place is made of; `problem` goes to the engine."""

    location_id: UUID
    zone: str
    version: int
    now: datetime
    place: Place
    curve: list[PriceSlot]
    asked: list[SessionFacts]
    wishes: list[Wish]
    problem: Problem

    @property
    def market(self) -> list[int]:
        """The market price by slot, micro per kWh."""
        return [slot.price_micro_per_kwh for slot in self.curve]


async def prepare(
    tx: AsyncSession, location_id: UUID, now: datetime, overridden: UUID | None = None
) -> Question | None:
    """What to ask for a place, None where nobody charges. `overridden`: as if this session were overridden now."""
    now = now.replace(microsecond=0)  # profiles count whole seconds; a slot must not have less than one left
    # First of all: an answer to anything that was read before another plan was saved must not count as newer than it.
    where = await facts.hardware(tx, location_id)
    open_here = await sessions.open_at(tx, location_id)
    if not open_here:
        return None
    found = await facts.at_places(tx, open_here, [where])
    if overridden is not None:
        found = [_as_overridden(one, now) if one.session.id == overridden else one for one in found]
    tree = where.tree(await stations.feeders_of(tx, location_id))
    steered = [one for one in found if one.station.online and not _unsteerable(one.session)]
    readies = [wishes.ready(one, now) for one in steered]
    grid = _grid(now, [ready.at for ready in readies])
    place = where.location
    curve = await facts.market(tx, place, grid)
    energies = await past_sessions.energies(tx, wishes.unsaid(steered), location_id)
    here = Here(tree, grid, [slot.price_micro_per_kwh for slot in curve], now, energies)
    lost = {one.session.id for one in found} - {one.session.id for one in steered}
    reserved = _reserved(found, where, await plans.may_hold(tx, sorted(lost)), here)
    wished = verdicts.standing(steered, await wishes.of_place(tx, steered, here), curve)
    limits = Place(
        grid=grid, now=now, zone=place.time_zone, tree=tree, reserved_w=reserved, elsewhere=_elsewhere(found, steered)
    )
    return Question(
        location_id=location_id,
        zone=place.zone,
        version=place.planned_version,
        now=now,
        place=limits,
        curve=curve,
        asked=steered,
        wishes=wished,
        problem=ask.problem(limits, wished),
    )


def _as_overridden(one: SessionFacts, now: datetime) -> SessionFacts:
    session = msgspec.structs.replace(one.session, override_since=now)
    return msgspec.structs.replace(one, session=session)


def _unsteerable(session: Session | Running) -> bool:
    """Its station refuses profiles, does not answer, or draws more than it was told: what it may draw is reserved."""
    return session.followed is Followed.NOT_FOLLOWED


def _grid(now: datetime, ends: Sequence[datetime | None]) -> Grid:
    start = floor_slot(now)
    last = max([now + HORIZON, *[end for end in ends if end is not None]])
    seconds = (min(last, now + HORIZON_MAX) - start).total_seconds()
    return Grid(start, int(-(-seconds // 900)))


def _reserved(
    found: Sequence[SessionFacts], where: Hardware, held: Mapping[UUID, Sequence[Plan]], here: Here
) -> dict[UUID, int]:
    """What stations out of reach, or out of hand, may draw behind each shared limit above them, W.

    Behind a limit in mA a one-phase car counts on all three phases.
    """
    if not here.tree.feeders:
        return {}
    taken = {one.evse.id for one in found}
    free = where.free_sockets(taken)
    drawn = [(box.feeder_id, free[box.id] * _free_w(box, here), box.phases) for box in where.stations if free[box.id]]
    lost = [one for one in found if not one.station.online or _unsteerable(one.session)]
    drawn += [(one.station.feeder_id, _lost_w(one, held.get(one.session.id, ()), here), one.phases) for one in lost]
    out = dict.fromkeys(here.tree.feeders, 0)
    for feeder_id, power, phases in drawn:
        for above in here.tree.path(feeder_id):
            out[above.id] += power * 3 // phases if above.limit_ma is not None else power
    return out


def _free_w(box: Station, here: Here) -> int:
    """What may be drawn at a free station before anybody there can be told anything.

    Out of reach, or should we be gone, only the default share; one that has not confirmed it holds to nothing, unless
    it never was here. One that has draws nothing at first (`START_WAIT_S`).
    """
    alone = here.tree.share_w(box.feeder_id, box.phases)
    if alone is None:
        return 0
    if box.safe_held_w is None and (box.online or box.booted_at is not None):
        return box.max_w
    share = kept_share_w(box, alone, box.phases)
    return share if not box.online or box.starts_alone else 0


def _lost_w(one: SessionFacts, held: Sequence[Plan], here: Here) -> int:
    """What may be drawn in a session that nobody steers.

    Where the station only does not answer, it keeps to what it accepted last, or else to the default share that it
    confirmed; a plan that it did not answer may have arrived all the same.
    """
    alone = here.tree.share_w(one.station.feeder_id, one.phases)
    if alone is None:
        return 0
    silent = is_silent(one.session)
    if (_unsteerable(one.session) and not silent) or one.station.safe_held_w is None:
        return one.max_w
    share = kept_share_w(one.station, alone, one.phases)
    moments = [(plan, moment) for plan in held for moment in plan.moments(here.now)]
    return max([share, one.session.power_w if silent else 0, *(plan.power_w(moment) for plan, moment in moments)])


def _elsewhere(found: Sequence[SessionFacts], steered: Sequence[SessionFacts]) -> list[Elsewhere]:
    """The stations with limits from somebody else. They keep to them by themselves, so that a car there which nobody
    steers takes of them what it draws now, not all that it could.
    """
    planned = {one.session.id for one in steered}
    out = []
    for box in {one.station.id: one.station for one in steered if one.station.external_limits}.values():
        lost = [one.session for one in found if one.station.id == box.id and one.session.id not in planned]
        drawn = {one.connector_no: one.power_w for one in lost}
        out.append(Elsewhere(box.id, box.feeder_id, box.external_limits or (), drawn))
    return out


def regrets(question: Question, answer: Answer) -> dict[UUID, Delay]:
    """The sessions that an answer's delay does not serve, with the reason: they are to be charged at once."""
    planned = {plan.id: plan.energy_wh for plan in answer.plans}
    stays = [
        verdicts.Stay(one, wish, planned[str(wish.session_id)])
        for one, wish in zip(question.asked, question.wishes, strict=True)
    ]
    return verdicts.against(stays, question.place.grid, question.now, question.market)


def charging_at_once(question: Question, found: Mapping[UUID, Delay]) -> Question:
    """The same question with some sessions charged at once."""
    wished = verdicts.heeded(question.wishes, found)
    return msgspec.structs.replace(question, wishes=wished, problem=ask.problem(question.place, wished))


async def save(tx: AsyncSession, question: Question, answer: Answer, now: datetime) -> bool:
    """Keep an answer as the plans in force, unless a newer one was saved since; a plan that says nothing new is not."""
    if not await plans.advance_version(tx, question.location_id, question.version):
        return False
    by_id = {plan.id: plan for plan in answer.plans}
    fresh, changed, of_curve = [], [], (sources(question.curve), str(curve_id(question.curve)))
    stays = _staying(question, answer)
    running = await planned_sessions.running_at(tx, question.location_id)
    for one, wish in zip(question.asked, question.wishes, strict=True):
        made, current = by_id[str(wish.session_id)], running.get(wish.session_id)
        if current is None or _unsteerable(current):
            continue  # it was unplugged while we planned, or given up: the place is planned without it next
        plan = _plan(question, one, wish, of_curve)
        plan = msgspec.structs.replace(
            plan,
            energy_wh=list(made.energy_wh),
            shortfall_wh=made.shortfall_wh,
            reason=made.reason,
            solver=answer.solver,
        )
        if one.plan is None or not _says_nothing_new(one.plan, plan) or plan.session_id not in stays:
            fresh.append(plan)
            changed.append(InForce(current.id, wish.delay.value, plan.id, plan.version))
            announce(tx, SessionMoved(current.account_id, current.id))
        elif current.delay is not wish.delay:
            changed.append(InForce(current.id, wish.delay.value, current.plan_id, current.plan_version))
    await planned_sessions.set_plans(tx, changed)
    due = _look_again(question, now)
    if fresh:
        asked = await plan_inputs.keep(tx, question.location_id, question.problem, now)
        await plans.insert(tx, [msgspec.structs.replace(plan, inputs_id=asked) for plan in fresh])
        due.append(Wanted("dispatch", {"location_id": question.location_id}, now))
        announce(tx, LocationMoved(question.location_id))
    if asking.open_questions(question.asked, question.wishes):
        due.append(Wanted(asking.VALUE, {}, now))
    await outbox.put_kinds_once(tx, str(question.location_id), due)
    return True


def _look_again(question: Question, now: datetime) -> list[Wanted]:
    """Plan anew when the next time that a driver said has passed: a car that is still there then goes on."""
    wanted = []
    said = [wish.ready.at for wish in question.wishes if wish.ready.at is not None and not wish.open_ended]
    due = min((end for end in said if end > now), default=None)
    if due is not None:
        wanted.append(Wanted("replan", {"why": "deadline"}, due + DEADLINE_GRACE))
    grid = question.place.grid
    steps = [
        external_limit.look_again_at(one.station.external_limits, one.session.connector_no, grid, now)
        for one in question.asked
        if one.station.external_limits
    ]
    step = min((one for one in steps if one is not None), default=None)
    if step is not None:
        wanted.append(Wanted("replan", {"why": "external_limit"}, step))
    return wanted


def _plan(question: Question, one: SessionFacts, wish: Wish, of_curve: tuple[str, str]) -> Plan:
    """A plan without its energy yet. `of_curve`: sources and id of the price curve, the same for all of a place."""
    session, grid = one.session, question.place.grid
    version = session.plan_version + 1
    return Plan(
        id=derive("plan", session.id, version),
        party_id=session.party_id,
        session_id=session.id,
        location_id=session.location_id,
        version=version,
        made_at=question.now,
        grid_start=grid.start,
        slot_seconds=grid.slot_seconds,
        energy_wh=[],
        need_wh=wish.need.energy_wh,
        need_source=wish.need.source.value,
        final_w=wish.final_w,
        depart_at=wish.ready.at,
        depart_source=wish.ready.source.value,
        depart_reason=wish.reason,
        depart_stays=wish.stays,
        price_source=of_curve[0],
        curve_id=of_curve[1],
        delivered_at_wh=session.energy_wh,
    )


def _staying(question: Question, answer: Answer) -> set[UUID]:
    """The sessions whose accepted plan is as good as the new one, to the cent."""
    held = {str(one.session.id): one.plan for one in question.asked if one.plan and one.plan.outcome == "accepted"}
    in_force = {name: _allowed(plan, question.place.grid, question.now) for name, plan in held.items()}
    shared = {str(wish.session_id) for wish in question.wishes if wish.feeder_id is not None}
    ended = {name: plan.left_on(question.place.grid) for name, plan in held.items() if name in shared}
    return {UUID(name) for name in steady.kept(question.problem, answer, in_force, ended)}


def _allowed(plan: Plan, grid: Grid, now: datetime) -> list[int]:
    """What a plan in force allows in each slot from now on, Wh; what it leaves to the last limit counts as nothing."""
    assert plan.slot_seconds == grid.slot_seconds, "one raster"
    ahead = plan.grid.index(grid.start)
    out = ([0] * -ahead + plan.energy_wh[max(0, ahead) :])[: grid.slots]
    out += [0] * (grid.slots - len(out))
    if 0 <= ahead < plan.grid.slots:  # the slot that is under way
        out[0] = round(plan.power_w(now) * (grid.at(1) - now).total_seconds() / 3600)
    return out


def _says_nothing_new(old: Plan, new: Plan) -> bool:
    """Whether a plan says of the end of a session what the one in force says.

    Where what is missing differs, it tells the driver something new, though the station may hear the same.
    """
    if old.outcome != "accepted" or old.final_w != new.final_w or old.depart_at != new.depart_at:
        return False
    return abs(old.shortfall_wh - new.shortfall_wh) <= MISSING_WH

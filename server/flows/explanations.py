"""A plan in the driver's words, and what more of its limit would be worth to who runs a place: on request.

What the engine was asked is kept with each plan; it is asked the same again, with explanations this time, so that what
is said is about the plan in force. The solve is the caller's, off the event loop.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import override
from server.core.ask import SITE
from server.core.demand import FULL_PCT, NeedSource, battery_pct
from server.core.ready_by import ReadySource
from server.core.session import Session
from server.core.station import Feeder, base_load_w
from server.core.timegrid import Grid
from server.core.valley.problem import Answer, DemandExplained, Earlier, Held, Problem, SiteExplained
from server.flows import facts, outlooks
from server.flows.facts import SessionFacts
from server.flows.outlooks import Outlook
from server.flows.plans import Question
from server.storage import locations, plan_inputs, stations
from server.storage.locations import Location
from server.storage.plans import Plan
from shared.accounts import Role
from shared.locations import PlaceWorth, WorthSlot
from shared.plans import Explanation, HeldBack, ReadyEarlier
from shared.sessions import Delay
from shared.units import VOLTS, minor_half_up

EARLIER_SLOTS = (4, 8, 16)
"""One, two and four hours earlier are told."""
PHASES = 3
CURRENCY = "EUR"
"""What every price feed is in."""
EXTERNAL = "external_limit"
LIMITS = ("site_limit", "grid_cap", "feeder_limit", "higher_priority")


# --- to the driver ----------------------------------------------------------------


class PlanQuestion(msgspec.Struct, frozen=True):
    """A session with its plan in force, and what the engine was asked for it. `building`: its load by slot, W."""

    seen: SessionFacts
    plan: Plan
    problem: Problem
    ahead: Outlook
    building: list[int]


async def prepare(tx: AsyncSession, session: Session, now: datetime) -> PlanQuestion | None:
    """What to ask of a session's plan in force; None where there is none, or nobody knows what it was made of."""
    seen = await facts.of_session(tx, session)
    plan = seen.plan
    asked = await plan_inputs.get(tx, plan.inputs_id) if plan is not None and plan.inputs_id is not None else None
    if plan is None or asked is None:
        return None
    feeders = await stations.feeders_of(tx, session.location_id)
    ahead = await outlooks.outlook(tx, seen, now)
    problem = msgspec.structs.replace(asked, explain=True, explained=[str(session.id)])
    return PlanQuestion(seen, plan, problem, ahead, _building(feeders, plan.grid, seen.location.time_zone))


def _building(feeders: Sequence[Feeder], grid: Grid, zone: str) -> list[int]:
    return [
        sum(slot) for slot in zip([0] * grid.slots, *(base_load_w(one, grid, zone) for one in feeders), strict=True)
    ]


def explained(asked: PlanQuestion, answer: Answer) -> Explanation | None:
    """What the engine says of a plan; None where it would plan something else now: it has changed since."""
    seen, plan = asked.seen, asked.plan
    made = next(one for one in answer.plans if one.id == str(seen.session.id))
    said = made.explain
    if said is msgspec.UNSET or made.shortfall_wh != plan.shortfall_wh:
        return None
    ready_wh = plan.delivered_at_wh + said.ready_wh
    target_pct = _target_pct(seen, plan)
    same = made.energy_wh == plan.energy_wh
    return Explanation(
        plan_id=plan.id,
        by=plan.depart_at if plan.depart_source != ReadySource.FORECAST else None,
        ready_wh=ready_wh,
        target_wh=ready_wh + plan.shortfall_wh,
        ready_pct=None if target_pct is None else target_pct - _missing_pct(seen, plan),
        target_pct=target_pct,
        full_at=None if said.full_at_s is None else _at(plan, said.full_at_s),
        held=None if said.held is None else _held(asked, said.held),
        earlier=list(_earlier(asked, said)) if same and seen.session.delay is Delay.MANAGED else [],
    )


def _at(plan: Plan, seconds: int) -> datetime:
    return plan.grid_start + timedelta(seconds=seconds)


def _target_pct(seen: SessionFacts, plan: Plan) -> int | None:
    """How full the car is to be, None where its plan does not stand on its state of charge."""
    if plan.need_source != NeedSource.SOC or seen.car is None or seen.car.capacity_wh is None:
        return None
    return FULL_PCT if seen.session.target_pct is None else seen.session.target_pct


def _missing_pct(seen: SessionFacts, plan: Plan) -> int:
    assert seen.car is not None
    assert seen.car.capacity_wh is not None
    return battery_pct(seen.car.capacity_wh, plan.shortfall_wh)


def _held(asked: PlanQuestion, held: Held) -> HeldBack:
    """What is in the way. To the engine what offline stations may draw is load, and what a limit from elsewhere takes
    away; but they are no building.
    """
    last = (held.until_s - 1) // asked.plan.slot_seconds
    building = held.building and held.by != EXTERNAL and asked.building[last] > 0
    return HeldBack("building" if building else held.by, _at(asked.plan, held.until_s))


def _earlier(asked: PlanQuestion, said: DemandExplained) -> Iterator[ReadyEarlier]:
    """What being ready earlier would cost the driver, by the settlement itself, as long as it still can be had."""
    ahead, plan = asked.ahead, asked.plan
    for one in said.earlier:
        until = _possible_until(plan, one)
        if one.slots not in EARLIER_SLOTS or until <= ahead.now:
            continue
        to_come = outlooks.laid(ahead.run, one.energy_wh, plan, ahead.now)
        energy = [done + more for done, more in zip(ahead.run.charged_wh, to_come, strict=True)]
        cost = override.override_cost(ahead.asked, msgspec.structs.replace(ahead.asked, metered_wh=energy))
        minutes = one.slots * plan.slot_seconds // 60
        yield ReadyEarlier(minutes, _at(plan, one.ready_at_s), cost.cost_minor, until)


def _possible_until(plan: Plan, one: Earlier) -> datetime:
    """When the first slot begins in which it differs from the plan in force."""
    pairs = zip(one.energy_wh, plan.energy_wh, strict=True)
    first = next((slot for slot, (sooner, planned) in enumerate(pairs) if sooner != planned), plan.grid.slots)
    return plan.grid.at(first)


# --- to who runs a place ----------------------------------------------------------


async def place_of(
    tx: AsyncSession, location_id: UUID, account_id: UUID, party_id: UUID, role: Role
) -> Location | None:
    """A place of the caller's: of the party whose operator that is, or where the caller lives."""
    place = await locations.get(tx, location_id)
    if place is None:
        return None
    runs_it = role in (Role.OPERATOR, Role.ADMINISTRATOR) and place.party_id == party_id
    return place if runs_it or place.account_id == account_id else None


def worth_problem(question: Question) -> Problem:
    """The question with the worth of its limits. Money is what cars save that may wait; a charge at once is none."""
    paid = [
        demand if wish.at_once else msgspec.structs.replace(demand, paid_micro_per_kwh=question.market)
        for demand, wish in zip(question.problem.demands, question.wishes, strict=True)
    ]
    return msgspec.structs.replace(question.problem, explain=True, explained=[], demands=paid)


def worth(place: Location, now: datetime, question: Question | None, answer: Answer | None) -> PlaceWorth:
    """What one more kWh and one more ampere would be worth at a place, from now to the end of what is planned."""
    if question is None or answer is None:
        return PlaceWorth(place.id, now, now, CURRENCY, 0, 0, 0, 0, [])
    grid, missing = question.place.grid, sum(one.shortfall_wh for one in answer.plans if one.reason in LIMITS)
    said = next(one.explain for one in answer.sites if one.id == SITE)
    assert said is not msgspec.UNSET
    slots = _worth_slots(question, said)
    nano = sum(one.kwh_micro * VOLTS * PHASES * one.seconds // 3600 for one in slots)
    kwh = next((one.kwh_micro for one in slots if one.start <= now), 0)
    return PlaceWorth(place.id, now, grid.end, CURRENCY, kwh, nano, minor_half_up(nano), missing, slots)


def _worth_slots(question: Question, said: SiteExplained) -> list[WorthSlot]:
    """The slots in which more would be worth money, or would serve what is missing.

    A kWh that is balanced puts a third on each phase. What others limit a station to is not the place's to raise.
    """
    grid, worth, short = question.place.grid, [0] * question.place.grid.slots, set[int]()
    not_ours = {one.id for site in question.problem.sites for one in site.feeders if one.external}
    for limit in said.limits:
        if limit.feeder in not_ours:
            continue
        short.update(limit.short_slots)
        for slot, micro in zip(limit.slots, limit.worth_micro_per_kwh, strict=True):
            worth[slot] += micro // PHASES if limit.phases else micro
    out = []
    for slot, micro in enumerate(worth):
        if micro or slot in short:
            start = max(grid.at(slot), question.now)
            seconds = round((grid.at(slot + 1) - start).total_seconds())
            out.append(WorthSlot(start, seconds, micro, short=slot in short))
    return out

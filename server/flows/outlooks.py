"""How a session goes on: what was charged, what is planned, when it is ready, and what that will be worth."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import projection
from server.core.projection import Uncertainty
from server.core.settlement import Settlement, SettlementInput, settle
from server.flows import settling
from server.flows.facts import SessionFacts
from server.flows.settling import Course
from server.storage.plans import Plan

ENERGY_LOW_BPS = 8_500
ENERGY_HIGH_BPS = 11_000
PRICE_BPS = 2_000
"""How the rest of a session may turn out: 15 % less energy, 10 % more, unpublished prices a fifth flatter, steeper."""


def doubt(now: datetime, *, settled: bool) -> Uncertainty:
    """What is still open about a session at `now`; nothing, once no energy is to come."""
    if settled:
        return Uncertainty(now=now)
    return Uncertainty(now=now, energy_low_bps=ENERGY_LOW_BPS, energy_high_bps=ENERGY_HIGH_BPS, price_bps=PRICE_BPS)


class Outlook(msgspec.Struct, frozen=True):
    """A course with its plan laid on its grid. `leaves_at` is the departure in force, or when the plan is done."""

    run: Course
    now: datetime
    planned_wh: list[int]
    leaves_at: datetime
    asked: SettlementInput
    settled: Settlement

    @property
    def starts_at(self) -> datetime | None:
        """When energy next flows by plan; now where it flows already."""
        return _first(self.run, self.planned_wh, self.now)

    @property
    def ready_at(self) -> datetime | None:
        """When the last planned energy has flowed."""
        return _last(self.run, self.planned_wh)


async def outlook(tx: AsyncSession, one: SessionFacts, now: datetime) -> Outlook:
    """A session's outlook at `now`; of one that has ended, what it was."""
    plan = one.plan
    over = one.session.ended_at
    leaves = over or _leaves(one, now)
    end = leaves if plan is None or over else max(leaves, _plan_end(plan, now))
    run = await settling.course(tx, one, over or now, end)
    planned = [0] * run.grid.slots if over or plan is None else laid(run, plan.energy_wh, plan, now)
    energy = [done + more for done, more in zip(run.charged_wh, planned, strict=True)]
    asked = settling.settlement_input(run, energy, leaves)
    supposed = asked if over else projection.carried_out(asked)
    return Outlook(run=run, now=now, planned_wh=planned, leaves_at=leaves, asked=asked, settled=settle(supposed))


def _leaves(one: SessionFacts, now: datetime) -> datetime:
    plan = one.plan
    if plan is None:
        return now + timedelta(minutes=15)
    if plan.depart_at is not None and plan.depart_at > now:
        return plan.depart_at
    return max(_plan_end(plan, now), now + timedelta(minutes=1))


def _plan_end(plan: Plan, now: datetime) -> datetime:
    grid = plan.grid
    used = [slot for slot in range(grid.slots) if plan.energy_wh[slot]]
    return max(now, grid.at(used[-1] + 1)) if used else now


def laid(run: Course, energy_wh: Sequence[int], plan: Plan, now: datetime) -> list[int]:
    """A plan's energy still to come, on the course's grid; of the present slot, what its rest holds."""
    out = [0] * run.grid.slots
    grid = plan.grid
    for slot, energy in enumerate(energy_wh):
        place = run.grid.index(grid.at(slot))
        if energy and grid.at(slot + 1) > now and 0 <= place < run.grid.slots:
            begun = max(plan.made_at, grid.at(slot))
            whole = (grid.at(slot + 1) - begun).total_seconds()
            rest = (grid.at(slot + 1) - max(now, begun)).total_seconds()
            out[place] += round(energy * rest / whole) if whole > 0 else 0
    return out


def _first(run: Course, planned: Sequence[int], now: datetime) -> datetime | None:
    for slot, energy in enumerate(planned):
        if energy:
            return max(now, run.grid.at(slot))
    return None


def _last(run: Course, planned: Sequence[int]) -> datetime | None:
    used = [slot for slot, energy in enumerate(planned) if energy]
    return run.grid.at(used[-1] + 1) if used else None

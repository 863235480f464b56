"""The engine: for each site the simplest solver that is right for it, its plan, a proven bound, reasons.

`threshold` where no shared limit binds; else one `flow` (with `linear` where kinds of cars share a limit in mA);
`repair` where the least power of a car leaves a slot between nothing and that. Solves alone, one process a call.
"""

import msgspec
import numpy as np

from server.core.valley import explain, phases
from server.core.valley.capacity import Ints, Model, model, slot_lengths
from server.core.valley.flow import flow
from server.core.valley.minimum import below_least, polish, repaired
from server.core.valley.problem import Answer, DemandPlan, Problem, SitePlan, faults
from server.core.valley.threshold import cheapest, plan_alone

SOLVERS = ("threshold", "flow", "linear", "repair")
"""From the simplest to the hardest; an answer names the hardest that one of its sites needed."""
NANO = 1_000_000_000
POLISHED_MAX = 200
"""Demands of a site up to which equal costs are searched for fewer starts: 0.1 ms each."""


class Settled(msgspec.Struct, frozen=True, eq=False):
    """One site's plan, Wh (n, t). `proven`: the solver's answer is the least cost, no bound needs to be looked for."""

    plan: Ints
    solver: str
    proven: bool


class _Part(msgspec.Struct, frozen=True, eq=False):
    """What one site adds to the answer."""

    model: Model
    settled: Settled
    cost_nano: int
    bound_nano: int


def solve(problem: Problem) -> Answer:
    """The plan of a problem without faults. Pure: `solve_ms` is 0 until its caller, who has a clock, fills it in."""
    assert not faults(problem)
    parts = [_part(model(problem, site), problem.limits.time_s) for site in problem.sites]
    cost = sum(part.cost_nano for part in parts)
    bound = sum(part.bound_nano for part in parts)
    made = {plan.id: plan for part in parts for plan in _demand_plans(part)}
    plans = [made[demand.id] for demand in problem.demands]
    return Answer(
        id=problem.id,
        status="optimal" if cost == bound else "feasible",
        cost_nano=cost,
        bound_nano=bound,
        gap=(cost - bound) / max(abs(bound), NANO),
        unserved_wh=sum(plan.shortfall_wh for plan in plans),
        solver=max((part.settled.solver for part in parts), key=SOLVERS.index, default=SOLVERS[0]),
        solve_ms=0.0,
        plans=plans,
        sites=[_site_plan(part, slot_lengths(problem)) for part in parts],
    )


def _part(site: Model, time_s: float) -> _Part:
    settled = settle(site, time_s) if site.demands else Settled(site.caps, SOLVERS[0], proven=True)
    assert not site.breaks(settled.plan)
    cost = _cost(site, settled.plan)
    return _Part(site, settled, cost, cost if settled.proven else least_cost(site, settled.plan, time_s))


def settle(site: Model, time_s: float) -> Settled:
    """The plan of one site with demands."""
    alone = np.array([plan_alone(site, index, site.caps[index]) for index in range(len(site.demands))])
    if not site.breaks(alone):
        return Settled(alone, "threshold", proven=not site.scored and not site.least.any())
    pipes = phases.branches(site, time_s)
    flowed = flow(site, pipes)
    mixed = any(limit.mixed for limit in phases.binding(site))
    plan = np.zeros_like(site.caps) if flowed is None else flowed.plan
    if flowed is None or len(below_least(site, plan)):
        return Settled(repaired(site, plan, time_s), "repair", proven=False)
    if len(site.demands) <= POLISHED_MAX:
        polish(site, plan)
    proven = flowed.exact and not mixed and not site.scored
    return Settled(plan, "linear" if mixed else "flow", proven=proven)


def least_cost(site: Model, plan: Ints, time_s: float) -> int:
    """A proven lower bound on the cost of serving each demand what a plan serves it, floors and least powers aside."""
    served = plan.sum(axis=1)
    nothing = np.zeros_like(served)
    free = msgspec.structs.replace(
        site, cost=site.price, energy=served, floor=nothing, tier=nothing, least=np.zeros_like(plan)
    )
    alone = _cheapest(site, site.price, served)
    bound = _cost(site, alone)
    if not site.breaks(alone):
        return bound
    limits = phases.binding(site)
    if not any(limit.mixed for limit in limits):
        flowed = flow(free, phases.branches(free, time_s))
        return _cost(site, flowed.plan) if flowed is not None and flowed.exact else bound
    worths = phases.price_of_limits(free, served, limits, time_s)
    if worths is None:
        return bound
    # Weak duality: whatever the limits are said to be worth, buying all at those prices costs no more than any plan.
    priced = site.price + sum(
        limit.weight[:, None] * worth[None, :] for limit, worth in zip(limits, worths, strict=True)
    )
    bought = _cheapest(site, priced, served)
    spent = sum(int(row @ use) for row, use in zip(priced, bought, strict=True))
    return max(bound, spent - sum(int(limit.limit @ worth) for limit, worth in zip(limits, worths, strict=True)))


def _cheapest(site: Model, price: Ints, served: Ints) -> Ints:
    unused = np.zeros(site.caps.shape[1], bool)
    rows = zip(price, site.caps, served.tolist(), strict=True)
    return np.array([cheapest(row, caps, energy, unused) for row, caps, energy in rows])


def _cost(site: Model, plan: Ints) -> int:
    return sum(int(price @ energy) for price, energy in zip(site.price, plan, strict=True))


def _demand_plans(part: _Part) -> list[DemandPlan]:
    plan = part.settled.plan
    return [
        DemandPlan(
            id=demand.id,
            energy_wh=plan[index].tolist(),
            shortfall_wh=demand.energy_wh - int(plan[index].sum()),
            reason=explain.reason(part.model, plan, index),
        )
        for index, demand in enumerate(part.model.demands)
    ]


def _site_plan(part: _Part, seconds: Ints) -> SitePlan:
    site, plan = part.model, part.settled.plan
    drawn = plan.sum(axis=0)
    peak = site.base - (-drawn * 3600 // seconds)
    return SitePlan(
        id=site.site.id,
        peak_w=int(peak.max()),
        binding_slots=explain.binding_slots(site, plan),
        grid_wh=(site.base * seconds // 3600 + drawn).tolist(),
    )

"""The engine: each site settled by the simplest solver that is right for it, with a proven bound, and reasons.

Solves alone, one process a call.
"""

import msgspec

from server.core.valley import advice, explain, grid
from server.core.valley.capacity import Model, models
from server.core.valley.hard import hardened, yielding
from server.core.valley.problem import Answer, DemandExplained, DemandPlan, Problem, SitePlan, StoredPlan, faults
from server.core.valley.settle import Settled

SOLVERS = ("threshold", "flow", "linear", "repair", "dive", "search")
"""From the simplest to the hardest; an answer names the hardest that one of its sites needed."""
NANO = 1_000_000_000


class _Part(msgspec.Struct, frozen=True, eq=False):
    """What one site adds to the answer."""

    model: Model
    settled: Settled
    scene: advice.Scene | None  # where the problem asks to explain
    told: frozenset[str] | None  # the demands that it is to explain, all where None


def solve(problem: Problem) -> Answer:
    """The plan of a problem without faults. Pure: `solve_ms` is 0 until its caller, who has a clock, fills it in."""
    assert not faults(problem)
    sites = models(problem)
    share = 1 / max(1, sum(bool(site.demands) for site in sites))
    parts = [_part(site, problem, share) for site in sites]
    cost = sum(part.settled.cost_nano for part in parts)
    bound = sum(part.settled.bound_nano for part in parts)
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
        sites=[_site_plan(part) for part in parts],
    )


def _part(site: Model, problem: Problem, share: float) -> _Part:
    settled = hardened(site, problem.limits, share)
    if problem.rules_yield:
        settled = yielding(site, settled, problem.limits.time_s)
    scene = advice.scene(site, settled, problem.slot_seconds) if problem.explain else None
    return _Part(site, settled, scene, None if problem.explained is None else frozenset(problem.explained))


def _demand_plans(part: _Part) -> list[DemandPlan]:
    model, plan = part.model, part.settled.plan
    missing = (model.energy - plan.sum(axis=1)).tolist()
    return [
        DemandPlan(
            id=demand.id,
            energy_wh=energy,
            shortfall_wh=lack,
            reason=explain.reason(model, plan, index) if lack else None,
            explain=_explained(part, index),
        )
        for index, (demand, energy, lack) in enumerate(zip(model.demands, plan.tolist(), missing, strict=True))
    ]


def _explained(part: _Part, index: int) -> DemandExplained | msgspec.UnsetType:
    told = part.told is None or part.model.demands[index].id in part.told
    return advice.demand(part.scene, index) if part.scene is not None and told else msgspec.UNSET


def _site_plan(part: _Part) -> SitePlan:
    model, plan, store = part.settled.model, part.settled.plan, part.settled.store
    said = SitePlan(
        id=model.site.id,
        peak_w=grid.peak_w(model, plan, store),
        binding_slots=explain.binding_slots(part.model, plan),
        grid_wh=grid.grid_wh(model, plan, store).tolist(),
        explain=msgspec.UNSET if part.scene is None else advice.limits(part.scene),
    )
    if model.site.battery is None:
        return said
    return StoredPlan(**msgspec.structs.asdict(said), battery_wh=store.taken.tolist())

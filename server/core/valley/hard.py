"""A site whose demands take nothing or at least so much, or run under rules: repaired, dived for, searched for.

`settle` gives the plan that heeds a least power but no rules. Each step here starts only where the plan is further
from its bound than `Limits.gap`, or serves less than the limits alone would allow, and keeps what is better.
"""

import msgspec
import numpy as np

from server.core.valley import battery, dive, grid, level, ruin, search, switched
from server.core.valley.alone import at_a_glance
from server.core.valley.capacity import Ints, Model
from server.core.valley.minimum import below_least, repaired
from server.core.valley.problem import Limits
from server.core.valley.settle import Drawn, Settled, at_cheapest, heeding, least_cost, priced, settle, simplest
from server.core.valley.threshold import plan_alone
from server.core.valley.worth import charged, of_limits

NANO = 1_000_000_000
FEW = 4
"""Demands that share nothing and have a least power are planned exactly where there are no more; each takes 2 ms."""
SEARCHED_S = 0.45
"""The part of a problem's time that its searches may take."""
REPLANS_PER_SECOND = 250
"""Of a site under rules, beside those of `switched`; each takes about 1 ms."""
HASTE_S = 0.05
"""Who has less time than this for a site under rules gets plan and bound without a flow: a plug-in does not wait."""
ENOUGH_NANO = 10_000_000
"""In haste nobody looks for what a cent may buy: plans that differ by less are not sent either (`steady`)."""
SEARCH_LEAST_S = 0.2
"""A search that gets less finds nothing."""
CLOSER = 0.4
"""A search stops where it is within this part of the gap that is close enough."""


def hardened(site: Model, limits: Limits, share: float) -> Settled:
    """The plan of one site; `share` is its part of the problem's time."""
    found = _ruled(site, limits.time_s) if switched.ruled(site) else _free(site, limits.time_s)
    haste = switched.ruled(site) and _hastens(site, limits.time_s)
    if found.solver != "repair" or haste or _close(site, found, limits):
        return found
    found = _better(site, found, _dived(site, found, limits.time_s), "dive", limits.time_s)
    time_s = limits.time_s * SEARCHED_S * share
    if _close(site, found, limits) or time_s < SEARCH_LEAST_S:
        return found
    return _searched(site, found, time_s, limits)


def yielding(site: Model, found: Settled, time_s: float) -> Settled:
    """What was found, or the plan without rules of running where that leaves less missing: nobody is short for them."""
    if not switched.ruled(site) or level.missed(site, found.drawn.plan) >= level.missed(site, found.plan):
        return found
    haste = _hastens(site, time_s)
    free = _topped_up(site, found, time_s) if haste else settle(site, time_s)
    if level.missed(site, free.plan) >= level.missed(site, found.plan):
        return found
    return free if haste else _settled(site, free, free.plan, "repair", time_s)


def _topped_up(site: Model, found: Settled, time_s: float) -> Settled:
    """What was found, but who is short keeps to no rules.

    Where that leaves more missing than it must, nobody does.
    """
    plan = found.plan.copy()
    for index in switched.by_need(site):
        if plan[index].sum() < site.energy[index]:
            plan[index] = plan_alone(site, index, site.headroom(plan, index))
    if level.missed(site, plan) > level.missed(site, found.drawn.plan):
        plan = min(plan, heeding(site, found.drawn, time_s)[1], key=lambda one: switched.lack(site, one))
    return _roughly(site, plan, found.drawn)


def _close(site: Model, found: Settled, limits: Limits) -> bool:
    """Whether a plan is near enough to its bound, and leaves nothing that the limits alone would let it serve."""
    if found.plan.sum() < found.drawn.plan.sum():
        return False
    return site.scored or found.cost_nano - found.bound_nano <= limits.gap * max(abs(found.bound_nano), NANO)


def _free(site: Model, time_s: float) -> Settled:
    """A plan of demands without rules of running."""
    found = settle(site, time_s)
    if found.solver == "threshold" and found.cost_nano > found.bound_nano and len(site.demands) <= FEW:
        return _alone(site, found, time_s)
    return found


def _hastens(site: Model, time_s: float) -> bool:
    """Whether a site is planned without programs."""
    return time_s < HASTE_S and not site.site.peak_price_micro_per_kw and site.site.battery is None


def _ruled(site: Model, time_s: float) -> Settled:
    """A plan under rules of running, from one that heeds none; in haste without that, where it serves all."""
    if _hastens(site, time_s) and site.breaks(at_a_glance(site)):
        return _hasty(site, time_s)
    drawn = simplest(site, time_s)
    found = Settled(drawn.held, drawn.plan, drawn.store, drawn.solver, 0, 0, drawn)
    if found.solver == "threshold":
        own = _alone(site, found, time_s)
        if own is not found:
            return own
    model = drawn.model
    worth = of_limits(model, drawn.plan, drawn.program)
    plans = [switched.planned(model, drawn.plan, charged(model, worth), time_s)]
    if plans[0].sum() < drawn.plan.sum() and np.any(model.grid < site.grid):
        free_site = grid.beside(site, drawn.store)
        plans.append(switched.planned(free_site, drawn.plan, charged(free_site, worth), time_s))
    plan = min(plans, key=lambda one: _merit(site, found, one))
    return _settled(site, found, plan, "repair", time_s)


def _hasty(site: Model, time_s: float) -> Settled:
    """A plan under rules of running for who has no time for a proof: one demand after the other.

    Where that leaves somebody short it is also tried with what the limits are worth in the plan that heeds no rules.
    """
    plan = switched.quickly(site, time_s)
    if plan.sum() >= site.energy.sum():
        return _roughly(site, plan, Drawn(site, site, plan, grid.no_store(site), "repair", exact=False))
    drawn = simplest(site, time_s)
    if level.missed(site, plan) > level.missed(site, drawn.plan):
        tolls = charged(site, of_limits(site, drawn.plan, drawn.program))
        plan = min(plan, switched.one_by_one(site, tolls), key=lambda one: switched.lack(site, one))
    return _roughly(site, plan, drawn)


def _roughly(site: Model, plan: Ints, drawn: Drawn) -> Settled:
    """A plan with its cost, and a bound that heeds no limit."""
    assert not site.breaks(plan)
    served, store = plan.sum(axis=1), grid.no_store(site)
    cost = switched.cost_nano(site, plan, store)
    bound = at_cheapest(site, served) + switched.first_starts_nano(site, served)
    return Settled(site, plan, store, "repair", cost, min(cost, bound), drawn)


def _alone(site: Model, found: Settled, time_s: float) -> Settled:
    """Each demand exactly, where what they do alone passes no limit and raises no peak; else what was found."""
    own = switched.alone(site, ENOUGH_NANO if _hastens(site, time_s) and not site.scored else 0)
    if site.breaks(own.plan) or grid.peak_nano(site, grid.peak_w(site, own.plan, found.store)):
        return found
    cost = switched.cost_nano(site, own.plan, found.store)
    bound = own.bound if not site.scored else _least(site, found, own.plan, time_s)
    if not switched.ruled(site) and _merit(site, found, own.plan) >= _merit(site, found, found.plan):
        # Of plans that cost the same, that of `threshold` starts seldom, and early.
        return msgspec.structs.replace(found, bound_nano=max(found.bound_nano, min(found.cost_nano, bound)))
    return msgspec.structs.replace(found, plan=own.plan, cost_nano=cost, bound_nano=min(cost, bound))


def _merit(site: Model, found: Settled, plan: Ints) -> tuple[tuple[int, ...], int]:
    """What a plan misses, and what it minimises: the smaller the better."""
    return level.missed(site, plan), switched.objective(site, plan, found.store)


def _settled(site: Model, found: Settled, plan: Ints, solver: str, time_s: float) -> Settled:
    """A plan with its cost and bound."""
    assert not site.breaks(plan)
    store = battery.kept(site, found.store, plan)
    within = found.model if not found.model.breaks(plan) else site
    cost = switched.cost_nano(within, plan, store)
    bound = _least(site, found, plan, time_s)
    return msgspec.structs.replace(
        found, model=within, plan=plan, store=store, solver=solver, cost_nano=cost, bound_nano=min(cost, bound)
    )


def _least(site: Model, found: Settled, plan: Ints, time_s: float) -> int:
    """A proven bound: one start each beside what it costs without rules; or each alone at what the limits are worth."""
    served = plan.sum(axis=1)
    bound = least_cost(site, plan, found.drawn, time_s) + switched.first_starts_nano(site, served)
    if not switched.ruled(site) or site.site.battery is not None:
        return bound
    return max(bound, switched.bound(site, plan, of_limits(site, found.drawn.plan, found.drawn.program)))


def _better(site: Model, found: Settled, plan: Ints | None, solver: str, time_s: float) -> Settled:
    """What was found, or a better plan; in either case by this solver."""
    if plan is None or _merit(site, found, plan) >= _merit(site, found, found.plan):
        return msgspec.structs.replace(found, solver=solver)
    alike = switched.undisturbed(site, plan) == switched.undisturbed(site, found.plan)
    if alike and site.site.battery is None and np.array_equal(plan.sum(axis=1), found.plan.sum(axis=1)):
        assert not site.breaks(plan)
        within = found.model if not found.model.breaks(plan) else site
        cost = switched.cost_nano(within, plan, found.store)  # what serves the same has the same bound
        return msgspec.structs.replace(found, model=within, plan=plan, solver=solver, cost_nano=cost)
    return _settled(site, found, plan, solver, time_s)


def _dived(site: Model, found: Settled, time_s: float) -> Ints | None:
    """The plan that a dive finds; under rules, that of other worths of the limits, and of a few planned again."""
    drawn = found.drawn
    if switched.ruled(site):
        effort = switched.Effort(int(time_s * REPLANS_PER_SECOND))
        return ruin.bettered(drawn.model, found.plan, of_limits(drawn.model, drawn.plan, drawn.program), effort)
    plan = dive.dived(drawn.model, drawn.plan)
    if plan is None or not len(below_least(site, plan)):
        return plan
    return repaired(priced(drawn.model, plan), plan, time_s)


def _searched(site: Model, found: Settled, time_s: float, limits: Limits) -> Settled:
    """The plan that a search finds, and its bound, where the program was the whole site."""
    model = found.drawn.model
    best = search.searched(model, found.plan, time_s, limits.gap * CLOSER)
    plan = None if best is None else dive.refilled(model, found.plan, best.on)
    better = _better(site, found, plan, "search", limits.time_s)
    whole = site.site.battery is None and np.array_equal(model.grid, site.grid) and not site.scored
    if best is None or best.bound is None or not whole or better.plan.sum() < site.energy.sum():
        return better
    bound = min(better.cost_nano, max(better.bound_nano, best.bound))
    return msgspec.structs.replace(better, bound_nano=bound)

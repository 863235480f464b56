"""One site: the simplest solver that is right for it, and a proven bound.

`threshold` where no shared limit binds; else one `flow` (solar energy and a peak price included); `linear` where kinds
of cars share a limit in mA, or with a battery; `repair` where the least power of a car leaves a slot below that.
"""

import msgspec
import numpy as np

from server.core.valley import battery, grid, joint, level, phases
from server.core.valley.alone import cheapest_rows, plans_alone
from server.core.valley.bound import proven
from server.core.valley.capacity import Ints, Model
from server.core.valley.flow import flow
from server.core.valley.grid import Store, no_store
from server.core.valley.minimum import below_least, repaired
from server.core.valley.threshold import merit_of, plan_alone

POLISHED_MAX = 200
"""Demands of a site up to which equal costs are searched for fewer starts: 0.1 ms each."""


class Drawn(msgspec.Struct, frozen=True, eq=False):
    """A plan that heeds no least power. `held`: the site held to its peak; `model`: and to what its battery leaves.

    `exact`: nothing serves the same at less cost. `program`: the linear optimum that it was rounded from.
    """

    held: Model
    model: Model
    plan: Ints
    store: Store
    solver: str
    exact: bool
    program: tuple[joint.Joint, joint.Shares] | None = None


class Settled(msgspec.Struct, frozen=True, eq=False):
    """One site's plan, Wh (n, t), what its battery does, the cost of both and a proven bound of it, nano-units.

    `model`: the site held to its peak, by which they are counted. `drawn`: what it was made of.
    """

    model: Model
    plan: Ints
    store: Store
    solver: str
    cost_nano: int
    bound_nano: int
    drawn: Drawn


def settle(site: Model, time_s: float) -> Settled:
    """The plan of one site."""
    drawn = simplest(site, time_s)
    held, plan, solver = heeding(site, drawn, time_s)
    store = drawn.store if solver == "threshold" else battery.kept(site, drawn.store, plan)
    assert not site.breaks(plan)
    held = grid.counted(site, held, plan, store)
    cost = grid.cost_nano(held, plan, store)
    known = drawn.exact and not site.scored and solver in ("threshold", "flow")
    if known and solver == "threshold" and site.least.any():
        known = False
    bound = cost if known else min(cost, least_cost(site, plan, drawn, time_s))
    return Settled(held, plan, store, solver, cost, bound, drawn)


def heeding(site: Model, drawn: Drawn, time_s: float) -> tuple[Model, Ints, str]:
    """A plan that heeds the least powers: the site held to its peak, Wh (n, t), and the solver that it needed."""
    if drawn.solver == "threshold":
        return drawn.held, drawn.plan, drawn.solver
    if len(below_least(site, drawn.plan)):
        return *_mended(site, drawn, time_s), "repair"
    return drawn.held, _tidied(drawn) if len(site.demands) <= POLISHED_MAX else drawn.plan, drawn.solver


def simplest(site: Model, time_s: float) -> Drawn:
    """The plan of the simplest solver that is right for a site; it heeds no least power and no rules."""
    drawn = _simplest(site, time_s)
    if drawn.exact or drawn.solver != "flow" or not site.breaks(drawn.plan):
        return drawn
    return msgspec.structs.replace(drawn, plan=np.zeros_like(site.caps))


def _simplest(site: Model, time_s: float) -> Drawn:
    store = no_store(site)
    if site.site.battery is None:
        alone = plans_alone(site)
        cheap = not phases.sells_solar(site) and grid.peak_nano(site, grid.peak_w(site, alone, store)) == 0
        if cheap and not site.breaks(alone):
            return Drawn(site, site, alone, store, "threshold", exact=True)
    if site.site.battery is not None or phases.shared(site):
        return _unhindered(site) or _programmed(site, time_s)
    if site.site.peak_price_micro_per_kw:
        held = level.levelled(site)
        return Drawn(held.model, held.model, held.plan, store, "flow", held.exact)
    flowed = flow(site, phases.pipes(site))
    if flowed is None:
        return Drawn(site, site, _topped_up(site, np.zeros_like(site.caps)), store, "flow", exact=False)
    return Drawn(site, site, flowed.plan, store, "flow", flowed.exact)


def _unhindered(site: Model) -> Drawn | None:
    """The plan without those limits that kinds of cars share, if it keeps to them: then nothing is better."""
    if site.site.battery is not None or site.site.peak_price_micro_per_kw:
        return None
    loose = phases.loosened(site)
    flowed = flow(loose, phases.pipes(loose))
    if flowed is None or not flowed.exact or site.breaks(flowed.plan):
        return None
    return Drawn(site, site, flowed.plan, no_store(site), "flow", exact=True)


def _programmed(site: Model, time_s: float) -> Drawn:
    """The linear optimum in whole Wh: a flow within what it gives to each kind of car."""
    found = joint.best(site, time_s)
    store = battery.idle(site) if found is None else battery.store(site, found[1])
    usage = None if found is None else found[1].plan
    tries: list[Drawn] = []
    levels: list[int | None] = [*_levels(site, found)]
    for watts in levels or [None]:
        held = site if watts is None else grid.within(site, watts)
        beside = grid.beside(held, store)
        flowed = flow(beside, phases.pipes(beside, usage))
        plan = np.zeros_like(site.caps) if flowed is None else flowed.plan
        plan = _topped_up(beside, plan)
        tries.append(Drawn(held, beside, plan, store, "linear", exact=False, program=found))
        if flowed is None or usage is None or plan.sum() >= usage.sum() - 1:
            break
    return min(tries, key=lambda one: (level.missed(site, one.plan), grid.cost_nano(one.held, one.plan, one.store)))


def _levels(site: Model, found: tuple[joint.Joint, joint.Shares] | None) -> list[int]:
    """Peaks to try where they have a price, W: the program's, and what a few whole Wh a slot more make of it."""
    if found is None or not site.site.peak_price_micro_per_kw:
        return []
    least = int(np.ceil(found[1].peak - phases.ROUNDED))
    one = -(-level.HOUR_S // int(site.seconds[-1]))
    return [least, least + one, least + 4 * one]


def _topped_up(model: Model, plan: Ints) -> Ints:
    """Serve what rounding left, where the limits have room for it."""
    plan = plan.copy()
    lacking = np.flatnonzero(plan.sum(axis=1) < model.energy)
    for index in sorted(lacking.tolist(), key=lambda one: -model.tier[one]):
        room = model.headroom(plan, index) - plan[index]
        more = model.energy[index] - plan[index].sum()
        plan[index] += cheapest_rows(model.cost[[index]], room[None, :], np.array([more]))[0]
    return plan


def _mended(site: Model, drawn: Drawn, time_s: float) -> tuple[Model, Ints]:
    """The plan with no slot below a least; with all that the grid gives, where the peak would leave more unserved."""
    ways = [(drawn.held, repaired(priced(drawn.model, drawn.plan), drawn.plan, time_s))]
    if ways[0][1].sum() < drawn.plan.sum() and np.any(drawn.held.grid < site.grid):
        free = grid.beside(site, drawn.store)
        ways.append((site, repaired(priced(free, drawn.plan), drawn.plan, time_s)))
    return min(ways, key=lambda way: (level.missed(site, way[1]), grid.cost_nano(way[0], way[1], drawn.store)))


def priced(model: Model, plan: Ints) -> Model:
    """The site with one price a slot: that of solar energy where a plan leaves some of it."""
    left = (plan.sum(axis=0) < model.solar) & (model.rebate > 0)
    if not left.any():
        return model
    cheaper = np.where(left, model.rebate, 0)
    return msgspec.structs.replace(model, cost=model.cost - cheaper, price=model.price - cheaper)


def _tidied(drawn: Drawn) -> Ints:
    """A flow's plan with fewer starts, then earlier, where slots cost a demand the same."""
    model, plan = drawn.model, drawn.plan.copy()
    for index in _choosers(model).tolist():
        lit = priced(model, plan)
        other = plan_alone(lit, index, model.headroom(plan, index))
        if merit_of(lit, index, other) < merit_of(lit, index, plan[index]):
            before, cost = plan[index].copy(), grid.cost_nano(model, plan, no_store(model))
            plan[index] = other
            if grid.cost_nano(model, plan, no_store(model)) > cost:
                plan[index] = before
    return plan


def _choosers(model: Model) -> Ints:
    """Demands with slots of equal cost, the highest tier first."""
    usable = model.caps > 0
    sunny = phases.sells_solar(model)
    alike = not sunny and np.all((model.cost == model.grid_price) | ~usable)
    if alike and len(np.unique(model.grid_price)) == len(model.grid_price):
        return np.zeros(0, np.int64)
    costs = np.sort(np.where(usable, model.cost, np.iinfo(np.int64).max), axis=1)
    equal = (costs[:, 1:] == costs[:, :-1]) & (costs[:, 1:] < np.iinfo(np.int64).max)
    some = equal.any(axis=1) | sunny
    order = np.argsort(-model.tier, kind="stable")
    choosing: Ints = order[some[order]]
    return choosing


def least_cost(site: Model, plan: Ints, drawn: Drawn, time_s: float) -> int:
    """A proven lower bound on the cost of serving each demand what a plan serves it, floors and least powers aside."""
    served = plan.sum(axis=1)
    plain = not site.scored and not site.floor.any()
    if plain and np.array_equal(served, drawn.plan.sum(axis=1)):
        if drawn.exact and drawn.solver == "flow":
            return grid.cost_nano(drawn.held, drawn.plan, drawn.store)
        if drawn.program is not None and np.array_equal(served, site.energy):
            return proven(*drawn.program, served)
    if site.site.battery is not None or phases.shared(site):
        return _bought(site, served, time_s)
    nothing = np.zeros_like(served)
    free = msgspec.structs.replace(
        site, cost=site.price, energy=served, floor=nothing, tier=nothing, least=np.zeros_like(plan)
    )
    alone = cheapest_rows(site.price, site.caps, served)
    if not joint.has_supply(site) and not site.breaks(alone):
        return grid.cost_nano(site, alone, no_store(site))
    again = _simplest(free, time_s)
    return grid.cost_nano(again.held, again.plan, again.store) if again.exact else _bought(site, served, time_s)


def _bought(site: Model, served: Ints, time_s: float) -> int:
    """The bound that a linear program proves; where it finds none in time, that of every Wh at its lowest price."""
    found = joint.cheapest(site, served, time_s)
    return at_cheapest(site, served) if found is None else proven(*found, served)


def at_cheapest(site: Model, served: Ints) -> int:
    """A proven lower bound on the cost of serving just that (n): every Wh at its lowest price, limits aside."""
    price = site.price - np.maximum(np.where(site.solar > 0, site.rebate, 0), 0)
    spent: int = sum((price * cheapest_rows(price, site.caps, served)).sum(axis=1).tolist())
    return spent

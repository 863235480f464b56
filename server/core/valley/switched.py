"""A site under rules of running: prices on starts, least runs, blocks. Its demands are planned one at a time.

The worth of the limits (`tolls`) says to each demand what a slot costs others, so that a plan of its own already leaves
room for theirs; then each is planned anew within what the others leave, while that helps. Whoever lacks energy bargains
with one other at a time. Work is counted, not timed, so that the same problem gets the same plan.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from server.core.valley import grid, runs
from server.core.valley.alone import cheapest_rows
from server.core.valley.capacity import Ints, Model, earliest
from server.core.valley.grid import Store, energy_nano, no_store, peak_nano, peak_w
from server.core.valley.level import missed
from server.core.valley.paths import Course
from server.core.valley.rules import kept, starts
from server.core.valley.worth import charged

REPLANS_PER_SECOND = 150
"""A replan takes about 1.5 ms, so that the 2 s that a problem has by default are 0.5 s here at most."""
ROUNDS = 4


class Alone(msgspec.Struct, frozen=True, eq=False):
    """Plans of demands that share nothing, Wh (n, t), and a bound on the cost of each."""

    plan: Ints
    bound: int


class Effort(msgspec.Struct):
    """Replans that are left."""

    left: int

    def spend(self, replans: int) -> bool:
        """Take some, if that many are left."""
        if replans > self.left:
            return False
        self.left -= replans
        return True


def ruled(model: Model) -> bool:
    """Whether any demand has rules of running."""
    return any(not rules.free for rules in model.rules)


def starts_nano(model: Model, plan: Ints) -> int:
    """What the starts of a plan cost."""
    return sum(
        rules.switch_nano * starts(plan[index, window(model, index)], rules)
        for index, rules in enumerate(model.rules)
        if rules.switch_nano
    )


def cost_nano(model: Model, plan: Ints, store: Store) -> int:
    """What a plan costs with its starts, in nano-units of the currency."""
    return grid.cost_nano(model, plan, store) + starts_nano(model, plan)


def first_starts_nano(model: Model, served: Ints) -> int:
    """The starts that no plan serving as much can do without: one each, but for a car that charges."""
    return sum(
        rules.switch_nano
        for rules, energy in zip(model.rules, served.tolist(), strict=True)
        if energy and not rules.charging
    )


def broken(model: Model, plan: Ints) -> Ints:
    """The demands whose plan breaks a rule, or falls below its least."""
    return np.array(
        [
            index
            for index, rules in enumerate(model.rules)
            if not kept(plan[index, window(model, index)] > 0, rules)
            or np.any((plan[index] > 0) & (plan[index] < model.least[index]))
        ],
        np.int64,
    )


def window(model: Model, index: int) -> slice:
    """The stay of a demand."""
    return slice(model.demands[index].arrive_slot, model.demands[index].depart_slot)


def alone(model: Model, near: int = 0) -> Alone:
    """Each demand as if it were alone: exactly, or (`near`) as `runs.planned` has it for who has no time."""
    plan = np.zeros_like(model.caps)
    bound, cells = 0, (runs.HASTY_CELLS if near else runs.CELLS) // max(1, len(model.demands))
    for index in range(len(model.demands)):
        found = runs.planned(course(model, plan, index, model.caps[index]), cells, near=near)
        plan[index, window(model, index)] = found.plan
        bound += found.bound
    return Alone(plan, bound)


def course(model: Model, plan: Ints, index: int, room: Ints, toll: Ints | None = None) -> Course:
    """What a demand may do within `room` (t) while the others keep to a plan; `toll` (t): a slot's worth to others."""
    stay = window(model, index)
    cost = model.cost[index, stay] if toll is None else (model.cost[index] + toll)[stay]
    need = (int(model.energy[index]), int(model.floor[index]))
    way = runs.course(cost, room[stay], model.least[index, stay], need, model.rules[index])
    if not model.solar.any():
        return way
    others = plan.sum(axis=0) - plan[index]
    sun = np.where(model.rebate > 0, np.maximum(model.solar - others, 0), 0)
    return msgspec.structs.replace(way, sun=sun[stay], rebate=np.maximum(model.rebate, 0)[stay])


def lack(model: Model, plan: Ints) -> tuple[int, ...]:
    """What a plan misses, then what it minimises: the smaller the better."""
    return (*missed(model, plan), objective(model, plan, no_store(model)))


def objective(model: Model, plan: Ints, store: Store) -> int:
    """What a plan minimises: cost, or minus the score, peak and starts."""
    peak = peak_nano(model, peak_w(model, plan, store)) if model.site.peak_price_micro_per_kw else 0
    return energy_nano(model, plan, store, model.cost) + peak + starts_nano(model, plan)


def planned(model: Model, plan: Ints, tolls: Ints, time_s: float) -> Ints:
    """A plan within all rules, from one that heeds none; `tolls` (n, t)."""
    effort = Effort(int(time_s * REPLANS_PER_SECOND))
    order = by_need(model)
    ways = [_within(model, plan, order)]
    if effort.spend(2 * len(order)) or ways[0].sum() < plan.sum():
        ways += [one_by_one(model, tolls), _by_loss(model, {})]
    best = min(ways, key=lambda way: lack(model, way))
    polish(model, best, effort)
    bargain(model, best, effort)
    return best


def quickly(model: Model, time_s: float) -> Ints:
    """A plan within all rules: one demand after the other, within what those before it left."""
    rooms: dict[int, Ints] = {}
    best = _by_loss(model, rooms)
    polish(model, best, Effort(int(time_s * REPLANS_PER_SECOND)), rooms)
    return best


def by_need(model: Model) -> list[int]:
    """Higher tiers first, then who has the least to spare."""
    slack = model.caps.sum(axis=1) - model.energy
    return sorted(range(len(slack)), key=lambda one: (-model.tier[one], slack[one]))


def _by_loss(model: Model, rooms: dict[int, Ints]) -> Ints:
    """Each demand within what those before it left, and what the floors of all need; fills in the `rooms` (t) it had.

    Higher tiers first, there who has a floor, then who would lose the most without the slots that it likes best.
    """
    liked = cheapest_rows(model.cost, model.caps, model.energy)
    second = cheapest_rows(model.cost, np.where(liked > 0, 0, model.caps), model.energy)
    missing = model.energy - second.sum(axis=1)
    loss = (second * model.cost).sum(axis=1) - (liked * model.cost).sum(axis=1)
    order = np.lexsort((-loss, -missing, model.floor == 0, -model.tier)).tolist()
    plan = np.zeros_like(model.caps)
    for index in order:
        room = model.headroom(plan, index)
        plan[index] = earliest(np.where(room >= model.least[index], room, 0), int(model.floor[index]))
    for index in order:
        rooms[index] = model.headroom(plan, index)
        replan(model, plan, index)
    return plan


def one_by_one(model: Model, tolls: Ints) -> Ints:
    """Each demand within what those before it left, and dear where others need the slot."""
    plan = np.zeros_like(model.caps)
    for index in by_need(model):
        replan(model, plan, index, tolls[index])
    return plan


def _within(model: Model, plan: Ints, order: Sequence[int]) -> Ints:
    """A plan mended: each demand anew within what the others leave."""
    plan = plan.copy()
    for index in order:
        replan(model, plan, index)
    return plan


def replan(model: Model, plan: Ints, index: int, toll: Ints | None = None) -> None:
    """Plan one demand anew within what the others leave. Changes `plan`."""
    stay = window(model, index)
    way = course(model, plan, index, model.headroom(plan, index), toll)
    plan[index, stay] = runs.planned(way, cells=0, bounded=False).plan


def polish(model: Model, plan: Ints, effort: Effort, rooms: dict[int, Ints] | None = None) -> None:
    """Plan each demand anew while the others stay, and keep what is better. Changes `plan`.

    `rooms`: within what (t) each demand was planned already; one that has no more room now has no better plan.
    """
    seen, narrows = rooms or {}, not model.solar.any()
    for _ in range(ROUNDS):
        changed = False
        for index in np.argsort(-model.tier, kind="stable").tolist():
            room = model.headroom(plan, index)
            known = index in seen and np.all(room <= seen[index] if narrows else room == seen[index])
            if known or not effort.spend(1):
                continue
            seen[index] = room
            changed |= improve(model, plan, index)
        if not changed:
            return


def improve(model: Model, plan: Ints, index: int) -> bool:
    """Plan one demand anew while the others stay, if that is better. Changes `plan`; whether it did."""
    stay, before = window(model, index), plan[index].copy()
    way = course(model, plan, index, model.headroom(plan, index))
    other = runs.planned(way, cells=0, bounded=False).plan
    if _merit(way, int(model.floor[index]), other) >= _merit(way, int(model.floor[index]), before[stay]):
        return False
    plan[index, stay] = other
    return True


def _merit(way: Course, floor: int, plan: Ints) -> tuple[int, int, int]:
    """How late the floor is, what is unserved, what it costs: the smaller the better."""
    early = earliest(plan, floor)
    late = int(early @ np.arange(len(plan))) + (floor - int(early.sum())) * len(plan)
    return late, -int(plan.sum()), way.total(plan)


def bargain(model: Model, plan: Ints, effort: Effort) -> None:
    """Who lacks energy and one other are planned from nothing, in either order; kept where that serves more."""
    short = [index for index in by_need(model) if plan[index].sum() < model.energy[index]]
    for index in short:
        for other in np.argsort(model.tier, kind="stable").tolist():
            meet = other != index and np.any((model.caps[index] > 0) & (plan[other] > 0))
            if not meet or plan[index].sum() >= model.energy[index] or not effort.spend(2):
                continue
            before, was = plan.copy(), lack(model, plan)
            plan[[index, other]] = 0
            replan(model, plan, index)
            replan(model, plan, other)
            if lack(model, plan) >= was:
                plan[:] = before


def undisturbed(model: Model, plan: Ints) -> bool:
    """Whether the limits leave each floor its own slots, and no block that runs ends for a new one."""
    for index, rules in enumerate(model.rules):
        stay = window(model, index)
        own, room = plan[index, stay], model.caps[index, stay]
        early = earliest(np.where(room >= model.least[index, stay], room, 0), int(model.floor[index]))
        anew = rules.block and rules.charging and own.any() and not own[0]
        if anew or np.any(own < early):
            return False
    return True


def bound(model: Model, plan: Ints, worth: Sequence[Ints]) -> int:
    """A proven bound on serving what a plan serves: each demand alone at the prices said, less the limits' worth.

    Weak duality, in whole numbers. What each does alone is a rule for all, floors and blocks that go on, only where the
    limits leave it to all: elsewhere they may part anybody from it. For sites without sun, peak price and battery.
    """
    served, calm = plan.sum(axis=1), undisturbed(model, plan)
    floor = model.floor if calm else np.zeros_like(model.floor)
    priced = msgspec.structs.replace(model, cost=model.price + charged(model, worth), energy=served, floor=floor)
    nothing, bought = np.zeros_like(model.caps), 0
    for index in np.flatnonzero(served).tolist():
        way = course(priced, nothing, index, model.caps[index])
        least = runs.planned(way, cells=0).bound
        if not calm and way.rules.block and way.rules.charging:
            least = min(least, runs.planned(runs.renewed(way), cells=0).bound)
        bought += least
    given = sum(
        sum(a * b for a, b in zip(limit.limit.tolist(), one.tolist(), strict=True))
        for limit, one in zip(model.limits, worth, strict=True)
    )
    return bought - given

"""A site's plan under rules, bettered: all planned anew at other worths of the limits, then a few at a time.

Slots that all would like at a worth get dearer, as in the search for the best bound, which parts those who would sit on
each other's slots. Then a few demands are taken out and planned again: first who pays most above the bound of its own,
and with it those who sit where it would like to be. Work is counted: the same problem gets the same plan.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from server.core.valley import dive, runs
from server.core.valley.capacity import Ints, Model
from server.core.valley.switched import Effort, course, improve, lack, one_by_one, polish, replan, window
from server.core.valley.worth import charged

STEPS = 2
STRIDE = 0.7
TOGETHER = (3, 6)
"""How many are taken out at once."""


class _Ideal(msgspec.Struct, frozen=True, eq=False):
    """What each would do alone at a worth of the limits, Wh (n, t), and what that costs at least, (n)."""

    plan: Ints
    cost: list[int]


def bettered(model: Model, plan: Ints, worth: Sequence[Ints], effort: Effort) -> Ints:
    """A plan as good or better; `worth` (limits, t) of the limits."""
    if effort.left < 2 * min(TOGETHER):
        return plan
    best = _filled(model, plan)
    tolls = charged(model, worth)
    ideal = _ideals(model, tolls)
    for _ in range(STEPS):
        if effort.spend(2 * len(model.demands)):
            worth = _stepped(model, best, worth, ideal)
            stepped = charged(model, worth)
            way = one_by_one(model, stepped)
            polish(model, way, effort)
            best = min(best, _filled(model, way), key=lambda one: lack(model, one))
            ideal = _ideals(model, stepped)
    return _rebuilt_by_few(model, best, tolls, effort)


def _stepped(model: Model, plan: Ints, worth: Sequence[Ints], ideal: _Ideal) -> list[Ints]:
    """The worth of limits after a step against what their members would like too much, or too little, of them."""
    over = [limit.load(ideal.plan) - limit.limit for limit in model.limits]
    over = [np.where((one <= 0) & (was == 0), 0, one) for one, was in zip(over, worth, strict=True)]
    held = sum(float(limit.limit @ was) for limit, was in zip(model.limits, worth, strict=True))
    gap = max(1.0, float(lack(model, plan)[-1]) - (sum(ideal.cost) - held))
    step = STRIDE * gap / max(1.0, sum(float(one @ one) for one in over))
    return [np.maximum(was + np.rint(step * one).astype(np.int64), 0) for one, was in zip(over, worth, strict=True)]


def _rebuilt_by_few(model: Model, best: Ints, tolls: Ints, effort: Effort) -> Ints:
    """Take a few demands out and plan them again, while that helps."""
    ideal, merit = _ideals(model, tolls), lack(model, best)
    while effort.left > 0:
        better = False
        for seed, count in _seeds(model, best, tolls, ideal):
            if not effort.spend(2 * count):
                return best
            way = _rebuilt(model, best, tolls, _with(model, best, ideal, seed, count))
            new = lack(model, way)
            if new < merit:
                best, merit, better = way, new, True
        if not better:
            return best
        best = _filled(model, best)
        merit = lack(model, best)
    return best


def _filled(model: Model, plan: Ints) -> Ints:
    """The plan, or its pattern with the energy as the flow gives it where that is better."""
    way = dive.refilled(model, plan, plan > 0)
    return way if way is not None and lack(model, way) < lack(model, plan) else plan


def _ideals(model: Model, tolls: Ints) -> _Ideal:
    nothing = np.zeros_like(model.caps)
    plan, cost = nothing.copy(), []
    for index in range(len(model.demands)):
        found = runs.planned(course(model, nothing, index, model.caps[index], tolls[index]), cells=0)
        plan[index, window(model, index)] = found.plan
        cost.append(found.bound)
    return _Ideal(plan, cost)


def _seeds(model: Model, plan: Ints, tolls: Ints, ideal: _Ideal) -> Iterator[tuple[int, int]]:
    """Who pays most above his bound, and who lacks energy, first; with how many others."""
    regret = []
    for index in range(len(model.demands)):
        stay = window(model, index)
        way = course(model, plan, index, model.caps[index], tolls[index])
        missing = int(model.energy[index] - plan[index].sum())
        regret.append((missing, way.total(plan[index, stay]) - ideal.cost[index], index))
    for count in TOGETHER:
        for _, _, index in sorted(regret, reverse=True):
            yield index, count


def _with(model: Model, plan: Ints, ideal: _Ideal, seed: int, count: int) -> list[int]:
    """A demand, and those of its tier or below who take most in the slots that it would like."""
    liked = np.maximum(ideal.plan[seed] - plan[seed], 0)
    shared = np.minimum(plan, liked).sum(axis=1)
    shared[(model.tier > model.tier[seed])] = 0
    shared[seed] = np.iinfo(np.int64).max
    order = np.argsort(-shared, kind="stable")[:count]
    return [int(index) for index in order if shared[index] > 0]


def _rebuilt(model: Model, plan: Ints, tolls: Ints, taken: list[int]) -> Ints:
    """The plan with some demands planned again from nothing, heeding what the others need, then for themselves."""
    way = plan.copy()
    way[taken] = 0
    for index in taken:
        replan(model, way, index, tolls[index])
    for index in taken:
        improve(model, way, index)
    return way

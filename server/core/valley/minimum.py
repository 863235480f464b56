"""The least power of a car (6 A): nothing, or at least that, by planning demands anew one at a time, then in pairs.

A flow knows no "nothing or at least". Its plan is mended: whoever has a slot below the least is planned again alone
within what the others leave, then all are, while that helps; who still lacks energy bargains with one other at a time.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Model, earliest
from server.core.valley.threshold import plan_alone

ROUNDS = 2
REPLANS_PER_SECOND = 2_000
"""A replan takes 0.1 to 0.3 ms: work is counted, not timed, so that the same problem gets the same plan."""


class Merit(msgspec.Struct, frozen=True, order=True):
    """How good the plan of one demand is: the smaller in this order the better."""

    unserved: int
    floor_late: int
    cost: int
    starts: int
    late: int


def merit(model: Model, index: int, plan: Ints) -> Merit:
    """The merit of one demand's plan, shape (t)."""
    slots = np.arange(len(plan))
    floor = int(model.floor[index])
    early = earliest(plan, floor)
    missing = floor - int(early.sum())
    used = plan > 0
    return Merit(
        unserved=int(model.energy[index] - plan.sum()),
        floor_late=int(early @ slots) + missing * len(plan),
        cost=int(plan @ model.cost[index]),
        starts=int(used[0]) + int(np.sum(used[1:] & ~used[:-1])),
        late=int(plan @ slots),
    )


def below_least(model: Model, plan: Ints) -> Ints:
    """The demands that a plan gives a slot between nothing and their least."""
    return np.flatnonzero(np.any((plan > 0) & (plan < model.least), axis=1))


def repaired(model: Model, plan: Ints, time_s: float) -> Ints:
    """A plan without slots below the least, from a flow's plan."""
    plan = plan.copy()
    for index in sorted(below_least(model, plan), key=lambda one: (-model.tier[one], _slack(model, one))):
        plan[index] = plan_alone(model, index, model.headroom(plan, index))
    budget = int(time_s * REPLANS_PER_SECOND)
    for _ in range(ROUNDS):
        budget -= len(model.demands)
        if budget < 0 or not polish(model, plan):
            break
    _bargain(model, plan, budget)
    return plan


def _slack(model: Model, index: int) -> int:
    return int(model.caps[index].sum() - model.energy[index])


def polish(model: Model, plan: Ints) -> bool:
    """Plan each demand anew while the others stay, and keep what is better. Changes `plan`; whether anything did."""
    changed = False
    for index in np.argsort(-model.tier, kind="stable"):
        other = plan_alone(model, index, model.headroom(plan, index))
        if merit(model, index, other) < merit(model, index, plan[index]):
            plan[index] = other
            changed = True
    return changed


def _bargain(model: Model, plan: Ints, budget: int) -> None:
    """Let who lacks energy plan first against one other at a time; keep what serves more, by tier. Changes `plan`."""
    short = [index for index in range(len(model.demands)) if plan[index].sum() < model.energy[index]]
    for index in sorted(short, key=lambda one: -model.tier[one]):
        for other in np.argsort(model.tier, kind="stable"):
            budget -= 1
            if budget < 0 or plan[index].sum() >= model.energy[index]:
                break
            if other != index and np.any((model.caps[index] > 0) & (plan[other] > 0)):
                _trade(model, plan, index, int(other))


def _trade(model: Model, plan: Ints, index: int, other: int) -> None:
    before = plan[[index, other]].copy()
    served = _served(model, plan)
    plan[[index, other]] = 0
    plan[index] = plan_alone(model, index, model.headroom(plan, index))
    plan[other] = plan_alone(model, other, model.headroom(plan, other))
    if _served(model, plan) <= served:
        plan[[index, other]] = before


def _served(model: Model, plan: Ints) -> list[int]:
    """Floors by tier, then energy by tier, the highest first."""
    total = plan.sum(axis=1)
    floor = np.minimum(total, model.floor)
    tiers = range(int(model.tier.max()), -1, -1)
    return [int(part[model.tier == tier].sum()) for part in (floor, total) for tier in tiers]

"""The least power of a car (6 A): nothing, or at least that, by planning demands anew one at a time, then in pairs.

A flow knows no "nothing or at least". Its plan is mended: whoever has a slot below the least is planned again alone
within what the others leave, then all are, while that helps; who still lacks energy bargains with one other at a time.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask, Model
from server.core.valley.swap import AT_ANY_COST, FREE, swapped
from server.core.valley.threshold import merit_of, plan_alone

ROUNDS = 2
REPLANS_PER_SECOND = 100
"""Work is counted, not timed, so that the same problem gets the same plan. A replan takes 0.1 to 0.4 ms: the 2 s that a
problem has by default are 50 ms here, more than which a plug-in should not wait for."""


def below_least(model: Model, plan: Ints) -> Ints:
    """The demands that a plan gives a slot between nothing and their least."""
    return np.flatnonzero(np.any((plan > 0) & (plan < model.least), axis=1))


def repaired(model: Model, plan: Ints, time_s: float) -> Ints:
    """A plan without slots below the least, from a flow's plan."""
    effort = _Effort(int(time_s * REPLANS_PER_SECOND))
    plan = swapped(model, plan, range(len(model.demands)), FREE)
    for index in sorted(below_least(model, plan).tolist(), key=lambda one: (-model.tier[one], _slack(model, one))):
        ways = (plan, swapped(model, plan, [index], AT_ANY_COST))
        plan = min((_mended(model, way, index) for way in ways), key=lambda way: _lack(model, way))
    for _ in range(ROUNDS):
        if not (effort.spend(len(model.demands)) and polish(model, plan)):
            break
    _bargain(model, plan, effort)
    if effort.spend(len(model.demands)):
        polish(model, plan)
    return plan


def _mended(model: Model, plan: Ints, index: int) -> Ints:
    """The plan with one demand planned anew, if it has a slot below its least."""
    if index not in below_least(model, plan):
        return plan
    mended = plan.copy()
    mended[index] = plan_alone(model, index, model.headroom(plan, index))
    return mended


def _slack(model: Model, index: int) -> int:
    return int(model.caps[index].sum() - model.energy[index])


def polish(model: Model, plan: Ints) -> bool:
    """Plan each demand anew while the others stay, and keep what is better. Changes `plan`; whether anything did."""
    changed = False
    for index in np.argsort(-model.tier, kind="stable"):
        other = plan_alone(model, index, model.headroom(plan, index))
        if merit_of(model, index, other) < merit_of(model, index, plan[index]):
            plan[index] = other
            changed = True
    return changed


class _Effort(msgspec.Struct):
    """Replans that are left."""

    left: int

    def spend(self, replans: int) -> bool:
        """Take some, if that many are left."""
        self.left -= replans
        return self.left >= 0


def _bargain(model: Model, plan: Ints, effort: _Effort) -> None:
    """Let who lacks energy ask others for room; keep what serves more, by tier, or costs less. Changes `plan`."""
    short = [index for index in range(len(model.demands)) if plan[index].sum() < model.energy[index]]
    for index in sorted(short, key=lambda one: -model.tier[one]):
        for slot in np.flatnonzero(_almost(model, plan, index)):
            if plan[index].sum() < model.energy[index] and effort.spend(2):
                _squeeze(model, plan, index, int(slot))
        for other in np.argsort(model.tier, kind="stable"):
            meet = other != index and np.any((model.caps[index] > 0) & (plan[other] > 0))
            if meet and plan[index].sum() < model.energy[index] and effort.spend(2):
                _replanned(model, plan, [index, int(other)])


def _almost(model: Model, plan: Ints, index: int) -> Mask:
    """The slots in which a demand has room, but less than its least."""
    room = model.headroom(plan, index)
    almost: Mask = (room > 0) & (room < model.least[index]) & (plan[index] == 0)
    return almost


def _squeeze(model: Model, plan: Ints, index: int, slot: int) -> None:
    """Ask others in a slot to go down to their least, the lowest tier first, until one more has room for its own."""
    before, lack, asked = plan.copy(), _lack(model, plan), [index]
    for other in np.argsort(model.tier, kind="stable"):
        if model.headroom(plan, index)[slot] >= model.least[index, slot]:
            break
        if plan[other, slot] > model.least[other, slot] and other != index:
            plan[other, slot] = model.least[other, slot]
            asked.append(int(other))
    for one in asked:
        plan[one] = plan_alone(model, one, model.headroom(plan, one))
    if _lack(model, plan) >= lack:
        plan[:] = before


def _replanned(model: Model, plan: Ints, order: list[int]) -> None:
    """Plan some demands from nothing, in this order."""
    before, lack = plan[order], _lack(model, plan)
    plan[order] = 0
    for one in order:
        plan[one] = plan_alone(model, one, model.headroom(plan, one))
    if _lack(model, plan) >= lack:
        plan[order] = before


def _lack(model: Model, plan: Ints) -> list[int]:
    """Floors missed by tier, then energy missed by tier, the highest first, then the cost: the smaller the better."""
    missed = model.energy - plan.sum(axis=1)
    floors = np.maximum(missed - (model.energy - model.floor), 0)
    tiers = range(int(model.tier.max()), -1, -1)
    lacks = [int(part[model.tier == tier].sum()) for part in (floors, missed) for tier in tiers]
    return [*lacks, int((plan * model.cost).sum())]

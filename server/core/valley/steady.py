"""Which plans in force may stay: what differs by less than a cent is not sent, because chargers' flash memory wears."""

from collections.abc import Mapping, Sequence

import numpy as np

from server.core.valley import rules
from server.core.valley.capacity import Ints, model
from server.core.valley.problem import Answer, Problem
from server.core.valley.rules import FREE, Rules

CENT_NANO = 10_000_000
SERVED_WH = 300
"""Profiles round down and cars draw a little less than they may: so much more or less is the same energy."""


def kept(
    problem: Problem,
    answer: Answer,
    in_force: Mapping[str, Sequence[int]],
    ended: Mapping[str, Sequence[int]] | None = None,
) -> frozenset[str]:
    """The demands whose plan in force may stay beside the others' new plans.

    It serves the same and its floor as soon, keeps to the rules that the new one keeps to, costs less than a cent more
    than the new one (on what the plan minimises, starts included), and with it no limit is passed.

    Args:
        problem: what was asked.
        answer: the new plans.
        in_force: for some demands the energy that their plan in force allows, Wh, one figure a slot of the problem.
        ended: what its last limit allows where such a plan has ended: it serves nothing, and must fit all the same.
    """
    out: set[str] = set()
    after = ended or {}
    made = {plan.id: plan.energy_wh for plan in answer.plans}
    for site in problem.sites:
        numbers = model(problem, site)
        plan = np.array([made[demand.id] for demand in numbers.demands], np.int64).reshape(numbers.caps.shape)
        for index, demand in enumerate(numbers.demands):
            before = in_force.get(demand.id)
            if before is None:
                continue
            old = np.asarray(before, np.int64)
            beside = plan.copy()
            beside[index] = old + np.asarray(after.get(demand.id, 0), np.int64)
            same = _serves(old, plan[index], int(numbers.floor[index])) and _runs(
                old, plan[index], numbers.rules[index]
            )
            possible = bool(np.all(old <= numbers.power[index])) and not numbers.breaks(beside)
            if same and possible and _dearer(problem, numbers.cost[index], old, plan[index]) < CENT_NANO:
                plan = beside
                out.add(demand.id)
    return frozenset(out)


def _serves(old: Ints, new: Ints, floor_wh: int) -> bool:
    """Whether an old plan serves what a new one does, and what comes first as soon."""
    late = np.minimum(np.cumsum(new), floor_wh) - np.cumsum(old)
    return abs(int(old.sum()) - int(new.sum())) <= SERVED_WH and int(late.max()) <= SERVED_WH


def _runs(old: Ints, new: Ints, keep: Rules) -> bool:
    """Whether an old plan keeps to the rules of running, where a new one can."""
    return rules.kept(old > 0, keep) or not rules.kept(new > 0, keep)


def _dearer(problem: Problem, cost: Ints, old: Ints, new: Ints) -> int:
    """What an old plan costs more than a new one, nano: energy, a little more or less at its mean price, and starts."""
    energy = int(cost @ old) - int(cost @ new) * int(old.sum()) // max(1, int(new.sum()))
    return energy + (rules.starts(old, FREE) - rules.starts(new, FREE)) * problem.switch_micro * 1000

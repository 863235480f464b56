"""The limits of a site as pipes for the flow, and what each kind of car gets of a limit in mA that they share.

A limit in mA weighs cars by their phases, so it is no pipe for all of them. One linear program finds what each kind
takes of it at the optimum; each kind then has a pipe of its own, of whole Wh, and the flow stays exact within them.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from server.core.valley.capacity import Ints, Limit, Mask, Model
from server.core.valley.flow import Branch

Floats = NDArray[np.float64]

SERVED_WORTH = 20.0
"""What a Wh of the lowest tier is worth beside costs scaled to 0..1: more than any way to make room for it."""
TIER_FACTOR = 8.0
"""Above the 3 that a one-phase Wh takes of others in a limit in mA."""
TIERS_MAX = 5
"""Tiers beyond these share the lowest worth here: a double cannot hold more. The flow keeps all of them apart."""


class Share(msgspec.Struct, frozen=True, eq=False):
    """An optimum of the linear program: energy (n, t), and the price of a weighted Wh of each limit (limits, t)."""

    plan: Floats
    duals: list[Floats]


class _Wants(msgspec.Struct, frozen=True, eq=False):
    """What one program may place: from `lower` to `upper`, `least_energy` to `energy` in all, for the most `worth`."""

    lower: Floats
    upper: Floats
    energy: Floats
    worth: Floats
    least_energy: Floats


def binding(model: Model) -> list[Limit]:
    """The limits that the caps of their members could pass."""
    return [limit for limit in model.limits if np.any(limit.load(model.caps) > limit.limit)]


def branches(model: Model, time_s: float) -> list[Branch]:
    """Pipes for all limits that can bind; whole Wh, so that the flow passes no limit."""
    limits = binding(model)
    kinds = np.array([len(demand.phases) for demand in model.demands], np.int64)
    split = _split(limits, kinds)
    usage: Floats = model.caps.astype(np.float64)
    if any(split):
        share = shares(model, limits, time_s)
        usage = usage if share is None else share.plan
    pipes: list[Branch] = []
    for index, limit in enumerate(limits):
        groups = [limit.members & (kinds == kind) for kind in np.unique(kinds[limit.members])]
        members = groups if split[index] else [limit.members]
        caps = _caps(limit, members, usage)
        pipes.extend(Branch(who, cap, -1) for who, cap in zip(members, caps, strict=True))
    return [msgspec.structs.replace(pipe, parent=_parent(pipes, index)) for index, pipe in enumerate(pipes)]


def _split(limits: list[Limit], kinds: Ints) -> list[bool]:
    """Which limits need a pipe for each kind: those that weigh kinds differently, and all inside of those."""
    split = []
    for index, limit in enumerate(limits):
        outwards = [other for other in limits[index:] if np.all(other.members[limit.members])]
        several = len(np.unique(kinds[limit.members])) > 1
        split.append(several and any(other.mixed for other in outwards))
    return split


def _caps(limit: Limit, groups: list[Mask], usage: Floats) -> list[Ints]:
    """Whole Wh for each group: what the program gave it, and an even part of what is left."""
    weights = [int(limit.weight[group][0]) for group in groups]
    if len(groups) == 1:
        return [limit.limit // weights[0]]
    used = [usage[group].sum(axis=0) for group in groups]
    load = sum((weight * use for weight, use in zip(weights, used, strict=True)), np.zeros(len(limit.limit)))
    # Without a program all want all, and get in proportion; with one the load fits but for its tolerance.
    fit = np.where(load > limit.limit, limit.limit / np.maximum(load, 1e-9), 1.0)
    caps = [np.floor(use * fit + 1e-6).astype(np.int64) for use in used]
    left = limit.limit.copy()
    for index, weight in enumerate(weights):
        caps[index] = np.minimum(caps[index], left // weight)
        left -= weight * caps[index]
    spare = left // len(groups)
    return [cap + spare // weight for cap, weight in zip(caps, weights, strict=True)]


def _parent(pipes: list[Branch], index: int) -> int:
    """The next pipe outwards that holds the same members."""
    members = pipes[index].members
    for outer in range(index + 1, len(pipes)):
        if np.all(pipes[outer].members[members]):
            return outer
    return -1


def shares(model: Model, limits: list[Limit], time_s: float) -> Share | None:
    """The optimum without whole Wh and without least powers; None where the solver does not find it in time."""
    lower, upper = np.zeros(model.caps.shape), model.caps.astype(np.float64)
    nothing = np.zeros(len(model.demands))
    if model.floor.any():
        early = np.broadcast_to(np.arange(upper.shape[1]) / upper.shape[1], upper.shape)
        first = _program(
            limits, _Wants(lower, upper, model.floor.astype(float), _tiers(model) - early, nothing), time_s
        )
        if first is None:
            return None
        lower = np.clip(first.plan - 1e-7, 0, upper)
    usable = model.cost[model.caps > 0]
    worth = _tiers(model) - (model.cost - int(usable.min())) / max(int(np.ptp(usable)), 1)
    return _program(limits, _Wants(lower, upper, model.energy.astype(float), worth, nothing), time_s)


def price_of_limits(model: Model, served: Ints, limits: list[Limit], time_s: float) -> list[Ints] | None:
    """What a weighted Wh of each limit is worth by slot, micro per kWh, where each demand gets `served` (n) Wh."""
    upper, energy = model.caps.astype(np.float64), served.astype(np.float64)
    dearest = max(1, int(np.abs(model.price).max()))
    share = _program(limits, _Wants(np.zeros_like(upper), upper, energy, -model.price / dearest, energy), time_s)
    return None if share is None else [np.rint(np.maximum(dual, 0) * dearest).astype(np.int64) for dual in share.duals]


def _tiers(model: Model) -> Floats:
    """The worth of a Wh by tier, shape (n, 1)."""
    ranks = np.maximum(model.tier - max(0, int(model.tier.max()) - TIERS_MAX + 1), 0)
    return (SERVED_WORTH * TIER_FACTOR ** ranks.astype(np.float64))[:, None]


def _program(limits: list[Limit], wants: _Wants, time_s: float) -> Share | None:
    solver = pywraplp.Solver.CreateSolver("GLOP")
    solver.SetTimeLimit(max(1, int(time_s * 1000)))
    rows, slots = np.nonzero(wants.upper)
    demand_rows = [solver.Constraint(*map(float, ends)) for ends in zip(wants.least_energy, wants.energy, strict=True)]
    limit_rows = [[solver.Constraint(-solver.infinity(), float(most)) for most in limit.limit] for limit in limits]
    objective = solver.Objective()
    objective.SetMaximization()
    variables = []
    for row, slot in zip(rows.tolist(), slots.tolist(), strict=True):
        variable = solver.NumVar(float(wants.lower[row, slot]), float(wants.upper[row, slot]), "")
        objective.SetCoefficient(variable, float(wants.worth[row, slot]))
        demand_rows[row].SetCoefficient(variable, 1.0)
        for limit, by_slot in zip(limits, limit_rows, strict=True):
            if limit.members[row]:
                by_slot[slot].SetCoefficient(variable, float(limit.weight[row]))
        variables.append(variable)
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return None
    plan = np.zeros(wants.upper.shape)
    plan[rows, slots] = [variable.solution_value() for variable in variables]
    duals = [np.array([row.dual_value() for row in by_slot]) for by_slot in limit_rows]
    return Share(plan, duals)

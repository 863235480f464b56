"""The mixed-integer program of a site: least powers and rules of running, by a branch-and-bound solver (SCIP).

The last resort, where a plan is too far from its bound and there is time (engine B4.3). It starts from the best plan
known, may not serve anyone less, and what it finds is filled anew in whole Wh (`dive.refilled`).
"""

import msgspec
import numpy as np
from ortools.linear_solver import pywraplp

from server.core.valley.capacity import Ints, Mask, Model
from server.core.valley.switched import window

NODES = 5_000
"""Work is counted in nodes, so that the same problem gets the same plan; the time is only a limit beyond that."""
SERVED_WORTH = 10.0
"""What a Wh is worth beside costs scaled to at most 1."""
TIER_FACTOR = 3.0
BINARIES_MAX = 6_000
SURE = 2e-6
"""The solver's bound is in doubles and its rows hold to a millionth: so much of it is not counted on."""


class _Built(msgspec.Struct, frozen=True, eq=False):
    solver: pywraplp.Solver
    use: dict[tuple[int, int], pywraplp.Variable]
    on: dict[tuple[int, int], pywraplp.Variable]
    start: dict[tuple[int, int], pywraplp.Variable]


class Searched(msgspec.Struct, frozen=True, eq=False):
    """Which slots are on, shape (n, t); and what no plan that serves all costs less than, None where not all is."""

    on: Mask
    bound: int | None


def searched(model: Model, plan: Ints, time_s: float, gap: float) -> Searched | None:
    """A better pattern than that of `plan`, which keeps to all rules; None where none is found."""
    if int((model.caps > 0).sum()) > BINARIES_MAX or model.floor.any() or model.rebate[model.solar > 0].any():
        return None
    built = _built(model, plan)
    solver = built.solver
    solver.SetTimeLimit(max(1, int(time_s * 1000)))
    solver.SetSolverSpecificParametersAsString(f"limits/nodes = {NODES}\n")
    known = [(variable, float(plan[at])) for at, variable in built.use.items()]
    known += [(variable, float(plan[at] > 0)) for at, variable in built.on.items()]
    solver.SetHint([variable for variable, _ in known], [value for _, value in known])
    parameters = pywraplp.MPSolverParameters()
    parameters.SetDoubleParam(parameters.RELATIVE_MIP_GAP, gap)
    if solver.Solve(parameters) not in (solver.OPTIMAL, solver.FEASIBLE):
        return None
    on = np.zeros(plan.shape, bool)
    for at, variable in built.on.items():
        on[at] = variable.solution_value() > 0.5
    if plan.sum() < model.energy.sum():
        return Searched(on, None)
    least = float(solver.Objective().BestBound()) * _dearest(model)
    return Searched(on, int(least - SURE * abs(least)) - 1)


def _built(model: Model, plan: Ints) -> _Built:
    solver = pywraplp.Solver.CreateSolver("SCIP")
    cells = list(zip(*(part.tolist() for part in np.nonzero(model.caps)), strict=True))
    use = {(row, slot): solver.NumVar(0.0, float(model.caps[row, slot]), "") for row, slot in cells}
    on = {at: solver.BoolVar("") for at in cells}
    built = _Built(solver, use, on, {})
    for at in cells:
        solver.Add(use[at] <= float(model.caps[at]) * on[at])
        solver.Add(use[at] >= float(max(1, model.least[at])) * on[at])
    for limit in model.limits:
        for slot in range(plan.shape[1]):
            members = np.flatnonzero(limit.members & (model.caps[:, slot] > 0)).tolist()
            if int(limit.weight[members] @ model.caps[members, slot]) > int(limit.limit[slot]):
                load = solver.Sum([float(limit.weight[row]) * use[row, slot] for row in members])
                solver.Add(load <= float(limit.limit[slot]))
    goal = [_stay(model, built, plan, row) for row in range(len(model.demands))]
    solver.Minimize(solver.Sum(goal))
    return built


def _stay(model: Model, built: _Built, plan: Ints, row: int) -> pywraplp.LinearExpr:
    """A demand's rows, and what it adds to the goal."""
    solver, rules = built.solver, model.rules[row]
    stay = window(model, row)
    slots = [slot for slot in range(stay.start, stay.stop) if model.caps[row, slot]]
    energy, served = float(model.energy[row]), float(plan[row].sum())
    total = solver.Sum([built.use[row, slot] for slot in slots])
    solver.Add(total <= energy)
    solver.Add(total >= served)
    dearest = _dearest(model)
    worth = SERVED_WORTH * TIER_FACTOR ** min(int(model.tier[row]), 4) if served < energy else 0.0
    goal = solver.Sum([(float(model.cost[row, slot]) / dearest - worth) * built.use[row, slot] for slot in slots])
    if rules.free:
        return goal
    return goal + _ruled(model, built, row, rules.switch_nano / dearest)


def _dearest(model: Model) -> float:
    """What the goal is scaled by."""
    return float(max(1, int(np.abs(model.cost).max(initial=0))))


def _ruled(model: Model, built: _Built, row: int, switch: float) -> pywraplp.LinearExpr:
    """The rules of running of a demand, and what its starts cost."""
    solver, rules, stay = built.solver, model.rules[row], window(model, row)
    begins, ons = [], []
    for slot in range(stay.start, stay.stop):
        begins.append(solver.NumVar(0.0, 1.0, ""))
        ons.append(built.on.get((row, slot), 0.0))
        before = ons[-2] if len(ons) > 1 else float(rules.charging)
        solver.Add(begins[-1] >= ons[-1] - before)
        begun = solver.Sum(begins[-rules.run :])
        solver.Add(begun <= ons[-1])
        if len(ons) > rules.run:
            rested = ons[-rules.run - 1]
            solver.Add(begun <= 1.0 - rested)
    if rules.block:
        solver.Add(solver.Sum(begins) <= float(not (rules.charging and built.on.get((row, stay.start)) is not None)))
    return switch * solver.Sum(begins)

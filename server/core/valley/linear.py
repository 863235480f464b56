"""Linear programs built from arrays (row by row in Python is slow: engine B3, B7), solved by HiGHS through MathOpt."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import callback_pb2, model_parameters_pb2, model_pb2, parameters_pb2, result_pb2
from ortools.math_opt.core.python import solver
from pybind11_abseil.status import StatusNotOk  # type: ignore[import-untyped]

from server.core.valley.capacity import Ints

Floats = NDArray[np.float64]


class Solution(msgspec.Struct, frozen=True, eq=False):
    """An optimum: a value a column, and what one more of each row's bound would change the objective by."""

    values: Floats
    duals: Floats


class Program:
    """Columns and rows to be added to, and then minimised for one objective after another."""

    def __init__(self) -> None:
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._cost: list[Floats] = []
        self._row_lower: list[Floats] = []
        self._row_upper: list[Floats] = []
        self._entries: list[tuple[Ints, Ints, Floats]] = []
        self.width = 0
        self.height = 0

    def columns(self, lower: Ints | Floats, upper: Ints | Floats, cost: Ints | Floats) -> Ints:
        """New columns between bounds; their numbers."""
        self._lower.append(np.asarray(lower, np.float64))
        self._upper.append(np.asarray(upper, np.float64))
        self._cost.append(np.asarray(cost, np.float64))
        self.width += len(lower)
        return np.arange(self.width - len(lower), self.width)

    def rows(self, lower: Ints | Floats, upper: Ints | Floats) -> Ints:
        """New empty rows between bounds; their numbers."""
        self._row_lower.append(np.asarray(lower, np.float64))
        self._row_upper.append(np.asarray(upper, np.float64))
        self.height += len(lower)
        return np.arange(self.height - len(lower), self.height)

    def put(self, rows: Ints, columns: Ints, values: Ints | Floats | float) -> None:
        """Entries of the matrix; no place may be named twice."""
        self._entries.append((rows, columns, np.broadcast_to(np.asarray(values, np.float64), rows.shape)))

    def cost(self) -> Floats:
        """The columns' own objective."""
        return np.concatenate(self._cost)

    def least(self, objective: Floats, time_s: float) -> Solution | None:
        """The optimum of an objective over the columns; None where it is not found in time."""
        proto = model_pb2.ModelProto()
        columns, rows = proto.variables, proto.linear_constraints
        columns.ids.extend(range(self.width))
        columns.lower_bounds.extend(np.concatenate(self._lower).tolist())
        columns.upper_bounds.extend(np.concatenate(self._upper).tolist())
        columns.integers.extend([False] * self.width)
        rows.ids.extend(range(self.height))
        rows.lower_bounds.extend(np.concatenate(self._row_lower).tolist())
        rows.upper_bounds.extend(np.concatenate(self._row_upper).tolist())
        at, column, value = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        order = np.lexsort((column, at))  # MathOpt wants them sorted
        proto.linear_constraint_matrix.row_ids.extend(at[order].tolist())
        proto.linear_constraint_matrix.column_ids.extend(column[order].tolist())
        proto.linear_constraint_matrix.coefficients.extend(value[order].tolist())
        used = np.flatnonzero(objective)
        proto.objective.linear_coefficients.ids.extend(used.tolist())
        proto.objective.linear_coefficients.values.extend(objective[used].tolist())
        return _solved(proto, time_s)


LEAST_S = 2.0
"""A program that is cut off earlier would make a plan depend on how busy the machine is."""


def _solved(proto: model_pb2.ModelProto, time_s: float) -> Solution | None:
    """By HiGHS; now and then it ends without knowing what it found (`HighsModelStatus was Unknown`): then by GLOP."""
    for kind in (parameters_pb2.SOLVER_TYPE_HIGHS, parameters_pb2.SOLVER_TYPE_GLOP):
        try:
            return _solved_by(kind, proto, time_s)
        except StatusNotOk:
            continue
    return None


def _solved_by(kind: Any, proto: model_pb2.ModelProto, time_s: float) -> Solution | None:  # noqa: ANN401
    asked = parameters_pb2.SolveParametersProto()
    asked.time_limit.FromNanoseconds(int(max(LEAST_S, time_s) * 1e9))
    result = solver.solve(
        proto,
        kind,
        parameters_pb2.SolverInitializerProto(),
        asked,
        model_parameters_pb2.ModelSolveParametersProto(),
        None,
        callback_pb2.CallbackRegistrationProto(),
        None,
        None,
    )
    if result.termination.reason != result_pb2.TERMINATION_REASON_OPTIMAL:
        return None
    found = result.solutions[0]
    return Solution(
        values=np.array(found.primal_solution.variable_values.values),
        duals=np.array(found.dual_solution.dual_values.values),
    )

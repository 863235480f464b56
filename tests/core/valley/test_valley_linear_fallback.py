"""A linear program that HiGHS ends without knowing what it found is solved all the same."""

from pathlib import Path

import msgspec

from server.core.valley import linear
from server.core.valley.plan import solve
from server.core.valley.problem import Problem

UNKNOWN = Path(__file__).parent / "highs_unknown.json"
"""Five cars of a demo day behind one feeder: `HighsModelStatus was Unknown` (HiGHS in OR-Tools 9.15)."""


def test_five_cars_behind_a_feeder_are_planned_although_highs_does_not_know(monkeypatch):
    tried = []
    once = linear._solved_by

    def watched(kind, proto, time_s):
        tried.append(kind)
        return once(kind, proto, time_s)

    monkeypatch.setattr(linear, "_solved_by", watched)
    problem = msgspec.json.decode(UNKNOWN.read_bytes(), type=Problem)
    answer = solve(problem)
    missing = [(plan.shortfall_wh, plan.reason) for plan in answer.plans]
    assert missing == [(0, None), (13_560, "too_little_time"), (0, None), (0, None), (0, None)]
    assert len(set(tried)) == 2

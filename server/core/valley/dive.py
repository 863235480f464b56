"""Which slots are on is fixed, and the flow says what they get; for a least power fixed a few at a time (a dive).

With a slot fixed on, its least is taken out of caps, limits and energy, and the flow fills the rest: exact for that
pattern. A dive fixes first what the flow already nearly decided, and solves again for what is left.
"""

import msgspec
import numpy as np

from server.core.valley import phases
from server.core.valley.capacity import Ints, Mask, Model
from server.core.valley.flow import flow

DEPTH = 12
"""Flows solved in a dive at most; each takes milliseconds on a site of 40."""
HALF = 2


def refilled(model: Model, plan: Ints, on: Mask) -> Ints | None:
    """The best plan that is on just where a pattern (n, t) is; None where no such plan serves what `plan` does.

    Whoever has a floor keeps to `plan`, for his early slots are no question of cost.
    """
    kept = model.floor > 0
    low = np.where(on, np.maximum(model.least, 1), 0)
    low[kept] = plan[kept]
    flowed = _above(model, plan, low, np.where(on & ~kept[:, None], model.caps, low))
    return flowed if flowed is not None and flowed.sum() >= plan.sum() else None


def dived(model: Model, plan: Ints) -> Ints | None:
    """A plan with hardly a slot between nothing and the least, from a flow's plan; None where fixing leads nowhere."""
    low, high = np.zeros_like(plan), model.caps.copy()
    usage, way = plan, plan
    for depth in range(DEPTH):
        small = (way > 0) & (way < model.least)
        if not small.any():
            return way
        share = np.where(small, way / np.maximum(model.least, 1), 0.5)
        sure = small & (np.abs(share - 0.5) >= np.median(np.abs(share[small] - 0.5)) - 1e-9) if depth < HALF else small
        low = np.where(sure & (share >= 0.5), model.least, low)
        high = np.where(sure & (share < 0.5), 0, high)
        flowed = _above(model, usage, low, high)
        if flowed is None:
            return None
        way = flowed
    return way


def _above(model: Model, usage: Ints, low: Ints, high: Ints) -> Ints | None:
    """The best plan between two others; None where not even `low` fits."""
    energy = model.energy - low.sum(axis=1)
    limits = [msgspec.structs.replace(limit, limit=limit.limit - limit.load(low)) for limit in model.limits]
    if np.any(low > high) or np.any(energy < 0) or any(np.any(limit.limit < 0) for limit in limits):
        return None
    taken = low.sum(axis=0)
    lit = np.minimum(taken, model.solar)
    rest = msgspec.structs.replace(
        model,
        caps=high - low,
        least=np.zeros_like(low),
        energy=energy,
        floor=np.zeros_like(model.floor),
        limits=limits,
        solar=model.solar - lit,
        grid=model.grid - (taken - lit),
    )
    flowed = flow(rest, phases.pipes(rest, np.maximum(usage - low, 0)))
    return None if flowed is None else low + flowed.plan

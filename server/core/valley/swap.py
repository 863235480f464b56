"""Two demands trade energy between two slots, so that a slot below the least of a car is used enough or not at all.

What one gives in a slot the other takes, and the reverse in another slot: the limits see no change, and at a common
price it costs nothing. That is why the least power costs so little (engine B4.3).
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask, Model

PASSES = 2
NEVER = np.iinfo(np.int64).max
FREE = 0
AT_ANY_COST = NEVER - 1


class _Trade(msgspec.Struct, frozen=True, eq=False):
    """For each other demand and slot: what moves, Wh (n, t), and what it costs more (NEVER where it may not be)."""

    moved: Ints
    cost: Ints


def swapped(model: Model, plan: Ints, rows: Sequence[int], dearest: int) -> Ints:
    """A plan with as few slots below the least in some rows as trades can make it, serving the same.

    `dearest`: what one trade may add to the cost, in the cost's unit x Wh.
    """
    plan = plan.copy()
    for _ in range(PASSES):
        done = [
            _settle(model, plan, (row, int(slot)), dearest)
            for row in rows
            for slot in np.flatnonzero((plan[row] > 0) & (plan[row] < model.least[row]))
        ]
        if not any(done):
            break
    return plan


def _settle(model: Model, plan: Ints, at: tuple[int, int], dearest: int) -> bool:
    """Trade one slot of one demand away or up to its least, as cheaply as can be. Changes `plan`; whether it did."""
    row, slot = at
    if not 0 < plan[row, slot] < model.least[row, slot]:
        return False
    best: tuple[int, int, int, int] | None = None
    for trade in _trades(model, plan, row, slot):
        where = int(np.argmin(trade.cost))
        other, elsewhere = divmod(where, plan.shape[1])
        cost = int(trade.cost[other, elsewhere])
        if cost <= dearest and (best is None or cost < best[0]):
            best = (cost, other, elsewhere, int(trade.moved[other, elsewhere]))
            if cost <= FREE:  # a flow's plan has no better one
                break
    if best is None:
        return False
    _, other, elsewhere, moved = best
    plan[row, slot] += moved
    plan[row, elsewhere] -= moved
    plan[other, slot] -= moved
    plan[other, elsewhere] += moved
    return True


def _trades(model: Model, plan: Ints, row: int, slot: int) -> Iterator[_Trade]:
    """Ways to change a slot: up to the least, by all of another slot or of another demand, or down to nothing.

    What the slot, its row and its column say rules out most of them before all is looked at.
    """
    have, mine, theirs = plan[row, slot], plan[row], plan[:, slot, None]
    limits = (model.least, model.caps)
    own, column, here = ([one[at] for one in limits] for at in (row, (slice(None), slot, None), (row, slot)))
    for moved in (here[0] - have, mine, theirs, -have):
        allowed = _fits(have + moved, *here)
        if allowed.any() and moved is not theirs:
            allowed = allowed & _fits(theirs - moved, *column)
        if allowed.any() and moved is not mine:
            allowed = allowed & _fits(mine - moved, *own)
        if allowed.any():
            yield _priced(model, plan, (row, slot), moved, allowed)


def _priced(model: Model, plan: Ints, at: tuple[int, int], moved: Ints, allowed: Mask) -> _Trade:
    """What trades cost that the row and the column of a slot allow; NEVER where another slot or a limit does not."""
    row, slot = at
    allowed = allowed & _fits(plan + moved, model.least, model.caps)
    allowed[row] = False
    allowed[:, slot] = False
    for limit in model.limits:
        heavier = (limit.weight[row] - limit.weight)[:, None]
        if heavier.any():
            room = limit.limit - limit.load(plan)
            allowed &= (heavier * moved <= room[slot]) & (-heavier * moved <= room)
    dearer = (model.cost[row, slot] - model.cost[row]) + (model.cost - model.cost[:, slot, None])
    return _Trade(np.broadcast_to(moved, plan.shape), np.where(allowed, dearer * moved, NEVER))


def _fits(energy: Ints, least: Ints, caps: Ints) -> Mask:
    fits: Mask = (energy == 0) | ((energy >= np.maximum(least, 1)) & (energy <= caps))
    return fits

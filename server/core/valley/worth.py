"""What one more Wh of each limit of a site is worth, by slot: prices that keep demands out of each other's way.

From a flow's plan by relaxation, or from the duals of the linear program. Any such prices prove a bound (weak duality),
so none of them has to be exact.
"""

from collections.abc import Sequence

import numpy as np

from server.core.valley.capacity import Ints, Limit, Mask, Model
from server.core.valley.joint import Joint, Shares

RELAXED = 60
"""Rounds of relaxation; each settles one limit."""


def of_limits(model: Model, plan: Ints, program: tuple[Joint, Shares] | None) -> list[Ints]:
    """The worth of a weighted Wh of each limit by slot, whole micro-units per kWh, never negative, (limits, t)."""
    if program is None:
        return tolls(model, plan)
    asked, shares = program
    known = {_name(limit): rows for limit, rows in zip(asked.rows.limits, asked.rows.limit, strict=True)}
    duals, nothing = -shares.solution.duals * asked.dearest, np.zeros(plan.shape[1], np.int64)

    def worth(rows: Ints | None) -> Ints:
        return nothing if rows is None else np.rint(np.maximum(duals[rows], 0)).astype(np.int64)

    return [worth(known.get(_name(limit))) for limit in model.limits]


def _name(limit: Limit) -> tuple[str | None, tuple[int, ...]]:
    return limit.feeder, limit.phases


def tolls(model: Model, plan: Ints) -> list[Ints]:
    """What a weighted Wh of each limit is worth by slot, from a flow's plan: whole, never negative, (limits, t).

    A demand would pay what its dearest slot costs it to get more of a full cheaper one; relaxed until nobody would.
    """
    worth = [np.zeros(plan.shape[1], np.int64) for _ in model.limits]
    full = [used_up(limit, plan) for limit in model.limits]
    open_, used = (plan < model.caps), plan > 0
    short = plan.sum(axis=1) < model.energy
    low = np.iinfo(np.int64).min // 4
    for _ in range(RELAXED):
        price = model.cost + charged(model, worth)
        top = np.where(used, price, low).max(axis=1, initial=low)
        top = np.where(short, np.maximum(top, np.where(model.caps > 0, price, low).max(axis=1, initial=low)), top)
        want = np.where(open_, np.maximum(top[:, None] - price, 0), 0)
        changed = False
        for at, limit in enumerate(model.limits):
            share = np.where(limit.members[:, None], want // np.maximum(limit.weight, 1)[:, None], 0)
            rise = np.where(full[at], share.max(axis=0, initial=0), 0)
            if rise.any():
                worth[at] = worth[at] + rise
                changed = True
                break
        if not changed:
            break
    return worth


def savings(model: Model, counted: Mask, plan: Ints) -> list[Ints]:
    """What a weighted Wh more of each limit would save by slot, given to whom it saves most, (limits, t).

    That demand would move its dearest Wh there; only those `counted` (n) would. For prices that a plan was not made on:
    there it may have no prices that support it, and `tolls` would not come to rest.
    """
    low = np.iinfo(np.int64).min // 4
    free = (plan > 0) & (plan.cumsum(axis=1) > model.floor[:, None])  # what comes first stays first
    dearest = np.where(free, model.price, low).max(axis=1, initial=low)
    # Beyond `caps` too: a limit may hold back a car alone. Where they are 0, a little more would not start it.
    open_ = (plan < model.power) & (model.caps > 0) & counted[:, None]
    want = np.where(open_, np.maximum(dearest[:, None] - model.price, 0), 0)
    wanted, worth = np.maximum(model.least - plan, 1), []
    for limit in model.limits:
        shut = limit.members[:, None] & (limit.limit - limit.load(plan) < wanted * limit.weight[:, None])
        share = np.where(shut, want // np.maximum(limit.weight, 1)[:, None], 0)
        worth.append(share.max(axis=0, initial=0))
        want = np.where(shut, 0, want)
    return worth


def charged(model: Model, worth: Sequence[Ints]) -> Ints:
    """What the limits' worths add to the price of each demand's slots, shape (n, t)."""
    out = np.zeros_like(model.cost)
    for limit, one in zip(model.limits, worth, strict=True):
        out += limit.weight[:, None] * one[None, :]
    return out


def used_up(limit: Limit, plan: Ints) -> Mask:
    """The slots in which a limit has no whole Wh left, shape (t)."""
    full: Mask = limit.load(plan) > limit.limit - limit.weight.max(initial=0)
    return full

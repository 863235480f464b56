"""Each demand as if it were alone, all of a site at once: floors first, the rest into the cheapest slots.

The same plans as `threshold.plan_alone`, which is asked only where an array cannot say: where a demand has slots of
equal cost to choose from, or a least power that a slot would fall below.
"""

import numpy as np

from server.core.valley.capacity import Ints, Mask, Model
from server.core.valley.threshold import plan_alone


def plans_alone(model: Model) -> Ints:
    """The best plan of each demand within its caps, shape (n, t)."""
    first, plan = earliest_rows(model.caps, model.floor), at_a_glance(model)
    rest = model.caps - first
    small = np.any((plan > 0) & (plan < model.least), axis=1)
    for index in np.flatnonzero(small | choosers(model, rest, plan - first)).tolist():
        plan[index] = plan_alone(model, index, model.caps[index])
    return plan


def at_a_glance(model: Model) -> Ints:
    """The same by price only, the earlier of equal slots, whatever the least powers: to see whether they crowd."""
    first = earliest_rows(model.caps, model.floor)
    plan: Ints = first + cheapest_rows(model.cost, model.caps - first, model.energy - first.sum(axis=1))
    return plan


def choosers(model: Model, room: Ints, plan: Ints) -> Mask:
    """The demands (n) whose dearest slots in a plan have equals with room to spare."""
    used = plan > 0
    dearest = np.where(used, model.cost, np.iinfo(np.int64).min).max(axis=1, initial=np.iinfo(np.int64).min)
    equal = (model.cost == dearest[:, None]) & (room > 0)
    some = (equal.sum(axis=1) > 1) & used.any(axis=1)
    spare: Mask = np.where(equal, plan, 0).sum(axis=1) < np.where(equal, room, 0).sum(axis=1)
    chooses: Mask = some & spare
    return chooses


def earliest_rows(caps: Ints, energy: Ints) -> Ints:
    """`capacity.earliest` for many rows: energy (n) as early as the caps (n, t) let it."""
    left = energy[:, None] + caps - caps.cumsum(axis=1)
    early: Ints = np.clip(left, 0, caps)
    return early


def cheapest_rows(cost: Ints, caps: Ints, energy: Ints) -> Ints:
    """Energy (n) into the cheapest slots of each row, the earlier of equal ones, shape (n, t)."""
    plan = np.zeros_like(caps)
    if not len(caps):
        return plan
    usable = caps > 0
    common = np.where(usable, cost, np.iinfo(np.int64).min).max(axis=0)
    if np.array_equal(np.where(usable, cost, 0), np.where(usable, common, 0)):
        order = np.argsort(common, kind="stable")
        plan[:, order] = earliest_rows(caps[:, order], energy)
        return plan
    order = np.argsort(cost, axis=1, kind="stable")
    filled = earliest_rows(np.take_along_axis(caps, order, axis=1), energy)
    np.put_along_axis(plan, order, filled, axis=1)
    return plan

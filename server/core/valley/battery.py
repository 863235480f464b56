"""A stationary battery in whole Wh: the linear program's schedule, rounded so that it can really be driven.

What is charged counts with its efficiency, what is given counts in full: a round trip loses once. In a slot charging
and giving share the power. At the end it holds no less than at the start.
"""

import numpy as np

from server.core.valley.capacity import Ints, Model
from server.core.valley.grid import Store, no_store
from server.core.valley.joint import PCT, Shares, lent_wh, sale_wh, store_wh
from server.core.valley.phases import ROUNDED, Floats


def store(model: Model, shares: Shares) -> Store:
    """The schedule of an optimum in whole Wh."""
    if model.site.battery is None:
        return no_store(model)
    return driven(model, _whole(shares.charged), _whole(shares.given))


def idle(model: Model) -> Store:
    """A battery that does nothing."""
    nothing = np.zeros_like(model.grid)
    return no_store(model) if model.site.battery is None else driven(model, nothing, nothing)


def kept(model: Model, planned: Store, plan: Ints) -> Store:
    """The same battery, giving no more than a plan of the cars lets it."""
    if model.site.battery is None:
        return planned
    given = np.minimum(planned.given, plan.sum(axis=0) + planned.charged + planned.lent + sale_wh(model))
    return driven(model, planned.charged, given)


def driven(model: Model, charged: Ints, given: Ints) -> Store:
    """A schedule cut to what power and capacity allow, and to what leaves as much as there was.

    A full battery can often not be filled up again in whole Wh: then it gives a few less, until it can.
    """
    wanted = given.astype(np.int64)
    taken = given = np.zeros_like(wanted)
    for _ in range(PCT):  # so often at most: whatever the efficiency, that many Wh can be made good
        takes, gives, missing = _cut(model, charged, wanted)
        if not missing:
            taken, given = takes, gives
            break
        giving = np.flatnonzero(gives)
        if not len(giving):
            break
        wanted = gives
        wanted[giving[-1]] = max(0, wanted[giving[-1]] - missing)
    return Store(taken, given, np.clip(given - taken, 0, sale_wh(model)), lent_wh(model))


def _cut(model: Model, charged: Ints, given: Ints) -> tuple[Ints, Ints, int]:
    """What may be taken and given of a schedule, and how many Wh are missing at the end all the same."""
    battery = model.site.battery
    assert battery is not None
    most, full = store_wh(model).tolist(), PCT * battery.capacity_wh
    start = held = PCT * battery.stored_wh
    takes, gives, after = charged.tolist(), given.tolist(), []
    for slot, power in enumerate(most):
        gives[slot] = min(gives[slot], power)
        takes[slot] = min(takes[slot], power - gives[slot])
        # In a slot it may take first or give first: what it takes must fit beside what it gives.
        takes[slot] = max(0, min(takes[slot], (full - held + PCT * gives[slot]) // battery.efficiency_pct))
        gives[slot] = min(gives[slot], (held + battery.efficiency_pct * takes[slot]) // PCT)
        held += battery.efficiency_pct * takes[slot] - PCT * gives[slot]
        after.append(held)
    missing = -(-max(0, start - held) // PCT)
    for slot in reversed(range(len(most))):
        back = min(missing, gives[slot], max(0, full - max(after[slot:])) // PCT)
        gives[slot] -= back
        missing -= back
        after[slot:] = [one + PCT * back for one in after[slot:]]
    return np.array(takes, np.int64), np.array(gives, np.int64), missing


def _whole(schedule: Floats) -> Ints:
    """Whole Wh whose sums never pass those of the schedule."""
    total = np.floor(np.cumsum(np.maximum(schedule, 0)) + ROUNDED)
    return np.diff(total, prepend=0.0).astype(np.int64)

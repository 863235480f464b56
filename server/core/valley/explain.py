"""Why energy is missing from a plan, as a code of the contract, and in which slots a site's limits bind."""

import numpy as np

from server.core.valley.capacity import Ints, Limit, Mask, Model

TOO_LITTLE_TIME = "too_little_time"
CHARGER_LIMIT = "charger_limit"
CAR_LIMIT = "car_limit"
HIGHER_PRIORITY = "higher_priority"


def reason(model: Model, plan: Ints, index: int) -> str | None:
    """The reason of one demand's shortfall in a plan (n, t); None where all is served.

    First what it could not get if it were alone (time, charger, car, one limit after the other), then who has it.
    """
    missing = int(model.energy[index] - plan[index].sum())
    if missing == 0:
        return None
    alone = _alone(model, index)
    if alone is not None:
        return alone
    least = int(model.least[index].max())
    full = [limit for limit in model.limits if limit.members[index]]
    shut = {id(limit): _shut(model, plan, index, limit) for limit in full}
    tight = max(full, key=lambda limit: int(shut[id(limit)].sum()))
    if not shut[id(tight)].any():
        return CAR_LIMIT if least else tight.reason
    if _outranked(model, plan, index, tight, shut[id(tight)]):
        return HIGHER_PRIORITY
    return tight.reason


def _alone(model: Model, index: int) -> str | None:
    """What stops a demand that has the site to itself."""
    energy, power, least = int(model.energy[index]), model.power[index], model.least[index]
    usable = np.where(power >= least, power, 0)
    if not usable.any():
        return CHARGER_LIMIT
    if energy > int(usable.sum()):
        return TOO_LITTLE_TIME
    if least.any() and energy < int(least[usable > 0].min()):
        return CAR_LIMIT
    for limit in model.limits:
        if limit.members[index]:
            usable = np.minimum(usable, limit.limit // limit.weight[index])
            usable = np.where(usable >= least, usable, 0)
            if energy > int(usable.sum()):
                return limit.reason
    return None


def _shut(model: Model, plan: Ints, index: int, limit: Limit) -> Mask:
    """The slots in which a limit leaves a demand no more, though it has room of its own."""
    wanted = np.maximum(model.least[index] - plan[index], 1)
    room = limit.limit - limit.load(plan)
    shut: Mask = (plan[index] < model.power[index]) & (room < wanted * limit.weight[index])
    return shut


def _outranked(model: Model, plan: Ints, index: int, limit: Limit, slots: Mask) -> bool:
    """Whether somebody of a higher priority, or a floor, takes of the limit in these slots."""
    above = limit.members & (model.tier > model.tier[index])
    return bool(plan[above][:, slots].any())


def binding_slots(model: Model, plan: Ints) -> list[int]:
    """The slots in which a limit of the site is used up and a demand could take more."""
    bound = np.zeros(plan.shape[1], bool)
    wanted = np.where(plan < model.power, np.maximum(model.least - plan, 1), 0)
    for limit in model.limits:
        weighed = wanted * limit.weight[:, None]
        smallest = np.where(weighed > 0, weighed, np.iinfo(np.int64).max).min(axis=0, initial=np.iinfo(np.int64).max)
        bound |= np.any(weighed > 0, axis=0) & (limit.limit - limit.load(plan) < smallest)
    return [int(slot) for slot in np.flatnonzero(bound)]

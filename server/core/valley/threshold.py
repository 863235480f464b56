"""One demand alone: floor first and early, the rest into the cheapest slots; on equal cost fewer starts, then earlier.

Exact where the slots have one common cap (engine B4.1); with a minimum power by shifting energy between used slots.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask, Model, earliest

TRIES = 4
"""How many levels of cap are tried where a minimum power leaves energy unserved."""


class Stay(msgspec.Struct, frozen=True, eq=False):
    """What one demand may take, slot by slot of its stay, shape (t), Wh; `least` is 0 or the least of a used slot."""

    cost: Ints
    caps: Ints
    least: Ints
    energy: int
    floor: int


class Merit(msgspec.Struct, frozen=True, order=True):
    """How good a demand's plan is: the smaller in this order the better."""

    unserved: int
    floor_late: int
    cost: int
    starts: int
    late: int


def stay(model: Model, index: int, room: Ints) -> Stay:
    """One demand's stay within `room`, shape (all slots)."""
    window = _window(model, index)
    return Stay(
        cost=model.cost[index, window],
        caps=room[window],
        least=model.least[index, window],
        energy=int(model.energy[index]),
        floor=int(model.floor[index]),
    )


def plan_alone(model: Model, index: int, room: Ints) -> Ints:
    """The best plan of one demand within `room`, shape (all slots)."""
    plan = np.zeros_like(room)
    plan[_window(model, index)] = best(stay(model, index, room))
    return plan


def merit_of(model: Model, index: int, plan: Ints) -> Merit:
    """The merit of one demand's plan, shape (all slots)."""
    return merit(stay(model, index, model.power[index]), plan[_window(model, index)])


def _window(model: Model, index: int) -> slice:
    return slice(model.demands[index].arrive_slot, model.demands[index].depart_slot)


def merit(stay: Stay, plan: Ints) -> Merit:
    """The merit of a plan of a stay."""
    slots = np.arange(len(plan))
    early = earliest(plan, stay.floor)
    used = plan > 0
    return Merit(
        unserved=stay.energy - int(plan.sum()),
        floor_late=int(early @ slots) + (stay.floor - int(early.sum())) * len(plan),
        cost=int(plan @ stay.cost),
        starts=int(used[0]) + int(np.sum(used[1:] & ~used[:-1])),
        late=int(plan @ slots),
    )


def best(stay: Stay) -> Ints:
    """The plan of a stay; never less than it can be served, but for what a minimum power forbids."""
    caps = np.where(stay.caps >= stay.least, stay.caps, 0)
    plan = _filled(stay, caps)
    if not np.any((plan > 0) & (plan < stay.least)):
        return plan
    # A slot too small had to be raised or given up: large slots alone may do better.
    levels = np.unique(caps[caps > 0])
    tried = levels[np.unique(np.linspace(0, len(levels) - 1, TRIES).astype(int))]
    plans = [_filled(stay, np.where(caps >= level, caps, 0)) for level in tried]
    return min((_lifted(stay, plan) for plan in plans), key=lambda one: merit(stay, one))


def _filled(stay: Stay, caps: Ints) -> Ints:
    """Floor first, the rest where it is cheapest, whatever the least."""
    first = earliest(caps, stay.floor)
    return first + cheapest(stay.cost, caps - first, stay.energy - int(first.sum()), first > 0)


def cheapest(cost: Ints, caps: Ints, energy: int, used: Mask) -> Ints:
    """Energy into the cheapest slots; in the dearest of them, where several cost the same, with the fewest starts."""
    if energy >= int(caps.sum()):
        return caps.copy()
    order = np.argsort(cost, kind="stable")
    plan = np.zeros_like(caps)
    plan[order] = earliest(caps[order], energy)
    if not plan.any():
        return plan
    equal = (cost == cost[plan > 0].max()) & (caps > 0)
    left = int(plan[equal].sum())
    if left < int(caps[equal].sum()) and int(equal.sum()) > 1:
        plan[equal] = 0
        _spread(plan, np.where(equal, caps, 0), left, used | (plan > 0))
    return plan


class _Gap(msgspec.Struct, frozen=True):
    """Neighbouring slots of equal cost; whether the slots before and after them are used."""

    first: int
    end: int
    size: int
    before: bool
    after: bool


def _gaps(caps: Ints, used: Mask) -> list[_Gap]:
    open_ = np.concatenate(([False], caps > 0, [False]))
    edges = np.flatnonzero(open_[1:] != open_[:-1])
    busy = np.concatenate(([False], used, [False]))
    return [
        _Gap(int(a), int(b), int(caps[a:b].sum()), bool(busy[a]), bool(busy[b + 1]))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _spread(plan: Ints, caps: Ints, energy: int, used: Mask) -> None:
    """Put energy into slots of equal cost: first join what is used, then lengthen it, then start anew, but seldom."""
    gaps = _gaps(caps, used)
    joining = sorted((gap for gap in gaps if gap.before and gap.after), key=lambda gap: (gap.size, gap.first))
    lengthening = [gap for gap in gaps if gap.before or gap.after]
    for gap in joining:
        if gap.size <= energy:
            energy -= _pour(plan, caps, gap, energy)
            lengthening.remove(gap)
    for gap in lengthening:
        energy -= _pour(plan, caps, gap, energy)
    apart = [gap for gap in gaps if not (gap.before or gap.after)]
    while energy > 0:
        holding = [gap for gap in apart if gap.size >= energy]
        gap = holding[0] if holding else max(apart, key=lambda one: one.size)
        energy -= _pour(plan, caps, gap, energy)
        apart.remove(gap)


def _pour(plan: Ints, caps: Ints, gap: _Gap, energy: int) -> int:
    """Fill a gap from its used side, else from its start."""
    inside = slice(gap.first, gap.end)
    if gap.after and not gap.before:
        poured = earliest(caps[inside][::-1], energy)[::-1]
    else:
        poured = earliest(caps[inside], energy)
    plan[inside] = poured
    return int(poured.sum())


def _lifted(stay: Stay, plan: Ints) -> Ints:
    """Bring every used slot to its least: with energy of dearer slots, else give it up. Floors move last."""
    first = earliest(plan, stay.floor) > 0
    small = np.flatnonzero((plan > 0) & (plan < stay.least))
    for slot in sorted(small.tolist(), key=lambda one: (not first[one], stay.cost[one])):
        if 0 < plan[slot] < stay.least[slot]:
            ways = [_borrowed(stay, plan, first, slot), _merged(stay, plan, first, slot)]
            raised = [way for way in ways if way is not None]
            plan = min(raised, key=lambda way: int(way @ stay.cost)) if raised else _given_up(stay, plan, slot)
    return plan


def _borrowed(stay: Stay, plan: Ints, first: Mask, slot: int) -> Ints | None:
    """The plan with a slot raised to its least by what others can spare; None where they cannot."""
    need = int(stay.least[slot] - plan[slot])
    spare = np.where((plan < stay.least) & ~first, plan, np.maximum(plan - stay.least, 0))
    spare[slot] = 0
    if int(spare.sum()) < need:
        return None
    order = np.lexsort((-np.arange(len(plan)), -stay.cost, first))
    given = np.zeros_like(plan)
    given[order] = earliest(spare[order], need)
    given[slot] = -need
    return plan - given


def _merged(stay: Stay, plan: Ints, first: Mask, slot: int) -> Ints | None:
    """The plan with one other slot emptied into a slot that is below its least; None where none fits."""
    joined = plan + plan[slot]
    fits = (plan > 0) & ~first & (joined >= stay.least[slot]) & (joined <= stay.caps[slot])
    fits[slot] = False
    if not fits.any():
        return None
    dearer = np.where(fits, plan * (stay.cost[slot] - stay.cost), np.iinfo(np.int64).max)
    emptied = int(np.argmin(dearer))
    merged = plan.copy()
    merged[slot], merged[emptied] = joined[emptied], 0
    return merged


def _given_up(stay: Stay, plan: Ints, slot: int) -> Ints:
    """The plan with a slot emptied; what it held goes where used slots have room."""
    energy = int(plan[slot])
    plan = plan.copy()
    plan[slot] = 0
    room = np.where(plan > 0, np.maximum(stay.caps - plan, 0), 0)
    order = np.argsort(stay.cost, kind="stable")
    added = np.zeros_like(plan)
    added[order] = earliest(room[order], energy)
    return plan + added

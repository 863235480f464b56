"""One demand alone: floor first and early, the rest into the cheapest slots; on equal cost fewer starts, then earlier.

Exact where the slots have one common cap (engine B4.1); with a minimum power by shifting energy between used slots.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask, Model, earliest

TRIES = 8
"""How many levels of cap are tried where a minimum power leaves energy unserved."""


class Stay(msgspec.Struct, frozen=True, eq=False):
    """What one demand may take, slot by slot of its stay, shape (t), Wh; `least` is 0 or the least of a used slot."""

    cost: Ints
    caps: Ints
    least: Ints
    energy: int
    floor: int


def plan_alone(model: Model, index: int, room: Ints) -> Ints:
    """The best plan of one demand within `room`, shape (t)."""
    demand = model.demands[index]
    window = slice(demand.arrive_slot, demand.depart_slot)
    plan = np.zeros_like(room)
    plan[window] = best(
        Stay(
            cost=model.cost[index, window],
            caps=room[window],
            least=model.least[index, window],
            energy=int(model.energy[index]),
            floor=int(model.floor[index]),
        )
    )
    return plan


def best(stay: Stay) -> Ints:
    """The plan of a stay; never less than it can be served, but for what a minimum power forbids."""
    plan = _filled(stay)
    wanted = min(stay.energy, int(np.where(stay.caps >= stay.least, stay.caps, 0).sum()))
    if int(plan.sum()) >= wanted or not stay.least.any():
        return plan
    # Small slots crowd out large ones: look again with the large ones alone.
    levels = np.unique(stay.caps[stay.caps >= stay.least])
    for level in levels[np.linspace(0, len(levels) - 1, min(TRIES, len(levels))).astype(int)]:
        large = msgspec.structs.replace(stay, caps=np.where(stay.caps >= level, stay.caps, 0))
        other = _filled(large)
        if other.sum() > plan.sum():
            plan = other
    return plan


def _filled(stay: Stay) -> Ints:
    caps = np.where(stay.caps >= stay.least, stay.caps, 0)
    first = earliest(caps, stay.floor)
    plan = first + cheapest(stay.cost, caps - first, stay.energy - int(first.sum()), first > 0)
    if np.any((plan > 0) & (plan < stay.least)):
        plan = _lifted(stay, plan, first)
    return plan


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


def _lifted(stay: Stay, plan: Ints, first: Ints) -> Ints:
    """Bring every used slot to its least: raise it with energy of dearer slots, else give it up. Floors move last."""
    plan = plan.copy()
    small = np.flatnonzero((plan > 0) & (plan < stay.least))
    for slot in sorted(small, key=lambda one: (first[one] == 0, stay.cost[one])):
        need = int(stay.least[slot] - plan[slot])
        if plan[slot] == 0 or need <= 0:
            continue
        if not _borrowed(stay, plan, first, int(slot)):
            _given_up(stay, plan, int(slot))
    return plan


def _borrowed(stay: Stay, plan: Ints, first: Ints, slot: int) -> bool:
    """Raise a slot to its least with what others can spare; False, and nothing moved, where they cannot."""
    need = int(stay.least[slot] - plan[slot])
    small = (plan < stay.least) & (first == 0)
    spare = np.where(small, plan, np.maximum(plan - stay.least, 0))
    spare[slot] = 0
    if int(spare.sum()) < need:
        return False
    order = np.lexsort((-np.arange(len(plan)), -stay.cost, first > 0))
    given = np.zeros_like(plan)
    given[order] = earliest(spare[order], need)
    plan -= given
    plan[slot] += need
    return True


def _given_up(stay: Stay, plan: Ints, slot: int) -> None:
    """Empty a slot; what it held goes where used slots have room."""
    energy = int(plan[slot])
    plan[slot] = 0
    room = np.where(plan > 0, np.maximum(stay.caps - plan, 0), 0)
    order = np.argsort(stay.cost, kind="stable")
    added = np.zeros_like(plan)
    added[order] = earliest(room[order], energy)
    plan += added

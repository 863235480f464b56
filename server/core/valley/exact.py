"""One demand alone, exactly: a dynamic programme over slots and Wh, for where no worth of energy settles the pattern.

The cost of having e Wh by a slot, in a run or a rest of some age, kept for those e alone that can still beat a known
plan (a worth of energy bounds what is to come). In one slot a run takes between `low` and `high`: a sliding minimum.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints
from server.core.valley.paths import Course

FAR = 1 << 61


class _Costs(msgspec.Struct, frozen=True, eq=False):
    """Least cost by energy: `value[i]` for `first + i` Wh; FAR where there is none."""

    first: int
    value: Ints


class _Bounds(msgspec.Struct, frozen=True, eq=False):
    """No more than `upper` for a plan; from slot t on at least `rest[t]`, `run[t]`, `over[t]` beside the worth."""

    upper: int
    worth: int
    energy: int
    rest: Ints
    run: Ints
    over: Ints


NOWHERE = _Costs(0, np.zeros(0, np.int64))


class _Layer(msgspec.Struct, frozen=True, eq=False):
    """All states before a slot: in a rest that may end, in runs of age 1 to `run` (the last: may end), at the end."""

    rest: _Costs
    runs: list[_Costs]
    over: _Costs


def exact(way: Course, known: Ints | None, worth: int, cells: int) -> Ints | None:
    """The best plan, serving the most; `known` (if any) serves all. None where that would take too many cells."""
    if way.energy > cells:
        return None
    fits = way.low <= way.energy
    way = msgspec.structs.replace(way, high=np.where(fits, np.minimum(way.high, way.energy), 0))
    upper = FAR // 2 if known is None else way.total(known)
    bounds = None
    if known is not None and abs(worth) * (way.energy + int(way.high.sum()) + 1) < FAR // 4:
        bounds = _Bounds(upper, worth, way.energy, *_ahead(way, worth))
    slots, rules = len(way.cost), way.rules
    origin = _Costs(0, np.zeros(1, np.int64))
    ages = [NOWHERE] * rules.run
    layers = [_Layer(NOWHERE, [*ages[:-1], origin], NOWHERE) if rules.charging else _Layer(origin, ages, NOWHERE)]
    size = 0
    for slot in range(slots):
        layer = _next(way, layers, slot, bounds)
        layers.append(layer)
        size += sum(len(costs.value) for costs in (layer.rest, layer.over, *layer.runs))
        if size > cells:
            return None
    last = _last(way, layers)
    if last is None or (known is not None and last.energy < way.energy):
        return known
    plan = _traced(way, layers, last)
    return plan if known is None or way.total(plan) < way.total(known) else known


def _ahead(way: Course, worth: int) -> tuple[Ints, Ints, Ints]:
    """For rest, run and over: a bound on what the slots from each one on cost, less the worth of what they take."""
    low, sun, high = way.low, np.clip(way.sun, way.low, way.high), way.high
    net = way.cost - worth
    gain = net * low - way.rebate * np.minimum(way.sun, way.low)
    gain = gain + np.minimum(net - way.rebate, 0) * (sun - low) + np.minimum(net, 0) * (high - sun)
    slots, switch, block = len(gain), way.rules.switch_nano, way.rules.block
    rest, run, over = [0] * (slots + 1), [0] * (slots + 1), [0] * (slots + 1)
    rows = list(zip(gain.tolist(), high.tolist(), way.must.tolist(), strict=True))
    for slot in reversed(range(slots)):
        one, can, must = rows[slot]
        on = one + run[slot + 1] if can else FAR
        over[slot] = FAR if must else over[slot + 1]
        rest[slot] = min(FAR if must else rest[slot + 1], on + switch)
        run[slot] = min(FAR if must else (over if block else rest)[slot + 1], on)
    return np.array(rest), np.array(run), np.array(over)


def _next(way: Course, layers: list[_Layer], slot: int, bounds: _Bounds | None) -> _Layer:
    """The states after a slot."""
    rules, layer = way.rules, layers[slot]
    can_be_off = not way.must[slot]
    rest, over = NOWHERE, NOWHERE
    if can_be_off:
        rest = _least([layer.rest])
        over = _least([layer.over, layer.runs[-1]]) if rules.block else NOWHERE
    ended = slot + 1 - rules.run
    if not rules.block and ended >= 0 and not way.must[ended : slot + 1].any():
        rest = _least([rest, layers[ended].runs[-1]])
    begun = _Costs(layer.rest.first, layer.rest.value + rules.switch_nano)
    grown = [_slid(way, costs, slot) for costs in _before(layer, begun)]
    if bounds is not None:
        rest, over = _pruned(rest, bounds.rest[slot + 1], bounds), _pruned(over, bounds.over[slot + 1], bounds)
        grown = [_pruned(one, bounds.run[slot + 1], bounds) for one in grown]
    return _Layer(_capped(rest, way.energy), [_capped(one, way.energy) for one in grown], _capped(over, way.energy))


def _before(layer: _Layer, begun: _Costs) -> list[_Costs]:
    """For each age of a run after a slot the states before it."""
    by_age = [begun, *layer.runs[:-1]]
    return [*by_age[:-1], _least([by_age[-1], layer.runs[-1]])]


def _least(parts: list[_Costs]) -> _Costs:
    parts = [part for part in parts if len(part.value)]
    if len(parts) <= 1:
        return parts[0] if parts else NOWHERE
    first = min(part.first for part in parts)
    value = np.full(max(part.first + len(part.value) for part in parts) - first, FAR)
    for part in parts:
        at = slice(part.first - first, part.first - first + len(part.value))
        value[at] = np.minimum(value[at], part.value)
    return _Costs(first, value)


def _slid(way: Course, costs: _Costs, slot: int) -> _Costs:
    """Costs after a slot that is on."""
    low, high = int(way.low[slot]), int(way.high[slot])
    if not high or not len(costs.value):
        return NOWHERE
    cost, rebate = int(way.cost[slot]), int(way.rebate[slot])
    sun = min(max(int(way.sun[slot]), low), high)
    after = _Costs(costs.first + low, costs.value + cost * low - rebate * min(int(way.sun[slot]), low))
    after = _window(after, sun - low, cost - rebate)
    return _window(after, high - sun, cost)


def _window(costs: _Costs, reach: int, cost: int) -> _Costs:
    """Costs after taking 0 to `reach` Wh more, each at `cost`."""
    if not reach:
        return costs
    energies = np.arange(len(costs.value) + reach)
    level = np.full(len(costs.value) + 2 * reach, FAR)
    level[reach : reach + len(costs.value)] = costs.value - cost * energies[: len(costs.value)]
    width = 1
    while 2 * width <= reach + 1:
        level = np.minimum(level[:-width], level[width:])
        width *= 2
    left = reach + 1 - width
    if left:
        level = np.minimum(level[:-left], level[left:])
    value = level + cost * energies
    return _Costs(costs.first, np.where(level > FAR // 2, FAR, value))


def _pruned(costs: _Costs, ahead: int, bounds: _Bounds) -> _Costs:
    """Only energies from the first to the last that may still lead to a plan better than the known one."""
    if not len(costs.value):
        return costs
    left = bounds.energy - costs.first - np.arange(len(costs.value))
    hope = np.flatnonzero((costs.value + bounds.worth * left + ahead < bounds.upper) & (left >= 0))
    if not len(hope):
        return NOWHERE
    return _Costs(costs.first + int(hope[0]), costs.value[hope[0] : hope[-1] + 1])


def _capped(costs: _Costs, energy: int) -> _Costs:
    keep = max(0, energy - costs.first + 1)
    return _Costs(costs.first, costs.value[:keep])


class _State(msgspec.Struct, frozen=True):
    """Before a slot: in a run of an age from 1 to `run`, at REST or OVER, with so much energy."""

    slot: int
    age: int
    energy: int


REST = 0
OVER = -1


def _traced(way: Course, layers: list[_Layer], state: _State) -> Ints:
    """The plan that ends in a state, from there back."""
    plan = np.zeros(len(way.cost), np.int64)
    while state.slot > 0:
        before = _came_from(way, layers, state)
        if before.energy < state.energy:
            plan[before.slot] = state.energy - before.energy
        state = before
    return plan


def _last(way: Course, layers: list[_Layer]) -> _State | None:
    """How the plan of the most energy, and then the least cost, ends; a rest may be cut by the end of the stay."""
    slots, run = len(way.cost), way.rules.run
    final = layers[slots]
    ends = [(final.rest, slots, REST), (final.over, slots, OVER)]
    ends += [(costs, slots, age + 1) for age, costs in enumerate(final.runs)]
    if not way.rules.block:
        cut = [end for end in range(max(0, slots - run + 1), slots) if not way.must[end:].any()]
        ends += [(layers[end].runs[-1], end, run) for end in cut]
    found = []
    for costs, slot, age in ends:
        reached = np.flatnonzero(costs.value < FAR // 2)
        if len(reached):
            energy = costs.first + int(reached[-1])
            found.append((-energy, int(costs.value[reached[-1]]), slot, age))
    if not found:
        return None
    energy, _, slot, age = min(found)
    return _State(slot, age, -energy)


def _came_from(way: Course, layers: list[_Layer], state: _State) -> _State:
    """The state before, on a path of the same cost."""
    run, slot = way.rules.run, state.slot
    if state.age == OVER:
        value = _at(layers[slot].over, state.energy)
        age = run if _at(layers[slot - 1].runs[-1], state.energy) == value else OVER
        return _State(slot - 1, age, state.energy)
    if state.age == REST:
        value, end = _at(layers[slot].rest, state.energy), slot - run
        ended = not way.rules.block and end >= 0 and not way.must[end:slot].any()
        if ended and _at(layers[end].runs[-1], state.energy) == value:
            return _State(end, run, state.energy)
        return _State(slot - 1, REST, state.energy)
    layer, value = layers[slot - 1], _at(layers[slot].runs[state.age - 1], state.energy)
    begun = _Costs(layer.rest.first, layer.rest.value + way.rules.switch_nano)
    ways = [(begun, REST)] if state.age == 1 else [(layer.runs[state.age - 2], state.age - 1)]
    if state.age == run:
        ways.append((layer.runs[-1], run))
    took = np.arange(int(way.low[slot - 1]), int(way.high[slot - 1]) + 1)
    spent = took * way.cost[slot - 1] - way.rebate[slot - 1] * np.minimum(took, way.sun[slot - 1])
    for costs, age in ways:
        at = state.energy - took - costs.first
        inside = (at >= 0) & (at < len(costs.value))
        same = np.flatnonzero(inside)[costs.value[at[inside]] + spent[inside] == value]
        if len(same):
            return _State(slot - 1, age, state.energy - int(took[same[-1]]))
    raise AssertionError("a state without a state before it")


def _at(costs: _Costs, energy: int) -> int:
    at = energy - costs.first
    return int(costs.value[at]) if 0 <= at < len(costs.value) else FAR

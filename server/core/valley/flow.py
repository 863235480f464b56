"""One min-cost flow for a site whose limits bind: whole Wh, exact, never infeasible (engine B4.2, B7).

Energy flows demand -> slot -> limits -> grid or solar, or unserved at a price. One number an arc carries what comes
first: floors by tier >> floors early >> energy by tier >> cost >> earlier. Each weight is more than all below it can
add up to along one augmenting path, which visits a node once.

Where all pay the same in a slot, the loads that slots can take are a polymatroid: which of them are cheapest follows
from the order of their costs alone (engine B4.2). Ranks then stand for costs, which solves faster and cannot overflow.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from server.core.valley.capacity import Ints, Mask, Model

COST_ROOM = 1 << 60
"""Arc cost x nodes must stay below this: the solver scales costs by its nodes, in 64 bits."""
COARSER_BITS = 4


class Branch(msgspec.Struct, frozen=True, eq=False):
    """A limit as a pipe: its members' energy by slot <= `cap`, then on into `parent` (an index; -1 is the grid).

    The connection's own pipe ends in two: `Model.grid` and, at `Model.rebate` less, `Model.solar`.
    """

    members: Mask  # (n)
    cap: Ints  # (t), Wh
    parent: int
    connection: bool = False


class Flowed(msgspec.Struct, frozen=True, eq=False):
    """The plan, Wh (n, t). `exact`: no price was coarsened, so it is proven least."""

    plan: Ints
    exact: bool


class Weights(msgspec.Struct, frozen=True):
    """What one Wh weighs on an arc. `cost` multiplies the price, in `unit` micro, less its `shift` last bits."""

    unit: int
    least: int
    shift: int
    cost: int
    slot: int
    unserved: int
    early: int
    floor: int


class _Arcs(msgspec.Struct, frozen=True, eq=False):
    tail: Ints
    head: Ints
    cap: Ints
    cost: Ints


class _Layout(msgspec.Struct, frozen=True, eq=False):
    """Where the nodes stand: demands, floors, slots of demands with a floor, branches x slots, the grid."""

    floored: Ints  # demands with a floor
    floor_node: Ints  # (n), -1 without a floor
    slot_node: Ints  # (n), the node of slot 0, -1 without a floor
    branch_node: Ints  # (branches), the node of slot 0
    first_branch: Ints  # (n), -1 where no limit binds
    sink: int


def flow(model: Model, branches: list[Branch]) -> Flowed | None:
    """The best plan within the branches and each demand's caps; `branches` stand inner before outer.

    None where what comes first and what comes last lie too far apart for 64 bits.
    """
    if not model.demands:
        return Flowed(model.caps, exact=True)
    layout = _layout(model, branches)
    ranks = _ranks(model, branches)
    if ranks is not None:
        plan = _solved(
            model, branches, layout, Weights(1, 0, 0, 0, 0, unserved=ranks.size + 1, early=0, floor=0), ranks
        )
        assert plan is not None
        return Flowed(plan, exact=True)
    for weights in _precisions(model, branches, layout.sink + 1):
        plan = _solved(model, branches, layout, weights)
        if plan is not None:
            return Flowed(plan, exact=weights.shift == 0)
    return None


def _layout(model: Model, branches: list[Branch]) -> _Layout:
    count, slots = model.caps.shape
    floored = np.flatnonzero(model.floor > 0)
    floor_node = np.full(count, -1, np.int64)
    floor_node[floored] = count + np.arange(len(floored))
    slot_node = np.full(count, -1, np.int64)
    slot_node[floored] = count + len(floored) + np.arange(len(floored)) * slots
    start = count + len(floored) * (1 + slots)
    first = np.full(count, -1, np.int64)
    for index in reversed(range(len(branches))):
        first[branches[index].members] = index
    return _Layout(
        floored=floored,
        floor_node=floor_node,
        slot_node=slot_node,
        branch_node=start + np.arange(len(branches)) * slots,
        first_branch=first,
        sink=start + len(branches) * slots,
    )


def _ranks(model: Model, branches: list[Branch]) -> Ints | None:
    """The order of all that the grid and the sun sell by slot, the earlier of equals first, shape (2, t).

    None where not all pay the same in a slot, or where a floor must be early.
    """
    if model.floor.any() or not any(branch.connection for branch in branches):
        return None
    usable = model.caps > 0
    high = np.where(usable, model.cost, -(1 << 62)).max(axis=0)
    low = np.where(usable, model.cost, 1 << 62).min(axis=0)
    if np.any((high != low) & usable.any(axis=0)):
        return None
    high = np.where(usable.any(axis=0), high, 0)
    costs = np.stack((high - model.rebate, high))
    slots = np.broadcast_to(np.arange(len(high)), costs.shape)
    ranks = np.empty(costs.size, np.int64)
    ranks[np.lexsort((slots.ravel(), costs.ravel()))] = np.arange(costs.size)
    return ranks.reshape(costs.shape)


def _precisions(model: Model, branches: list[Branch], nodes: int) -> list[Weights]:
    """Weights from exact with earlier slots preferred, over exact, to ever coarser prices; those that fit 64 bits."""
    scale = _scale(model, branches)
    tried = [_weights(model, scale, 0, early=True)]
    tried += [_weights(model, scale, shift, early=False) for shift in (0, *range(COARSER_BITS, 64, COARSER_BITS))]
    tiers = int(model.tier.max()) + 2
    return [one for one in tried if max(one.floor, one.unserved) * tiers * (nodes + 1) < COST_ROOM]


class _Scale(msgspec.Struct, frozen=True):
    """What costs can add up to. `unit` divides all of them; `reach` along a path that passes `hops` demands."""

    unit: int
    least: int
    reach: int
    hops: int


def _scale(model: Model, branches: list[Branch]) -> _Scale:
    count, slots = model.caps.shape
    floors = bool(model.floor.any())
    usable = model.caps > 0
    if not usable.any():
        return _Scale(unit=1, least=0, reach=0, hops=1)
    some = usable.any(axis=0)
    high = np.where(usable, model.cost, -(1 << 62))
    low = np.where(usable, model.cost, 1 << 62)
    slot_high, slot_low = high.max(axis=0)[some], low.min(axis=0)[some]
    cheaper = _cheaper(model, branches)[some]
    least = int(slot_low.min())
    sunny, dark = np.maximum(cheaper, 0), np.maximum(-cheaper, 0)
    # Where all pay the same in a slot, a path's costs cancel but for its ends; else each demand on it adds its range.
    if not floors and np.array_equal(slot_high, slot_low):
        unit = int(np.gcd.reduce(np.concatenate((slot_low - least, cheaper)))) or 1
        return _Scale(unit, least, int((slot_high + dark).max() - (slot_low - sunny).min()) // unit, 1)
    hops = min(count * (1 + floors), len(branches) * slots) + 1
    own_range = (high.max(axis=1) - low.min(axis=1))[usable.any(axis=1)]
    spread = int(slot_high.max() + dark.max() - least + sunny.max())  # it may end in the sun of another slot
    reach = spread + (1 + floors) * int(np.sort(own_range)[-hops:].sum())
    unit = int(np.gcd(np.gcd.reduce(model.cost[usable] - least), np.gcd.reduce(cheaper))) or 1
    return _Scale(unit, least, reach // unit, hops)


def _cheaper(model: Model, branches: list[Branch]) -> Ints:
    """By how much solar energy is cheaper than the grid's in each slot, 0 where there is none, shape (t)."""
    if not any(branch.connection for branch in branches):
        return np.zeros_like(model.solar)
    return np.where(model.solar > 0, model.rebate, 0)


def _weights(model: Model, scale: _Scale, shift: int, *, early: bool) -> Weights:
    slots, hops = model.caps.shape[1], scale.hops
    ties = hops * slots if early else 0
    cost = ties + 1
    unserved = ((scale.reach >> shift) + hops + 1) * cost + ties + 1
    plain = Weights(scale.unit, scale.least, shift, cost, int(early), unserved, 0, 0)
    if not model.floor.any():
        return plain
    early_weight = unserved * (int(model.tier.max()) + 2)
    floor = early_weight * (hops * slots + 1)
    return msgspec.structs.replace(plain, early=early_weight, floor=floor)


def _solved(
    model: Model, branches: list[Branch], layout: _Layout, weights: Weights, ranks: Ints | None = None
) -> Ints | None:
    rows, slots = np.nonzero(model.caps)
    network = SimpleMinCostFlow()
    uses = _add(network, _uses(model, layout, weights))
    for pipe in _pipes(model, branches, layout, weights, ranks):
        _add(network, pipe)
    _add(network, _unserved(model, layout, weights))
    if len(layout.floored):
        _add(network, _floors(model, layout, weights))
    supply = np.concatenate((model.energy - model.floor, model.floor[layout.floored], [-int(model.energy.sum())]))
    network.set_nodes_supplies(np.concatenate((np.arange(len(supply) - 1), [layout.sink])), supply)
    if network.solve() != network.OPTIMAL:  # reading flows of any other status crashes (engine B7)
        return None
    plan = np.zeros_like(model.caps)
    plan[rows, slots] = network.flows(uses)
    return plan


def _add(network: SimpleMinCostFlow, arcs: _Arcs) -> Ints:
    added: Ints = network.add_arcs_with_capacity_and_unit_cost(arcs.tail, arcs.head, arcs.cap, arcs.cost)
    return added


def _uses(model: Model, layout: _Layout, weights: Weights) -> _Arcs:
    """Arcs demand -> first limit in each slot; with a floor from a node of the slot's own, reached by `_floors`."""
    rows, slots = np.nonzero(model.caps)
    start = np.append(layout.branch_node, layout.sink)[layout.first_branch]  # -1 takes the last, the grid
    head = start[rows] + np.where(layout.first_branch >= 0, 1, 0)[rows] * slots
    cost = _arc_cost(model, weights, rows, slots) if weights.cost else np.zeros_like(rows)
    tail = rows
    if len(layout.floored):
        floored = layout.slot_node[rows] >= 0
        tail = np.where(floored, layout.slot_node[rows] + slots, rows)
        cost = np.where(floored, 0, cost)
    return _Arcs(tail, head, model.caps[rows, slots], cost)


def _arc_cost(model: Model, weights: Weights, rows: Ints, slots: Ints) -> Ints:
    dearer = (model.cost[rows, slots] - weights.least) // weights.unit >> weights.shift
    cost: Ints = dearer * weights.cost + slots * weights.slot
    return cost


def _pipes(
    model: Model, branches: list[Branch], layout: _Layout, weights: Weights, ranks: Ints | None
) -> Iterator[_Arcs]:
    """Arcs limit -> next limit, or the grid, in each slot; of the connection one more, to its solar energy."""
    slots = np.arange(model.caps.shape[1])
    nothing = np.zeros_like(slots)
    for index, branch in enumerate(branches):
        tail = layout.branch_node[index] + slots
        head = np.full_like(slots, layout.sink) if branch.parent < 0 else layout.branch_node[branch.parent] + slots
        if branch.connection:
            if ranks is None:
                cheaper = _cheaper(model, branches) // weights.unit >> weights.shift
                ranks = np.stack((-cheaper * weights.cost, nothing))
            yield _Arcs(tail, head, model.grid, ranks[1])
            if model.solar.any():
                yield _Arcs(tail, head, model.solar, ranks[0])
        else:
            yield _Arcs(tail, head, branch.cap, nothing)


def _unserved(model: Model, layout: _Layout, weights: Weights) -> _Arcs:
    """Arcs demand -> unserved, dearer by tier; floors dearer than all."""
    floored = layout.floored
    tail = np.concatenate((np.arange(len(model.demands)), layout.floor_node[floored]))
    cap = np.concatenate((model.energy - model.floor, model.floor[floored]))
    cost = np.concatenate(((model.tier + 1) * weights.unserved, (model.tier[floored] + 1) * weights.floor))
    return _Arcs(tail, np.full_like(tail, layout.sink), cap, cost)


def _floors(model: Model, layout: _Layout, weights: Weights) -> _Arcs:
    """Arcs of demands with a floor to their slots' nodes: one for the rest, and one for the floor, dearer when late."""
    rows, slots = np.nonzero(np.where(model.floor[:, None] > 0, model.caps, 0))
    cost = _arc_cost(model, weights, rows, slots)
    head = layout.slot_node[rows] + slots
    cap = model.caps[rows, slots]
    return _Arcs(
        np.concatenate((rows, layout.floor_node[rows])),
        np.concatenate((head, head)),
        np.concatenate((cap, cap)),
        np.concatenate((cost, cost + slots * weights.early)),
    )

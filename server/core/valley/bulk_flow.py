"""Very many cars behind the limits of their sites: thresholds where they fit, one min-cost flow a site where not.

Within a site whose cars share a price curve the loads by slot that serve the most energy are the bases of a
polymatroid, so the cheapest of them depends on the order of the prices only (engine B4.2). The flow therefore weighs
ranks: a third faster than prices, the same cost, and earlier slots win where prices are equal.
"""

from itertools import pairwise

import msgspec
import numpy as np
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from server.core.valley.bulk import (
    FLOWED,
    Crowd,
    Flows,
    Ints,
    Plans,
    alone,
    joined,
    joined_flows,
    loads,
    ranks,
)


def plan(crowd: Crowd) -> Plans:
    """The least cost of serving as much energy as the sites' limits let; exact, and never infeasible."""
    if crowd.limit_w is None:
        return alone(crowd)
    if np.all(crowd.site[1:] >= crowd.site[:-1]):
        return _planned(crowd)
    order = np.argsort(crowd.site, kind="stable")
    return joined(len(order), [(order, _planned(crowd.part(order)))])


def split(crowd: Crowd, parts: int) -> list[tuple[Ints, Crowd]]:
    """The cars in about `parts` equal parts of whole sites, each with its cars' numbers in the whole."""
    assert crowd.limit_w is not None
    if not len(crowd.site):
        return []
    order = np.argsort(crowd.site, kind="stable")
    site = crowd.site[order]
    cuts = np.searchsorted(site, site[np.linspace(0, len(site), parts, endpoint=False).astype(int)])
    bounds = np.unique([*cuts.tolist(), len(site)])
    pairs = [(order[a:b], int(site[a]), int(site[b - 1])) for a, b in pairwise(bounds.tolist())]
    return [(cars, crowd.part(cars, slice(first, last + 1))) for cars, first, last in pairs]


class _Site(msgspec.Struct, frozen=True, eq=False):
    """One site's numbers for the flow: n cars, t slots."""

    arrive: Ints  # (n)
    stay: Ints  # (n), slots
    most: Ints  # (n), Wh a slot
    energy: Ints  # (n), what fits into the stay, Wh
    weight: Ints  # (c, t), what a slot weighs on a curve, 0 for the least
    curve: Ints  # (n), a row of `weight`
    unserved: int  # more than any way of serving one Wh more can weigh
    limit: Ints  # (t), Wh


def _planned(crowd: Crowd) -> Plans:
    """The same, for cars in the order of their sites."""
    plans = alone(crowd)
    limit = crowd.limit_wh()
    over = np.flatnonzero(((limit >= 0) & (loads(crowd, plans) > limit)).any(axis=1))
    first = np.searchsorted(crowd.site, over)
    last = np.searchsorted(crowd.site, over, side="right")
    rank, curves = ranks(crowd).astype(np.int64), crowd.curves
    flows = []
    for site, a, b in zip(over.tolist(), first.tolist(), last.tolist(), strict=True):
        numbers = _site(crowd.part(slice(a, b)), limit[site], rank, curves)
        flows.append((np.arange(a, b), _flow(numbers)))
    whole = joined_flows(flows)
    _take_over(plans, crowd, whole)
    return msgspec.structs.replace(plans, flows=whole)


def _site(crowd: Crowd, limit: Ints, rank: Ints, curves: Ints) -> _Site:
    arrive = crowd.arrive_slot.astype(np.int64)
    stay = crowd.depart_slot - arrive
    most = crowd.slot_wh()
    curve = np.zeros(len(arrive), np.int64) if crowd.curve is None else crowd.curve.astype(np.int64)
    kinds, curve = np.unique(curve, return_inverse=True)
    if len(kinds) == 1:
        weight, hops = rank[kinds], 1
    else:
        # Prices do not cancel along a path where cars see different ones: each car or slot on it adds their range.
        weight = curves[kinds] - curves[kinds].min()
        weight //= max(1, int(np.gcd.reduce(weight, axis=None)))
        hops = min(len(arrive), len(limit)) + 1
    energy = np.minimum(crowd.energy_wh, most * stay)
    unserved = hops * int(weight.max()) + 1
    open_ended = np.where(limit < 0, int(most.sum()), limit)
    return _Site(arrive, stay, most, energy, weight, curve, unserved, open_ended)


def _flow(site: _Site) -> Flows:
    """One site's least cost: car -> slot -> grid, or unserved. Reading flows is safe: it is always feasible (B7)."""
    count, slots = len(site.stay), len(site.limit)
    cars = np.repeat(np.arange(count), site.stay)
    ends = site.stay.cumsum()
    slot = np.arange(len(cars)) + np.repeat(site.arrive - ends + site.stay, site.stay)
    network = SimpleMinCostFlow()
    add = network.add_arcs_with_capacity_and_unit_cost
    sink = count + slots
    uses = add(cars, count + slot, site.most[cars], site.weight[site.curve[cars], slot])
    add(np.arange(count, sink), np.full(slots, sink), site.limit, np.zeros(slots, np.int64))
    add(np.arange(count), np.full(count, sink), site.energy, np.full(count, site.unserved))
    supply = np.concatenate((site.energy, [-site.energy.sum()]))
    network.set_nodes_supplies(np.concatenate((np.arange(count), [sink])), supply)
    status = network.solve()
    assert status == network.OPTIMAL, status
    wh = network.flows(uses)
    used = np.flatnonzero(wh)
    start = np.concatenate(([0], np.bincount(cars[used], minlength=count).cumsum()))
    return Flows(np.arange(count), start, slot[used].astype(np.int16), wh[used].astype(np.int32))


def _take_over(plans: Plans, crowd: Crowd, flows: Flows) -> None:
    """Write what the flows cost and serve into the plans of their cars."""
    cars = flows.cars
    curve = 0 if crowd.curve is None else np.repeat(crowd.curve[cars], np.diff(flows.start))
    price = crowd.curves[curve, flows.slot]
    plans.threshold[cars] = FLOWED
    plans.last_wh[cars] = 0
    plans.unserved_wh[cars] = crowd.energy_wh[cars] - _sums(flows.wh.astype(np.int64), flows.start)
    plans.cost_nano[cars] = _sums(price * flows.wh, flows.start)


def _sums(values: Ints, start: Ints) -> Ints:
    """The sum of each car's values. Where the running total passes 64 bits it wraps, and so does what is taken off."""
    total = np.concatenate(([0], values.cumsum()))
    return np.diff(total[start])

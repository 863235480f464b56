"""Very many cars at once, from arrays: each alone by its rank threshold, whole sites at a time (engine B4.1, B6).

For energy, stays, powers and the connection's limit only; all else is `plan.solve`'s. Both serve the same energy at the
same cost (tests/core/valley/test_valley_bulk.py). Symbols: n cars, t slots, s sites, c price curves.

A curve's slots have ranks by (price, slot). A car alone takes its k cheapest slots: full power where the rank is below
its `threshold`, what is left where it is equal. Seven steps on a table of counts find the thresholds of all cars.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Mask = NDArray[np.bool_]

NO_LIMIT = -1
"""The `limit_w` of a site without one."""
NOTHING = -1
"""The threshold of a car that takes nothing."""
FLOWED = -2
"""The threshold of a car whose plan stands in `flows`."""
SLOTS_MAX = 2_880
"""Thirty days in quarter hours: the tables of a curve grow with the square of the slots (100 MB here)."""
CHUNK = 1 << 15
"""Cars at a time: their columns stay in the cache."""
DENSE = 1 << 12
"""Cars at a time where each takes a row of slots."""


class Crowd(msgspec.Struct, frozen=True, eq=False):
    """What many cars need. Integers of any width; `site` and `curve` count from 0.

    `limit_w` of a site is what its cars may take together: one value, or one a slot; NO_LIMIT for none.
    """

    price_micro_per_kwh: Ints  # (t), or (c, t)
    site: Ints  # (n)
    arrive_slot: Ints  # (n)
    depart_slot: Ints  # (n), beyond the last slot of the stay
    energy_wh: Ints  # (n)
    max_w: Ints  # (n)
    limit_w: Ints | None = None  # (s), or (s, t)
    curve: Ints | None = None  # (n), 0 where there is one curve
    slot_seconds: int = 900

    @property
    def curves(self) -> Ints:
        """The price curves, shape (c, t)."""
        return np.atleast_2d(np.asarray(self.price_micro_per_kwh, np.int64))

    @property
    def slots(self) -> int:
        """The t of the shapes."""
        return int(self.curves.shape[1])

    def slot_wh(self, cars: slice | Ints = slice(None)) -> Ints:
        """What each car can take in a slot, shape (n)."""
        power: Ints = np.asarray(self.max_w[cars], np.int64) * self.slot_seconds // 3600
        return power

    def limit_wh(self, sites: slice | Ints = slice(None)) -> Ints:
        """What each site may take by slot, shape (s, t); NO_LIMIT stays what it is."""
        assert self.limit_w is not None
        limit = np.asarray(self.limit_w, np.int64)[sites]
        columns = limit if limit.ndim > 1 else limit[:, None]
        return np.broadcast_to(columns * self.slot_seconds // 3600, (len(limit), self.slots))

    def part(self, cars: slice | Ints, sites: slice | None = None) -> "Crowd":
        """Some of the cars; where `sites` are given, with these sites only, counted from the first of them."""
        first = 0 if sites is None else sites.start
        return msgspec.structs.replace(
            self,
            site=self.site[cars] - first,
            arrive_slot=self.arrive_slot[cars],
            depart_slot=self.depart_slot[cars],
            energy_wh=self.energy_wh[cars],
            max_w=self.max_w[cars],
            limit_w=self.limit_w if self.limit_w is None or sites is None else self.limit_w[sites],
            curve=None if self.curve is None else self.curve[cars],
        )


class Flows(msgspec.Struct, frozen=True, eq=False):
    """Energy by slot of some cars: car `cars[i]` takes `wh[j]` in `slot[j]` for start[i] <= j < start[i + 1]."""

    cars: Ints  # (m)
    start: Ints  # (m + 1)
    slot: Ints
    wh: Ints


class Plans(msgspec.Struct, frozen=True, eq=False):
    """The plans, compact: full power in slots of a rank below `threshold`, `last_wh` where it is equal, or `flows`.

    Optimal: as much energy as the limits let, at the least cost; `cost_nano` is its own proven bound.
    """

    threshold: NDArray[np.int16]  # (n), NOTHING or FLOWED below 0
    last_wh: NDArray[np.int32]  # (n)
    unserved_wh: NDArray[np.int32]  # (n)
    cost_nano: NDArray[np.int64]  # (n)
    flows: Flows

    @property
    def total_nano(self) -> int:
        """The cost of all, exact where 64 bits would not hold the sum."""
        low = self.cost_nano & ((1 << 24) - 1)
        return (int((self.cost_nano >> 24).sum()) << 24) + int(low.sum())


def ranks(crowd: Crowd) -> Ints:
    """The rank of each slot by (price, slot), shape (c, t)."""
    order = np.argsort(crowd.curves, axis=1, kind="stable")
    ranked = np.empty(order.shape, np.int16)
    np.put_along_axis(ranked, order, np.arange(crowd.slots, dtype=np.int16)[None, :], axis=1)
    return ranked


class _Tables(msgspec.Struct, frozen=True, eq=False):
    """Of one curve: how many slots before a slot have a rank below one, and what they cost together."""

    count: NDArray[np.int16]  # (a power of two above t, t + 1)
    spent: NDArray[np.int64]  # (t + 1, t + 1), micro per kWh
    sorted_price: NDArray[np.int64]  # (t), by rank


def _tables(price: Ints, rank: Ints) -> _Tables:
    slots = len(price)
    below = rank[None, :] < np.arange(slots + 1)[:, None]
    count = np.zeros((1 << slots.bit_length(), slots + 1), np.int16)
    count[: slots + 1, 1:] = below.cumsum(axis=1)
    count[slots + 1 :] = count[slots]
    spent = np.zeros((slots + 1, slots + 1), np.int64)
    spent[:, 1:] = np.where(below, price[None, :], 0).cumsum(axis=1)
    return _Tables(count, spent, np.sort(price))


def alone(crowd: Crowd) -> Plans:
    """The plan of each car as if its site had no limit."""
    assert crowd.slots <= SLOTS_MAX
    count = len(crowd.site)
    empty = np.zeros(0, np.int64)
    plans = Plans(
        threshold=np.empty(count, np.int16),
        last_wh=np.empty(count, np.int32),
        unserved_wh=np.empty(count, np.int32),
        cost_nano=np.empty(count, np.int64),
        flows=Flows(empty, np.zeros(1, np.int64), empty, empty),
    )
    for curve, (price, rank) in enumerate(zip(crowd.curves, ranks(crowd), strict=True)):
        tables = _tables(price, rank)
        for cars in _chunks(crowd, curve):
            _fill(plans, crowd, tables, cars)
    return plans


def _chunks(crowd: Crowd, curve: int) -> Iterator[slice | Ints]:
    """The cars on a curve, some at a time."""
    if crowd.curve is None:
        yield from (slice(at, at + CHUNK) for at in range(0, len(crowd.site), CHUNK))
        return
    here = np.flatnonzero(crowd.curve == curve)
    yield from (here[at : at + CHUNK] for at in range(0, len(here), CHUNK))


def _fill(plans: Plans, crowd: Crowd, tables: _Tables, cars: slice | Ints) -> None:
    """Write the plans of some cars, all on the curve of the tables."""
    arrive, depart = crowd.arrive_slot[cars].astype(np.intp), crowd.depart_slot[cars].astype(np.intp)
    asked, most = crowd.energy_wh[cars].astype(np.int64), crowd.slot_wh(cars)
    served = np.minimum(asked, most * (depart - arrive))
    needed = -(-served // np.maximum(most, 1))
    threshold = _kth_cheapest(tables, arrive, depart, needed.astype(np.int16))
    last = served - (needed - 1) * most
    width = tables.spent.shape[1]
    at = threshold * width
    full = tables.spent.ravel().take(at + depart) - tables.spent.ravel().take(at + arrive)
    cost = most * full + last * tables.sorted_price.take(threshold, mode="clip")
    takes = needed > 0
    plans.threshold[cars] = np.where(takes, threshold, NOTHING)
    plans.last_wh[cars] = np.where(takes, last, 0)
    plans.unserved_wh[cars] = asked - served
    plans.cost_nano[cars] = np.where(takes, cost, 0)


def _kth_cheapest(tables: _Tables, arrive: Ints, depart: Ints, needed: Ints) -> NDArray[np.intp]:
    """The rank of each stay's k-th cheapest slot (0 for k = 0): the greatest rank with fewer than k slots below it."""
    rows, width = tables.count.shape
    flat = tables.count.ravel()
    found = np.zeros(len(arrive), np.intp)
    step = rows // 2
    while step:
        at = (found + step) * width
        few = flat.take(at + depart) - flat.take(at + arrive) < needed
        found += few * step
        step //= 2
    return found


def loads(crowd: Crowd, plans: Plans) -> Ints:
    """What the thresholds put on each site by slot, Wh, shape (s, t). The cars stand in the order of their sites."""
    assert crowd.limit_w is not None
    total = np.zeros((len(crowd.limit_w), crowd.slots), np.int64)
    for at in range(0, len(crowd.site), DENSE):
        cars = slice(at, min(at + DENSE, len(crowd.site)))
        site = crowd.site[cars]
        first = np.flatnonzero(np.concatenate(([True], site[1:] != site[:-1])))
        total[site[first]] += np.add.reduceat(schedule(crowd, plans, cars), first, axis=0)
    return total


def schedule(crowd: Crowd, plans: Plans, cars: slice) -> NDArray[np.int64]:
    """The energy of some cars by slot, Wh, shape (cars, t)."""
    slots = np.arange(crowd.slots, dtype=np.int16)
    ranked = ranks(crowd)
    rank = ranked[:1] if crowd.curve is None else ranked[crowd.curve[cars]]
    threshold = plans.threshold[cars, None]
    stays = (slots >= crowd.arrive_slot[cars, None].astype(np.int16)) & (
        slots < crowd.depart_slot[cars, None].astype(np.int16)
    )
    energy: NDArray[np.int64] = (stays & (rank < threshold)) * crowd.slot_wh(cars)[:, None]
    energy += (stays & (rank == threshold)) * plans.last_wh[cars, None]
    flows = plans.flows
    inside = np.flatnonzero((flows.cars >= cars.start) & (flows.cars < cars.stop))
    for index in inside.tolist():
        arcs = slice(int(flows.start[index]), int(flows.start[index + 1]))
        energy[flows.cars[index] - cars.start, flows.slot[arcs]] = flows.wh[arcs]
    return energy


def joined(count: int, parts: Sequence[tuple[Ints, Plans]]) -> Plans:
    """The plans of `count` cars from those of some cars each."""
    plans = Plans(
        threshold=np.empty(count, np.int16),
        last_wh=np.empty(count, np.int32),
        unserved_wh=np.empty(count, np.int32),
        cost_nano=np.empty(count, np.int64),
        flows=joined_flows([(cars, part.flows) for cars, part in parts]),
    )
    for cars, part in parts:
        plans.threshold[cars] = part.threshold
        plans.last_wh[cars] = part.last_wh
        plans.unserved_wh[cars] = part.unserved_wh
        plans.cost_nano[cars] = part.cost_nano
    return plans


def joined_flows(parts: Sequence[tuple[Ints, Flows]]) -> Flows:
    """The flows of all parts, each with what its cars are called in the whole."""
    empty = np.zeros(0, np.int64)
    lengths = [np.diff(flows.start) for _, flows in parts]
    return Flows(
        cars=np.concatenate([empty, *(cars[flows.cars] for cars, flows in parts)]),
        start=np.concatenate([[0], np.concatenate([empty, *lengths]).cumsum()]),
        slot=np.concatenate([empty[:0].astype(np.int16), *(flows.slot for _, flows in parts)]).astype(np.int16),
        wh=np.concatenate([empty[:0].astype(np.int32), *(flows.wh for _, flows in parts)]).astype(np.int32),
    )

"""The yardstick: the same problem by SciPy's HiGHS, as one sparse linear program that knows nothing of the engine.

Whole-Wh limits as in the contract, energy continuous, least powers left out, so that its cost bounds the engine's from
below. Energy that does not fit is unserved at a price above all others.
"""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.core.valley.bulk import Crowd, Ints
from server.core.valley.problem import Problem
from shared.units import VOLTS

Floats = NDArray[np.float64]
PHASES = (1, 2, 3)
MICRO = 1_000_000
BLOCK = 1_000
"""Cars of whole sites in one linear program. Measured: 10 000 cars in one take HiGHS twice as long where sites are
tight, site by site costs it a fifth more on small ones; this is close to its best on both."""


class Best(msgspec.Struct, frozen=True):
    """What the linear program says: EUR of what is served, Wh that are not, and what the energy is worth unsigned."""

    cost_eur: float
    unserved_wh: float
    gross_eur: float


class Timed(msgspec.Struct, frozen=True):
    """The best, and the milliseconds that it took.

    `cpu_ms` is that of the calling thread: HiGHS's other threads only wait, busily, and for a while after its answer.
    That is also why it has a process of its own: in ours they would count, and slow, what comes next.
    """

    best: Best
    wall_ms: float
    cpu_ms: float


def timed(asked: Problem | Crowd) -> Timed:
    """The best of a problem, or of cars from arrays, with its time: what runs in the yardstick's own process."""
    wall, cpu = time.perf_counter(), time.thread_time()
    best = of_crowd(asked) if isinstance(asked, Crowd) else of_problem(asked)
    return Timed(best, (time.perf_counter() - wall) * 1000, (time.thread_time() - cpu) * 1000)


class _Group(msgspec.Struct, frozen=True, eq=False):
    """A limit over some cars by slot: car `cars[i]` counts `weight[i]` times in the slots of limit `number[i]`."""

    cars: Ints
    number: Ints
    weight: Floats
    limit: Floats  # (limits, t), Wh


def of_crowd(crowd: Crowd) -> Best:
    """The best of many cars from arrays, in the order of their sites: one limit a site."""
    assert crowd.limit_w is not None
    ends = np.searchsorted(crowd.site, np.arange(len(crowd.limit_w)), side="right")
    found, first, done = [], 0, 0
    for site, end in enumerate(ends.tolist()):
        if end - done >= BLOCK or site == len(ends) - 1:
            part = crowd.part(slice(done, end), slice(first, site + 1))
            found.append(_solved(part, [_of_sites(part)]))
            first, done = site + 1, end
    return Best(
        cost_eur=sum(one.cost_eur for one in found),
        unserved_wh=sum(one.unserved_wh for one in found),
        gross_eur=sum(one.gross_eur for one in found),
    )


def of_problem(problem: Problem) -> Best:
    """The best of a problem with limits in W, and in mA by phase on feeders, also nested; demands in order of sites."""
    demands = problem.demands
    sites = {site.id: index for index, site in enumerate(problem.sites)}
    limits = [np.broadcast_to(np.asarray(site.limit_w, np.int64), problem.slots) for site in problem.sites]
    crowd = Crowd(
        price_micro_per_kwh=np.array(problem.price_micro_per_kwh, np.int64),
        site=np.array([sites[demand.site] for demand in demands], np.int64),
        arrive_slot=np.array([demand.arrive_slot for demand in demands], np.int64),
        depart_slot=np.array([demand.depart_slot for demand in demands], np.int64),
        energy_wh=np.array([demand.energy_wh for demand in demands], np.int64),
        max_w=np.array([demand.max_w for demand in demands], np.int64),
        limit_w=np.array(limits),
        slot_seconds=problem.slot_seconds,
    )
    if any(site.feeders for site in problem.sites):
        return _solved(crowd, [_of_sites(crowd), _of_phases(problem)])
    return of_crowd(crowd)


def _of_sites(crowd: Crowd) -> _Group:
    return _Group(np.arange(len(crowd.site)), crowd.site, np.ones(len(crowd.site)), crowd.limit_wh().astype(np.float64))


def _of_phases(problem: Problem) -> _Group:
    numbers: dict[tuple[str, str, int], int] = {}
    limits: list[Floats] = []
    parents = {(site.id, feeder.id): feeder.parent for site in problem.sites for feeder in site.feeders}
    for site in problem.sites:
        for feeder in site.feeders:
            assert feeder.limit_ma is not None
            for phase, most in zip(PHASES, feeder.limit_ma, strict=True):
                numbers[site.id, feeder.id, phase] = len(limits)
                sixths = 6 * VOLTS * most * problem.slot_seconds // 3_600_000
                limits.append(np.full(problem.slots, sixths / 6))
    uses = [
        (index, numbers[one.site, feeder, phase], 1 / len(one.phases))
        for index, one in enumerate(problem.demands)
        for feeder in _path(parents, one.site, one.feeder)
        for phase in one.phases
    ]
    cars, number, weight = zip(*uses, strict=True)
    return _Group(np.array(cars), np.array(number), np.array(weight), np.array(limits))


def _path(parents: dict[tuple[str, str], str | None], site: str, feeder: str | None) -> Iterator[str]:
    """A feeder and all above it."""
    while feeder is not None:
        yield feeder
        feeder = parents[site, feeder]


def _solved(crowd: Crowd, groups: list[_Group]) -> Best:
    from scipy.optimize import linprog  # only where it runs: its memory is not ours
    from scipy.sparse import coo_array

    count, slots = len(crowd.site), crowd.slots
    arrive = crowd.arrive_slot.astype(np.int64)
    stay = crowd.depart_slot - arrive
    car = np.repeat(np.arange(count), stay)
    slot = np.arange(len(car)) + np.repeat(arrive - stay.cumsum() + stay, stay)
    price = crowd.curves[0][slot] / MICRO
    energy = crowd.energy_wh.astype(np.float64)
    variables = len(car) + count
    upper, most = _upper(groups, (car, slot), stay, (variables, slots))
    served_or_not = (np.concatenate((car, np.arange(count))), np.arange(variables))
    missing_price = 10.0 * float(np.abs(price).max(initial=0.0)) + 1.0
    tops = np.concatenate((crowd.slot_wh()[car], energy))
    found = linprog(
        np.concatenate((price, np.full(count, missing_price))),
        A_ub=upper,
        b_ub=most,
        A_eq=coo_array((np.ones(variables), served_or_not), shape=(count, variables)).tocsr(),
        b_eq=energy,
        bounds=np.column_stack((np.zeros(variables), tops)),
        method="highs",
    )
    assert found.status == 0, found.message
    used = found.x[: len(car)]
    return Best(
        cost_eur=float(price @ used) / 1000,
        unserved_wh=float(found.x[len(car) :].sum()),
        gross_eur=float(np.abs(price) @ used) / 1000,
    )


def _upper(groups: list[_Group], arcs: tuple[Ints, Ints], stay: Ints, shape: tuple[int, int]) -> tuple[Any, Floats]:
    """The rows of all limits: matrix and right-hand side. An arc is a car in one of its slots."""
    from scipy.sparse import coo_array

    (_, slot), (variables, slots) = arcs, shape
    first = stay.cumsum() - stay
    rows, columns, weights, most, base = [], [], [], [], 0
    for group in groups:
        length = stay[group.cars]
        member = np.repeat(np.arange(len(length)), length)
        inside = np.arange(len(member)) - np.repeat(length.cumsum() - length, length)
        column = first[group.cars][member] + inside
        rows.append(base + group.number[member] * slots + slot[column])
        columns.append(column)
        weights.append(group.weight[member])
        most.append(group.limit.ravel())
        base += group.limit.size
    where = (np.concatenate(rows), np.concatenate(columns))
    return coo_array((np.concatenate(weights), where), shape=(base, variables)).tocsr(), np.concatenate(most)

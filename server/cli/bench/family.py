"""The generated problems of `dalstroom bench engine`: the same kind and seed give the same problem, on any machine.

96 slots of 15 min from noon; 70 % come in the evening; chargers of 7.4, 11 and 22 kW (35, 45, 20 %); 5 to 60 kWh, gamma
distributed around 24; stays of 2 to 4 times the charging time; prices of 0.05 to 0.30 EUR in steps of 1e-5, dear in the
evening, with noise. Sites of 20 to 50 cars with a third of their power. `tight`: 1.1 times the smallest limit that
serves everybody. `depot`: all come between 17 and 19 h, leave between 6 and 8 h and want 20 to 60 kWh. `least`: 6 A or
nothing. `mixed`: one- and three-phase cars behind one feeder, each phase with its share of the limit.
`nested`: sites of 4 to 25 such cars behind feeders inside feeders (`nested.py`). `switches`: a start costs 0.01 EUR,
runs and rests last half an hour.
"""

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.cli.bench import nested
from server.core.valley.bulk import Crowd, Ints
from server.core.valley.problem import Demand, Feeder, Problem, Site
from server.workers.bulk import least_limit_w
from shared.units import VOLTS

SLOTS = 96
SLOTS_AN_HOUR = 4
NOON = datetime(2026, 1, 14, 11, tzinfo=UTC)
POWERS_W, POWER_SHARES = (7_400, 11_000, 22_000), (0.35, 0.45, 0.20)
ONE_PHASE_W = 7_400
LEAST_MA = 6_000
SWITCH_MICRO = 10_000
RUN_SLOTS = 2
TIGHT = 1.1
EVERYBODY = (1, 2, 3)


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem; `share` of the chargers' power is the limit of a site, unless it is `tight`."""

    cars: int
    per_site: tuple[int, int] = (20, 50)
    share: float = 1 / 3
    tight: bool = False
    depot: bool = False
    least: bool = False
    switches: bool = False
    mixed: bool = False
    nested: bool = False


def crowd(kind: Kind, seed: int) -> Crowd:
    """The cars of a problem as arrays, in the order of their sites."""
    # Frozen for good (NEP 19), which the newer generators are not. The variants of a kind have the same cars.
    name = f"{kind.cars} {kind.per_site} {kind.depot} {seed}"
    dice = np.random.RandomState(zlib.crc32(name.encode()))
    price = _prices(dice)
    site = _sites(kind, dice)
    power = dice.choice(POWERS_W, kind.cars, p=POWER_SHARES)
    energy = np.clip(dice.gamma(4.0, 6.0, kind.cars), 20.0 if kind.depot else 5.0, 60.0) * 1000
    arrive, depart = _stays(kind, dice, energy / power)
    fits = power * (depart - arrive) // SLOTS_AN_HOUR
    cars = Crowd(
        price_micro_per_kwh=price,
        site=site.astype(np.int32),
        arrive_slot=arrive.astype(np.int16),
        depart_slot=depart.astype(np.int16),
        energy_wh=np.minimum(energy.round(), fits).astype(np.int32),
        max_w=power.astype(np.int32),
    )
    limit = np.bincount(site, weights=power * kind.share).astype(np.int64)
    if kind.tight:
        limit = np.ceil(least_limit_w(cars) * TIGHT).astype(np.int64)
    return msgspec.structs.replace(cars, limit_w=limit)


def problem(kind: Kind, seed: int) -> Problem:
    """The same as a problem of the engine's contract."""
    if not kind.nested:
        return as_problem(crowd(kind, seed), kind)
    count = min(kind.cars, nested.cars(seed))
    one = msgspec.structs.replace(kind, cars=count, per_site=(count, count))
    return nested.nested(as_problem(crowd(one, seed), one), seed)


def as_problem(cars: Crowd, kind: Kind) -> Problem:
    """Cars as a problem; the least powers and the phases that the arrays do not know come from the kind."""
    assert cars.limit_w is not None
    columns = (cars.site, cars.arrive_slot, cars.depart_slot, cars.energy_wh, cars.max_w)
    return Problem(
        id="bench",
        start=NOON,
        slots=cars.slots,
        slot_seconds=cars.slot_seconds,
        switch_micro=SWITCH_MICRO if kind.switches else 0,
        min_run_slots=RUN_SLOTS if kind.switches else 1,
        price_micro_per_kwh=cars.price_micro_per_kwh.tolist(),
        sites=[_site(index, limit, kind) for index, limit in enumerate(cars.limit_w.tolist())],
        demands=list(_demands(zip(*(column.tolist() for column in columns), strict=True), kind)),
    )


def _prices(dice: np.random.RandomState) -> Ints:
    hour = 12 + np.arange(SLOTS) / SLOTS_AN_HOUR
    shape = 0.175 + 0.09 * np.cos((hour - 19) / 24 * 2 * np.pi) + 0.012 * dice.standard_normal(SLOTS)
    return (np.clip(shape, 0.05, 0.30) * 100_000).round().astype(np.int64) * 10


def _sites(kind: Kind, dice: np.random.RandomState) -> Ints:
    least, most = kind.per_site
    sizes = dice.randint(least, most + 1, -(-kind.cars // least))
    return np.repeat(np.arange(len(sizes)), sizes)[: kind.cars]


def _stays(kind: Kind, dice: np.random.RandomState, hours: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """First slot and the one after the last, for cars that charge for so many hours."""
    count = kind.cars
    if kind.depot:
        return dice.randint(20, 29, count), dice.randint(72, 81, count)
    evening = dice.random_sample(count) < 0.7
    arrive = np.where(evening, dice.randint(16, 41, count), dice.randint(0, 81, count))
    stay = np.ceil(hours * SLOTS_AN_HOUR * dice.uniform(2.0, 4.0, count)).astype(np.int64)
    return arrive, np.minimum(SLOTS, arrive + np.maximum(stay, 1))


def _site(index: int, limit_w: int, kind: Kind) -> Site:
    feeders = [Feeder(id="f", limit_ma=[limit_w * 1000 // (3 * VOLTS)] * 3)] if kind.mixed else []
    return Site(id=f"s{index}", limit_w=limit_w, feeders=feeders)


def _demands(rows: Iterable[tuple[int, int, int, int, int]], kind: Kind) -> Iterable[Demand]:
    for index, (site, arrive, depart, energy, power) in enumerate(rows):
        single = power == ONE_PHASE_W and (kind.mixed or kind.least)
        phases = [EVERYBODY[index % 3]] if single else list(EVERYBODY)
        yield Demand(
            id=f"e{index}",
            site=f"s{site}",
            feeder="f" if kind.mixed else None,
            arrive_slot=arrive,
            depart_slot=depart,
            energy_wh=energy,
            max_w=power,
            min_w=LEAST_MA * VOLTS * len(phases) // 1000 if kind.least else 0,
            phases=phases,
        )

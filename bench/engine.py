"""The engine on generated sites: `python -m bench.engine [--json]`; SciPy's HiGHS solves the same as the yardstick.

The family: 96 slots of 15 min from noon; 70 % evening arrivals; chargers of 7.4, 11 and 22 kW (35, 45, 20 %); energy
gamma distributed around 24 kWh; stays of 2 to 4 times the charging time; sites of 20 to 50 cars with a third of their
power. `tight`: a sixth of it; `depot`: all come between 17 and 19 h and leave between 6 and 8 h; `6 A`: with the least
power; `mixed`: one- and three-phase cars behind one feeder. Times count the building of the problem's numbers.
"""

import argparse
import json
import math
import random
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from server.core.valley.capacity import model
from server.core.valley.problem import Demand, Feeder, Problem, Site
from server.workers.solve import solve

T = TypeVar("T")
SLOTS = 96
START = datetime(2026, 1, 14, 12, tzinfo=UTC)
POWERS = (7_400, 7_400, 7_400, 7_400, 7_400, 7_400, 7_400, *[11_000] * 9, *[22_000] * 4)
PHASES = {7_400: [1], 11_000: [1, 2, 3], 22_000: [1, 2, 3]}


class Kind(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    cars: int
    per_site: tuple[int, int] = (20, 50)
    share: float = 1 / 3
    depot: bool = False
    least: bool = False
    mixed: bool = False


KINDS = (
    Kind("1 at home", 1, (1, 1), share=1.0),
    Kind("demo depot, 6 A", 12, (12, 12), depot=True, least=True),
    Kind("demo street, 6 A, mixed", 6, (6, 6), least=True, mixed=True),
    Kind("depot 40", 40, (40, 40), depot=True),
    Kind("depot 40, 6 A", 40, (40, 40), depot=True, least=True),
    Kind("100", 100),
    Kind("1000", 1_000),
    Kind("1000 tight", 1_000, share=1 / 6),
    Kind("1000, 6 A", 1_000, least=True),
    Kind("500 in one", 500, (500, 500), share=1 / 6),
)


def problem(kind: Kind, seed: int) -> Problem:
    """The same seed gives the same problem."""
    dice = random.Random(f"{kind.name}/{seed}")
    demands: list[Demand] = []
    sites: list[Site] = []
    while len(demands) < kind.cars:
        name = f"s{len(sites)}"
        count = min(dice.randint(*kind.per_site), kind.cars - len(demands))
        cars = [_car(kind, dice, name, f"{name}e{i}") for i in range(count)]
        limit = int(sum(car.max_w for car in cars) * kind.share)
        feeders = [Feeder(id="f", limit_ma=[limit * 1000 // 690] * 3)] if kind.mixed else []
        sites.append(Site(id=name, limit_w=limit, feeders=feeders))
        demands += cars
    return Problem(
        id=kind.name, start=START, slots=SLOTS, price_micro_per_kwh=_prices(dice), sites=sites, demands=demands
    )


def _prices(dice: random.Random) -> list[int]:
    shape = [0.175 - 0.09 * math.cos((slot / 4 + 12 - 19) / 24 * 4 * math.pi) for slot in range(SLOTS)]
    return [round((value + dice.gauss(0, 0.012)) * 100_000) * 10 for value in shape]


def _car(kind: Kind, dice: random.Random, site: str, name: str) -> Demand:
    power = dice.choice(POWERS)
    phases = PHASES[power] if kind.mixed or kind.least else [1, 2, 3]
    energy = round(min(60.0, max(5.0, dice.gammavariate(4.0, 6.0))) * 1000)
    if kind.depot:
        energy, arrive, depart = max(energy, 20_000), dice.randint(20, 28), dice.randint(72, 80)
    else:
        arrive = dice.randint(16, 40) if dice.random() < 0.7 else dice.randint(0, 80)
        depart = arrive + math.ceil(energy / power * 4 * dice.uniform(2, 4))
    depart = min(SLOTS, max(depart, arrive + 1))
    return Demand(
        id=name,
        site=site,
        feeder="f" if kind.mixed else None,
        arrive_slot=arrive,
        depart_slot=depart,
        energy_wh=min(energy, power * (depart - arrive) // 4),
        max_w=power,
        min_w=1380 * len(phases) if kind.least else 0,
        phases=phases,
    )


def yardstick(asked: Problem) -> tuple[float, int]:
    """EUR and unserved Wh by SciPy's HiGHS, site by site, without the least power."""
    cost, unserved = 0.0, 0.0
    for site in asked.sites:
        numbers = model(asked, site)
        rows, slots = np.nonzero(numbers.power)
        count, columns = len(rows), np.arange(len(rows))
        cars = len(numbers.energy)
        parts = [(np.where(limit.members[rows], limit.weight[rows], 0), limit.limit) for limit in numbers.limits]
        upper = csr_array(
            (
                np.concatenate([weight for weight, _ in parts]),
                (
                    np.concatenate([slots + index * asked.slots for index in range(len(parts))]),
                    np.tile(columns, len(parts)),
                ),
            ),
            shape=(asked.slots * len(parts), count + cars),
        )
        equal = csr_array(
            (np.ones(count + cars), (np.concatenate((rows, np.arange(cars))), np.arange(count + cars))),
            shape=(cars, count + cars),
        )
        found = linprog(
            np.concatenate((numbers.price[rows, slots] / 1e6, np.full(cars, 100.0))),
            A_ub=upper,
            b_ub=np.concatenate([most for _, most in parts]),
            A_eq=equal,
            b_eq=numbers.energy,
            bounds=np.column_stack((np.zeros(count + cars), [*numbers.power[rows, slots], *numbers.energy])),
            method="highs",
        )
        missing = float(found.x[count:].sum())
        unserved += missing
        cost += (found.fun - 100 * missing) / 1000
    return cost, round(unserved)


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """The result, wall and CPU milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def row(kind: Kind, rounds: int) -> dict[str, object]:
    """The median of some rounds of one kind."""
    runs = []
    for seed in range(rounds):
        asked = problem(kind, seed)
        if seed == 0:  # the first solve loads the solver
            solve(asked)
        answer, wall, cpu = timed(partial(solve, asked))
        best, _, theirs = timed(partial(yardstick, asked))
        runs.append((wall, cpu, theirs, answer, best))
    runs.sort(key=lambda run: run[1])
    wall, cpu, theirs, answer, best = runs[len(runs) // 2]
    return {
        "name": kind.name,
        "cars": kind.cars,
        "wall_ms": round(wall, 1),
        "cpu_ms": round(cpu, 1),
        "solver": answer.solver,
        "cost_eur": round(answer.cost_nano / 1e9, 5),
        "gap": round(answer.gap, 6),
        "unserved_wh": answer.unserved_wh,
        "highs_ms": round(theirs, 1),
        "highs_eur": round(best[0], 5),
        "highs_unserved_wh": best[1],
        "ratio": round(theirs / cpu, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print the table, or one JSON object a row."""
    parser = argparse.ArgumentParser(description="Measure the engine.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    if not wanted.json:
        print(f"{'':26}{'cars':>6}{'wall ms':>9}{'HiGHS ms':>10}{'ratio':>7}{'gap':>10}{'unserved':>10}  solver")
    for kind in KINDS:
        found = row(kind, wanted.rounds)
        if wanted.json:
            print(json.dumps(found), flush=True)
        else:
            figures = "{name:26}{cars:>6}{wall_ms:>9}{highs_ms:>10}{ratio:>7}{gap:>10.4%}{unserved_wh:>10}  {solver}"
            print(figures.format(**found), flush=True)


if __name__ == "__main__":
    main()

"""Random sites of one- and three-phase cars behind feeders inside feeders, each with a limit of its own in each phase.

4 to 25 cars a site, one-phase cars on phases turned at random. One to four feeders: `f` under the connection, `f1` and
`f2` under `f`, `f3` under `f1`; a phase may carry 35 to 80 % of what it would if all its cars charged at once.
"""

import zlib

import msgspec
import numpy as np

from server.cli.bench.yardstick import PHASES
from server.core.valley.problem import Demand, Feeder, Problem
from shared.units import VOLTS

CARS = (4, 25)
PARENTS = {"f": None, "f1": "f", "f2": "f", "f3": "f1"}
SHARES = (0.35, 0.80)


def dice_of(seed: int) -> np.random.RandomState:
    """The same dice for the same seed, on any machine."""
    return np.random.RandomState(zlib.crc32(f"nested {seed}".encode()))


def cars(seed: int) -> int:
    """How many cars a site has."""
    return int(dice_of(seed).randint(CARS[0], CARS[1] + 1))


def nested(problem: Problem, seed: int) -> Problem:
    """A problem of one site, its cars behind nested feeders on other phases."""
    dice = dice_of(seed + 1)
    names = list(PARENTS)[: int(dice.randint(1, len(PARENTS) + 1))]
    demands = [
        msgspec.structs.replace(
            one,
            feeder=str(dice.choice(names)),
            phases=[int(dice.choice(PHASES))] if len(one.phases) == 1 else one.phases,
        )
        for one in problem.demands
    ]
    feeders = [
        Feeder(id=name, parent=PARENTS[name], limit_ma=[_limit_ma(demands, name, phase, dice) for phase in PHASES])
        for name in names
    ]
    sites = [msgspec.structs.replace(problem.sites[0], feeders=feeders)]
    return msgspec.structs.replace(problem, sites=sites, demands=demands)


def _limit_ma(demands: list[Demand], feeder: str, phase: int, dice: np.random.RandomState) -> int:
    most = sum(one.max_w / len(one.phases) for one in demands if _beneath(one.feeder, feeder) and phase in one.phases)
    return int(most * 1000 / VOLTS * dice.uniform(*SHARES))


def _beneath(name: str | None, feeder: str) -> bool:
    return name is not None and (name == feeder or _beneath(PARENTS[name], feeder))

"""What an answer must keep, read from the contract alone: limits in W and by phase, and the least of a used slot."""

import numpy as np

from server.cli.bench.yardstick import PHASES, Floats
from server.core.valley.bulk import Ints
from server.core.valley.problem import Answer, Problem, Site
from shared.units import VOLTS


def over_wh(problem: Problem, answer: Answer) -> float:
    """The most by which any limit is passed in any slot, Wh; 0 where all are kept."""
    energy = _energy(answer)
    where: dict[str, list[int]] = {site.id: [] for site in problem.sites}
    for index, demand in enumerate(problem.demands):
        where[demand.site].append(index)
    over = [_over(problem, site, energy, where[site.id]) for site in problem.sites]
    return max(0.0, *over)


def between(problem: Problem, answer: Answer) -> int:
    """Slots in which a car gets something, but less than its least; one Wh of rounding is forgiven."""
    least = np.array([[demand.min_w * problem.slot_seconds // 3600] for demand in problem.demands])
    energy = _energy(answer)
    return int(((energy > 0) & (energy < least)).sum())


def _energy(answer: Answer) -> Ints:
    return np.array([plan.energy_wh for plan in answer.plans])


def _over(problem: Problem, site: Site, energy: Ints, cars: list[int]) -> float:
    hours = problem.slot_seconds / 3600
    limit = np.asarray(site.limit_w, np.float64) * hours
    over = [float((energy[cars].sum(axis=0) - limit).max())]
    for feeder in site.feeders:
        under = [index for index in cars if _under(site, problem.demands[index].feeder, feeder.id)]
        for phase, most in zip(PHASES, feeder.limit_ma or (), strict=False):
            over.append(float((_on(problem, energy, under, phase) - most * VOLTS * hours / 1000).max()))
    return max(over)


def _under(site: Site, name: str | None, feeder: str) -> bool:
    """Whether what hangs on a feeder loads another one: it is that, or that is one of its parents."""
    parents = {one.id: one.parent for one in site.feeders}
    while name is not None and name != feeder:
        name = parents[name]
    return name is not None


def _on(problem: Problem, energy: Ints, cars: list[int], phase: int) -> Floats:
    """What cars put on a phase by slot, Wh."""
    load = np.zeros(problem.slots)
    for index in cars:
        phases = problem.demands[index].phases
        if phase in phases:
            load += energy[index] / len(phases)
    return load

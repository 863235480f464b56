"""One row measured: our solver and HiGHS in turns, on the same problems, each in a process that does nothing else."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from server.cli.bench import family, judge, real, yardstick
from server.cli.bench.rows import Measured, Row
from server.core.valley.bulk import Crowd, Plans
from server.core.valley.problem import Answer, Problem
from server.workers.bulk import plan
from server.workers.solve import solve, started

T = TypeVar("T")
NANO = 1_000_000_000
HAIR_WH = 1e-6
"""What adding fractions of a Wh may be off."""
BUDGET_S = 20.0
"""No new round of a row begins after this."""
SAMPLE = 10_000
"""Cars of a row from arrays that HiGHS plans: a million would take it minutes."""


class Times(msgspec.Struct):
    """Wall and CPU milliseconds of each run."""

    wall: list[float] = []
    cpu: list[float] = []

    def of(self, work: Callable[[], T]) -> T:
        """The result of some work, its times noted."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.cpu.append((time.process_time() - cpu) * 1000)
        self.wall.append((time.perf_counter() - wall) * 1000)
        return result


class _Turns(msgspec.Struct):
    """Times of ours and of HiGHS on one problem."""

    ours: Times = msgspec.field(default_factory=Times)
    theirs: Times = msgspec.field(default_factory=Times)

    def judged(self, rival: Executor, asked: Problem | Crowd) -> yardstick.Best:
        """What HiGHS finds, its times noted."""
        said = rival.submit(yardstick.timed, asked).result()
        self.theirs.wall.append(said.wall_ms)
        self.theirs.cpu.append(said.cpu_ms)
        return said.best


def yardsticks() -> ProcessPoolExecutor:
    """The process that HiGHS has for itself. Who asked for it ends it."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def measured_apart(row: Row, rounds: int) -> Measured:
    """The row, with a process for HiGHS of its own."""
    with yardsticks() as rival:
        return measured(row, rounds, rival)


def measured(row: Row, rounds: int, rival: Executor) -> Measured:
    """The row, with the load of the machine as it was measured."""
    missing = real.missing(row.real) if row.real else None
    if missing is not None:
        return Measured(row.name, skipped=missing)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found = _many(row, rounds, rival) if row.many else _solved(row, rounds, rival)
    return msgspec.structs.replace(found, load=None if load is None else round(load, 1))


def _solved(row: Row, rounds: int, rival: Executor) -> Measured:
    """Problems of the contract, by `solve`."""
    problems = _problems(row)
    solve(_smallest(problems))  # loads the solver
    base = peak_mib()
    answers = [solve(one) for one in problems[:1]]
    peak = peak_mib()
    judged = problems[: row.judged]
    rival.submit(yardstick.timed, _smallest(problems)).result()  # loads SciPy
    bests: list[yardstick.Best] = []
    turns = [_Turns() for _ in problems]
    begun, done = time.perf_counter(), 0
    while done < rounds and (done == 0 or time.perf_counter() - begun < BUDGET_S):
        answers = [turn.ours.of(partial(solve, one)) for turn, one in zip(turns, problems, strict=True)]
        beside = zip(turns, judged, strict=False)
        bests = [turn.judged(rival, one) for turn, one in beside]
        done += 1
    cost, bound = (sum(one) for one in zip(*((one.cost_nano, one.bound_nano) for one in answers), strict=True))
    gross = sum(best.gross_eur for best in bests)
    off = sum(one.cost_nano for one in answers[: row.judged]) / NANO - sum(best.cost_eur for best in bests)
    gaps = [one.gap for one in answers]
    over = [judge.over_wh(*pair) for pair in zip(problems, answers, strict=True)]
    apart = [_apart(*one) for one in zip(problems, answers, bests, strict=False)]
    said = Measured(
        name=row.name,
        cars=sum(len(one.demands) for one in problems),
        sites=sum(len(one.sites) for one in problems),
        seeds=len(problems),
        rounds=done,
        solver=_solvers(answers),
        peak_mib=round(peak, 1),
        base_mib=round(base, 1),
        cost_eur=cost / NANO,
        bound_eur=bound / NANO,
        gap=(cost - bound) / max(abs(bound), NANO),
        gap_median=statistics.median(gaps),
        gap_worst=max(gaps),
        unserved_wh=sum(one.unserved_wh for one in answers),
        highs_eur=sum(best.cost_eur for best in bests),
        highs_unserved_wh=round(sum(best.unserved_wh for best in bests), 1),
        highs_share=len(bests) / len(problems),
        off=off / max(gross, 1e-9),
        off_median=statistics.median(apart),
        off_worst=max(apart),
        over=sum(one > HAIR_WH for one in over),
        over_wh=round(max(over), 3),
        between=sum(judge.between(*pair) for pair in zip(problems, answers, strict=True)),
    )
    return msgspec.structs.replace(said, **_figures(turns))


def _apart(problem: Problem, answer: Answer, best: yardstick.Best) -> float:
    """Our cost less that of HiGHS, by that; what only we left unserved at the dearest price."""
    missing = max(0.0, answer.unserved_wh - best.unserved_wh) * max(map(abs, problem.price_micro_per_kwh)) * 1e-9
    return (answer.cost_nano / NANO + missing - best.cost_eur) / max(abs(best.cost_eur), 1e-9)


def _problems(row: Row) -> list[Problem]:
    if row.real:
        return [family.as_problem(real.crowd(row.real, row.kind.cars), row.kind)]
    return [family.problem(row.kind, seed) for seed in range(row.seeds)]


def _smallest(problems: Sequence[Problem]) -> Problem:
    """The first site of the first problem with its cars, at most ten of them."""
    whole = problems[0]
    demands = [one for one in whole.demands if one.site == whole.sites[0].id][:10]
    return msgspec.structs.replace(whole, sites=whole.sites[:1], demands=demands)


def _solvers(answers: Sequence[Answer]) -> str:
    return ", ".join(sorted({answer.solver for answer in answers}))


class _Race(msgspec.Struct, frozen=True, eq=False):
    """Rounds of one crowd: its plans, times of ours and HiGHS, times in one process beside several.

    `path_ms`: CPU of this process and of the busiest of the several, which the wall comes down to on a quiet machine.
    """

    plans: Plans
    turns: _Turns
    alone: Times
    path_ms: list[float]
    rounds: int
    peak: float
    base: float


def _many(row: Row, rounds: int, rival: Executor) -> Measured:
    """Cars from arrays, in one process, or in some beside one."""
    crowd = family.crowd(row.kind, 0)
    if not row.limited:
        crowd = msgspec.structs.replace(crowd, limit_w=None)
    race = _raced(row, crowd, rounds)
    sample = _sample(crowd)
    best = race.turns.judged(rival, sample)
    share = len(sample.site) / len(crowd.site)
    figures = _figures([race.turns], share)
    if row.processes > 1:
        wall = statistics.median(race.alone.wall) / statistics.median(race.turns.ours.wall)
        path = statistics.median(race.alone.cpu) / max(statistics.median(race.path_ms), 1e-6)
        figures.update(speedup=round(wall, 2), speedup_cpu=round(path, 2))
        figures["cpu_ms"] = round(statistics.median(race.alone.cpu), 3)
        figures["ratio"] = round(figures["highs_cpu_ms"] / max(figures["cpu_ms"], 1e-6), 1)
    plans = race.plans
    said = Measured(
        name=row.name,
        cars=len(crowd.site),
        sites=int(crowd.site[-1]) + 1,
        seeds=1,
        rounds=race.rounds,
        solver="flow" if len(plans.flows.cars) else "threshold",
        peak_mib=round(race.peak, 1),
        base_mib=round(race.base, 1),
        cost_eur=plans.total_nano / NANO,
        bound_eur=plans.total_nano / NANO,
        unserved_wh=int(plans.unserved_wh.sum(dtype=np.int64)),
        highs_eur=best.cost_eur,
        highs_unserved_wh=round(best.unserved_wh, 1),
        highs_share=share,
        off=(plan(sample).total_nano / NANO - best.cost_eur) / max(best.gross_eur, 1e-9),
        processes=row.processes,
    )
    return msgspec.structs.replace(said, **figures)


def _raced(row: Row, crowd: Crowd, rounds: int) -> _Race:
    plan(crowd.part(slice(0, 100)))  # loads the solver
    base, turns, alone = peak_mib(), _Turns(), Times()
    path: list[float] = []
    with started(row.processes) if row.processes > 1 else nullcontext() as executor:
        sent = partial(plan, crowd, executor, row.processes)
        plans = sent()
        peak = peak_mib() + sum(_asked(executor, peak_mib, row.processes).values())
        begun = time.perf_counter()
        while len(path) < rounds and (not path or time.perf_counter() - begun < BUDGET_S):
            before = _asked(executor, time.process_time, row.processes)
            turns.ours.of(sent)
            after = _asked(executor, time.process_time, row.processes)
            spent = [after[process] - before.get(process, 0.0) for process in after]
            path.append(turns.ours.cpu[-1] + 1000 * max(spent, default=0.0))
            if row.processes > 1:
                alone.of(partial(plan, crowd))
    return _Race(plans, turns, alone, path, len(path), peak, base)


def _sample(crowd: Crowd) -> Crowd:
    """The first cars, whole sites, with a limit that none of them can reach where there is none."""
    last = int(crowd.site[min(SAMPLE, len(crowd.site)) - 1])
    cars = slice(0, int(np.searchsorted(crowd.site, last, side="right")))
    if crowd.limit_w is None:
        limit = np.bincount(crowd.site, weights=crowd.max_w).astype(np.int64)
        crowd = msgspec.structs.replace(crowd, limit_w=limit)
    return crowd.part(cars, slice(0, last + 1))


def _figures(turns: Sequence[_Turns], share: float = 1.0) -> dict[str, float]:
    """Medians over the rounds of each problem, then over the problems; the ratio is that of the judged ones."""
    judged = [turn for turn in turns if turn.theirs.cpu]
    ratios = [statistics.median(turn.theirs.cpu) / max(statistics.median(turn.ours.cpu), 1e-6) for turn in judged]
    wall, cpu = ([statistics.median(getattr(turn.ours, name)) for turn in turns] for name in ("wall", "cpu"))
    return {
        "wall_ms": round(statistics.median(wall), 3),
        "cpu_ms": round(statistics.median(cpu), 3),
        "wall_p99_ms": round(float(np.quantile(wall, 0.99)), 3),
        "cpu_p99_ms": round(float(np.quantile(cpu, 0.99)), 3),
        "wall_worst_ms": round(max(max(turn.ours.wall) for turn in turns), 3),
        "highs_wall_ms": round(statistics.median(statistics.median(t.theirs.wall) for t in judged) / share, 3),
        "highs_cpu_ms": round(statistics.median(statistics.median(t.theirs.cpu) for t in judged) / share, 3),
        "ratio": round(statistics.median(ratios) / share, 1),
    }


def peak_mib() -> float:
    """The most memory that this process ever had, MiB. The kernel's own mark: getrusage hands a parent's on."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _asked(executor: Executor | None, question: Callable[[], float], processes: int) -> dict[int, float]:
    """What each process of an executor answers, by its number; nothing where there is none."""
    if executor is None:
        return {}
    return dict(executor.map(partial(_answered, question), range(4 * processes)))


def _answered(question: Callable[[], float], _turn: int) -> tuple[int, float]:
    time.sleep(0.02)  # so that no process answers for the others
    return os.getpid(), question()

"""Replans of the demo's sites as the worker makes them: load, solve in another process, save. Milliseconds.

`python bench/replans.py [--json] [--rounds N] [--seed N]`. Every station of a home, of the street of six and of the
depot of twelve has a car that came at 18:00, each with its least power of 6 A. A round is a minute later than the one
before, and no plan was accepted yet, so that every round saves all its plans. `solve` is the engine's own time in its
process, `cpu` what loading and saving cost in ours: on a busy machine they say more than the wall. The last row is
every replan of a day of the demo town, all its sites; a site there has as many cars as have come, and `cpu` holds what
the town does meanwhile.
"""

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from server import collector
from server.cli import logs
from server.cli.commands import runner
from server.cli.demo_run import run_once
from server.cli.seed import seed
from server.clock import SteppedClock
from server.core.reports import StartInfo
from server.core.valley.problem import Answer, Problem
from server.flows import sessions
from server.main import checkpoints
from server.main.server import HANDLERS
from server.simulator.town import Town, build
from server.storage import outbox, plans, schema, stations
from server.storage import sessions as stored
from server.storage.db import Database
from server.workers import replan as worker
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order
from server.workers.solve import Pool

NOON = datetime(2026, 1, 13, 11, tzinfo=UTC)
EVENING = NOON + timedelta(hours=6)
SITES = (("home", "HOME-"), ("street of six", "LOOTS/"), ("depot of twelve", "DEPOT-"))
GOAL_MS = 50.0
WARMING = 3
"""Rounds that start the process and fill caches, and are not counted."""
CALM_S = 0.02
"""So long (wall time) before each replan of a day the town, which runs in the same loop, may say what it has to say."""


class Watched:
    """A pool of processes, and how long its solves took."""

    def __init__(self) -> None:
        """One process, as a server on two cores has."""
        self._pool = Pool(1)
        self.took_ms: list[float] = []

    async def solve(self, problem: Problem) -> Answer:
        """The engine's answer."""
        answer = await self._pool.solve(problem)
        self.took_ms.append(answer.solve_ms or 0.0)
        return answer

    async def close(self) -> None:
        """End the process."""
        await self._pool.close()


class Nowhere:
    """No stations: nothing is sent."""

    async def set_plan(self, _station_id: UUID, _order: Order) -> Heard:
        """Never asked."""
        return Heard("offline")

    async def set_safe_share(self, _station_id: UUID, _share_w: int, _unit: str, _phases: int) -> Heard:
        """Never asked."""
        return Heard("offline")

    async def clear_share(self, _station_id: UUID) -> Heard:
        """Never asked."""
        return Heard("offline")

    async def set_option(self, _station_id: UUID, _key: str, _value: str) -> Heard:
        """Never asked."""
        return Heard("offline")

    async def get_option(self, _station_id: UUID, _key: str) -> str:
        """Never asked."""
        return ""


class Row(msgspec.Struct, frozen=True):
    """One site: percentiles of whole replans, the slowest one, and the medians of solving and of our own computing."""

    name: str
    cars: int
    rounds: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    solve_p50_ms: float
    cpu_p50_ms: float


def who_parks(town: Town, identity: str, taken: set[str]) -> str:
    """The card of whoever parks at a station, or of another driver of the town where that one stands elsewhere."""
    people = {person.id: person for person in town.people}
    usual = [people[visit.person_id].token_uid for visit in town.visits if visit.station == identity]
    others = [person.token_uid for person in town.people]
    found = next(uid for uid in [*usual, *others] if uid and uid not in taken)
    taken.add(found)
    return found


async def plug_in(db: Database, town: Town, prefix: str) -> UUID:
    """A car at each station of a site; its location."""
    boxes = [spec for spec in town.stations if spec.identity.startswith(prefix)]
    if prefix == SITES[0][1]:
        boxes = boxes[:1]
    taken: set[str] = set()
    for spec in boxes:
        info = StartInfo(1, who_parks(town, spec.identity, taken), 1_000, EVENING)
        async with db.begin() as tx:
            await stations.update(tx, spec.id, online=True, unit="A")
            await sessions.open_session(tx, spec.id, info, EVENING)
    return boxes[0].location_id


Times = tuple[float, float, float]
"""Of a replan, milliseconds: in all, of the engine, of our own computing."""


async def replanned(context: WorkContext, task: outbox.Task, solver: Watched) -> tuple[str, Times]:
    """What became of one replan, and its times."""
    solver.took_ms.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = await worker.replan(context, task)
    return outcome, ((time.perf_counter() - wall) * 1000, sum(solver.took_ms), (time.process_time() - cpu) * 1000)


async def measure(db: Database, location_id: UUID, rounds: int) -> tuple[int, list[Times]]:
    """How many cars were planned, and of each replan milliseconds in all, of the engine, and of our own computing."""
    solver, clock = Watched(), SteppedClock(EVENING)
    context = WorkContext(db, clock, Nowhere(), solver)
    task = outbox.Task(0, "replan", str(location_id), "{}", EVENING, 0)
    took = []
    for number in range(WARMING + rounds):
        if number == WARMING:
            collector.keep_for_good()  # as `dalstroom up` does
        clock.advance_to(EVENING + timedelta(minutes=number))
        outcome, times = await replanned(context, task, solver)
        took.append(times)
        assert outcome == "planned", outcome
    await solver.close()
    async with db.read() as tx:
        open_here = await stored.open_at(tx, location_id)
        in_force = await plans.in_force(tx, [one.plan_id for one in open_here if one.plan_id])
    return len(in_force), took[WARMING:]


async def measure_day(seed_no: int) -> list[Times]:
    """The same of each replan of a day of the demo town."""
    solver, took = Watched(), []

    async def timed(context: WorkContext, task: outbox.Task) -> str:
        await asyncio.sleep(CALM_S)
        outcome, times = await replanned(context, task, solver)
        if outcome == "planned":
            took.append(times)
        if len(took) == WARMING:
            collector.keep_for_good()
        return outcome

    logs.configure(logging.WARNING)
    HANDLERS["replan"] = timed
    try:
        await run_once(seed_no, solver=solver)
    finally:
        HANDLERS["replan"] = worker.replan
        await solver.close()
    return took[WARMING:]


def as_row(name: str, cars: int, took: list[Times]) -> Row:
    """A site's percentiles."""
    whole, solving, computing = zip(*took, strict=True)
    cuts = statistics.quantiles(whole, n=100, method="inclusive")
    medians = statistics.median(solving), statistics.median(computing)
    return Row(
        name, cars, len(took), *[round(value, 1) for value in (cuts[49], cuts[94], cuts[98], max(whole), *medians)]
    )


async def rows(rounds: int, seed_no: int) -> list[Row]:
    """Every site's row, and that of a day."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        await schema.migrate(db)
        short_log = asyncio.create_task(checkpoints.make(db))  # as `dalstroom up` does
        town = build(1, NOON)
        await seed(db, town, NOON)
        await db.checkpoint()
        for name, prefix in SITES:
            cars, took = await measure(db, await plug_in(db, town, prefix), rounds)
            found.append(as_row(name, cars, took))
        short_log.cancel()
        await db.close()
    found.append(as_row("a day of the town", len(town.stations), await measure_day(seed_no)))
    return found


def main() -> None:
    """Print the table, or one JSON object a row."""
    parser = argparse.ArgumentParser(description="Measure replans of the demo's sites.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=3, help="the day of the town")
    wanted = parser.parse_args()
    if not wanted.json:
        print(f"{'':18}{'cars':>6}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'most ms':>9}{'solve ms':>10}{'cpu ms':>8}")
    for row in runner()(rows(wanted.rounds, wanted.seed)):
        if wanted.json:
            print(json.dumps(msgspec.structs.asdict(row)))
            continue
        late = "" if row.most_ms < GOAL_MS else f"  over {GOAL_MS:.0f} ms"
        numbers = (
            f"{row.p50_ms:>9.1f}{row.p95_ms:>9.1f}{row.p99_ms:>9.1f}{row.most_ms:>9.1f}"
            f"{row.solve_p50_ms:>10.1f}{row.cpu_p50_ms:>8.1f}"
        )
        print(f"{row.name:18}{row.cars:>6}{numbers}{late}")


if __name__ == "__main__":
    main()

"""`dalstroom bench gateway`: one measure after the other, each with a server and a database of its own."""

import asyncio
import contextlib
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.cli.bench.gateway import goals, measures, progress, storms, yardstick
from server.cli.bench.gateway.goals import Goal

LIBRARIES = ("websockets", "msgspec", "uvloop", "sqlalchemy", "ocpp")
NAMES = ("idle", "idle-tls", "reports", "postgres", "yardstick", "plug-in", "storm", "kill", "fuzz")
MORE_FILES = 500
"""That a process has open beside its sockets."""


class Sizes(msgspec.Struct, frozen=True):
    """How many of what. The whole takes twenty minutes on two cores, a third of it the fuzz: see `Patience`.

    `row_s`: whatever has not ended by then is given up, and said to have failed.
    """

    idle: int = 10_000
    reporting: int = 500
    seconds: float = 10.0
    busy: int = 1_000
    starts: int = 100
    start_every_s: float = 0.5
    storm: int = 5_000
    queued: int = 1_000
    killed: int = 500
    fuzz: int = 200_000
    storm_s: float = 10.0
    row_s: float = 600.0


QUICK = Sizes(20, 10, 1.0, 5, 3, 0.2, 20, 5, 20, 2_000, 1.0)


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for; `names` empty means all. `postgres`: the URL of an empty database, "" where there is none."""

    names: Sequence[str]
    sizes: Sizes
    postgres: str
    as_json: bool


class Measured(msgspec.Struct, frozen=True):
    """A measure: its figures beside its goals, or why it was left out, or how far it came in the time it had."""

    name: str
    figures: dict[str, Any] = {}
    goals: list[Goal] = []
    passed: bool | None = None
    took_s: float = 0.0
    skipped: str | None = None
    failed: str | None = None


class Report(msgspec.Struct, frozen=True):
    """The whole measurement; `load`: what else the machine did when it began."""

    cores: int
    python: str
    libraries: dict[str, str]
    load: float
    sizes: Sizes
    rows: list[Measured]


def fault(wanted: Wanted) -> str | None:
    """What keeps the bench from running, in one line."""
    unknown = [name for name in wanted.names if name not in NAMES]
    if unknown:
        return f"--rows: expected some of {', '.join(NAMES)}; got {', '.join(unknown)}"
    most = max(wanted.sizes.idle, wanted.sizes.storm) + MORE_FILES
    allowed = _allowed(most)
    if most > allowed:
        return (
            f"that needs {most} open files, and no more than {allowed} are allowed: ulimit -n {most}, or ask for fewer"
        )
    return None


def _allowed(files: int) -> int:
    """So many files as we may open, after asking for as many; the server inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(hard, files)))
        with contextlib.suppress(ValueError, OSError):
            if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def run(wanted: Wanted, runner: Callable[[Any], Any]) -> None:
    """Measure, then print; `fault` has found nothing. `runner` runs a coroutine."""
    names = [name for name in NAMES if not wanted.names or name in wanted.names]
    console = Console(stderr=True)
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    load = round(os.getloadavg()[0], 1)
    found = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(names[0], total=len(names))
        for name in names:
            told = _teller(name, console, shown, task)
            told("begins")
            found.append(_measured(name, wanted, runner, told))
            shown.advance(task)
    libraries = {name: version(name) for name in LIBRARIES}
    report = Report(os.cpu_count() or 1, platform.python_version(), libraries, load, wanted.sizes, found)
    if wanted.as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        Console().print(_table(report))


def _teller(name: str, console: Console, shown: Progress, task: TaskID) -> Callable[[str], None]:
    """Who shows how far a measure is: one line that changes on a terminal, elsewhere a line each time."""

    def tell(what: str) -> None:
        shown.update(task, description=f"{name}: {what}")
        if not console.is_terminal:
            console.print(f"{time.strftime('%H:%M:%S')} {name}: {what}", highlight=False)

    return tell


def _measured(name: str, wanted: Wanted, runner: Callable[[Any], Any], told: Callable[[str], None]) -> Measured:
    if name == "postgres" and not wanted.postgres:
        return Measured(name, skipped="no --postgres URL of an empty database")
    begun, steps = time.perf_counter(), ["begins"]
    progress.HEARD.set(told)
    progress.LAST.set(steps)
    with tempfile.TemporaryDirectory(prefix="dalstroom-bench-") as folder:
        try:
            figures = msgspec.structs.asdict(runner(_bounded(_work(name, wanted, Path(folder)), wanted.sizes.row_s)))
        except TimeoutError:
            took = _since(begun)
            return Measured(name, passed=False, took_s=took, failed=f"given up after {took:.0f} s: {steps[-1]}")
    wished = goals.of_row(name, figures)
    passed = all(goal.met for goal in wished) if wished else None
    return Measured(name, figures, wished, passed, _since(begun))


async def _bounded(work: Awaitable[msgspec.Struct], seconds: float) -> msgspec.Struct:
    async with asyncio.timeout(seconds):
        return await work


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 1)


def _work(name: str, wanted: Wanted, home: Path) -> Awaitable[msgspec.Struct]:
    sizes, url = wanted.sizes, f"sqlite:///{home / 'bench.db'}"
    rows: dict[str, Callable[[], Awaitable[msgspec.Struct]]] = {
        "idle": lambda: measures.idle(url, home, sizes.idle),
        "idle-tls": lambda: measures.idle(url, home, sizes.idle, over_tls=True),
        "reports": lambda: measures.reports(url, home, sizes.reporting, sizes.seconds),
        "postgres": lambda: measures.reports(wanted.postgres, home, sizes.reporting, sizes.seconds),
        "yardstick": lambda: yardstick.reports(sizes.reporting, sizes.seconds),
        "plug-in": lambda: measures.plug_ins(url, home, sizes.busy, sizes.starts, sizes.start_every_s),
        "storm": lambda: storms.storm(url, home, sizes.storm, sizes.queued, sizes.storm_s),
        "kill": lambda: storms.killed(url, home, sizes.killed),
        "fuzz": lambda: measures.fuzzed(url, home, sizes.fuzz),
    }
    return rows[name]()


def _table(report: Report) -> Table:
    machine = f"{report.cores} cores, Python {report.python}, load {report.load} at the start"
    table = Table("measure", "figures", "goals", title=machine)
    for row in report.rows:
        said = ", ".join(_figures(row.figures)) or row.failed or f"skipped: {row.skipped}"
        table.add_row(row.name, said, "\n".join(_goals(row)))
    return table


def _goals(row: Measured) -> Iterator[str]:
    for goal in row.goals:
        yield f"{'met' if goal.met else 'NOT MET'}: {goal.figure} {goal.sign} {goal.bound:g}"
    if row.failed is not None:
        yield "NOT MET"


def _figures(figures: dict[str, Any]) -> Iterator[str]:
    return (f"{name.replace('_', ' ')} {value}" for name, value in figures.items())


def sizes_of(said: str, *, quick: bool) -> Sizes | str:
    """Sizes as the command line has them (`idle=100,storm=50`), or what is wrong with them, in one line."""
    sizes = QUICK if quick else Sizes()
    for part in filter(None, said.split(",")):
        name, _, value = part.strip().partition("=")
        if name not in Sizes.__struct_fields__ or not value.replace(".", "", 1).isdigit() or float(value) <= 0:
            return f"--sizes: expected name=number of {', '.join(Sizes.__struct_fields__)}; got {part}"
        kind = type(getattr(sizes, name))
        sizes = msgspec.structs.replace(sizes, **{name: kind(float(value))})
    return sizes

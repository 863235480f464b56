"""`dalstroom bench gateway`: one measure after the other, each with a server and a database of its own."""

import os
import platform
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.cli.bench.gateway import measures, storms, yardstick

LIBRARIES = ("websockets", "msgspec", "uvloop", "sqlalchemy", "ocpp")
NAMES = ("idle", "reports", "postgres", "yardstick", "plug-in", "storm", "kill", "fuzz")
FILES = 20_000
"""Sockets that a full run needs, here and in the server."""


class Sizes(msgspec.Struct, frozen=True):
    """How many of what. The whole takes about ten minutes on two cores."""

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


QUICK = Sizes(20, 10, 1.0, 5, 3, 0.2, 20, 5, 20, 2_000, 1.0)


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for; `names` empty means all. `postgres`: the URL of an empty database, "" where there is none."""

    names: Sequence[str]
    sizes: Sizes
    postgres: str
    as_json: bool


class Measured(msgspec.Struct, frozen=True):
    """A measure: its figures, or why it was left out."""

    name: str
    figures: dict[str, Any] = {}
    skipped: str | None = None


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
    most = max(wanted.sizes.idle, wanted.sizes.storm)
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most + 500 > allowed:
        return (
            f"{most} stations need as many open files; ulimit -n says {allowed}: raise it to {FILES}, or ask for fewer"
        )
    return None


def run(wanted: Wanted, runner: Callable[[Any], Any]) -> None:
    """Measure, then print; `fault` has found nothing. `runner` runs a coroutine."""
    names = [name for name in NAMES if not wanted.names or name in wanted.names]
    console = Console(stderr=True)
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    load = round(os.getloadavg()[0], 1)
    found = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(names[0], total=len(names))
        for name in names:
            progress.update(task, description=name)
            found.append(_measured(name, wanted, runner))
            progress.advance(task)
    libraries = {name: version(name) for name in LIBRARIES}
    report = Report(os.cpu_count() or 1, platform.python_version(), libraries, load, wanted.sizes, found)
    if wanted.as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        Console().print(_table(report))


def _measured(name: str, wanted: Wanted, runner: Callable[[Any], Any]) -> Measured:
    if name == "postgres" and not wanted.postgres:
        return Measured(name, skipped="no --postgres URL of an empty database")
    with tempfile.TemporaryDirectory(prefix="dalstroom-bench-") as folder:
        home = Path(folder)
        figures = runner(_work(name, wanted, home))
    return Measured(name, msgspec.structs.asdict(figures))


def _work(name: str, wanted: Wanted, home: Path) -> Awaitable[msgspec.Struct]:
    sizes, url = wanted.sizes, f"sqlite:///{home / 'bench.db'}"
    match name:
        case "idle":
            return measures.idle(url, home, sizes.idle)
        case "reports":
            return measures.reports(url, home, sizes.reporting, sizes.seconds)
        case "postgres":
            return measures.reports(wanted.postgres, home, sizes.reporting, sizes.seconds)
        case "yardstick":
            return yardstick.reports(sizes.reporting, sizes.seconds)
        case "plug-in":
            return measures.plug_ins(url, home, sizes.busy, sizes.starts, sizes.start_every_s)
        case "storm":
            return storms.storm(url, home, sizes.storm, sizes.queued, sizes.storm_s)
        case "kill":
            return storms.killed(url, home, sizes.killed)
    return measures.fuzzed(url, home, sizes.fuzz)


def _table(report: Report) -> Table:
    machine = f"{report.cores} cores, Python {report.python}, load {report.load} at the start"
    table = Table("measure", "figures", title=machine)
    for row in report.rows:
        said = ", ".join(_figures(row.figures)) if row.skipped is None else f"skipped: {row.skipped}"
        table.add_row(row.name, said)
    return table


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

"""`dalstroom bench engine`: every row in a process of its own, as a table or as one JSON object."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from server.cli.bench.measure import measured, measured_apart, yardsticks
from server.cli.bench.rows import ROWS, Measured, Row
from server.cli.bench.table import page, table

LIBRARIES = ("numpy", "ortools", "scipy")
WIDTH = 180


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for on the command line; `names` empty means all rows."""

    names: Sequence[str]
    rounds: int
    quick: bool
    as_json: bool
    page: Path | None


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured."""

    cores: int
    python: str
    libraries: dict[str, str]

    def said(self) -> str:
        """The machine in one line."""
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return f"{self.cores} cores, Python {self.python}, {libraries}."


class Report(msgspec.Struct, frozen=True):
    """The whole measurement."""

    machine: Machine
    quick: bool
    rows: list[Measured]

    def said(self) -> str:
        """Where and beside what other load it was measured, in one line."""
        loads = [row.load for row in self.rows if row.load is not None]
        beside = f" Load of the machine meanwhile: {min(loads)} to {max(loads)}." if loads else ""
        return self.machine.said() + beside


def fault(wanted: Wanted) -> str | None:
    """What keeps the bench from running, in one line."""
    if importlib.util.find_spec("scipy") is None:
        return "bench engine needs SciPy, whose HiGHS is the yardstick: pip install 'scipy>=1.16'"
    known = {row.name for row in ROWS}
    unknown = [name for name in wanted.names if name not in known]
    if unknown:
        return f"--rows: expected some of {', '.join(row.name for row in ROWS)}; got {', '.join(unknown)}"
    if wanted.page is not None and not wanted.page.parent.is_dir():
        return f"--page: expected a file in a folder that exists, got {wanted.page}"
    return None


def run(wanted: Wanted) -> None:
    """Measure, then print; `fault` has found nothing."""
    rows = [row for row in ROWS if not wanted.names or row.name in wanted.names]
    console = Console(stderr=True)
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    found = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(rows))
        each = _measured(rows, wanted)
        for row in rows:
            progress.update(task, description=row.name)
            found.append(next(each))
            progress.update(task, advance=1)
    libraries = {name: version(name) for name in LIBRARIES}
    report = Report(Machine(os.cpu_count() or 1, platform.python_version(), libraries), wanted.quick, found)
    if wanted.page is not None:
        wanted.page.write_text(page(found, report.said()), encoding="utf-8")
    if wanted.as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        out = Console(width=None if sys.stdout.isatty() else WIDTH)
        out.print(table(found))
        out.print(report.said())


def _measured(rows: Sequence[Row], wanted: Wanted) -> Iterator[Measured]:
    if wanted.quick:  # in place: a new process takes longer than a small row
        with yardsticks() as rival:
            yield from (measured(row.quick(), 1, rival) for row in rows)
        return
    for row in rows:
        # A new process for each, so that its peak of memory is its own.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            yield executor.submit(measured_apart, row, wanted.rounds).result()

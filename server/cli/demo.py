"""`dalstroom demo --once`."""

import logging
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.cli import logs
from server.cli.demo_run import Outcome, run_once
from server.simulator.log import MessageLog


async def run(seed: int, prices: Path | None, log: Path | None, *, as_json: bool) -> None:
    """Run one day and say how it went; progress goes to the terminal only."""
    logs.configure(logging.WARNING)
    console = Console(stderr=True)
    columns = (TextColumn("noon to noon"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("day", total=1.0)

        def show(share: float) -> None:
            progress.update(bar, completed=share)

        if log is None:
            outcome = await run_once(seed, prices, progress=show)
        else:
            with log.open("w") as sink:
                outcome = await run_once(seed, prices, MessageLog(sink), show)
    if as_json:
        sys.stdout.write(said(outcome))
    else:
        _show(outcome)


def said(outcome: Outcome) -> str:
    """The one JSON object of `--json`: the same seed, the same bytes."""
    return msgspec.json.format(msgspec.json.encode(outcome.summary)).decode() + "\n"


def _show(outcome: Outcome) -> None:
    """The same figures for people."""
    summary = outcome.summary
    table = Table(title=f"Demo town, seed {summary.seed}, from {summary.start:%Y-%m-%d %H:%M} UTC", show_header=False)
    rows = {
        "Sessions": f"{summary.sessions}, settled {summary.settled}",
        "Energy": f"{summary.energy_kwh:.1f} kWh",
        "Charged at once": f"EUR {summary.baseline_eur:.2f}",
        "In the valley": f"EUR {summary.actual_eur:.2f}",
        "Saved": f"{summary.saving:.1%}",
        "Cashback": f"EUR {summary.cashback_eur:.2f} in {summary.cashback_sessions} sessions",
        "Pending": f"EUR {summary.pending_eur:.2f}",
        "Shortfalls": ", ".join(f"{short.wh / 1000:.1f} kWh {short.reason}" for short in summary.shortfalls) or "none",
        "Missed departures": ", ".join(missed.cause or "unexplained" for missed in summary.missed_departures) or "none",
        "Limit violations": str(summary.limit_violations),
        "Prices": summary.price_source,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)

"""`dalstroom simulate`: many simulated stations against a running server, with live figures."""

import secrets
from dataclasses import dataclass

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from server.cli.admin import opened
from server.clock import RealClock
from server.flows import entry
from server.settings import BadSetting
from server.simulator.load import Counts, LoadPlan, simulate, wrong_url

EXIT_REFUSED = 1
FRESH_KEY_BYTES = 12


@dataclass(frozen=True)
class SimulationWanted:
    """What `simulate` was told. `enter`: put the stations and the card into this installation's database first."""

    stations: int
    url: str
    key: str
    identity: str
    token: str
    seconds: int
    charging: float
    enter: bool


async def run(wanted: SimulationWanted, database: str) -> None:
    """Connect the stations, let a share of them charge, disconnect; exit code 1 where none could connect."""
    plan = _plan(wanted)
    if wanted.enter:
        await _enter(plan, database)
    console = Console(stderr=True)
    most = Counts()
    with Live(_table(most), console=console, refresh_per_second=2, transient=True) as live:

        def show(now: Counts) -> None:
            most.connected, most.charging = max(most.connected, now.connected), max(most.charging, now.charging)
            live.update(_table(now))

        counts = await simulate(plan, show)
    # at the end nobody is connected: what counts is how many were at once
    Console().print(_table(msgspec.structs.replace(counts, connected=most.connected, charging=most.charging)))
    if counts.refused == wanted.stations:
        typer.echo("No station could connect: add them first with `dalstroom station add`, or use --enter.", err=True)
        raise typer.Exit(EXIT_REFUSED)


def _plan(wanted: SimulationWanted) -> LoadPlan:
    if problem := wrong_url(wanted.url):
        raise BadSetting(f"--url: {problem}")
    if not (wanted.key or wanted.enter):
        raise BadSetting("--key: say the stations' keys ({n} is the number), or let --enter make them")
    key = wanted.key or f"{secrets.token_hex(FRESH_KEY_BYTES)}{{n:08d}}"
    for option, pattern in (("--identity", wanted.identity), ("--key", key)):
        try:
            pattern.format(n=1)
        except (KeyError, IndexError, ValueError) as error:
            raise BadSetting(f"{option}: only {{n}}, the station's number, is replaced in {pattern}") from error
    return LoadPlan(
        stations=wanted.stations,
        url=wanted.url,
        key=key,
        identity=wanted.identity,
        token=wanted.token,
        charging=wanted.charging,
        seconds=float(wanted.seconds),
    )


async def _enter(plan: LoadPlan, database: str) -> None:
    numbers = range(1, plan.stations + 1)
    keys = {plan.identity.format(n=number): plan.key.format(n=number) for number in numbers}
    async with opened(database) as db, db.begin() as tx:
        await entry.enter_simulated(tx, keys, plan.token, RealClock().now())


def _table(counts: Counts) -> Table:
    table = Table(show_header=False)
    for name, value in (
        ("Connected", counts.connected),
        ("Refused", counts.refused),
        ("Charging", counts.charging),
        ("Cards denied", counts.denied),
        ("Dropped", counts.dropped),
        ("Errors", counts.errors),
        ("Frames", counts.frames),
        ("Seconds", round(counts.elapsed_s, 1)),
    ):
        table.add_row(name, str(value))
    if counts.last_trouble:
        table.add_row("Last trouble", counts.last_trouble)
    return table

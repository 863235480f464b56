"""Many stations at once against a running server, on the wall clock: `dalstroom simulate --stations N --url ws://...`."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from server.simulator.car import Car, CarSpec
from server.simulator.link import Link
from server.simulator.log import MessageLog
from server.simulator.places import MAX_11_KW, StationSpec
from server.simulator.station import Station
from shared.ids import derive

AT_ONCE = 50
"""So many handshakes at a time."""
NOBODY = UUID(int=0)


class LoadPlan(msgspec.Struct, frozen=True):
    """What to simulate. `identity` and `key` may hold `{n}`, the station's number from 1 (also `{n:05d}`).

    A `charging` share of the stations plugs in a car with `token` and reports every `reading_s` seconds.
    """

    stations: int
    url: str
    key: str
    identity: str = "SIM-{n:05d}"
    token: str = "SIMULATOR"  # noqa: S105  (the uid of a charging card)
    charging: float = 0.5
    reading_s: float = 15.0
    seconds: float = 60.0


class Counts(msgspec.Struct):
    """Live figures. `frames` counts both directions; `refused` are connections, `denied` are cards,
    `dropped` are connections that the server ended.
    """

    connected: int = 0
    refused: int = 0
    charging: int = 0
    denied: int = 0
    dropped: int = 0
    errors: int = 0
    frames: int = 0
    elapsed_s: float = 0.0
    last_trouble: str = ""


def wrong_url(url: str) -> str | None:
    """What is wrong with a URL, in one line; None where nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{url}: {error}"
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or port == 0:
        return f"{url}: expected ws://host:port/path or wss://host:port/path"
    return None


async def simulate(plan: LoadPlan, show: Callable[[Counts], None] = lambda _counts: None) -> Counts:
    """Run the stations for `plan.seconds`, call `show` every second, unplug and disconnect; the final figures.

    ValueError where the URL cannot be one (`wrong_url` says why).
    """
    if reason := wrong_url(plan.url):
        raise ValueError(reason)
    counts, log, gate = Counts(), MessageLog(), asyncio.Semaphore(AT_ONCE)
    began = time.monotonic()
    stations = [
        asyncio.create_task(_station(plan, number, counts, (log, gate))) for number in range(1, plan.stations + 1)
    ]
    try:
        while True:
            await asyncio.wait(stations, timeout=1.0)
            counts.frames, counts.elapsed_s = log.frames, time.monotonic() - began
            show(counts)
            if all(task.done() for task in stations):
                break
    finally:
        for task in stations:
            task.cancel()
        await asyncio.gather(*stations, return_exceptions=True)
    for task in stations:
        task.result()
    return counts


def _now_us() -> int:
    return time.time_ns() // 1000


async def _station(plan: LoadPlan, number: int, counts: Counts, shared: tuple[MessageLog, asyncio.Semaphore]) -> None:
    log, gate = shared
    station = Station(_spec(plan, number), _now_us, lambda: None)
    link = Link(station, number, plan.url, log)
    try:
        async with gate:
            opened = await link.open()
            if opened:
                await link.flush()
        if not opened:
            counts.refused += 1
            counts.last_trouble = link.trouble[-1].detail
            return
        counts.connected += 1
        await _live(plan, station, link, (counts, number <= plan.stations * plan.charging))
        counts.connected -= 1
        counts.dropped += not station.online
    finally:
        counts.errors += sum(trouble.what != "not_connected" for trouble in link.trouble)
        await link.close()


async def _live(plan: LoadPlan, station: Station, link: Link, part: tuple[Counts, bool]) -> None:
    counts, charges = part
    ends = time.monotonic() + plan.seconds
    if charges:
        station.plug(Car(_CAR, 300, _now_us()), plan.token, _now_us())
        await link.flush()
        counts.charging += station.running is not None
        counts.denied += station.running is None
    last_us = _now_us()
    while station.online and (rest := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(rest, plan.reading_s))
        now_us = _now_us()
        station.advance(now_us - last_us)
        last_us = now_us
        station.tick(now_us)
        if station.running:
            station.reading()
        await link.flush()
    counts.charging -= station.running is not None
    if station.car:
        station.unplug(_now_us())
        await link.flush()


def _spec(plan: LoadPlan, number: int) -> StationSpec:
    identity = plan.identity.format(n=number)
    return StationSpec(
        id=derive("load-station", identity),
        evse_id=derive("load-evse", identity),
        identity=identity,
        key=plan.key.format(n=number),
        location_id=NOBODY,
        label=str(number),
        max_w=MAX_11_KW,
        phases=3,
        unit="A",
        rotation=0,
        vendor="Dalstroom",
        model="Simulator",
        firmware="1",
        register_unit="Wh",
        register_wh=number * 1_000,
    )


_CAR = CarSpec(NOBODY, "Load", 75_000, MAX_11_KW, 3)

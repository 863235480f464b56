"""All stations of a fleet, in one process and on the wall clock."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.simulator.fleet import plan as planned
from server.simulator.fleet.figures import Figures, Told
from server.simulator.fleet.handshake import Door
from server.simulator.fleet.life import Life
from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.quirks import V16
from server.simulator.fleet.saying import World
from server.simulator.fleet.station16 import Station16
from server.simulator.fleet.station201 import Station201
from server.simulator.profiles import stamp

AT_ONCE = 50
"""So many handshakes at a time."""
SHOW_S = 1.0


class Report(msgspec.Struct, frozen=True):
    """What became of a fleet: its figures in the end, and every session that ended, by the stations' own meters."""

    figures: Figures
    sessions: tuple[Told, ...]


def show_nobody(figures: Figures) -> None:
    """For who does not watch."""
    del figures


async def simulate(
    plan: FleetPlan, show: Callable[[Figures], None] = show_nobody, over: asyncio.Event | None = None
) -> Report:
    """Run the stations for `plan.seconds`, call `show` every second, let all cars leave, tell what is queued.

    Where `over` is set before, they leave then.
    ValueError where the URL cannot be one (`wrong_url` says why); OSError and ssl.SSLError where TLS lacks a file.
    """
    if reason := planned.wrong_url(plan.url, plan.security):
        raise ValueError(reason)
    world = World(plan, Figures(), _now_us)
    door, gate = Door(plan), asyncio.Semaphore(AT_ONCE)
    lives = [_life(plan, number, world, (door, gate)) for number in range(1, plan.stations + 1)]
    tasks = [asyncio.create_task(life.live()) for life in lives]
    began = time.monotonic()
    try:
        await _watch(lives, tasks, world, (began, show, over or asyncio.Event()))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()
    world.figures.untold = sum(saying.kept for life in lives for saying in life.station.queue)
    return Report(world.figures, tuple(_told(lives)))


async def _watch(
    lives: Sequence[Life],
    tasks: Sequence["asyncio.Task[None]"],
    world: World,
    how: tuple[float, Callable[[Figures], None], asyncio.Event],
) -> None:
    (began, show, over), plan, finishing = how, world.plan, False
    living = asyncio.gather(*tasks, return_exceptions=True)
    stopping = asyncio.create_task(over.wait())
    try:
        while not living.done():
            elapsed = time.monotonic() - began
            if (elapsed >= plan.seconds or over.is_set()) and not finishing:
                finishing = True
                for life in lives:
                    life.finish(plan.drain_s)
            rest = SHOW_S if finishing else min(SHOW_S, max(0.0, plan.seconds - elapsed))
            events: set[asyncio.Future[Any]] = {living} if finishing else {living, stopping}
            await asyncio.wait(events, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
            _look(lives, world.figures)
            world.figures.elapsed_s = time.monotonic() - began
            show(world.figures)
    finally:
        stopping.cancel()


def _look(lives: Sequence[Life], figures: Figures) -> None:
    """What is now: counted over all stations."""
    evses = [life.station.evse for life in lives]
    figures.charging = sum(evse.running is not None for evse in evses)
    figures.drawing = sum(evse.power_w > 0 for evse in evses)
    figures.asleep = sum(evse.car is not None and evse.car.asleep for evse in evses)
    figures.waiting = sum(len(life.station.queue) for life in lives)


def _life(plan: FleetPlan, number: int, world: World, way: tuple[Door, asyncio.Semaphore]) -> Life:
    one = planned.station(plan, number)
    kind = Station16 if one.version == V16 else Station201
    return Life(kind(one, world, planned.chaos(plan, one.identity)), *way)


def _told(lives: Sequence[Life]) -> list[Told]:
    out = []
    for life in lives:
        for one in life.station.ended:
            assert one.stopped_us is not None
            assert one.meter_stop_wh is not None
            reference = one.reference or ("" if one.id is None else str(one.id))
            times = (stamp(one.started_us), stamp(one.stopped_us))
            identity = life.station.plan.identity
            out.append(Told(identity, reference, one.token, *times, one.meter_start_wh, one.meter_stop_wh))
    return out


def _now_us() -> int:
    return time.time_ns() // 1_000

"""The loop that lets simulated time pass: from event to event, over real sockets, stepped or live.

Between two events (a reading that is due, a profile's next period, a car that is full, an act of the agenda) what flows
flows; at each, every station looks again and says what it has to say.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime

from server.simulator.agenda import Agenda
from server.simulator.car import FAR_US, micros
from server.simulator.driver import Drivers
from server.simulator.limits import Watch
from server.simulator.link import Link
from server.simulator.log import MessageLog
from server.simulator.pace import Live, Stepped
from server.simulator.station import SECOND_US, Station
from server.simulator.town import Town

STRIDE_US = 900 * SECOND_US
"""Time never jumps further than this, so that the server's own timers are not skipped over."""
RETRY_US = 60 * SECOND_US
RETRY_WALL_S = 5
LIVE_LOOKS = 10
ROUNDS = 200
"""Stations and server answer each other within an instant; more rounds than this is a quarrel that never ends."""


class Loop:
    """Stations with their links, and the time that they live in. `connect`, `run` as often as wanted, `close`."""

    def __init__(self, town: Town, pace: Stepped | Live, where: tuple[str, str | None], log: MessageLog) -> None:
        """`where`: the server's websocket URL and its HTTP URL (None: drivers do nothing)."""
        ws_url, api_url = where
        self.town = town
        self.now_us = micros(town.start)
        self.stations = [Station(spec, self.moment_us, pace.wake) for spec in town.stations]
        self.links = [Link(station, number, ws_url, log) for number, station in enumerate(self.stations)]
        self.drivers = Drivers(api_url, LIVE_LOOKS if pace.live else 1)
        self.watch = Watch(town, tolerant=pace.live)
        self.agenda = Agenda()
        self.log = log
        self.pace = pace
        self.retry_us: dict[int, int] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    # --- running -------------------------------------------------------------
    async def connect(self) -> None:
        """Let every station connect and boot, one after the other."""
        for number in range(len(self.links)):
            await self.reconnect(number)

    async def run(self, until: datetime) -> None:
        """Let the town live until then."""
        end_us = micros(until)
        await self._react()
        while self.now_us < end_us:
            await self.pace.reach(min(self._next_us(), self.now_us + STRIDE_US, end_us))
            if self._failed:
                raise self._failed[0]
            await self._catch_up(min(self.pace.now_us(), end_us))

    async def power_cycle(self, number: int) -> None:
        """The power of one station fails: its socket breaks, its transaction profiles are lost."""
        await self.links[number].drop()
        self.stations[number].power_cycle(self.moment_us())
        self.retry_us[number] = self.moment_us() + RETRY_US
        await self._react()

    async def close(self) -> None:
        """Close all sockets, after a second for what is being said; nothing more happens."""
        if self._background:
            await asyncio.wait(self._background, timeout=1.0)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self.links))
        await self.drivers.close()
        self.log.flush()

    def moment_us(self) -> int:
        """The present. Live: lets flow what flowed since the last look, but never past an event not yet dealt with."""
        if self.pace.live:
            self._flow_to(min(self.pace.now_us(), self._next_us()))
        return self.now_us

    # --- the loop ------------------------------------------------------------
    def _next_us(self) -> int:
        out = min((station.next_us(self.now_us) for station in self.stations), default=FAR_US)
        out = min(out, self.watch.next_us(self.now_us), *self.retry_us.values(), FAR_US)
        return max(self.now_us, min(out, self.agenda.next_us))

    def _flow_to(self, to_us: int) -> None:
        if to_us > self.now_us:
            self.watch.observe(self.stations, self.now_us, to_us, self.pace.speed)
            for station in self.stations:
                station.advance(to_us - self.now_us)
            self.now_us = to_us

    async def _catch_up(self, to_us: int) -> None:
        """Go through all that is due until `to_us`, each at its own time."""
        stuck = 0
        while True:
            before = self.now_us
            self._flow_to(min(to_us, self._next_us()))
            stuck = 0 if self.now_us > before else stuck + 1
            assert stuck < ROUNDS, "time stands still"
            await self.pace.settle()
            await self._react()
            if await self._due():
                continue
            if self.now_us >= to_us or self._next_us() > to_us:
                self._flow_to(to_us)
                break
        self.log.flush()

    async def _due(self) -> bool:
        """Deal with the first thing that is due now, if there is one."""
        for number, at in sorted(self.retry_us.items()):
            if at <= self.now_us:
                await self.reconnect(number)
                return True
        if (act := self.agenda.take(self.now_us)) is not None:
            await act()
            await self._react()
            return True
        return False

    async def _react(self) -> None:
        """Every station looks again and says what it has to, until nobody has anything left to say."""
        for _ in range(ROUNDS):
            self.look()
            for number, station in enumerate(self.stations):
                station.tick(self.now_us)
                if not station.online and not self.links[number].held_down and number not in self.retry_us:
                    self.retry_us[number] = self.now_us + self._patience_us()
                if station.reset_wanted:
                    await self._reset(number)
            if not await self._say():
                return
        raise AssertionError("stations and server never come to rest")

    async def _say(self) -> bool:
        busy = False
        for link in self.links:
            if link.station.sayable and not link.busy:
                if self.pace.live:
                    self.spawn(link.flush(self.pace.settle))
                else:
                    await link.flush(self.pace.settle)
                    busy = True
        return busy

    def _patience_us(self) -> int:
        return max(RETRY_US, RETRY_WALL_S * SECOND_US * self.pace.speed)

    def look(self) -> None:
        """Called before the stations look again; who knows more than the stations may act here."""

    async def reconnect(self, number: int) -> None:
        """Connect a station unless it is, or is being held down; tries again later where the server is not there."""
        self.retry_us.pop(number, None)
        if (
            not self.links[number].held_down
            and not self.stations[number].online
            and not await self.links[number].open()
        ):
            self.retry_us[number] = self.now_us + self._patience_us()
        await self._react()

    async def _reset(self, number: int) -> None:
        station = self.stations[number]
        kind, station.reset_wanted = station.reset_wanted, None
        station.stop("HardReset" if kind == "Hard" else "SoftReset")
        if not self.pace.live:
            await self.links[number].flush(self.pace.settle)
        await self.links[number].close()
        station.power_cycle(self.now_us)
        self.retry_us[number] = self.now_us + RETRY_US

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let something go on beside the loop; where it fails the run fails."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)
            self.pace.wake()

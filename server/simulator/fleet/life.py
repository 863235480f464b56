"""One station's life on the wall clock: it connects, says what it has to, loses its line, comes back, and leaves."""

import asyncio
import time

from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from server.simulator.fleet.handshake import Door
from server.simulator.fleet.line import Line
from server.simulator.fleet.station import SECOND_US, Station

FIRST_TRIES = 3
LEAST_WAIT_S, MOST_WAIT_S = 0.02, 60.0
MOST_BACK_OFF_S = 30.0
OLD_SOCKET_S = 1.0
WANTS_NOBODY = range(400, 429)
"""HTTP statuses that stay; 429 and those of 500 and more pass."""


class Life:
    """A station with its lines. `finish` ends it: the car leaves, the queue is told, the line closes."""

    def __init__(self, station: Station, door: Door, gate: asyncio.Semaphore) -> None:
        self.station = station
        self._door, self._gate = door, gate
        self._woken = asyncio.Event()
        self._deadline = 0.0
        self._connections = self._failures = 0
        self._refused = self._has_second = self._was_in = False
        self._closing: set[asyncio.Task[None]] = set()
        station.woken = self._woken.set

    def finish(self, drain_s: float) -> None:
        """Nothing goes wrong any more; what is queued may be told for `drain_s`."""
        self._deadline = time.monotonic() + drain_s
        if self.station.chaos:
            self.station.chaos.calm = True
        self.station.leave()
        self._woken.set()

    async def live(self) -> None:
        """From the first connection to the last."""
        await self._alone(self.station.plan.arrives_s)
        while not self._done():
            line = await self._connect()
            if line is None:
                if not await self._again():
                    return
                continue
            self._failures = 0
            self.station.world.figures.reconnected += self._was_in
            self._was_in = True
            goes_on = await self._online(line)
            if not goes_on:
                break
            if not self._done():
                await self._away()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _done(self) -> bool:
        if not self.station.over:
            return False
        told = not any(saying.kept for saying in self.station.queue)
        return told or time.monotonic() > self._deadline

    # --- online ----------------------------------------------------------------------
    async def _online(self, line: Line) -> bool:
        """Until the line is lost or all is said; False where the station never comes back."""
        station, figures = self.station, self.station.world.figures
        reading = asyncio.create_task(line.read())
        figures.comes(1)
        station.connected()
        break_s = station.chaos.up_s(self._connections) if station.chaos else None
        breaks = None if break_s is None else asyncio.get_running_loop().call_later(break_s, line.abort)
        try:
            line, reading = await self._talk(line, reading)
        finally:
            if breaks is not None:
                breaks.cancel()
            figures.comes(-1)
            if line.lost:
                figures.dropped += 1
            else:
                await line.close()
            await asyncio.wait({reading})
            station.lost()
        if station.reset_wanted:
            station.power_cycle(station.reset_wanted)
        return not (line.closed and station.has("gone_after_close"))

    async def _talk(self, line: Line, reading: "asyncio.Task[None]") -> tuple[Line, "asyncio.Task[None]"]:
        station = self.station
        while not line.lost:
            self._woken.clear()
            station.tick()
            saying = station.next_saying()
            if saying is not None:
                if not await line.say(saying):
                    break
            elif station.reset_wanted or (station.over and not station.queue) or self._late():
                if station.reset_wanted:
                    await line.all_answered()
                break
            elif station.has("second_socket") and station.accepted and not self._has_second:
                line, reading = await self._second(line, reading)
            else:
                await self._wait((station.next_us() - station.world.now_us()) / SECOND_US)
        return line, reading

    def _late(self) -> bool:
        return self.station.over and time.monotonic() > self._deadline

    async def _second(self, line: Line, reading: "asyncio.Task[None]") -> tuple[Line, "asyncio.Task[None]"]:
        """Open another socket and go on there; the first is closed only later."""
        self._has_second = True
        second = await self._connect()
        if second is None:
            return line, reading
        self.station.world.figures.upset("second sockets")
        closing = asyncio.create_task(_close_later(line, reading))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return second, asyncio.create_task(second.read())

    # --- offline ----------------------------------------------------------------------
    async def _connect(self) -> Line | None:
        self._connections += 1
        station, figures = self.station, self.station.world.figures
        try:
            async with self._gate:
                socket = await self._door.open(station.plan, station.subprotocol)
        except (OSError, InvalidHandshake, TimeoutError) as error:
            figures.refused += 1
            figures.last_trouble = f"{station.plan.identity}: {type(error).__name__}: {error}"
            self._refused = _is_refusal(error)
            return None
        return Line(socket, station, self._woken.set)

    async def _again(self) -> bool:
        """Whether it tries once more, after a while that grows: who is refused does not."""
        self._failures += 1
        never_in = self._connections == self._failures
        if self._refused or (never_in and self._failures >= FIRST_TRIES):
            return False
        await self._alone(min(MOST_BACK_OFF_S, self.station.world.plan.back_s * 2 ** (self._failures - 1)))
        return True

    async def _away(self) -> None:
        """After a line was lost: the station goes on alone for as long as chaos says."""
        chaos, back_s = self.station.chaos, self.station.world.plan.back_s
        if chaos is None or self.station.needs_boot:
            await self._alone(back_s)
        else:
            await self._alone(chaos.down_s(self._connections))

    async def _alone(self, seconds: float) -> None:
        until = time.monotonic() + (min(seconds, self.station.world.plan.back_s) if self.station.over else seconds)
        was_over = self.station.over
        while (rest := until - time.monotonic()) > 0 and self.station.over == was_over:
            self._woken.clear()
            self.station.tick()
            own = (self.station.next_us() - self.station.world.now_us()) / SECOND_US
            await self._wait(min(rest, max(own, LEAST_WAIT_S)))

    async def _wait(self, seconds: float) -> None:
        """Until something wakes the station, or for so long."""
        try:
            async with asyncio.timeout(min(max(seconds, LEAST_WAIT_S), MOST_WAIT_S)):
                await self._woken.wait()
        except TimeoutError:
            return


def _is_refusal(error: Exception) -> bool:
    """Whether the server does not want this station; one that is too busy, or goes down at this moment, may later."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code in WANTS_NOBODY
    return isinstance(error, InvalidHandshake) and not isinstance(error, InvalidMessage)


async def _close_later(line: Line, reading: "asyncio.Task[None]") -> None:
    await asyncio.sleep(OLD_SOCKET_S)
    await line.close()
    await asyncio.wait({reading})

"""Time: the one place that asks for it. Everything below the entrypoints gets `now` as an argument."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SPEEDS = (0, 1, 60, 600)
"""What the demo's buttons offer; 0 is a pause."""


class Clock(Protocol):
    """What time it is on the charging side. Tokens, sockets and time-outs use the wall clock instead."""

    @property
    def speed(self) -> int:
        """Simulated seconds per wall second; 0 when paused."""

    def now(self) -> datetime:
        """The present, aware UTC."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return once `now() >= moment`."""


class RealClock:
    """The wall clock."""

    speed = 1

    def now(self) -> datetime:
        """The present, aware UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the wall clock has reached `moment`."""
        while (rest := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 -- nobody sets time as an event
            await asyncio.sleep(min(rest, 3600))


class ScaledClock:
    """The demo's clock: runs `speed` times as fast as the wall, can pause, changes speed without a jump."""

    def __init__(self, start: datetime, speed: int) -> None:
        """Start at `start` (aware UTC), which is now on the wall."""
        assert start.tzinfo is not None
        self._anchor, self._wall, self._speed = start, time.monotonic(), speed
        self._changed = asyncio.Event()

    @property
    def speed(self) -> int:
        """Simulated seconds per wall second; 0 when paused."""
        return self._speed

    def now(self) -> datetime:
        """The simulated present."""
        return self._anchor + timedelta(seconds=(time.monotonic() - self._wall) * self._speed)

    def set_speed(self, speed: int) -> None:
        """Go on at another speed from the present; wakes all who sleep so that they reckon anew."""
        self._anchor, self._wall, self._speed = self.now(), time.monotonic(), speed
        self._changed.set()
        self._changed = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the simulated present has reached `moment`; a pause lasts until the speed changes."""
        while (rest := (moment - self.now()).total_seconds()) > 0:
            changed = self._changed
            timeout = rest / self._speed if self._speed else None
            try:
                await asyncio.wait_for(changed.wait(), timeout)
            except TimeoutError:
                continue


class SteppedClock:
    """A clock that stands still until it is told to advance: for tests and `demo --once`."""

    speed = 0

    def __init__(self, start: datetime) -> None:
        """Start at `start` (aware UTC)."""
        assert start.tzinfo is not None
        self._now = start
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The present."""
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """Move on (never back) and wake who waited for it, the earliest first."""
        self._now = max(self._now, moment)
        due = sorted((entry for entry in self._sleepers if entry[0] <= self._now), key=lambda entry: entry[0])
        self._sleepers = [entry for entry in self._sleepers if entry[0] > self._now]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    async def sleep_until(self, moment: datetime) -> None:
        """Return once the clock was advanced to `moment`."""
        if moment <= self._now:
            return
        entry = (moment, asyncio.get_running_loop().create_future())
        self._sleepers.append(entry)
        try:
            await entry[1]
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)

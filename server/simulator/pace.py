"""Two ways to let time pass: stepped (advance only when the server is idle) and live (the clock runs by itself)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from server.simulator.car import micros, moment_of


class Clock(Protocol):
    """The clock that the server uses too."""

    @property
    def speed(self) -> int:
        """Simulated seconds per wall second; 0 when paused or stepped."""

    def now(self) -> datetime:
        """The present, aware UTC."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return once `now() >= moment`."""


class StepClock(Clock, Protocol):
    """A clock that stands still until told."""

    def advance_to(self, moment: datetime) -> None:
        """Move on."""


class Stepped:
    """Time stands still until every message is answered and the server is idle."""

    live = False
    speed = 1

    def __init__(self, clock: StepClock, settle: Callable[[], Awaitable[None]]) -> None:
        self._clock, self._settle = clock, settle

    def now_us(self) -> int:
        """The present."""
        return micros(self._clock.now())

    async def settle(self) -> None:
        """Wait until the server has nothing left to do at this instant."""
        await self._settle()

    async def reach(self, target_us: int) -> None:
        """Go to the target."""
        await self._settle()
        self._clock.advance_to(moment_of(target_us))

    def wake(self) -> None:
        """Nothing waits here: what arrives is looked at before time moves on."""


class Live:
    """Time passes by itself, at the speed that someone chose, and may pause."""

    live = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()

    @property
    def speed(self) -> int:
        """Simulated seconds per wall second."""
        return self._clock.speed

    def now_us(self) -> int:
        """The present."""
        return micros(self._clock.now())

    async def settle(self) -> None:
        """A live server is never known to be idle; give others the loop."""
        await asyncio.sleep(0)

    async def reach(self, target_us: int) -> None:
        """Wait for the target, or until something arrived."""
        waits = [
            asyncio.ensure_future(self._clock.sleep_until(moment_of(target_us))),
            asyncio.ensure_future(self._woken.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._woken.clear()

    def wake(self) -> None:
        """Something arrived that may change what flows."""
        self._woken.set()

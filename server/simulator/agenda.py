"""What will happen when: a queue of acts by time, then station, then the order in which they were planned."""

import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime

from server.simulator.car import FAR_US, micros

Act = Callable[[], Awaitable[None]]


class Agenda:
    """Acts to come. The order of two acts never depends on anything but time, station and plan."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Act]] = []
        self._planned = 0

    @property
    def next_us(self) -> int:
        """When the next act is due."""
        return self._heap[0][0] if self._heap else FAR_US

    def at(self, moment: datetime | int, station: int, act: Act) -> None:
        """Plan an act of a station at a moment (a datetime, or microseconds since the epoch)."""
        us = moment if isinstance(moment, int) else micros(moment)
        self._planned += 1
        heapq.heappush(self._heap, (us, station, self._planned, act))

    def take(self, now_us: int) -> Act | None:
        """The first act that is due, if there is one."""
        return heapq.heappop(self._heap)[3] if self.next_us <= now_us else None

    def forget_before(self, us: int) -> None:
        """Drop what was planned for earlier."""
        self._heap = [entry for entry in self._heap if entry[0] >= us]
        heapq.heapify(self._heap)

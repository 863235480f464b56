"""How much nonsense a station may send before it waits, so that others do not wait for it."""

import asyncio
import time
from collections.abc import Callable

AT_ONCE = 200
"""So many bad frames may come at any speed: a station with a new firmware may well try a few things."""


class Patience:
    """Counts the frames of one station that were refused, malformed or not; beyond AT_ONCE they take their time."""

    def __init__(self, per_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_s`: so many a second are put up with in the long run; None: any number."""
        self._per_s, self._clock = per_s, clock
        self._owed, self._at = 0.0, clock()

    def wait_s(self) -> float:
        """One more came: how long the station's next frame waits, s."""
        if self._per_s is None:
            return 0.0
        now = self._clock()
        self._owed = max(0.0, self._owed - (now - self._at) * self._per_s) + 1
        self._at = now
        return max(0.0, self._owed - AT_ONCE) / self._per_s

    async def take(self) -> None:
        """One more came: let the others have their turn, and wait where there were too many."""
        await asyncio.sleep(self.wait_s())

"""How much nonsense a station may send before it waits, so that others do not wait for it."""

import asyncio
import time
from collections.abc import Callable

AT_ONCE = 200
"""So many bad frames may come at the speed of its turns: a station with a new firmware may well try a few things."""
FEW = 10
"""Who has sent more bad frames than that of late takes turns with others like it."""
PACE_S = 0.001
"""So long one of them has its turn."""


class Turns:
    """Stations that sent nonsense of late, one after the other: one frame of all theirs begins each PACE_S at the most.

    Otherwise twenty that flood us keep the loop busy, and whoever asks in between waits for all of them, once for every
    trip to the database that its own answer takes.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def take(self) -> None:
        """Return when it is one's turn, in the order of asking."""
        async with self._one:
            await asyncio.sleep(PACE_S)


class Patience:
    """Counts the frames of one station that were refused, malformed or not; beyond AT_ONCE they take their time."""

    def __init__(
        self, per_s: float | None, turns: Turns | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`per_s`: so many a second are put up with in the long run; None: any number. `turns`: those of all."""
        self._per_s, self._clock, self._turns = per_s, clock, turns or Turns()
        self._owed, self._at = 0.0, clock()

    @property
    def tried(self) -> bool:
        """Whether the station sent more than a FEW bad frames of late."""
        return self._owed > FEW and self._forgive() > FEW

    async def turn(self) -> None:
        """Before a frame of a station by which we are `tried`: wait until it may begin."""
        await self._turns.take()

    def wait_s(self) -> float:
        """One more came: how long the station's next frame waits, s."""
        if self._per_s is None:
            return 0.0
        self._owed = self._forgive() + 1
        return max(0.0, self._owed - AT_ONCE) / self._per_s

    def _forgive(self) -> float:
        """The bad frames that still count."""
        now = self._clock()
        self._owed = max(0.0, self._owed - (now - self._at) * (self._per_s or 0.0))
        self._at = now
        return self._owed

    async def take(self) -> None:
        """One more came: let the others have their turn, and wait where there were too many."""
        await asyncio.sleep(self.wait_s())

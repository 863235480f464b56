"""Broken lines, told of in turns: a network that goes away takes thousands of stations with it in one moment."""

import asyncio
from collections import deque
from collections.abc import Callable

AT_ONCE = 25
"""Lines told of in one round of the loop: a millisecond of work, after which others are heard."""


class Farewells:
    """Who breaks off first is told of first; as long as few do, at once."""

    def __init__(self) -> None:
        self._left = AT_ONCE
        self._waiting: deque[Callable[[], None]] = deque()

    def say(self, farewell: Callable[[], None]) -> None:
        """Have it called: now, or in one of the loop's next rounds where many are."""
        if self._left == AT_ONCE:
            asyncio.get_running_loop().call_soon(self._go_on)
        if self._left:
            self._left -= 1
            farewell()
        else:
            self._waiting.append(farewell)

    def _go_on(self) -> None:
        self._left = AT_ONCE
        for _ in range(min(AT_ONCE, len(self._waiting))):
            self.say(self._waiting.popleft())

"""How often somebody may try to sign in: counted in a window of wall time, in memory, bounded.

Counted by address and e-mail together, so that an attacker never locks the owner out of an account; and, more loosely,
by address alone, so that one address cannot try one password on everybody.
"""

from server.core.windows import Windows

WINDOW_S = 300.0
TRIES_MAX = 5
TRIES_OF_ADDRESS_MAX = 60
KEYS_MAX = 10_000


class Attempts:
    """Counts within a running server; a restart forgets."""

    def __init__(self) -> None:
        """Nobody tried yet."""
        self._windows = Windows(WINDOW_S, KEYS_MAX)

    def wait_s(self, address: str, email: str, now: float) -> int:
        """Count a try at `now` (monotonic seconds); whole seconds to wait, 0 where the try may go on."""
        waits = (
            self._windows.count((address, email), TRIES_MAX, now),
            self._windows.count((address, ""), TRIES_OF_ADDRESS_MAX, now),
        )
        return max(waits)

    def forget(self, address: str, email: str) -> None:
        """The password was right: count anew."""
        self._windows.forget((address, email))

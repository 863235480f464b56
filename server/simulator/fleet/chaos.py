"""What goes wrong on a line: it drops, doubles, reorders, answers late and is slow.

Each decision belongs to the seed, the station, and the number of the frame, call or connection; so the same seed
disturbs the same frames. Which frame is a station's twentieth is a matter of the clock.
"""

import msgspec

from server.simulator.fleet.chance import fraction, waiting


class Level(msgspec.Struct, frozen=True):
    """How rough it is. Times in seconds, chances from 0 to 1, of each frame or call."""

    up_s: float  # a line holds so long on average
    down_s: float  # it stays away so long at most
    twice: float  # a call goes out twice, with the same message id or with a new one
    held: float  # a message is held back while later ones go ahead
    held_s: float  # so long at most
    late: float  # an answer to the server comes late
    late_s: float  # by so much at most
    lag_s: float  # the slowest station's frames take so long each way
    bytes_s: int  # and no more than this goes over its line in a second


LEVELS = {
    "light": Level(300, 10, 0.02, 0.02, 2, 0.02, 2, 0.1, 50_000),
    "rough": Level(60, 20, 0.1, 0.1, 5, 0.1, 10, 0.5, 10_000),
    "storm": Level(8, 4, 0.3, 0.3, 3, 0.3, 25, 0.8, 4_000),
}
"""By name. A call of the server waits 20 to 30 s for its answer: a storm's answers come about then."""
DEFAULT_LEVEL = "rough"


class Chaos:
    """The decisions about one station. `calm`: from then on nothing more goes wrong."""

    def __init__(self, level: Level, seed: int, identity: str) -> None:
        self._level, self._who = level, (seed, identity)
        self.calm = False

    def up_s(self, connection: int) -> float | None:
        """How long a station's n-th connection holds, None: until the end."""
        return None if self.calm else waiting(self._level.up_s, *self._who, "up", connection)

    def down_s(self, connection: int) -> float:
        """How long the station stays away after its n-th connection broke."""
        return 0.0 if self.calm else self._level.down_s * fraction(*self._who, "down", connection)

    def twice(self, call: int) -> str:
        """Whether the n-th call goes out twice: "same" or "new" message id, "" for once."""
        if not self._hits(self._level.twice, "twice", call):
            return ""
        return "same" if fraction(*self._who, "which", call) < 0.5 else "new"

    def held_s(self, message: int) -> float:
        """How long the n-th message is held back while others go ahead, 0: not at all."""
        held = self._hits(self._level.held, "held", message)
        return self._level.held_s * fraction(*self._who, "held_s", message) if held else 0.0

    def late_s(self, answer: int) -> float:
        """How late the station's n-th answer is."""
        late = self._hits(self._level.late, "late", answer)
        return self._level.late_s * fraction(*self._who, "late_s", answer) if late else 0.0

    def lag_s(self, size: int) -> float:
        """How long a frame of `size` bytes is on its way: the station has a line of its own quality."""
        if self.calm:
            return 0.0
        slow = fraction(*self._who, "slow") ** 2  # most are good, some are bad
        return slow * (self._level.lag_s + size / self._level.bytes_s)

    def _hits(self, chance: float, what: str, number: int) -> bool:
        return not self.calm and fraction(*self._who, what, number) < chance

"""What a fleet counts while it lives."""

import math
from collections import Counter

import msgspec

LATE_S = 1.0
"""An answer of the server that took longer is late."""
_STEP = math.log(1.05)
_LEAST_S = 1e-5


class Latency:
    """How long answers took, in steps of 5 %, so that a million of them are a few numbers."""

    def __init__(self) -> None:
        self.count = 0
        self._steps: Counter[int] = Counter()

    def note(self, seconds: float) -> None:
        """One answer."""
        self.count += 1
        self._steps[round(math.log(max(seconds, _LEAST_S) / _LEAST_S) / _STEP)] += 1

    def quantile(self, share: float) -> float | None:
        """So many seconds were enough for this share of answers (0 to 1); None before the first."""
        left = share * self.count
        for step, count in sorted(self._steps.items()):
            left -= count
            if left <= 0:
                return _LEAST_S * math.exp(step * _STEP)
        return None


class Figures(msgspec.Struct):
    """Live figures. `connected`, `charging` (transactions), `drawing` (power), `asleep` (cars) and `waiting` (messages
    in queues) are of now, the others since the start.

    `refused` are connections that never stood, `dropped` those that broke, `denied` are cards; `late` and `unanswered`
    are answers of the server, `errors` its CALLERRORs and what it answered wrongly, `asked` its calls;
    `untold` is what nobody could be told in the end.
    """

    connected: int = 0
    most_connected: int = 0
    charging: int = 0
    drawing: int = 0
    waiting: int = 0
    refused: int = 0
    dropped: int = 0
    reconnected: int = 0
    denied: int = 0
    started: int = 0
    ended: int = 0
    asleep: int = 0
    energy_wh: int = 0
    frames_out: int = 0
    frames_in: int = 0
    asked: int = 0
    late: int = 0
    unanswered: int = 0
    errors: int = 0
    untold: int = 0
    elapsed_s: float = 0.0
    chaos: dict[str, int] = msgspec.field(default_factory=dict)
    latency: Latency = msgspec.field(default_factory=Latency)
    last_trouble: str = ""

    def comes(self, more: int) -> None:
        """A station came (1) or went (-1)."""
        self.connected += more
        self.most_connected = max(self.most_connected, self.connected)

    def upset(self, what: str) -> None:
        """Chaos did something."""
        self.chaos[what] = self.chaos.get(what, 0) + 1

    def wrong(self, identity: str, what: str) -> None:
        """The server did something that a station should not have met."""
        self.errors += 1
        self.last_trouble = f"{identity}: {what}"


class Told(msgspec.Struct, frozen=True):
    """A session that ended, by the station's own meter. `reference`: the transaction as the version names it,
    "" where 1.6's server never gave it a number.

    Times are UTC in ISO 8601, registers in Wh.
    """

    identity: str
    reference: str
    token: str
    started_at: str
    ended_at: str
    start_wh: int
    stop_wh: int

"""The log of OCPP messages, as JSON lines: simulated time, station, direction, raw frame.

Lines of one instant are ordered by station, then as that station saw them, so that the same seed gives the same lines
however the sockets of different stations happened to interleave (ids that the server gives its own calls aside).
"""

from typing import TextIO

import msgspec

from server.simulator.profiles import stamp

UP, DOWN = "up", "down"


class Line(msgspec.Struct, frozen=True):
    """One frame. `dir` is `up` (station to server) or `down`; `frame` is its text as it was on the wire."""

    at: str
    station: str
    dir: str
    frame: str


class MessageLog:
    """Collects frames and writes them when their instant is over. `sink` None: counts only."""

    def __init__(self, sink: TextIO | None = None) -> None:
        self.frames = 0
        self._sink = sink
        self._waiting: list[tuple[int, int, int, Line]] = []

    def note(self, us: int, station: int, line: Line) -> None:
        """Remember a frame of the station with this number."""
        self.frames += 1
        if self._sink is not None:
            self._waiting.append((us, station, self.frames, line))

    def flush(self) -> None:
        """Write what was collected."""
        if self._sink is not None and self._waiting:
            self._waiting.sort(key=lambda entry: entry[:3])
            encode = msgspec.json.encode
            self._sink.write("".join(encode(line).decode() + "\n" for _, _, _, line in self._waiting))
            self._waiting.clear()


def line(us: int, identity: str, direction: str, frame: str) -> Line:
    """A line of the log."""
    return Line(stamp(us), identity, direction, frame)

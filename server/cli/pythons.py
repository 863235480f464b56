"""Whether another Python of this machine would run the server faster: some are built without optimisation.

Those that pyenv builds by default are: on one machine Debian's own Python, an older release, took two thirds of the
time for this work, and gave 13 % more meter values for a CPU second of the gateway.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence

import msgspec

LEAST = (3, 11)
ROUNDS = 2
NOTED = 1.2
"""So many times as fast is worth a word; less may be chance."""
PATIENCE_S = 20.0
NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")
PLACES = ("/usr/bin", "/usr/local/bin")
WORK = """
import sys, time
class Car:
    def __init__(self, need): self.need, self.had = need, {}
    def take(self, slot, energy):
        self.had[slot] = self.had.get(slot, 0) + min(energy, self.need)
        self.need -= self.had[slot]
        return f"{slot}:{energy}"
def work():
    said = [car.take(slot % 96, slot) for car in [Car(n) for n in range(100)] for slot in range(200)]
    return sum(len(one) for one in sorted(said)) + sum(n * n for n in range(100_000))
def once():
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
print(*sys.version_info[:3], min(once() for _ in range(4)), sys.executable)
"""


class Timed(msgspec.Struct, frozen=True):
    """A Python, and how long the work took it."""

    path: str
    version: tuple[int, int, int]
    took_s: float

    @property
    def release(self) -> str:
        """As people write it."""
        return ".".join(map(str, self.version))


def faster() -> tuple[Timed, float] | None:
    """The fastest Python of this machine that could run Dalstroom, and how many times as fast as ours it is.

    None where ours is the fastest, or nearly.
    """
    ours, *found = timed([own(), *others()])
    return fastest(ours, [one for one in found if one is not None])


def fastest(ours: Timed | None, found: Iterable[Timed]) -> tuple[Timed, float] | None:
    """The one that is worth a word."""
    fit = [one for one in found if one.version >= LEAST]
    if ours is None or not fit:
        return None
    best = min(fit, key=lambda one: one.took_s)
    times = ours.took_s / best.took_s
    return (best, times) if times >= NOTED else None


def own() -> str:
    """What this environment was made with."""
    return str(getattr(sys, "_base_executable", sys.executable))


def others() -> Sequence[str]:
    """The other Pythons where they usually are."""
    found = [shutil.which(name, path=place) for place in (None, *PLACES) for name in NAMES]
    return sorted({one for one in found if one is not None} - {own()})


def timed(paths: Sequence[str]) -> list[Timed | None]:
    """How long the work takes each Python at its best; None where it does not run (a name of pyenv's may be empty)."""
    rounds = [[_run(path) for path in paths] for _ in range(ROUNDS)]  # in turns: a machine is not always as fast
    return [
        min((one for one in runs if one is not None), key=lambda one: one.took_s, default=None)
        for runs in zip(*rounds, strict=True)
    ]


def _run(path: str) -> Timed | None:
    try:
        words = [path, "-I", "-S", "-c", WORK]
        done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=PATIENCE_S)  # noqa: S603 -- a Python of this machine
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    major, minor, micro, took_s, where = done.stdout.split(maxsplit=4)
    return Timed(where.strip(), (int(major), int(minor), int(micro)), float(took_s))

"""The judge of every electrical limit: sums of the simulated meters, per phase, over all simulated time."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from server.simulator.car import FAR_US, micros
from server.simulator.places import Place
from server.simulator.profiles import stamp
from server.simulator.station import Station
from server.simulator.town import Town

TOLERANCE_PER_MILLE = 5
"""What a meter may be off: a sum counts as over its limit when it is more than 0.5 % above."""
TRANSIENT_WALL_S = 2.0


class Violation(msgspec.Struct, frozen=True):
    """A shared limit exceeded for a while. `worst` and `limit` in mA for a feeder's phase, in W for a grid contract."""

    place: str
    limit_name: str
    start: str
    end: str
    worst: int
    limit: int


class SharedLimit(msgspec.Struct, frozen=True):
    """A limit over several stations: a phase of a feeder (`phase` 0 to 2), or a grid contract (`phase` None)."""

    place: str
    name: str
    limit: int
    members: tuple[int, ...]
    phase: int | None = None
    base: tuple[tuple[int, int], ...] = ()  # from this microsecond on the building takes so many W


class _Overrun(msgspec.Struct):
    start_us: int
    end_us: int
    worst: int
    wall_s: float


class Watch:
    """Sums the meters over each interval between two simulated instants.

    Stepped runs tolerate nothing. Where `tolerant`, an overrun shorter than two seconds of wall time is a transient:
    a station switches when its message arrives, and at x600 that takes minutes of simulated time.
    """

    def __init__(self, town: Town, *, tolerant: bool) -> None:
        self._limits = shared_limits(town)
        self._tolerant = tolerant
        self._open: dict[tuple[str, str], _Overrun] = {}
        self._closed: list[Violation] = []

    def next_us(self, now_us: int) -> int:
        """When a building's own load changes next."""
        return min((_next_step(limit.base, now_us) for limit in self._limits), default=FAR_US)

    def observe(self, stations: Sequence[Station], start_us: int, end_us: int, speed: int) -> None:
        """What flows now flows from `start_us` to `end_us`."""
        for limit in self._limits:
            used = _used(limit, stations, start_us)
            key = (limit.place, limit.name)
            if used * 1000 > limit.limit * (1000 + TOLERANCE_PER_MILLE):
                run = self._open.setdefault(key, _Overrun(start_us, end_us, used, 0.0))
                run.end_us, run.worst = end_us, max(run.worst, used)
                run.wall_s += (end_us - start_us) / 1_000_000 / max(1, speed)
            elif key in self._open:
                self._close(limit, self._open.pop(key))

    def violations(self) -> list[Violation]:
        """All so far, those still going on included, in the order in which they ended."""
        for limit in self._limits:
            if run := self._open.pop((limit.place, limit.name), None):
                self._close(limit, run)
        return list(self._closed)

    def _close(self, limit: SharedLimit, run: _Overrun) -> None:
        if self._tolerant and run.wall_s < TRANSIENT_WALL_S:
            return
        ends = (stamp(run.start_us), stamp(run.end_us))
        self._closed.append(Violation(limit.place, limit.name, *ends, run.worst, limit.limit))


def shared_limits(town: Town) -> tuple[SharedLimit, ...]:
    """Every shared limit of the town."""
    out: list[SharedLimit] = []
    for place in town.places:
        members = tuple(number for number, spec in enumerate(town.stations) if spec.location_id == place.id)
        for phase, limit_ma in enumerate(place.feeder_ma or ()):
            out.append(SharedLimit(place.key, f"feeder L{phase + 1}", limit_ma, members, phase))
        if place.grid_w is not None:
            out.append(SharedLimit(place.key, "grid", place.grid_w, members, base=_base(place, town)))
    return tuple(out)


def _used(limit: SharedLimit, stations: Sequence[Station], now_us: int) -> int:
    if limit.phase is not None:
        return sum(stations[number].feeder_ma[limit.phase] for number in limit.members)
    step = bisect_right(limit.base, now_us, key=_at) - 1
    load = limit.base[step][1] if step >= 0 else 0
    return load + sum(stations[number].power_w for number in limit.members)


def _next_step(base: tuple[tuple[int, int], ...], now_us: int) -> int:
    step = bisect_right(base, now_us, key=_at)
    return base[step][0] if step < len(base) else FAR_US


def _at(step: tuple[int, int]) -> int:
    return step[0]


def _base(place: Place, town: Town) -> tuple[tuple[int, int], ...]:
    """The building's load as steps over the town's days, a day before and after included."""
    zone = ZoneInfo(place.time_zone)
    first = town.start.astimezone(zone).date() - timedelta(days=1)
    days = (town.end - town.start).days + 4
    return tuple(
        (
            micros(
                datetime.combine(first + timedelta(days=day), time.fromisoformat(window.from_local), zone).astimezone(
                    UTC
                )
            ),
            window.load_w,
        )
        for day in range(days)
        for window in place.base_load
    )

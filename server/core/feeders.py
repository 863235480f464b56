"""The shared limits of a place, one inside the other, and the stations that hang on them.

What a station may take alone is the least of what each limit above it leaves for one of the sockets below that limit,
so that all shares below any of them stay within it, whoever else is there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.core.station import Feeder, Station, base_load_w, cap_w, load_w, safe_share_w
from server.core.timegrid import Grid
from shared.units import VOLTS


class Tree(msgspec.Struct, frozen=True):
    """The feeders of a place by id, and how many cars may charge at once below each.

    `whole`: no station of the place hangs on none.
    """

    feeders: Mapping[UUID, Feeder] = {}
    sockets: Mapping[UUID, int] = {}
    whole: bool = False

    def path(self, feeder_id: UUID | None) -> list[Feeder]:
        """A feeder and all above it, the innermost first; empty where a station hangs on none."""
        out: list[Feeder] = []
        at = self.feeders.get(feeder_id) if feeder_id is not None else None
        while at is not None and at not in out:
            out.append(at)
            at = self.feeders.get(at.parent_id) if at.parent_id is not None else None
        return out

    def below(self, feeder: Feeder) -> list[Feeder]:
        """The feeders inside of one, without itself."""
        if len(self.feeders) == 1:
            return []
        return [one for one in self.feeders.values() if one != feeder and feeder in self.path(one.id)]

    @property
    def root(self) -> Feeder | None:
        """The limit that all stations of the place are behind, None where there is none."""
        tops = [one for one in self.feeders.values() if one.parent_id is None]
        return tops[0] if len(tops) == 1 and self.whole else None

    @property
    def top(self) -> Feeder | None:
        """Where a new station hangs: the limit above all others, None where there are several of those."""
        tops = [one for one in self.feeders.values() if one.parent_id is None]
        return tops[0] if len(tops) == 1 else None

    def share_w(self, feeder_id: UUID | None, phases: int) -> int | None:
        """What a station that hangs on a feeder may take on `phases` when nobody steers, W; None behind no limit."""
        shares = [
            safe_share_w(one, max(1, self.sockets.get(one.id, 0)), phases, self._beside_w(one))
            for one in self.path(feeder_id)
        ]
        return min(shares, default=None)

    def _beside_w(self, feeder: Feeder) -> int:
        return sum(one.base_load_max_w for one in self.below(feeder))

    def base_w(self, feeder: Feeder, grid: Grid, zone: str) -> list[int]:
        """What the building takes of a limit in each slot, W, what it takes further inside included."""
        loads = [base_load_w(one, grid, zone) for one in (feeder, *self.below(feeder))]
        return [sum(slot) for slot in zip(*loads, strict=True)]

    def cap_w(self, feeder_id: UUID | None, moment: datetime, zone: str, cars: Mapping[UUID, int]) -> int | None:
        """The cap in force for a car there, W: the least of what each limit above leaves for one of its `cars`."""
        clock = moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")
        caps = [
            cap_w(one, moment, zone, cars[one.id], sum(load_w(inner, clock) for inner in self.below(one)))
            for one in self.path(feeder_id)
        ]
        return min(caps, default=None)

    def counted(self, feeder_ids: Iterable[UUID | None]) -> dict[UUID, int]:
        """How many of these lie below each feeder."""
        out = dict.fromkeys(self.feeders, 0)
        for feeder_id in feeder_ids:
            for one in self.path(feeder_id):
                out[one.id] += 1
        return out


def tree(feeders: Sequence[Feeder], stations: Collection[Station], sockets: Mapping[UUID, int]) -> Tree:
    """The tree of a place. `sockets`: connectors by station; one counts for one before it has shown any."""
    plain = Tree({one.id: one for one in feeders})
    hung = [one.feeder_id for one in stations for _ in range(max(1, sockets.get(one.id, 0)))]
    return Tree(plain.feeders, plain.counted(hung), all(one.feeder_id in plain.feeders for one in stations))


def held_ma(box: Station) -> int | None:
    """The current on a phase that a station confirmed as its share, mA; None where it confirmed none."""
    if box.safe_held_w is None:
        return None
    return box.safe_held_w * 1000 // (VOLTS * (1 if box.unit == "W" else box.phases))


def current_of(share_w: int) -> int:
    """The current of a share that is said for one phase, mA."""
    return share_w * 1000 // VOLTS


def in_the_way(here: Tree, station: Station, others: Sequence[Station]) -> list[Station]:
    """Who shares a limit with a station and still holds more than a share: the station may not get more before."""
    return [one for one in _beside(here, station, others) if _beyond_ma(here, one) > 0]


def waiting(here: Tree, station: Station, others: Sequence[Station]) -> list[Station]:
    """Who shares a limit with a station and holds less than a share."""
    return [one for one in _beside(here, station, others) if _beyond_ma(here, one) < 0]


def _beside(here: Tree, station: Station, others: Sequence[Station]) -> list[Station]:
    above = {one.id for one in here.path(station.feeder_id)}
    return [one for one in others if one.id != station.id and above & {node.id for node in here.path(one.feeder_id)}]


def _beyond_ma(here: Tree, station: Station) -> int:
    """How much more than its share a station has confirmed, mA; 0 where it confirmed none."""
    held, share = held_ma(station), here.share_w(station.feeder_id, 1)
    return 0 if held is None or share is None else held - current_of(share)


def goes_round(feeders: Mapping[UUID, UUID | None], start: UUID) -> bool:
    """Whether a feeder is its own ancestor, by the parent of each."""
    at, seen = feeders.get(start), {start}
    while at is not None and at not in seen:
        seen.add(at)
        at = feeders.get(at)
    return at is not None

"""A station behind its feeder: what it may take when it is alone (behind several, one inside the other: `feeders`)."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.core.external_limit import ExternalLimit
from server.core.timegrid import Grid
from server.core.traits import Traits
from shared.units import VOLTS

MIN_CURRENT_MA = 6_000
"""Below 6 A an AC session cannot charge (IEC 61851)."""


ACCEPTED = "Accepted"
START_WAIT_S = 420
"""Behind a shared limit a new start draws nothing for so long, unless it is told something before.

Others must make room first. It is longer than it takes to give up two neighbours that stop answering one after the
other: 180 s each (three time-outs of 20 s, up to a minute apart).
"""


class Station(msgspec.Struct, frozen=True):
    """The box with one OCPP connection. `unit` is what its profiles are said in; `safe_held_w` what it confirmed.

    `booted_at`: None where it never was here. `starts_alone`: it refused to stop taking cards while it is out of
    reach, or to wait at the start of a session.
    """

    id: UUID
    party_id: UUID
    location_id: UUID
    identity: str
    max_w: int
    phases: int
    online: bool
    feeder_id: UUID | None = None
    unit: str | None = None
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    connection_id: str | None = None
    last_seen_at: datetime | None = None
    safe_held_w: int | None = None
    starts_alone: bool = False
    booted_at: datetime | None = None
    ocpp: str = ""  # the subprotocol of its last connection
    connected_at: datetime | None = None
    status: str = ""
    traits: Traits | None = None
    external_limits: tuple[ExternalLimit, ...] | None = None
    admission: str = ACCEPTED  # what its boot is answered: Accepted, Pending, Rejected
    follows: bool | None = None
    flash_day: date | None = None
    flash_writes: int = 0

    @property
    def manner(self) -> Traits:
        """What is known of it."""
        return self.traits or Traits()

    def writes_on(self, day: date) -> int:
        """What it was sent on a day that it keeps in flash."""
        return self.flash_writes if self.flash_day == day else 0


class Feeder(msgspec.Struct, frozen=True):
    """An electrical limit under a location: mA per phase, W, or both, less what the building takes there.

    It hangs under `parent_id`, or under none. `base_load`: local windows (from, to as HH:MM, W), the first that matches
    counts; a third of it is on each phase.
    """

    id: UUID
    location_id: UUID
    limit_ma: tuple[int, ...] | None = None
    limit_w: int | None = None
    base_load: tuple[tuple[str, str, int], ...] = ()
    parent_id: UUID | None = None
    name: str = ""

    @property
    def base_load_max_w(self) -> int:
        """The most that the building takes."""
        return max((load for _, _, load in self.base_load), default=0)


def base_load_w(feeder: Feeder, grid: Grid, zone: str) -> list[int]:
    """What the building takes in each slot, W, by local wall clock."""
    return [_load_at(feeder.base_load, _clock(start, zone)) for start in grid.starts()]


@lru_cache(10_000)  # each plan of a place asks for the same day again
def _clock(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def _load_at(windows: Sequence[tuple[str, str, int]], clock: str) -> int:
    for begin, end, load in windows:
        inside = begin <= clock < end if begin < end else clock >= begin or clock < end
        if inside:
            return load
    return 0


def load_w(feeder: Feeder, clock: str) -> int:
    """What the building takes at a local time of day (HH:MM), W."""
    return _load_at(feeder.base_load, clock)


def cap_w(feeder: Feeder, moment: datetime, zone: str, cars: int, beside_w: int = 0) -> int:
    """The site's cap in force for one of `cars` that are there: what the building leaves, shared equally, W.

    It bounds the power of a baseline (domain 1.2): cars that all charge at once share what there is. `beside_w`: what
    the building takes below this feeder.
    """
    assert cars > 0
    taken = beside_w + load_w(feeder, _clock(moment, zone))
    limits = [] if feeder.limit_ma is None else [3 * VOLTS * min(feeder.limit_ma) // 1000]
    if feeder.limit_w is not None:
        limits.append(feeder.limit_w)
    return max(0, min(limits) - taken) // cars


def held_w(box: Station, phases: int) -> int | None:
    """What a car on `phases` may take by the share that a station confirmed, W; None where it confirmed none.

    What is said in W may all stand on one phase, so that a car on three counts three times as much; what is said in A
    is the same on each.
    """
    if box.safe_held_w is None:
        return None
    return box.safe_held_w * phases if box.unit == "W" else box.safe_held_w * phases // box.phases


def kept_share_w(box: Station, share_w: int, phases: int) -> int:
    """What a car on `phases` may take at a station out of reach, W: its share, or what it holds of an earlier time."""
    return max(share_w, held_w(box, phases) or 0)


def safe_share_w(feeder: Feeder, stations: int, phases: int, beside_w: int = 0) -> int:
    """What each of `stations` may take when nobody steers: limit / stations, or 0 where that is below 6 A. W.

    A one-phase station may stand on any phase, so its share is the same current on one phase. `beside_w`: the most that
    the building takes below this feeder.
    """
    assert stations > 0
    currents, taken = [], feeder.base_load_max_w + beside_w
    if feeder.limit_ma is not None:
        currents.append((min(feeder.limit_ma) - -(-taken * 1000 // (3 * VOLTS))) // stations)
    if feeder.limit_w is not None:
        currents.append((feeder.limit_w - taken) * 1000 // (3 * VOLTS) // stations)
    current = min(currents) // 100 * 100
    return current * VOLTS * phases // 1000 if current >= MIN_CURRENT_MA else 0

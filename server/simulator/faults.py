"""What goes wrong in the demo town, on purpose and by name."""

from datetime import datetime
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """Each is attached to one visit, so that whatever follows from it can be explained by it."""

    LEAVES_EARLY = "leaves_early"  # unplugs long before the stated departure
    OVERRIDES = "overrides"  # presses "charge now"
    OVERRIDES_UNDONE = "overrides_undone"  # presses "charge now", then undoes it
    SLEEPER = "sleeper"  # the car falls asleep in a pause of an hour or more
    DROPS_CONNECTION = "drops_connection"  # loses the socket, charges on by its profile, replays its queue
    SENDS_TWICE = "sends_twice"  # every call goes out again under a new message id
    REBOOTS = "reboots"  # power-cycles while the socket is down: transaction profiles are lost, defaults stay
    REPLUGS = "replugs"  # unplugs and plugs in again within five minutes: means "charge now"


class Fault(msgspec.Struct, frozen=True):
    """A fault of a visit, from `at` until `until` where it has a beginning and an end; `power_at`: the power cycle."""

    kind: FaultKind
    at: datetime | None = None
    until: datetime | None = None
    power_at: datetime | None = None


MISSES_DEPARTURE = frozenset(
    {
        FaultKind.LEAVES_EARLY,
        FaultKind.SLEEPER,
        FaultKind.DROPS_CONNECTION,
        FaultKind.REBOOTS,
    }
)
"""Faults that can explain a departure with less energy than was needed."""

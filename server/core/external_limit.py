"""A limit that a station has from somebody else (an energy manager in the house, the grid operator), as it told us."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.units import VOLTS

LIMITS_MAX, STEPS_MAX = 8, 100
"""So many limits are kept of a station, the newest, and so many steps of each, from the one in force on."""
MOST_W = 10_000_000
PHASES_MAX = 3


class LimitStep(msgspec.Struct, frozen=True):
    """From `at` on: at most `limit_w`."""

    at: datetime
    limit_w: int


class ExternalLimit(msgspec.Struct, frozen=True):
    """A limit of one `source` on an EVSE, or on the whole station (0). Without `steps` it did not say how much.

    `ends_at`: when it holds no longer by itself; `critical`: the grid is in need.
    """

    source: str
    connector_no: int
    steps: tuple[LimitStep, ...] = ()
    ends_at: datetime | None = None
    critical: bool = False

    def at(self, moment: datetime) -> int | None:
        """The limit at a moment, W; None where it holds nothing then."""
        if self.ends_at is not None and moment >= self.ends_at:
            return None
        begun = [step.limit_w for step in self.steps if step.at <= moment]
        return begun[-1] if begun else None


class ToldStep(msgspec.Struct, frozen=True):
    """As a station says it: `limit` in W, or in A on each of `phases` (None: all of the station's)."""

    at: datetime
    limit: float
    unit: str
    phases: int | None = None


class ToldLimit(msgspec.Struct, frozen=True):
    """A limit as a station tells of it; `steps` ascend. `asked`: in answer to our question."""

    source: str
    connector_no: int
    steps: tuple[ToldStep, ...] = ()
    ends_at: datetime | None = None
    critical: bool = False
    asked: bool = False


def read(told: ToldLimit, phases: int) -> ExternalLimit:
    """A limit in W, for a station with so many phases. One below zero says that there is none."""
    steps = tuple(LimitStep(step.at, _watts(step, phases)) for step in told.steps if step.limit >= 0)
    return ExternalLimit(told.source, told.connector_no, steps, told.ends_at, told.critical)


def _watts(step: ToldStep, phases: int) -> int:
    phases = min(max(step.phases or phases, 1), PHASES_MAX)
    return int(min(step.limit if step.unit == "W" else step.limit * VOLTS * phases, MOST_W))


def shortened(limit: ExternalLimit, now: datetime) -> ExternalLimit:
    """A limit with no more steps than are kept."""
    if len(limit.steps) <= STEPS_MAX:
        return limit
    begun = sum(step.at <= now for step in limit.steps)
    return msgspec.structs.replace(limit, steps=limit.steps[max(0, begun - 1) :][:STEPS_MAX])


def least_w(limits: Sequence[ExternalLimit], connector_no: int, moment: datetime) -> int | None:
    """The most that an EVSE may draw at a moment by these limits, W; None where none of them holds then."""
    here = [one.at(moment) for one in limits if one.connector_no in {0, connector_no}]
    return min((limit for limit in here if limit is not None), default=None)


def next_change(limits: Sequence[ExternalLimit], moment: datetime) -> datetime | None:
    """When the next of these limits changes or ends."""
    times = [step.at for one in limits for step in one.steps]
    times += [one.ends_at for one in limits if one.ends_at is not None]
    return min((time for time in times if time > moment), default=None)


def replaced(limits: Sequence[ExternalLimit], new: ExternalLimit) -> tuple[ExternalLimit, ...]:
    """The limits, the oldest first, with a new one in the place of its source's last one there."""
    if new in limits:
        return tuple(limits)
    others = [one for one in limits if (one.source, one.connector_no) != (new.source, new.connector_no)]
    return (*others, new)[-LIMITS_MAX:]


def without(limits: Sequence[ExternalLimit], source: str, connector_no: int | None) -> tuple[ExternalLimit, ...]:
    """The limits less a source's: on an EVSE, or, where none is named, everywhere."""
    return tuple(
        one for one in limits if one.source != source or (connector_no is not None and one.connector_no != connector_no)
    )

"""A limit that a station has from somebody else (an energy manager in the house, the grid operator), as it told us.

One without an end stays until its station says that it is gone: OCPP has a word for that (2.0.1 K13,
ClearedChargingLimit) and no time after which it would. What a boot does to it the specification does not say; what a
station that was asked after one does not say again is gone.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from server.core.timegrid import Grid
from shared.units import VOLTS

LIMITS_MAX, STEPS_MAX = 8, 100
"""So many limits are kept of a station, the newest, and so many steps of each, from the one in force on."""
MOST_W = 10_000_000
PHASES_MAX = 3
WHOLE = 0
"""In the place of an EVSE: the station with all of its EVSEs."""
FAR = datetime(9000, 1, 1, tzinfo=UTC)
SECOND, RESOLUTION = timedelta(seconds=1), timedelta.resolution


class LimitStep(msgspec.Struct, frozen=True):
    """From `at` on: at most `limit_w`; None: no limit from then on."""

    at: datetime
    limit_w: int | None


class ExternalLimit(msgspec.Struct, frozen=True):
    """A limit of one `source` on an EVSE, or on the whole station (0). Without `steps` it did not say how much.

    `ends_at`: when it holds no longer by itself, None: when its station says so. `critical`: the grid is in need.
    `said_at`: when it was said first, or for the first time after its station's last boot.
    """

    source: str
    connector_no: int
    steps: tuple[LimitStep, ...] = ()
    ends_at: datetime | None = None
    critical: bool = False
    said_at: datetime | None = None

    def at(self, moment: datetime) -> int | None:
        """The limit at a moment, W; None where it holds nothing then."""
        if self.ends_at is not None and moment >= self.ends_at:
            return None
        begun = [step.limit_w for step in self.steps if step.at <= moment]
        return begun[-1] if begun else None

    def spans(self) -> Iterator[tuple[datetime, datetime, int]]:
        """Each limit that holds for a time, with when it begins and ends (`FAR` where it does not), W."""
        end = FAR if self.ends_at is None else self.ends_at
        for step, after in itertools.pairwise((*self.steps, LimitStep(end, 0))):
            if step.limit_w is not None and step.at < min(after.at, end):
                yield step.at, min(after.at, end), step.limit_w


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
    """A limit in W, for a station with so many phases. One below zero says that there is none from then on.

    Times are whole seconds, as those of plans and profiles are: it begins no later than it said, and ends no sooner.
    """
    said = [step for step in told.steps if not math.isnan(step.limit)]
    steps = tuple(
        LimitStep(_second(step.at), None if step.limit < 0 else _watts(step, phases))
        for step in itertools.dropwhile(lambda step: step.limit < 0, said)
    )
    ends_at = None if told.ends_at is None else _second(told.ends_at + SECOND - RESOLUTION)
    return ExternalLimit(told.source, told.connector_no, steps, ends_at, told.critical)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


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


def by_slot(
    limits: Sequence[ExternalLimit], connector_nos: Sequence[int], grid: Grid, now: datetime
) -> list[int | None]:
    """The least in each slot of those of these limits that name one of `connector_nos`, W; None where none holds.

    A slot that one begins or ends in is held to it as a whole, the one under way only to what comes after `now`.
    """
    out: list[int | None] = [None] * grid.slots
    spans = [span for one in limits if one.connector_no in connector_nos for span in one.spans()]
    for begin, end, limit_w in spans:
        if end <= now or begin >= grid.end:
            continue
        last = grid.slots - 1 if end >= grid.end else grid.index(end - RESOLUTION)
        for slot in range(max(0, grid.index(begin)), last + 1):
            known = out[slot]
            out[slot] = limit_w if known is None else min(known, limit_w)
    return out


def alone_wh(limits: Sequence[ExternalLimit], connector_no: int, grid: Grid, now: datetime, max_w: int) -> list[int]:
    """What a car of `max_w` may take by slot of a grid that begins with the present one, if it has it all for itself.

    Wh from `now` on, up to the last slot that a limit holds in; empty where none does.
    """
    held = by_slot(limits, (WHOLE, connector_no), grid, now)
    until = max((slot + 1 for slot, limit in enumerate(held) if limit is not None), default=0)
    power = [max_w if limit is None else min(limit, max_w) for limit in held[:until]]
    seconds = grid.overlap_seconds(now, grid.end)
    return [watts * seconds[slot] // 3600 for slot, watts in enumerate(power)]


def ahead(limits: Sequence[ExternalLimit], now: datetime) -> frozenset[tuple[int, datetime, datetime, int]]:
    """What they still say, whoever says it: on which EVSE, from when (now, where it has begun), until when, W."""
    spans = [(one.connector_no, *span) for one in limits for span in one.spans()]
    return frozenset((number, max(begin, now), end, watts) for number, begin, end, watts in spans if end > now)


def look_again_at(limits: Sequence[ExternalLimit], connector_no: int, grid: Grid, now: datetime) -> datetime | None:
    """When a plan on `grid` is to be made anew for the limits on an EVSE, None where it knows all that they say.

    It knows what each slot is held to at least; in the middle of one there may be more from then on, and after its end
    there is a limit that it does not know.
    """
    known = by_slot(limits, (WHOLE, connector_no), grid, now)
    spans = [span for one in limits if one.connector_no in (WHOLE, connector_no) for span in one.spans()]
    times = {end for _, end, _ in spans if now < end < grid.end and end != grid.at(grid.index(end))}
    more = [end for end in times if _is_more(known[grid.index(end)], least_w(limits, connector_no, end))]
    beyond = [max(begin, grid.end) for begin, end, _ in spans if end > grid.end]
    return min([*more, *beyond], default=None)


def _is_more(held_w: int | None, then_w: int | None) -> bool:
    return held_w is not None and (then_w is None or then_w > held_w)


def going_on(limits: Sequence[ExternalLimit], new: ExternalLimit, now: datetime) -> ExternalLimit:
    """A limit that holds already, with what its source's last one there said when it began.

    Some say theirs anew every minute, from then on: nobody could tell since when a station has known of it.
    """
    begun = [step for step in new.steps if step.at <= now]
    last = next((one for one in limits if (one.source, one.connector_no) == (new.source, new.connector_no)), None)
    if not begun or last is None or last.at(begun[0].at - RESOLUTION) is None:
        return new
    before = [step for step in last.steps if step.at < begun[0].at][-1]
    same = before.limit_w == begun[0].limit_w
    return msgspec.structs.replace(new, steps=(before, *new.steps[1 if same else 0 :]))


def dated(
    limits: Sequence[ExternalLimit], new: ExternalLimit, booted_at: datetime | None, now: datetime
) -> ExternalLimit:
    """A limit with when it was said: the same words again say nothing new, unless its station has booted since."""
    same = next((one for one in limits if msgspec.structs.replace(one, said_at=None) == new), None)
    if same is not None and not said_before(same, booted_at):
        return same
    return msgspec.structs.replace(new, said_at=now)


def said_before(limit: ExternalLimit, moment: datetime | None) -> bool:
    """Whether a limit was said before a moment, and not since."""
    return moment is not None and (limit.said_at is None or limit.said_at < moment)


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

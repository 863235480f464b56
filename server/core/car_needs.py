"""What a car says that it needs (ISO 15118), and whether what it means to draw stays within its plan."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from shared.units import VOLTS

PHASES = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3}
MIN_A = 6
LEAST_W = MIN_A * VOLTS
"""A car that says less than this is not believed: no AC session charges below 6 A on one phase."""
FAR = timedelta(days=14)
MOST_WH = 1_000_000
TOLERANCE = 1.03
"""A schedule in whole amperes at the voltage that the car assumes is a little beside ours."""


class CarNeeds(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a car said at `said_at`. None: it did not say.

    `energy_wh` was still to come then, `at_wh` had been delivered; `max_a` on each of its phases, `max_w` in all.
    """

    said_at: datetime
    mode: str = ""
    ready_by: datetime | None = None
    energy_wh: int | None = None
    at_wh: int = 0
    max_a: int | None = None
    max_w: int | None = None
    soc_pct: int | None = None

    @property
    def session_wh(self) -> int | None:
        """The energy that it wants of the whole session, Wh."""
        return None if self.energy_wh is None else self.energy_wh + self.at_wh

    @property
    def most_w(self) -> int | None:
        """The most that it can take, W; None where it did not say, or nothing that can be."""
        said = self.max_w
        if said is None and self.max_a is not None:
            said = self.max_a * VOLTS * PHASES.get(self.mode, 3)
        return said if said is not None and said >= LEAST_W else None


def sound(needs: CarNeeds, delivered_wh: int) -> CarNeeds:
    """What can be meant of what a car said: a departure that lies ahead, energy above nothing."""
    ready_by, energy = needs.ready_by, needs.energy_wh
    return msgspec.structs.replace(
        needs,
        ready_by=ready_by if ready_by is not None and needs.said_at < ready_by <= needs.said_at + FAR else None,
        energy_wh=energy if energy is not None and 0 < energy <= MOST_WH else None,
        at_wh=delivered_wh,
        soc_pct=needs.soc_pct if needs.soc_pct is not None and 0 <= needs.soc_pct <= 100 else None,
    )


def is_news(before: CarNeeds | None, after: CarNeeds) -> bool:
    """Whether a car says something else than it did."""
    if before is None:
        return True
    later = msgspec.structs.replace(after, said_at=before.said_at, at_wh=before.at_wh)
    if before.energy_wh is not None and after.energy_wh is not None:
        later = msgspec.structs.replace(later, energy_wh=before.energy_wh)  # it counts down as it charges
        drifts = abs((before.session_wh or 0) - (after.session_wh or 0)) > SAME_WH
        return drifts or later != before
    return later != before


SAME_WH = 500


class CarStep(msgspec.Struct, frozen=True):
    """From `at` on a car means to draw up to `limit`, in W, or in A on each of its phases (None: all it has)."""

    at: datetime
    limit: float
    unit: str
    phases: int | None = None


def passes(
    steps: Sequence[CarStep],
    until: datetime,
    limit_w: Callable[[datetime], int],
    marks: Sequence[datetime],
    phases: int,
) -> bool:
    """Whether a car means to draw more than it may at any time.

    `limit_w`: what it may at a moment; `marks`: when that changes; `phases`: of the EVSE. `until`: the schedule's end.
    """
    for place, step in enumerate(steps):
        end = steps[place + 1].at if place + 1 < len(steps) else until
        wanted = step.limit if step.unit == "W" else step.limit * VOLTS * min(step.phases or phases, phases)
        moments = [step.at, *(mark for mark in marks if step.at < mark < end)]
        if any(wanted > limit_w(moment) * TOLERANCE for moment in moments):
            return True
    return False

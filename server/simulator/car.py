"""A car with a battery: what it draws at a pilot current, when it tapers, when it is full, when it sleeps.

Time is whole microseconds since the epoch and energy is whole microjoules (W x us), so that integration is exact.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from shared.units import VOLTS, current_ma

UJ_PER_WH = 3_600_000_000
MIN_PILOT_MA = 6_000
"""IEC 61851-1: a pilot below 6 A means no charging."""
EFFICIENCY_PCT = 90
"""Of the metered AC energy this much reaches the battery."""
TAPER = ((950, 100), (970, 70), (990, 45), (1000, 25))
"""Up to this state of charge (per mille) the car draws at most this percentage of its highest current."""
SLEEPS_AFTER_US = 3_600_000_000
NUDGE_AFTER_US = 600_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_US = 1 << 62


def micros(moment: datetime) -> int:
    """A moment as whole microseconds since the epoch."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of(us: int) -> datetime:
    """The moment (UTC) of whole microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=us)


class CarSpec(msgspec.Struct, frozen=True):
    """What a car is: usable capacity, highest AC power at its phases, the charge limit set in the car."""

    id: UUID
    name: str
    capacity_wh: int
    max_ac_w: int
    phases: int
    limit_pct: int = 80
    reports_soc: bool = False

    @property
    def max_ma(self) -> int:
        """The highest current per phase that the on-board charger takes."""
        return current_ma(self.max_ac_w, self.phases)


def need_wh(spec: CarSpec, soc_permille: int) -> int:
    """AC energy from a state of charge to the car's own limit, whole Wh (rounded down)."""
    room = max(0, spec.limit_pct * 10 - soc_permille)
    return room * spec.capacity_wh * 100 // (1000 * EFFICIENCY_PCT)


class Car:
    """A car during one stay at a station. `sleepy`: falls asleep in a pause of an hour (or so long) and must be woken.

    It wakes when the pilot rises from nothing a second time, or when a new charging profile arrives after it has
    been allowed to draw, and did not, for more than ten minutes.
    """

    def __init__(
        self,
        spec: CarSpec,
        soc_permille: int,
        now_us: int,
        *,
        sleepy: bool = False,
        sleeps_after_us: int = SLEEPS_AFTER_US,
    ) -> None:
        self.spec = spec
        self.drawn_uj = 0
        self.pilot_ma = 0
        self.current_ma = 0
        self.asleep = False
        self.plugged_permille = soc_permille
        self._steps = _steps(spec, soc_permille)
        self._sleepy, self._sleeps_after_us = sleepy, sleeps_after_us
        self._rises = 0
        self._paused_us = now_us
        self._allowed_us = now_us

    @property
    def full(self) -> bool:
        """Whether the car has reached its own limit and draws no more."""
        return not self._steps

    @property
    def soc_permille(self) -> int:
        """State of charge, whole per mille (rounded down)."""
        stored_uj = self.drawn_uj * EFFICIENCY_PCT // 100
        return self.plugged_permille + 1000 * stored_uj // (self.spec.capacity_wh * UJ_PER_WH)

    @property
    def soc_pct(self) -> int:
        """State of charge, whole percent (rounded down)."""
        return self.soc_permille // 10

    @property
    def power_w(self) -> int:
        """Power drawn from the station now."""
        return self.current_ma * VOLTS * self.spec.phases // 1000

    def allow(self, pilot_ma: int, now_us: int) -> None:
        """The station's pilot says how much current per phase may be drawn from now on."""
        before, after = self.pilot_ma >= MIN_PILOT_MA, pilot_ma >= MIN_PILOT_MA
        if before and not after:
            self._paused_us = now_us
        if after and not before:
            self._rise(now_us)
        self.pilot_ma = pilot_ma
        self._settle_current()

    def nudge(self, now_us: int) -> None:
        """A new charging profile arrived: wakes a car that is allowed to draw but has slept on for ten minutes."""
        if self.asleep and self.pilot_ma >= MIN_PILOT_MA and now_us - self._allowed_us > NUDGE_AFTER_US:
            self.asleep = False
            self._settle_current()

    def advance(self, us: int) -> None:
        """Draw at the present power for `us` microseconds; never past the next change (see `until_change_us`)."""
        self.resume(self.drawn_uj + self.power_w * us)
        self._settle_current()

    def resume(self, drawn_uj: int) -> None:
        """Go on after so much has been drawn in this stay."""
        self.drawn_uj = drawn_uj
        while self._steps and self.drawn_uj >= self._steps[0][0]:
            self._steps.pop(0)

    def until_change_us(self) -> int:
        """How long the present power lasts if the pilot stays: to the next taper step or to full."""
        power = self.power_w
        if not power or not self._steps:
            return FAR_US
        return -(-(self._steps[0][0] - self.drawn_uj) // power)

    def _rise(self, now_us: int) -> None:
        self._allowed_us = now_us
        if self.asleep:
            self._rises += 1
            self.asleep = self._rises < 2
        elif self._sleepy and not self.full and now_us - self._paused_us >= self._sleeps_after_us:
            self.asleep = True
            self._rises = 0

    def _settle_current(self) -> None:
        allowed = self.pilot_ma >= MIN_PILOT_MA and not self.asleep and bool(self._steps)
        self.current_ma = min(self.pilot_ma, self._steps[0][1]) if allowed else 0


def _steps(spec: CarSpec, soc_permille: int) -> list[tuple[int, int]]:
    """(drawn energy at which the step ends, highest current in it), up to the car's limit."""
    limit = spec.limit_pct * 10
    out: list[tuple[int, int]] = []
    for until, percent in TAPER:
        end = min(until, limit)
        if end > soc_permille:
            room_uj = -(-(end - soc_permille) * spec.capacity_wh * UJ_PER_WH * 100 // (1000 * EFFICIENCY_PCT))
            if not out or room_uj > out[-1][0]:
                out.append((room_uj, spec.max_ma * percent // 100))
        if until >= limit:
            break
    return out

"""An EVSE: a car, a register and the profiles. What flows is reckoned, exactly, when somebody looks."""

from typing import Any

from server.simulator.car import FAR_US, MIN_PILOT_MA, UJ_PER_WH, Car
from server.simulator.fleet.plan import StationPlan
from server.simulator.profiles import Limit, Profiles, Transaction
from shared.units import VOLTS, current_ma


class Running(Transaction):
    """A transaction that runs. `reference`: as 2.0.1 names it, "" in 1.6, which waits for the server's number."""

    reference: str = ""
    seq_no: int = 0


class Evse:
    """What is plugged in, what has flowed until `at_us`, and what may flow from there."""

    def __init__(self, plan: StationPlan, now_us: int) -> None:
        self.plan = plan
        self.register_uj = plan.register_wh * UJ_PER_WH
        self.profiles = Profiles(plan.unit)
        self.car: Car | None = None
        self.running: Running | None = None
        self.energised = False
        self.at_us = now_us
        self._limit: Limit | None = None
        self._follows = "ignores_profiles" not in plan.quirks

    @property
    def register_wh(self) -> int:
        """The register in whole Wh, rounded down."""
        return self.register_uj // UJ_PER_WH

    @property
    def power_w(self) -> int:
        """Power drawn now."""
        return self.car.power_w if self.car else 0

    @property
    def currents_ma(self) -> tuple[int, ...]:
        """Current now on each phase of the station, mA."""
        if self.car is None:
            return (0,) * self.plan.phases
        used = min(self.car.spec.phases, self.plan.phases)
        return tuple(self.car.current_ma if phase < used else 0 for phase in range(self.plan.phases))

    def flow_to(self, now_us: int) -> None:
        """Let flow what flowed until now, through every change of limit and every step of the car's taper."""
        self._look()
        while self.at_us < now_us:
            step = min(now_us, self.next_us()) - self.at_us
            if self.car:
                self.register_uj += self.car.power_w * step
                self.car.advance(step)
            self.at_us += step
            self._look()

    def next_us(self) -> int:
        """When what flows changes next, if nobody interferes."""
        out = FAR_US
        if self._limit and self._limit.until_us > self.at_us:
            out = self._limit.until_us
        if self.car:
            out = min(out, self.at_us + self.car.until_change_us())
        return out

    def changed(self) -> None:
        """Something about limits or the transaction changed: it holds from now on."""
        self._limit = None
        self._look()

    def install(self, connector: int, raw: dict[str, Any]) -> str:
        """Take a profile in 1.6's words, snake case: `Accepted` or `Rejected`."""
        status = self.profiles.install(connector, raw, self.running)
        if status == "Accepted":
            self.changed()
            if self.car:
                self.car.nudge(self.at_us)
        return status

    def limit_at(self, at_us: int) -> tuple[int, int]:
        """The limit then in thousandths of the unit (with none: the most that the station gives), until when."""
        found = self.profiles.limit(at_us, self.running)
        plan = self.plan
        top = current_ma(plan.max_w, plan.phases) if plan.unit == "A" else plan.max_w * 1_000
        return (top if found.milli is None else min(top, found.milli)), found.until_us

    def _look(self) -> None:
        if self.car:
            self.car.allow(self._pilot_ma(self.car), self.at_us)

    def _pilot_ma(self, car: Car) -> int:
        if self.running is None or not self.energised:
            return 0
        if self._limit is None or self.at_us >= self._limit.until_us:
            self._limit = self.profiles.limit(self.at_us, self.running)
        pilot = current_ma(self.plan.max_w, self.plan.phases)
        if self._limit.milli is not None and self._follows:
            phases = min(car.spec.phases, self.plan.phases)
            pilot = min(pilot, self._limit.milli if self.plan.unit == "A" else self._limit.milli // (VOLTS * phases))
        return pilot if pilot >= MIN_PILOT_MA else 0

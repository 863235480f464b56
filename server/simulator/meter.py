"""A station's meter: an exact register, and what it says of itself in OCPP."""

import msgspec
from ocpp.v16 import datatypes
from ocpp.v16.enums import Measurand, Phase, ReadingContext, UnitOfMeasure

from server.simulator.car import UJ_PER_WH
from server.simulator.profiles import Transaction, stamp

PHASES = (Phase.l1, Phase.l2, Phase.l3)


class Flow(msgspec.Struct, frozen=True):
    """What flows now: total power and current per conductor of the station (three of them, mA), SoC where known."""

    power_w: int
    currents_ma: tuple[int, ...]
    soc_pct: int | None


class Meter:
    """A register that only grows. Energy in microjoules, so that nothing is lost between two readings."""

    def __init__(self, register_wh: int, unit: str) -> None:
        self.register_uj = register_wh * UJ_PER_WH
        self._unit = unit

    @property
    def register_wh(self) -> int:
        """The register in whole Wh, rounded down."""
        return self.register_uj // UJ_PER_WH

    def advance(self, power_w: int, us: int) -> None:
        """Count a constant power for `us` microseconds."""
        self.register_uj += power_w * us

    def sample(self, flow: Flow, context: ReadingContext) -> list[datatypes.SampledValue]:
        """Register, power, current per phase in use, and SoC where the car tells it."""
        out = [
            self.register(context),
            datatypes.SampledValue(
                value=str(flow.power_w),
                context=context,
                measurand=Measurand.power_active_import,
                unit=UnitOfMeasure.w,
            ),
        ]
        out += [
            datatypes.SampledValue(
                value=f"{current / 1000:.1f}",
                context=context,
                measurand=Measurand.current_import,
                phase=phase,
                unit=UnitOfMeasure.a,
            )
            for phase, current in zip(PHASES, flow.currents_ma, strict=False)
        ]
        if flow.soc_pct is not None:
            out.append(
                datatypes.SampledValue(
                    value=str(flow.soc_pct), context=context, measurand=Measurand.soc, unit=UnitOfMeasure.percent
                )
            )
        return out

    def ends(self, running: Transaction, now_us: int) -> list[datatypes.MeterValue]:
        """First and last register of a transaction, for StopTransaction's own copy."""
        begin = Meter(running.meter_start_wh, self._unit).register(ReadingContext.transaction_begin)
        end = self.register(ReadingContext.transaction_end)
        ends = ((running.started_us, begin), (now_us, end))
        return [datatypes.MeterValue(timestamp=stamp(us), sampled_value=[register]) for us, register in ends]

    def register(self, context: ReadingContext) -> datatypes.SampledValue:
        """The register alone, in the unit that this make of meter sends."""
        kilo = self._unit == "kWh"
        wh = self.register_wh
        return datatypes.SampledValue(
            value=f"{wh // 1000}.{wh % 1000:03d}" if kilo else str(wh),
            context=context,
            measurand=Measurand.energy_active_import_register,
            unit=UnitOfMeasure.kwh if kilo else UnitOfMeasure.wh,
        )

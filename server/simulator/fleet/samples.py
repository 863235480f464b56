"""What a meter says, before a version puts it into its words; here are the quirks of meters."""

import msgspec

from server.simulator.fleet.evse import Evse

REGISTER, POWER = "Energy.Active.Import.Register", "Power.Active.Import"
PERIODIC, CLOCK, TRIGGER = "Sample.Periodic", "Sample.Clock", "Trigger"
BEGIN, END = "Transaction.Begin", "Transaction.End"
DROPS_OUT_EVERY = 3
PHASES = ("L1", "L2", "L3")
Number = int | float


class Sample(msgspec.Struct, frozen=True):
    """One value of a meter in a unit; `phase` "" for all together."""

    value: Number
    unit: str
    measurand: str
    context: str
    phase: str = ""


def samples(evse: Evse, context: str, count: int) -> list[Sample]:
    """The station's `count`-th reading: register, power, current of each phase, SoC where the car tells it."""
    out = register(evse, evse.register_wh, context)
    if "zero_dropouts" in evse.plan.quirks and context == PERIODIC and count % DROPS_OUT_EVERY == 0:
        out = [Sample(0, "Wh", REGISTER, context)]
    if "begin_among_periodic" in evse.plan.quirks and evse.running and context == PERIODIC:
        out = [*register(evse, evse.running.meter_start_wh, BEGIN), *out]
    out.append(Sample(evse.power_w, "W", POWER, context))
    for phase, current in zip(PHASES, evse.currents_ma, strict=False):
        out.append(Sample(current // 100 / 10, "A", "Current.Import", context, phase))
    if evse.car and evse.car.spec.reports_soc:
        out.append(Sample(evse.car.soc_pct, "Percent", "SoC", context))
    return out


def register(evse: Evse, wh: int, context: str) -> list[Sample]:
    """The register alone."""
    quirks = evse.plan.quirks
    if "per_phase" in quirks:
        parts = (wh - 2 * (wh // 3), wh // 3, wh // 3)
        return [Sample(part, "Wh", REGISTER, context, phase) for part, phase in zip(parts, PHASES, strict=True)]
    if "kwh_as_wh" in quirks:
        return [Sample(wh / 1_000, "Wh", REGISTER, context)]
    if "in_kwh" in quirks:
        return [Sample(wh / 1_000, "kWh", REGISTER, context)]
    return [Sample(wh, "Wh", REGISTER, context)]

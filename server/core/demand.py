"""How much energy a car still needs, on whose word, and how much of it comes first (domain 5.2).

Ladder: the car's or station's state of charge, the driver's word, what 8 of 10 of the driver's past sessions took,
a default; never more than the battery can take. An unknown state of charge is not 0 %: then a floor is charged first.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

EFFICIENCY_PCT = 90
"""AC charging: what reaches the battery of what the meter counts (domain 5.2)."""
FULL_PCT = 100
FLOOR_WH = 5_000
DEFAULT_WH = 20_000
STEP_WH = 3_000
"""What a car that still draws is given beyond an estimate that proved too low, again and again until it is full."""
AT_ONCE_STEP_WH = 20_000
"""The same for a car that is not to be delayed: it must not be held up between two steps."""
REACHED_PCT = 97
ROUNDING_WH = 100
"""An estimate counts as reached a little before: a profile in steps of 0.1 A never ends on the Wh."""
HISTORY = 20
QUANTILE_PCT = 80


class NeedSource(StrEnum):
    """Where the number comes from."""

    SOC = "soc"
    STATED = "stated"
    HISTORY = "history"
    DEFAULT = "default"
    STILL_DRAWING = "still_drawing"
    FULL = "full"


class NeedInputs(msgspec.Struct, frozen=True):
    """What is known about a session's energy now.

    `soc_pct` is the state of charge now (None: unknown, never 0). `target_pct` None means that the car decides.
    `stated_energy_wh` is the driver's word for the whole session: what was still to come when it was said and what had
    been delivered by then. `history_wh`: energies of the driver's ended sessions, oldest first. `drawing`: power flows
    now. `full`: allowed to draw, the car has drawn nothing for long enough. `floor_soc_pct`: where the state of charge
    is known, charge to it first. `at_once`: nobody may hold this car back.
    """

    delivered_wh: int
    capacity_wh: int | None = None
    soc_pct: int | None = None
    target_pct: int | None = None
    stated_energy_wh: int | None = None
    history_wh: tuple[int, ...] = ()
    drawing: bool = False
    full: bool = False
    floor_soc_pct: int | None = None
    at_once: bool = False


class Need(msgspec.Struct, frozen=True):
    """Energy still to come at the meter, how much of that comes first (0 <= floor <= energy), and on whose word."""

    energy_wh: int
    floor_wh: int
    source: NeedSource


def need(inputs: NeedInputs) -> Need:
    """What is still to come, by the ladder of domain 5.2; more than 0 as long as a car draws beyond an estimate."""
    if inputs.full:
        return Need(0, 0, NeedSource.FULL)
    if inputs.soc_pct is not None and inputs.capacity_wh is not None:
        return _by_soc(inputs, inputs.soc_pct, inputs.capacity_wh)
    if inputs.stated_energy_wh is not None:
        return _remaining(inputs, inputs.stated_energy_wh, NeedSource.STATED)
    total, source = estimate(inputs.history_wh)
    answer = _remaining(inputs, total, source)
    reached = inputs.delivered_wh >= total * REACHED_PCT // 100 - ROUNDING_WH
    return _step(inputs) if reached and inputs.drawing else answer


def asks_history(soc_pct: int | None, capacity_wh: int | None, stated_energy_wh: int | None) -> bool:
    """Whether the ladder comes down to what a driver's sessions took before: neither the car nor the driver says it."""
    return (soc_pct is None or capacity_wh is None) and stated_energy_wh is None


def estimate(history_wh: Sequence[int]) -> tuple[int, NeedSource]:
    """A session's energy in Wh where nobody says it: the 80 % quantile of the last 20 energies, else 20 kWh."""
    last = sorted(history_wh[-HISTORY:])
    if not last:
        return DEFAULT_WH, NeedSource.DEFAULT
    whole, part = divmod((len(last) - 1) * QUANTILE_PCT, 100)
    above = last[min(whole + 1, len(last) - 1)]
    return last[whole] + (above - last[whole]) * part // 100, NeedSource.HISTORY


def at_meter_wh(capacity_wh: int, share_pct: int) -> int:
    """What the meter counts while a share of the battery is filled, Wh, rounded up."""
    return -(-capacity_wh * share_pct // EFFICIENCY_PCT)


def battery_pct(capacity_wh: int, metered_wh: int) -> int:
    """The share of the battery that metered energy fills, whole percent, rounded up."""
    return -(-metered_wh * EFFICIENCY_PCT // capacity_wh)


def _by_soc(inputs: NeedInputs, soc_pct: int, capacity_wh: int) -> Need:
    target = FULL_PCT if inputs.target_pct is None else inputs.target_pct
    energy = at_meter_wh(capacity_wh, max(0, target - soc_pct))
    if not energy and inputs.drawing and target >= FULL_PCT:
        return Need(STEP_WH, 0, NeedSource.STILL_DRAWING)
    floor = at_meter_wh(capacity_wh, max(0, (inputs.floor_soc_pct or 0) - soc_pct))
    return Need(energy, min(floor, energy), NeedSource.SOC)


def _remaining(inputs: NeedInputs, total_wh: int, source: NeedSource) -> Need:
    total = min(total_wh, _most(inputs, total_wh))
    energy = _rest(total - inputs.delivered_wh)
    return Need(energy, min(energy, _rest(FLOOR_WH - inputs.delivered_wh)), source)


def _rest(wanted_wh: int) -> int:
    """What is still to come, less what a profile rounded away: at 6 A a single Wh would cost a quarter hour."""
    return wanted_wh if wanted_wh >= ROUNDING_WH else 0


def _step(inputs: NeedInputs) -> Need:
    """Beyond the estimate: a step more, but not more than the battery can hold."""
    whole = AT_ONCE_STEP_WH if inputs.at_once else STEP_WH
    step = min(whole, _most(inputs, inputs.delivered_wh + whole) - inputs.delivered_wh)
    return Need(step, 0, NeedSource.STILL_DRAWING) if step > 0 else Need(0, 0, NeedSource.FULL)


def _most(inputs: NeedInputs, otherwise_wh: int) -> int:
    return otherwise_wh if inputs.capacity_wh is None else at_meter_wh(inputs.capacity_wh, FULL_PCT)

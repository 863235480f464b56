"""Sampled values into readings: one a moment, in whole Wh, W and mA (OCPP 1.6 §3.16, §7.43; 2.0.1 J)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Protocol

import msgspec

from server.core.reports import SampledReading
from shared.units import VOLTS

ENERGY, POWER, CURRENT, SOC = "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "SoC"

_FACTORS: dict[str, dict[str, int]] = {  # to Wh, W, mA, %; an unknown unit (Hz, "") counts as the default, 1
    ENERGY: {"kWh": 1000},
    POWER: {"kW": 1000},
    CURRENT: {"mA": 1},
    SOC: {},
}
_DEFAULT_FACTOR = {ENERGY: 1, POWER: 1, CURRENT: 1000, SOC: 1}
_DIGITS_MAX = 15  # a larger number than this is no meter's, and would not fit a column

# The register now is what counts; that of the transaction's begin comes along in some periodic values (Growatt).
PERIODIC, BEGIN = "Sample.Periodic", "Transaction.Begin"
PHASES = ("L1", "L2", "L3")
_LOCATION_RANK = {"Inlet": 2, "EV": 4}


class SampledValue(Protocol):
    """One number of a meter as some version says it; a `multiplier` is an exponent of ten (1.6 knows none)."""

    @property
    def value(self) -> str | float | None:
        """The number."""

    @property
    def measurand(self) -> str | None:
        """What was measured; None: the register."""

    @property
    def context(self) -> str | None:
        """Why it was."""

    @property
    def format(self) -> str | None:
        """Raw, or SignedData."""

    @property
    def phase(self) -> str | None:
        """On which phase."""

    @property
    def location(self) -> str | None:
        """Where."""

    @property
    def unit(self) -> str | None:
        """In what."""


class _Sample(msgspec.Struct, frozen=True):
    measurand: str
    rank: int
    phase: str  # L1, L2, L3, or "" for all together
    amount: int
    context: str


def readings(
    moments: Sequence[tuple[datetime, Sequence[SampledValue]]], *, kwh_as_wh: bool = False
) -> tuple[SampledReading, ...]:
    """One reading for each moment that says something, in the order of its first word.

    Values of one moment that came apart (Zaptec) are one reading. Per measurand the best context counts (any over
    Transaction.Begin) and the best location (outlet over inlet over EV); the total, else the sum of the phases. Power
    that is not said is that of the currents at nominal voltage. `kwh_as_wh`: the energies are kWh whatever they say.
    """
    together: dict[datetime, list[_Sample]] = {}
    for at, values in moments:
        samples = together.setdefault(at, [])
        for value in values:
            sample = _sample(value, kwh_as_wh=kwh_as_wh)
            if sample is not None:
                samples.append(sample)
    return tuple(_reading(at, samples) for at, samples in together.items() if samples)


def _sample(value: SampledValue, *, kwh_as_wh: bool) -> _Sample | None:
    measurand = value.measurand or ENERGY
    factors = _FACTORS.get(measurand)
    if factors is None or value.format == "SignedData" or value.phase == "N":
        return None
    factor = factors.get(value.unit or "", _DEFAULT_FACTOR[measurand])
    if measurand == ENERGY and kwh_as_wh:
        factor = 1000
    amount = _amount(value.value, factor)
    if amount is None:
        return None
    context, location = value.context or PERIODIC, value.location
    rank = (context == BEGIN) + (_LOCATION_RANK.get(location, 0) if location else 0)
    return _Sample(measurand, rank, value.phase[:2] if value.phase else "", amount, context)


def _amount(value: str | float | None, factor: int) -> int | None:
    """A number in whole units, halves away from zero; None for what is none, or larger than any meter's."""
    if type(value) is str and len(value) < _DIGITS_MAX and value.isascii() and value.isdigit():
        return int(value) * factor  # most are whole, and a Decimal takes ten times as long
    try:
        number = Decimal(str(value).strip()[:32])
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() >= _DIGITS_MAX:
        return None
    return int((number * factor).to_integral_value(ROUND_HALF_UP))


def _reading(at: datetime, samples: Sequence[_Sample]) -> SampledReading:
    found: dict[str, list[_Sample]] = {}
    for sample in samples:
        found.setdefault(sample.measurand, []).append(sample)
    register, power = _best(found.get(ENERGY)), _by_phase(found.get(POWER))
    current, soc_pct = _by_phase(found.get(CURRENT)), _total(_by_phase(found.get(SOC)))
    phase_ma = {phase: ma for phase, ma in current.items() if phase}
    return SampledReading(
        at=at,
        register_wh=_total(_by_phase(register)),
        power_w=_total(power) if power else _power_of(phase_ma),
        soc_pct=soc_pct if soc_pct is not None and 0 <= soc_pct <= 100 else None,
        current_ma=max(current.values(), default=None),
        context=(register or samples)[0].context,
        phase_current_ma=tuple(phase_ma[phase] for phase in PHASES if phase in phase_ma),
    )


def _best(samples: Sequence[_Sample] | None) -> Sequence[_Sample]:
    """Those of the best rank that there is."""
    if samples is None or len(samples) < 2:
        return samples or ()
    best = min(sample.rank for sample in samples)
    return [sample for sample in samples if sample.rank == best]


def _by_phase(samples: Sequence[_Sample] | None) -> dict[str, int]:
    """The first word on each phase, of those of the best rank."""
    return {sample.phase: sample.amount for sample in reversed(_best(samples))}


def _total(by_phase: Mapping[str, int]) -> int | None:
    if not by_phase:
        return None
    whole = by_phase.get("")
    return sum(by_phase.values()) if whole is None else whole


def _power_of(phase_ma: Mapping[str, int]) -> int | None:
    """Power of a station that says only currents: at nominal voltage, W."""
    return sum(phase_ma.values()) * VOLTS // 1000 if phase_ma else None

"""Sampled values into readings: one a moment, in whole Wh, W and mA (OCPP 1.6 §3.16, §7.43; 2.0.1 J)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter
from typing import Protocol

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
_SCALES: tuple[int, ...] = tuple(10**digits for digits in range(_DIGITS_MAX))

# The register now is what counts; that of the transaction's begin comes along in some periodic values (Growatt).
PERIODIC, BEGIN = "Sample.Periodic", "Transaction.Begin"
SIGNED = "SignedData"
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


_Sample = tuple[int, str, int, str]
"""Rank, phase (L1, L2, L3, or "" for all together), amount, context."""
_Found = dict[str, list[_Sample]]
"""Samples of one moment by what they measure, in the order of their coming."""


def readings(
    moments: Sequence[tuple[datetime, Sequence[SampledValue]]], *, kwh_as_wh: bool = False
) -> tuple[SampledReading, ...]:
    """One reading for each moment that says something, in the order of its first word.

    Values of one moment that came apart (Zaptec) are one reading. Per measurand the best context counts (any over
    Transaction.Begin) and the best location (outlet over inlet over EV); the total, else the sum of the phases. Power
    that is not said is that of the currents at nominal voltage. `kwh_as_wh`: the energies are kWh whatever they say.
    """
    together: dict[datetime, _Found] = {}
    for at, values in moments:
        found = together.setdefault(at, {})
        for value in values:
            measurand = value.measurand or ENERGY
            factors = _FACTORS.get(measurand)  # most of what meters say is of no use here: it costs only this look
            if factors is None or value.format == SIGNED:
                continue
            phase = value.phase or ""
            if phase == "N":
                continue
            factor = factors.get(value.unit or "", _DEFAULT_FACTOR[measurand])
            amount = _amount(value.value, 1000 if kwh_as_wh and measurand == ENERGY else factor)
            if amount is None:
                continue
            context, location = value.context or PERIODIC, value.location
            rank = (context == BEGIN) + (_LOCATION_RANK.get(location, 0) if location else 0)
            sample = rank, phase[:2], amount, context
            if measurand in found:
                found[measurand].append(sample)
            else:
                found[measurand] = [sample]
    return tuple([_reading(at, found) for at, found in together.items() if found])


def _amount(value: str | float | None, factor: int) -> int | None:
    """A number in whole units, halves away from zero; None for what is none, or larger than any meter's."""
    if isinstance(value, str) and len(value) < _DIGITS_MAX:
        return _short(value, factor)
    return _any(str(value), factor)


@lru_cache(maxsize=4_096)
def _short(text: str, factor: int) -> int | None:
    """What meters say they say again, most of all that nothing flows. A Decimal takes far longer than this."""
    if text.isascii():
        if text.isdigit():
            return int(text) * factor
        whole, _, part = text.partition(".")
        if whole.isdigit() and part.isdigit():
            scale = _SCALES[len(part)]
            return (2 * int(whole + part) * factor + scale) // (2 * scale)
    return _any(text, factor)


def _any(text: str, factor: int) -> int | None:
    try:
        number = Decimal(text.strip()[:32])
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() >= _DIGITS_MAX:
        return None
    return int((number * factor).to_integral_value(ROUND_HALF_UP))


def _reading(at: datetime, found: _Found) -> SampledReading:
    register, power, soc_pct = _whole(found.get(ENERGY)), _whole(found.get(POWER)), _whole(found.get(SOC))
    current = _best(found[CURRENT]) if CURRENT in found else {}
    phase_ma = tuple([current[phase] for phase in PHASES if phase in current])
    if power is None and current:
        power = _power_of([ma for phase, ma in current.items() if phase])
    return SampledReading(
        at,
        register,
        power,
        soc_pct if soc_pct is not None and 0 <= soc_pct <= 100 else None,
        max(current.values()) if current else None,
        _context(found),
        phase_ma,
    )


def _whole(samples: Sequence[_Sample] | None) -> int | None:
    """The total of one moment, else the sum of the phases."""
    if samples is None:
        return None
    if len(samples) == 1:
        return samples[0][2]
    by_phase = _best(samples)
    whole = by_phase.get("")
    return sum(by_phase.values()) if whole is None else whole


def _best(samples: Sequence[_Sample]) -> dict[str, int]:
    """The first word on each phase, of those of the best rank that there is."""
    best = min([sample[0] for sample in samples])
    return {phase: amount for rank, phase, amount, _ in reversed(samples) if rank == best}


def _power_of(phases_ma: Sequence[int]) -> int | None:
    """Power of a station that says only currents: at nominal voltage, W."""
    return sum(phases_ma) * VOLTS // 1000 if phases_ma else None


def _context(found: _Found) -> str:
    """Why the best register was read, or, where there is none, whatever came first."""
    samples = found.get(ENERGY)
    if samples is None:
        return next(iter(found.values()))[0][3]
    return samples[0][3] if len(samples) == 1 else min(samples, key=itemgetter(0))[3]

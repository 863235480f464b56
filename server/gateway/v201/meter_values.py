"""Sampled values of 2.x as the readings that every version makes, and what meters signed, as it came."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

import msgspec

from server.core.reports import SampledReading, SignedValue
from server.gateway import meter_values
from server.gateway.v201.messages import SampledValue, UnitOfMeasure

Timed = Sequence[tuple[datetime, Sequence[SampledValue]]]
_EXPONENT_MAX = 12


class _Said(msgspec.Struct, frozen=True, gc=False):
    """A sampled value in the words of all versions."""

    value: str | float | None
    measurand: str | None
    context: str | None
    phase: str | None
    location: str | None
    unit: str | None
    format: str | None = None


def readings(timed: Timed, *, kwh_as_wh: bool = False) -> tuple[SampledReading, ...]:
    """One reading for each moment that says something: see `server.gateway.meter_values`."""
    said = [(at, [_said(value) for value in values]) for at, values in timed]
    return meter_values.readings(said, kwh_as_wh=kwh_as_wh)


def signed(timed: Timed) -> tuple[SignedValue, ...]:
    """What meters signed, with the moment and the context, otherwise exactly as it came."""
    return tuple(
        SignedValue(at, value.context or "Sample.Periodic", bytes(value.signed_meter_value).decode("utf-8", "replace"))
        for at, values in timed
        for value in values
        if bytes(value.signed_meter_value) != b"null"
    )


def _said(value: SampledValue) -> _Said:
    unit = value.unit_of_measure or UnitOfMeasure()
    return _Said(
        value=_times(value.value, unit.multiplier or 0),
        measurand=value.measurand,
        context=value.context,
        phase=value.phase,
        location=value.location,
        unit=unit.unit,
    )


def _times(value: str | float | None, exponent: int) -> str | float | None:
    """A value times ten to its exponent; with an exponent that no unit has it says nothing."""
    if not exponent:
        return value
    try:
        number = Decimal(str(value).strip()[:32])
    except InvalidOperation:
        return None
    return str(number.scaleb(exponent)) if number.is_finite() and abs(exponent) <= _EXPONENT_MAX else None

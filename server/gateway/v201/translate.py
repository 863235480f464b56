"""Plans, safe shares and options as 2.0.1 says them (OCPP 2.0.1 K, and appendix 3 for the variables)."""

import itertools
from collections.abc import Sequence
from datetime import datetime

import msgspec

from server.core.valley.charging_profile import PERIODS_MAX, Unit
from server.gateway import moments
from server.gateway.limits import one_decimal
from server.gateway.v201 import commands as c

Steps = Sequence[tuple[int, float]]
"""Seconds from the schedule's start, and the limit from there on, in the profile's unit (A per phase)."""

DEFAULT_STACK_LEVEL = 0
_RATE_UNIT = "ChargingScheduleAllowedChargingRateUnit"
OPTIONS = {
    "MeterValueSampleInterval": (("SampledDataCtrlr", "TxUpdatedInterval"),),
    "MeterValuesSampledData": (
        ("SampledDataCtrlr", "TxStartedMeasurands"),
        ("SampledDataCtrlr", "TxUpdatedMeasurands"),
        ("SampledDataCtrlr", "TxEndedMeasurands"),
    ),
    "ClockAlignedDataInterval": (("AlignedDataCtrlr", "Interval"),),
    "LocalAuthorizeOffline": (("AuthCtrlr", "LocalAuthorizeOffline"),),
    "AllowOfflineTxForUnknownId": (("AuthCtrlr", "OfflineTxForUnknownIdEnabled"),),
    "StopTransactionOnInvalidId": (("TxCtrlr", "StopTxOnInvalidId"),),
    "HeartbeatInterval": (("OCPPCommCtrlr", "HeartbeatInterval"),),
    "WebSocketPingInterval": (("OCPPCommCtrlr", "WebSocketPingInterval"),),
    _RATE_UNIT: (("SmartChargingCtrlr", "RateUnit"),),
    "MasterPassGroupId": (("AuthCtrlr", "MasterPassGroupId"),),
    "LocalAuthListEnabled": (("LocalAuthListCtrlr", "Enabled"),),
    "SendLocalListMaxLength": (("LocalAuthListCtrlr", "ItemsPerMessage"),),
    "ChargeProfileMaxStackLevel": (("SmartChargingCtrlr", "ProfileStackLevel"),),
    "ChargingScheduleMaxPeriods": (("SmartChargingCtrlr", "PeriodsPerSchedule"),),
}
"""The keys of 1.6 that we use, as the variables that mean the same. Others have no name in 2.0.1 here."""
_RATE_UNITS = {"A": "Current", "W": "Power"}


class Place(msgspec.Struct, frozen=True):
    """Where a transaction's profile goes. The same `profile_id` again takes the place of the one before."""

    evse_id: int
    transaction_id: str
    profile_id: int
    stack_level: int = 1


def tx_profile(place: Place, start: datetime, steps: Steps, unit: Unit) -> c.SetChargingProfile:
    """A plan for a running transaction: absolute from `start`, aware; the last step holds until it ends.

    `steps`: 1 to 24, the first at 0, ascending; limits are cut to one decimal, downwards.
    """
    assert place.evse_id > 0, "a transaction's profile belongs to one connector, never to 0"
    profile = c.ChargingProfile(
        id=place.profile_id,
        stack_level=place.stack_level,
        charging_profile_purpose="TxProfile",
        charging_profile_kind="Absolute",
        charging_schedule=(_schedule(place.profile_id, start, steps, unit),),
        transaction_id=place.transaction_id,
    )
    return c.SetChargingProfile(place.evse_id, profile)


def default_profile(profile_id: int, steps: Steps, unit: Unit, start: datetime | None = None) -> c.SetChargingProfile:
    """The most that each EVSE may give when nobody steers: counted from each transaction's start, without an end.

    On EVSE 0, so that it holds for all; below every TxProfile. With a `start` it is absolute from there on.
    """
    profile = c.ChargingProfile(
        id=profile_id,
        stack_level=DEFAULT_STACK_LEVEL,
        charging_profile_purpose="TxDefaultProfile",
        charging_profile_kind="Relative" if start is None else "Absolute",
        charging_schedule=(_schedule(profile_id, start, steps, unit),),
    )
    return c.SetChargingProfile(0, profile)


def set_option(key: str, value: str) -> c.SetVariables | None:
    """A configuration key of 1.6 set in the words of 2.0.1, None where 2.0.1 has no word for it."""
    names = OPTIONS.get(key, ())
    data = tuple(c.SetVariableData(value, c.Component(part), c.Variable(name)) for part, name in names)
    return c.SetVariables(data) if data else None


def get_options(keys: Sequence[str]) -> c.GetVariables | None:
    """Configuration keys of 1.6 asked for in the words of 2.0.1, None where 2.0.1 has no word for any of them."""
    names = [OPTIONS[key][0] for key in keys if key in OPTIONS]
    data = tuple(c.GetVariableData(c.Component(part), c.Variable(name)) for part, name in names)
    return c.GetVariables(data) if data else None


def option_values(keys: Sequence[str], answer: c.VariablesAnswer) -> dict[str, str]:
    """What variables say, by the keys of 1.6 and in its words; those of which the station says nothing are left out."""
    said = {(one.component.name, one.variable.name): one.attribute_value or "" for one in answer.get_variable_result}
    found = {key: said.get(OPTIONS[key][0], "") for key in keys if key in OPTIONS}
    if unit := found.get(_RATE_UNIT):
        found[_RATE_UNIT] = ",".join(_RATE_UNITS.get(one.strip(), one.strip()) for one in unit.split(","))
    return {key: value for key, value in found.items() if value}


def _schedule(schedule_id: int, start: datetime | None, steps: Steps, unit: Unit) -> c.ChargingSchedule:
    assert 1 <= len(steps) <= PERIODS_MAX, "a schedule has 1 to 24 periods"
    assert steps[0][0] == 0, "the first period starts with the schedule"
    assert all(before[0] < after[0] for before, after in itertools.pairwise(steps)), "periods ascend"
    periods = tuple(c.SchedulePeriod(start_s, one_decimal(limit)) for start_s, limit in steps)
    return c.ChargingSchedule(schedule_id, unit, periods, None if start is None else moments.write(start))

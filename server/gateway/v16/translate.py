"""Plans and safe shares as OCPP 1.6 charging profiles (OCPP 1.6 §3.13)."""

import itertools
from collections.abc import Sequence
from datetime import datetime

import msgspec

from server.core.valley.charging_profile import PERIODS_MAX, Unit
from server.gateway import moments
from server.gateway.limits import one_decimal
from server.gateway.v16.commands import ChargingProfile, ChargingSchedule, SchedulePeriod, SetChargingProfile

Steps = Sequence[tuple[int, float]]
"""Seconds from the schedule's start, and the limit from there on, in the profile's unit (A per phase)."""

DEFAULT_STACK_LEVEL = 0


class Place(msgspec.Struct, frozen=True):
    """Where a transaction's profile goes. The same `profile_id` again takes the place of the one before."""

    connector_no: int
    transaction_id: int
    profile_id: int
    stack_level: int = 1


def tx_profile(place: Place, start: datetime, steps: Steps, unit: Unit) -> SetChargingProfile:
    """A plan for a running transaction: absolute from `start`, aware; the last step holds until it ends.

    `steps`: 1 to 24, the first at 0, ascending; limits are cut to one decimal, downwards.
    """
    assert place.connector_no > 0, "a transaction's profile belongs to one connector, never to 0"
    profile = ChargingProfile(
        charging_profile_id=place.profile_id,
        stack_level=place.stack_level,
        charging_profile_purpose="TxProfile",
        charging_profile_kind="Absolute",
        charging_schedule=_schedule(start, steps, unit),
        transaction_id=place.transaction_id,
    )
    return SetChargingProfile(place.connector_no, profile)


def default_profile(profile_id: int, steps: Steps, unit: Unit, start: datetime | None = None) -> SetChargingProfile:
    """The most that each connector may give when nobody steers: counted from each transaction's start, without an end.

    On connector 0, so that it holds for all; below every TxProfile. With a `start` it is absolute from there on.
    """
    profile = ChargingProfile(
        charging_profile_id=profile_id,
        stack_level=DEFAULT_STACK_LEVEL,
        charging_profile_purpose="TxDefaultProfile",
        charging_profile_kind="Relative" if start is None else "Absolute",
        charging_schedule=_schedule(start, steps, unit),
    )
    return SetChargingProfile(0, profile)


def _schedule(start: datetime | None, steps: Steps, unit: Unit) -> ChargingSchedule:
    assert 1 <= len(steps) <= PERIODS_MAX, "a schedule has 1 to 24 periods"
    assert steps[0][0] == 0, "the first period starts with the schedule"
    assert all(before[0] < after[0] for before, after in itertools.pairwise(steps)), "periods ascend"
    periods = tuple(SchedulePeriod(start_s, one_decimal(limit)) for start_s, limit in steps)
    return ChargingSchedule(unit, periods, start_schedule=None if start is None else moments.write(start))

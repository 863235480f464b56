"""A fleet's meter integrates through limits and taper, and its cars fall asleep and wake."""

import msgspec
import pytest

from server.simulator.car import UJ_PER_WH, Car, CarSpec
from server.simulator.fleet.evse import Evse, Running
from server.simulator.fleet.figures import Latency
from server.simulator.fleet.plan import NOBODY, FleetPlan, station

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
CAR = CarSpec(NOBODY, "Car", 50_000, 11_040, 3, 100)
PLAN = msgspec.structs.replace(
    station(FleetPlan(1, "ws://h:1"), 1), unit="A", max_w=11_040, phases=3, register_wh=1_000
)


def charging(soc_permille=200, **more):
    evse = Evse(PLAN, 0)
    evse.car = Car(CAR, soc_permille, 0, **more)
    evse.running, evse.energised = Running("CARD", 0, evse.register_wh), True
    evse.changed()
    return evse


def profile(*steps):
    """A TxProfile from the start of the transaction: (minutes, A)."""
    periods = [{"start_period": minutes * 60, "limit": limit} for minutes, limit in steps]
    return {
        "charging_profile_id": 1,
        "stack_level": 1,
        "charging_profile_purpose": "TxProfile",
        "charging_profile_kind": "Relative",
        "charging_schedule": {"charging_rate_unit": "A", "charging_schedule_period": periods},
    }


def test_energy_is_power_times_time_through_every_period_however_seldom_one_looks():
    seldom, often = charging(), charging()
    for evse in (seldom, often):
        assert evse.install(1, profile((0, 16.0), (15, 0.0), (30, 8.0))) == "Accepted"
    seldom.flow_to(HOUR_US)
    for minute in range(1, 61):
        often.flow_to(minute * MINUTE_US)
    assert seldom.register_uj == often.register_uj
    assert seldom.register_uj - 1_000 * UJ_PER_WH == (11_040 * 15 + 5_520 * 30) * UJ_PER_WH // 60


def test_a_car_tapers_near_full_and_stops_there():
    evse = charging(900)
    powers = []
    for minute in range(1, 120):
        evse.flow_to(minute * MINUTE_US)
        powers.append(evse.power_w)
    assert powers == sorted(powers, reverse=True)
    assert len(set(powers)) >= 4
    assert powers[-1] == 0
    assert evse.register_wh - 1_000 == pytest.approx(100 * CAR.capacity_wh / 1000 / 0.9, abs=2)


def test_a_car_falls_asleep_in_a_pause_and_a_new_profile_wakes_it():
    evse = charging(sleepy=True, sleeps_after_us=5 * MINUTE_US)
    assert evse.install(1, profile((0, 0.0), (10, 16.0))) == "Accepted"
    evse.flow_to(11 * MINUTE_US)
    assert (evse.car.asleep, evse.power_w) == (True, 0)
    evse.flow_to(30 * MINUTE_US)
    assert evse.install(1, profile((0, 16.0))) == "Accepted"
    assert (evse.car.asleep, evse.power_w) == (False, 11_040)


def test_latency_is_told_within_its_steps():
    latency = Latency()
    assert latency.quantile(0.5) is None
    for number in range(1, 1001):
        latency.note(number / 1000)
    assert latency.quantile(0.5) == pytest.approx(0.5, rel=0.06)
    assert latency.quantile(0.99) == pytest.approx(0.99, rel=0.06)

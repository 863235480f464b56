"""The car: power, taper, full, phases, sleep. Energy is exact."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.simulator.car import (
    EPOCH,
    FAR_US,
    UJ_PER_WH,
    Car,
    CarSpec,
    micros,
    moment_of,
    need_wh,
)
from server.simulator.meter import Flow, Meter

MINUTE = 60_000_000
NOBODY = UUID(int=1)


def spec(phases=3, max_ac_w=11_040, limit_pct=80, capacity_wh=60_000) -> CarSpec:
    return CarSpec(NOBODY, "car", capacity_wh, max_ac_w, phases, limit_pct)


def charge_until_full(car: Car, pilot_ma: int) -> tuple[int, int]:
    """(energy in uJ, time in us), jumping from change to change."""
    car.allow(pilot_ma, 0)
    energy = elapsed = 0
    while not car.full:
        us = car.until_change_us()
        energy += car.power_w * us
        car.advance(us)
        elapsed += us
    return energy, elapsed


def test_a_three_phase_car_draws_eleven_kilowatts_at_sixteen_amperes():
    car = Car(spec(), 300, 0)
    car.allow(16_000, 0)
    assert (car.power_w, car.current_ma) == (11_040, 16_000)


def test_a_one_phase_car_draws_a_third_at_the_same_current():
    car = Car(spec(phases=1, max_ac_w=7_360), 300, 0)
    car.allow(16_000, 0)
    assert car.power_w == 3_680


def test_a_car_never_draws_more_than_its_own_charger_takes():
    car = Car(spec(phases=1, max_ac_w=6_440), 300, 0)
    car.allow(32_000, 0)
    assert car.current_ma == 28_000


def test_below_six_amperes_nothing_flows():
    car = Car(spec(), 300, 0)
    car.allow(5_999, 0)
    assert car.power_w == 0
    car.allow(6_000, 0)
    assert car.power_w == 4_140


def test_a_full_car_stops_and_has_taken_what_was_needed():
    car = Car(spec(), 300, 0)
    energy, _ = charge_until_full(car, 16_000)
    assert energy // UJ_PER_WH == need_wh(spec(), 300) == 33_333
    assert car.power_w == 0
    assert car.soc_pct == 80
    assert car.until_change_us() == FAR_US


def test_the_last_percents_are_slow():
    eager, slow = Car(spec(limit_pct=95), 900, 0), Car(spec(limit_pct=100), 950, 0)
    (some, quick), (same, long) = charge_until_full(eager, 16_000), charge_until_full(slow, 16_000)
    assert abs(some - same) < UJ_PER_WH
    assert long > 1.8 * quick


@given(st.integers(50, 990), st.integers(6_000, 32_000), st.sampled_from([1, 3]), st.lists(st.integers(1, 10**10)))
def test_energy_does_not_depend_on_how_often_one_looks(soc, pilot, phases, looks):
    once, often = Car(spec(phases=phases, limit_pct=100), soc, 0), Car(spec(phases=phases, limit_pct=100), soc, 0)
    meter = Meter(0, "Wh")
    often.allow(pilot, 0)
    for look in looks:
        us = min(look, often.until_change_us())
        meter.advance(often.power_w, us)
        often.advance(us)
    total, _ = charge_until_full(once, pilot)
    rest, _ = charge_until_full(often, pilot)
    # Each change of power falls on a whole microsecond, so a look in between moves it by less than one.
    assert abs(meter.register_uj + rest - total) <= 11_040 * 5
    assert meter.register_uj + rest == often.drawn_uj


def test_a_sleepy_car_sleeps_on_after_an_hour_of_pause_until_a_new_profile_comes():
    car = Car(spec(), 300, 0, sleepy=True)
    car.allow(0, 0)
    car.allow(16_000, 70 * MINUTE)
    assert car.asleep
    assert car.power_w == 0
    car.nudge(75 * MINUTE)
    assert car.asleep, "a profile right away is what it slept through"
    car.nudge(81 * MINUTE)
    assert car.power_w == 11_040


def test_a_sleepy_car_also_wakes_when_the_pilot_rises_twice_more():
    car = Car(spec(), 300, 0, sleepy=True)
    car.allow(16_000, 70 * MINUTE)
    for minute in (71, 72):
        car.allow(0, minute * MINUTE)
        car.allow(16_000, minute * MINUTE + 1)
    assert not car.asleep


def test_a_short_pause_sends_nobody_to_sleep():
    car = Car(spec(), 300, 0, sleepy=True)
    car.allow(16_000, 59 * MINUTE)
    assert car.power_w == 11_040


def test_moments_survive_the_way_through_microseconds():
    moment = datetime(2024, 3, 31, 1, 0, 0, 17, tzinfo=UTC)
    assert moment_of(micros(moment)) == moment
    assert micros(EPOCH) == 0


@pytest.mark.parametrize(("unit", "value"), [("Wh", "1234567"), ("kWh", "1234.567")])
def test_a_meter_says_its_register_in_its_own_unit(unit, value):
    sample = Meter(1_234_567, unit).sample(Flow(3_680, (16_000, 0, 0), 44), "Sample.Clock")
    assert (sample[0].value, str(sample[0].unit.value)) == (value, unit)
    assert [entry.value for entry in sample[1:]] == ["3680", "16.0", "0.0", "0.0", "44"]


def test_the_register_loses_nothing_between_readings():
    meter = Meter(10, "Wh")
    for _ in range(3_600):
        meter.advance(1_001, 1_000_000)
    assert meter.register_wh == 1_011

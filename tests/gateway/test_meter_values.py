"""Sampled values into readings."""

from datetime import UTC, datetime

import pytest

from server.core.reports import SampledReading
from server.gateway.meter_values import readings
from server.gateway.v16.messages import SampledValue

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def one(*values: dict, **options) -> SampledReading:
    found = readings([(AT, [SampledValue(**value) for value in values])], **options)
    assert len(found) == 1
    return found[0]


def test_a_bare_value_is_the_register_in_wh():
    assert one({"value": "6515723"}) == SampledReading(AT, register_wh=6515723)


@pytest.mark.parametrize(
    ("value", "unit", "wh"),
    [
        ("64860.1", "Wh", 64860),
        ("12.3456", "kWh", 12346),
        ("0.0005", "kWh", 1),
        (7, None, 7),
        (7.5, "Wh", 8),
        ("7", "Hz", 7),
        ("7", "", 7),
        ("4296944685", "Wh", 4296944685),
        ("00.4996", "kWh", 500),
        ("2.5", "Wh", 3),
        ("-2.5", "Wh", -3),
        ("1.", "Wh", 1),
        (".5", "Wh", 1),
        (" 1e3 ", "Wh", 1000),
    ],
)
def test_energy_is_whole_wh_rounded_half_up(value, unit, wh):
    assert one({"value": value, "unit": unit}).register_wh == wh


@pytest.mark.parametrize("value", ["", "NaN", "Infinity", "-", "1e999999", "9" * 30, None, "12,5", "ab12"])
def test_a_value_that_is_no_number_of_a_meter_says_nothing(value):
    assert readings([(AT, [SampledValue(value=value)])]) == ()


def test_no_samples_are_no_reading():
    assert readings([(AT, [])]) == ()
    assert readings([(AT, [SampledValue(value="1", measurand="Voltage")])]) == ()
    assert readings([(AT, [SampledValue(value="1", format="SignedData")])]) == ()


def test_the_register_now_counts_and_not_that_of_the_transactions_begin():
    begin = {"value": "0", "context": "Transaction.Begin", "unit": "Wh"}
    periodic = {"value": "56", "context": "Sample.Periodic", "unit": "Wh"}
    assert one(begin, periodic).register_wh == one(periodic, begin).register_wh == 56
    assert one(begin) == SampledReading(AT, register_wh=0, context="Transaction.Begin")


def test_the_register_at_the_end_counts_over_that_at_the_begin():
    begin = {"value": "100", "context": "Transaction.Begin"}
    assert one(begin, {"value": "900", "context": "Transaction.End"}).register_wh == 900


def test_the_outlet_counts_over_the_inlet():
    inlet = {"value": "110", "location": "Inlet"}
    assert one(inlet, {"value": "100", "location": "Outlet"}).register_wh == 100
    assert one(inlet).register_wh == 110


def test_phases_are_summed_where_no_total_is_said():
    energy = [{"value": str(value), "phase": phase} for phase, value in (("L1", 10), ("L2", 20), ("L3", 30))]
    assert one(*energy).register_wh == 60
    assert one(*energy, {"value": "61"}).register_wh == 61
    assert one({"value": "7.92", "phase": "L1-N"}).register_wh == 8


def test_power_comes_in_w_and_kw_and_by_phase():
    power = "Power.Active.Import"
    assert one({"value": "7.36", "unit": "kW", "measurand": power}).power_w == 7360
    assert one({"value": "3677.2", "measurand": power}).power_w == 3677
    phases = [{"value": "1487", "unit": "W", "measurand": power, "phase": f"L{n}"} for n in (1, 2, 3)]
    assert one(*phases).power_w == 4461


def test_current_is_kept_by_phase_and_gives_the_power_where_none_is_said():
    currents = [
        {"value": value, "unit": "A", "measurand": "Current.Import", "phase": f"L{n}"}
        for n, value in ((1, "9.45"), (2, "0.0"), (3, "6"))
    ]
    reading = one(*currents)
    assert reading.phase_current_ma == (9450, 0, 6000)
    assert reading.current_ma == 9450
    assert reading.power_w == 15450 * 230 // 1000
    assert one(*currents, {"value": "2100", "measurand": "Power.Active.Import"}).power_w == 2100


def test_a_current_without_a_phase_says_no_power():
    reading = one({"value": "16", "unit": "A", "measurand": "Current.Import"})
    assert (reading.current_ma, reading.phase_current_ma, reading.power_w) == (16000, (), None)


def test_the_neutral_conductor_is_no_phase():
    values = [{"value": "5", "measurand": "Current.Import", "phase": phase} for phase in ("L1", "N")]
    assert one(*values).phase_current_ma == (5000,)


@pytest.mark.parametrize(("value", "percent"), [("80", 80), ("79.6", 80), ("0", 0), ("-1", None), ("255", None)])
def test_the_state_of_charge_is_a_percentage_or_unknown(value, percent):
    said = {"value": value, "measurand": "SoC", "unit": "Percent", "location": "EV"}
    assert one(said, {"value": "1"}).soc_pct == percent


def test_values_of_one_moment_that_came_apart_are_one_reading():
    power = SampledValue(value="0.0", measurand="Power.Active.Import", unit="W")
    energy = SampledValue(value="42", unit="Wh")
    later = AT.replace(minute=1)
    found = readings([(AT, [power]), (later, [SampledValue(value="43")]), (AT, [energy])])
    assert found == (SampledReading(AT, register_wh=42, power_w=0), SampledReading(later, register_wh=43))


def test_a_station_known_to_mean_kwh_is_understood():
    assert one({"value": "7.92", "unit": "Wh", "phase": "L1-N"}, kwh_as_wh=True).register_wh == 7920
    assert one({"value": "7.92", "unit": "kWh"}, kwh_as_wh=True).register_wh == 7920

"""What is remembered of a station, and what follows from it."""

import pytest

from server.core.makes import KNOWN, NAMES, is_name, of_make, told_of_make
from server.core.traits import Traits, heard, probed, stack_level, unit_of, within_periods

STEPS = [(0, 0.0), (900, 16.0), (1800, 6.0), (2700, 0.0), (3600, 16.0)]


@pytest.mark.parametrize(
    ("said", "unit"), [("Power", "W"), ("Current", "A"), ("Current,Power", "A"), ("", "A"), (None, "A")]
)
def test_a_station_is_told_the_unit_that_it_names(said, unit):
    assert unit_of({} if said is None else {"ChargingScheduleAllowedChargingRateUnit": said}) == unit


def test_what_a_station_says_of_itself_is_kept_where_it_is_a_number():
    said = {"ChargeProfileMaxStackLevel": "3", "ChargingScheduleMaxPeriods": " 24 "}
    assert probed(Traits(quirks=("kwh_as_wh",)), said) == Traits(quirks=("kwh_as_wh",), stack_max=3, periods_max=24)
    for odd in ("", "many", "-1", "0", "9999999"):
        assert probed(Traits(), {"ChargingScheduleMaxPeriods": odd}).periods_max is None


def test_the_last_word_on_a_purpose_counts():
    one = heard(Traits(), "TxProfile", accepted=False)
    assert (one.purposes, one.refused) == ((), ("TxProfile",))
    two = heard(heard(one, "TxDefaultProfile", accepted=True), "TxProfile", accepted=True)
    assert (two.purposes, two.refused) == (("TxDefaultProfile", "TxProfile"), ())


@pytest.mark.parametrize(("most", "level"), [(None, 1), (3, 1), (2, 1), (1, 0)])
def test_a_plan_never_stands_on_the_highest_level(most, level):
    assert stack_level(Traits(stack_max=most)) == level


@pytest.mark.parametrize("most", [None, 5, 6])
def test_what_fits_is_said_whole(most):
    assert within_periods(STEPS, most) == STEPS


def test_what_does_not_fit_ends_at_its_lowest_limit():
    assert within_periods(STEPS, 3) == [(0, 0.0), (900, 16.0), (1800, 0.0)]
    assert within_periods(STEPS, 1) == [(0, 0.0), (900, 0.0)]  # fewer than two would be no plan
    assert within_periods([*STEPS[:2], (1800, 6.0), (2700, 8.0)], 3)[-1] == (1800, 6.0)


def test_makes_are_known_by_part_of_their_name_in_any_case():
    assert of_make("United Chargers Inc.", "Grizzl-E Connect") == ("no_subprotocol", "kwh_as_wh")
    assert of_make("EN+", "AC") == ("other_result_ids",)
    assert of_make("Alfen BV", "NG910") == of_make("", "") == ()
    assert {name for one in KNOWN for name in one.quirks} <= set(NAMES)


def test_what_a_make_is_known_for_is_said_with_its_number():
    assert told_of_make("Webasto", "Unite") == ("sends its meter values again each time it comes back (quirk 19)",)
    assert [one.rsplit("quirk ")[1] for one in told_of_make("Webasto", "NEXT 22")] == ["6)", "19)"]
    assert [one.rsplit("quirk ")[1] for one in told_of_make("Alfen BV", "NG910")] == ["13)", "17)", "21)"]
    assert told_of_make("Rabbit", "M") == told_of_make("", "") == ()
    assert len({one.vendor for one in KNOWN}) >= 15
    assert all(1 <= one.number <= 25 for one in KNOWN)


def test_only_known_names_are_names():
    assert all(is_name(name) for name in (*NAMES, "not:kwh_as_wh", "clock:Asia/Shanghai"))
    assert not any(is_name(name) for name in ("", "not:", "kwh", "clock:", "clock:Nowhere"))

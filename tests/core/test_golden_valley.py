"""The golden cases of the valley run through the same settlement as every session."""

import json
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from money_inputs import EVENING, NIGHT, QUARTER, charged, micro, session, terms

from server.core.cashback import is_below_least, split
from server.core.cdr import reference_power
from server.core.contract import OverridePolicy, Payout
from server.core.settlement import settle
from server.core.timegrid import Grid
from shared.units import cost_nano

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "valley.json").read_text())
CASES = GOLDEN["cases"]


def minor(euros):
    return int(Fraction(euros) * 100)


def nano(euros):
    return int(Fraction(euros) * 10**9)


def clock(text):
    hours, minutes = map(int, text.split(":"))
    return EVENING + timedelta(hours=(hours - 18) % 24, minutes=minutes)


def settled(case, payout=Payout.DROP):
    market = micro(case.get("blocks", NIGHT))[: case.get("stay_slots")]
    return settle(
        session(
            market=market,
            started_at=EVENING + timedelta(seconds=case.get("late_seconds", 0)),
            ended_at=EVENING + len(market) * QUARTER,
            metered_wh=charged(len(market), *case["charged"]),
            reference_power_w=case["power_w"],
            overrides=[clock(case["override"])] if "override" in case else [],
            terms=terms(payout=payout, override_policy=OverridePolicy(case.get("policy", "PRO_RATA"))),
        )
    )


def status(shares):
    return "CAPPED" if shares.capped else "BELOW_MIN" if is_below_least(shares) else "OK"


@pytest.mark.parametrize("name", CASES)
def test_every_golden_case_comes_out_to_the_cent(name):
    case = CASES[name]
    result = settled(case)
    unmanaged = sum(cost_nano(slot.price_micro_per_kwh, slot.unmanaged_wh) for slot in result.slots)
    assert result.energy_wh == case["energy_wh"]
    assert result.baseline_nano - unmanaged == nano(case["base_cost"])
    assert result.actual_nano - unmanaged == nano(case["actual_cost"])
    assert result.value_nano == result.pool_nano == nano(case["value"])
    assert result.split.driver_raw_nano == nano(case["raw"])
    assert result.split.driver_minor == result.split.paid_minor == minor(case["driver"])
    assert result.split.operator_minor == minor(case["operator"])
    assert result.split.provider_minor == minor(case["provider"])
    assert status(result.split) == case["status"]


@pytest.mark.parametrize("name", [name for name in CASES if "baseline_wh" in CASES[name]])
def test_the_baseline_of_the_golden_cases_is_full_power_from_plug_in(name):
    baseline = [slot.baseline_wh for slot in settled(CASES[name]).slots]
    assert baseline[: len(CASES[name]["baseline_wh"])] == CASES[name]["baseline_wh"]
    assert sum(baseline) == CASES[name]["energy_wh"]


def test_a_share_below_the_least_payout_is_pending_under_the_default_policy():
    shares, golden = settled(CASES["V4_below_min"], Payout.ACCUMULATE).split, GOLDEN["V4_accumulate"]
    assert shares.driver_minor == shares.pending_after_minor == minor(golden["pending"])
    assert shares.paid_minor == minor(golden["paid"])
    assert (shares.operator_minor, shares.provider_minor) == (minor(golden["operator"]), minor(golden["provider"]))


def test_the_clamped_power_of_the_golden_case_is_what_one_phase_of_32_ampere_gives():
    assert reference_power(22_000, None, 1, [], None) == (CASES["V9_clamped_7_36kW"]["power_w"], "phases")


def test_a_month_claws_nothing_back_and_leaves_the_pool_the_rest():
    month = GOLDEN["V11_month"]
    shares = [split(nano(value), terms(payout=Payout.DROP), 0) for value in month["values"]]
    assert [share.driver_minor for share in shares] == [minor(driver) for driver in month["driver"]]
    assert sum(share.driver_minor for share in shares) == minor(month["driver_total"])
    assert sum(share.net_minor for share in shares) == minor(month["pool"])
    rest = sum(share.operator_minor + share.provider_minor for share in shares)
    assert rest == minor(month["pool_after_driver"])


def test_grams_of_carbon_compare_like_prices():
    golden = GOLDEN["V12_co2"]
    result = settle(session(market=micro(golden["blocks"]), grid=Grid(EVENING, 52)))
    # grams per kWh stand where EUR/MWh did: 10**9 nano is then 1000 g
    assert result.baseline_nano == nano(golden["baseline_kg"])
    assert result.actual_nano == nano(golden["actual_kg"])


@pytest.mark.realdata
def test_our_golden_cases_say_what_the_reference_shelf_says(shared_dir):
    shelf = json.loads((shared_dir / "vectors" / "valley_vectors.json").read_text())
    shelf["V9_claimed_22kW"] = shelf["V9_power_clamp"]["claimed_22kW"]
    shelf["V9_clamped_7_36kW"] = shelf["V9_power_clamp"]["clamped_7_36kW"]
    ours = {"base_cost": "base_cost", "actual_cost": "smart_cost", "value": "value", "raw": "driver_raw"}
    ours |= {"driver": "driver", "operator": "cpo", "provider": "msp"}
    for name, case in CASES.items():
        theirs = shelf[name]
        for key, other in ours.items():
            if other in theirs:
                assert Fraction(case[key]) == Fraction(theirs[other]), (name, key)
        assert theirs.get("status", case["status"]) == case["status"]

"""The reference power, the receipt, and its recomputation from the JSON alone with plain integers."""

import json
import re
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from money_inputs import EVENING, FULL_LOAD, NIGHT, SESSION, charged, micro, public_tariff, session, stays, terms
from msgspec.structs import replace

from server.core.cdr import Labels, cdr_id, receipt, reference_power, says_the_same, sentence, usable_w
from server.core.contract import ContractKind, OverridePolicy, Payout
from server.core.settlement import settle
from shared.cdrs import Receipt
from shared.sessions import Delay

LABELS = Labels(
    location_name="Kade",
    evse_label="3",
    time_zone="Europe/Amsterdam",
    price_source="typical",
    price_quality="ESTIMATED",
    price_curve_id="c1",
)


# --- reference power ----------------------------------------------------------------


def test_the_least_bound_draws_the_baseline_and_says_which_it_was():
    assert reference_power(11_040, None, 3, [], None) == (11_040, "evse")
    assert reference_power(22_080, 11_000, 3, [], None) == (11_000, "vehicle")
    assert reference_power(22_080, None, 1, [], None) == (7_360, "phases")
    assert reference_power(11_040, 11_000, 3, [7_200, 7_100, 7_300], None) == (7_300, "history")
    assert reference_power(11_040, 11_000, 3, [7_200, 7_100, 7_300], 6_000) == (6_000, "cap")


def test_a_history_of_less_than_three_sessions_teaches_nothing():
    assert reference_power(11_040, None, 3, [3_000, 3_000], None)[1] == "evse"
    assert reference_power(11_040, None, 3, [3_000, 3_000, 0, 0], None)[1] == "evse"


def test_only_the_last_twenty_sessions_count():
    assert reference_power(11_040, None, 3, [*[9_000] * 30, *[5_000] * 20], None) == (5_000, "history")


def test_a_one_phase_car_gets_a_third_of_three_phases():
    assert usable_w(11_040, 3, 1) == 3_680
    assert usable_w(11_040, 3, 3) == usable_w(11_040, 3, 4) == 11_040
    assert usable_w(7_360, 1, 3) == 7_360


# --- sentences ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "cashback_paid"),
        ({"metered_wh": charged(52, 32, [2_750])}, "cashback_pending"),
        ({"terms": terms(ContractKind.HOME_DYNAMIC)}, "savings"),
        (
            {"terms": terms(ContractKind.HOME_NIGHT), "driver_prices": [30_000] * 12 + [10_000] * 40},
            "savings_and_cashback",
        ),
        ({"delay": Delay.NOTHING_TO_GAIN, "plan_accepted": False}, "charged_at_once"),
        ({"terms": terms(ContractKind.HOME_FIXED, partner=False)}, "nothing_payable"),
        ({"market": micro([[52, 80]])}, "no_value"),
        ({"market": micro([[52, 80]]), "terms": terms(ContractKind.HOME_DYNAMIC)}, "no_value"),
        ({"gap_share_bps": 5_000}, "not_eligible"),
    ],
)
def test_a_receipt_opens_with_the_sentence_that_fits(changes, code):
    if "market" in changes:
        changes = {"metered_wh": charged(52, 32, FULL_LOAD), **changes}
    assert sentence(settle(session(**changes))) == code


# --- the receipt ----------------------------------------------------------------------


def test_a_receipt_names_what_settlement_reckoned():
    pressed, undone = [EVENING], [EVENING + timedelta(minutes=9)]
    made = receipt(settle(session(public_tariff=public_tariff(), overrides=pressed, overrides_undone=undone)), LABELS)
    assert (made.overrides, made.overrides_undone) == (pressed, undone)
    assert (made.session_id, made.cdr_id, made.case) == (SESSION, cdr_id(SESSION), "A")
    assert (made.location_name, made.price_source, made.price_quality) == ("Kade", "typical", "ESTIMATED")
    assert (made.driver_cost_minor, made.driver_cost_at_once_minor) == (1_000, 1_000)
    assert made.split.max_payout_minor == 1_000
    assert made.formula.startswith("value = sum(")
    assert "pool = value - savings - fee" in made.formula
    assert msgspec.json.decode(msgspec.json.encode(made), type=Receipt) == made


def test_an_ineligible_receipt_says_that_nothing_is_shared():
    made = receipt(settle(session(gap_share_bps=5_000)), LABELS)
    assert "pool = value - savings - fee if eligible, else 0" in made.formula
    assert (made.eligible, made.pool_nano) == (False, 0)
    assert made.reasons == ["UNMANAGED_GAP"]
    assert (made.driver_cost_minor, made.fee_terms) == (None, None)


def test_a_later_receipt_says_the_same_unless_money_or_energy_differ():
    before, renamed = receipt(settle(session()), LABELS), replace(LABELS, location_name="Nieuwe Kade", evse_label="4")
    assert says_the_same(before, receipt(settle(session()), renamed, 2))
    others = [{"metered_wh": charged(52, 31, FULL_LOAD)}, {"gap_share_bps": 5_000}, {"pending_before_minor": 7}]
    for changes in others:
        assert not says_the_same(before, receipt(settle(session(**changes)), LABELS, 2))


def half_up(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


WORDS = {
    "sum": sum,
    "min": min,
    "max": max,
    "half_up": lambda one: half_up(one.numerator, one.denominator),
    "Fraction": Fraction,
}


def by_its_formula(paper):
    """What the receipt's own formula makes of its other figures, by name; in fractions, as by hand."""
    shares = paper["split"]
    rows = [{name: Fraction(value) for name, value in one.items() if type(value) is int} for one in paper["slots"]]
    known = {
        "eligible": paper["eligible"],
        "fee": Fraction(paper["fee_nano"]),
        "share_driver_bps": Fraction(shares["share_driver_bps"]),
        "operator_bps": Fraction(shares["share_operator_bps"]),
        "provider_bps": Fraction(shares["share_provider_bps"]),
        "min_payout": shares["min_payout_minor"],
        "max_payout": shares["max_payout_minor"],
        "pending": shares["pending_before_minor"],
    }
    for step in paper["formula"].split("; "):
        name, reckoned = step.replace(", else", " else").split(" = ")
        for price in ("driver_price", "price"):
            each = f'one["{price}_micro_per_kwh"] * (one["baseline_wh"] - one["actual_wh"]) for one in rows'
            reckoned = reckoned.replace(f"sum({price} * (baseline_wh - actual_wh))", f"sum({each})")
        exact = re.sub(r"\b\d+\b", r"Fraction(\g<0>)", reckoned)
        known[name] = eval(exact, {"rows": rows, **WORDS}, known)
    return known


def judge_formula(paper):
    """The formula gives each figure that stands on the receipt, also where nobody earns anything."""
    found, shares = by_its_formula(paper), paper["split"]
    assert found["value"] == paper["value_nano"]
    assert found.get("savings", 0) == paper["savings_nano"]
    assert found.get("employer_savings", 0) == paper["employer_savings_nano"]
    assert found["pool"] == paper["pool_nano"]
    assert found["raw"] * 10_000_000 // 1 == shares["driver_raw_nano"]
    for name in ("net", "driver", "operator", "provider", "paid"):
        assert found[name] == shares[f"{name}_minor"], name


def recompute(paper):
    """Everything that a receipt states, again, from its JSON text and school arithmetic."""
    rows, shares = paper["slots"], paper["split"]
    managed = sum(row["actual_wh"] - row["unmanaged_wh"] for row in rows)
    elapsed, before = 0, 0
    for row in rows:
        elapsed += row["seconds"]
        after = min(managed, half_up(paper["reference_power_w"] * elapsed, 3600))
        assert row["baseline_wh"] == after - before + row["unmanaged_wh"]
        assert row["value_nano"] == row["price_micro_per_kwh"] * (row["baseline_wh"] - row["actual_wh"])
        before = after
    own = sum(row["driver_price_micro_per_kwh"] * (row["baseline_wh"] - row["actual_wh"]) for row in rows)
    value = sum(row["value_nano"] for row in rows)
    savings, employer = (0, own) if paper["case"] == "F" else (own, 0)
    pool = value - savings - paper["fee_nano"] if paper["eligible"] else 0
    raw = max(pool, 0) * shares["share_driver_bps"] // 10_000
    driver = min(half_up(raw, 10_000_000), shares["max_payout_minor"])
    if shares["policy"] == "DROP" and raw < shares["min_payout_minor"] * 10_000_000:
        driver = 0
    rest = half_up(pool, 10_000_000) - driver
    both = shares["share_operator_bps"] + shares["share_provider_bps"]
    operator = half_up(rest * shares["share_operator_bps"], both) if both else 0
    due = driver + shares["pending_before_minor"]
    paid = driver if shares["policy"] == "DROP" else due if due >= shares["min_payout_minor"] else 0
    paid = due if shares["policy"] == "AT_ONCE" else min(paid, shares["max_payout_minor"])
    assert paper["energy_wh"] == sum(row["actual_wh"] for row in rows)
    assert (paper["value_nano"], paper["savings_nano"], paper["pool_nano"]) == (value, savings, pool)
    assert paper["employer_savings_nano"] == employer
    assert paper["savings_minor"] == half_up(savings, 10_000_000)
    assert (shares["driver_minor"], shares["operator_minor"]) == (driver, operator)
    assert shares["provider_minor"] == rest - operator
    assert (shares["paid_minor"], shares["pending_after_minor"]) == (paid, due - paid)
    recompute_costs(paper)
    judge_formula(paper)


def recompute_costs(paper):
    """What the driver paid and would have paid, and the goodwill between, from the JSON alone."""
    for cost, energy, total in (
        ("driver_cost", "actual_wh", "driver_cost_minor"),
        ("driver_cost_at_once", "baseline_wh", "driver_cost_at_once_minor"),
    ):
        parts = paper[cost]
        if parts is None:
            assert paper[total] is None
            assert paper["goodwill_minor"] == 0
            continue
        rows = paper["slots"]
        fees = paper["fee_terms"] or dict.fromkeys(
            ("time_micro_per_hour", "session_minor", "idle_micro_per_hour", "idle_after_minutes"), 0
        )
        starts, ends = (datetime.fromisoformat(paper[key]) for key in ("started_at", "ended_at"))
        drawing = [row for row in rows if row[energy]]
        last = drawing[-1] if drawing else None
        until = datetime.fromisoformat(last["start"]) + timedelta(seconds=last["seconds"]) if last else starts
        idle = max(0, round((ends - until).total_seconds()) - fees["idle_after_minutes"] * 60)
        energy_nano = sum(row[energy] * row["driver_price_micro_per_kwh"] for row in rows)
        time_nano = half_up(fees["time_micro_per_hour"] * 1000 * round((until - starts).total_seconds()), 3600)
        idle_nano = half_up(fees["idle_micro_per_hour"] * 1000 * idle, 3600)
        session_nano = fees["session_minor"] * 10_000_000
        assert parts["energy_nano"] == energy_nano
        assert (parts["time_nano"], parts["session_nano"], parts["idle_nano"]) == (time_nano, session_nano, idle_nano)
        assert paper[total] == half_up(energy_nano + time_nano + session_nano + idle_nano, 10_000_000)
    if paper["driver_cost"] is not None and paper["goodwill_minor"]:
        net = paper["driver_cost_minor"] - paper["split"]["driver_minor"] - paper["goodwill_minor"]
        assert net == paper["driver_cost_at_once_minor"]


def paper(inputs):
    return json.loads(msgspec.json.encode(receipt(settle(inputs), LABELS)))


@pytest.mark.parametrize(
    "changes",
    [
        {"public_tariff": public_tariff(session_minor=35, time_micro_per_hour=120_000, idle_micro_per_hour=900_000)},
        {
            "public_tariff": public_tariff(("23:00", "07:00", 46), ("00:00", "24:00", 50)),
            "terms": terms(ContractKind.PUBLIC_TIMED),
        },
        {"terms": terms(ContractKind.HOME_NIGHT), "driver_prices": [300_000] * 20 + [240_000] * 32},
        {"terms": terms(ContractKind.FLEET)},
        {"terms": terms(payout=Payout.DROP, platform_fee_nano=2_100_000_000)},
        {
            "terms": terms(override_policy=OverridePolicy.FORFEIT_AFTER),
            "overrides": [EVENING + timedelta(hours=8, minutes=20)],
        },
        {"pending_before_minor": 19, "metered_wh": charged(52, 32, [2_750])},
        {"gap_share_bps": 9_000},
        {"terms": terms(ContractKind.FLEET, partner=False)},
        {"terms": terms(ContractKind.HOME_DYNAMIC)},
        {"terms": terms(ContractKind.HOME_FIXED, partner=False)},
        {"terms": terms(platform_fee_nano=2_500_000_000)},
        {"terms": terms(payout=Payout.AT_ONCE), "pending_before_minor": 12},
        {"terms": terms(share_driver_bps=10_000, share_operator_bps=0, share_provider_bps=0)},
        {
            "market": micro([[12, 4_000], *NIGHT[1:]]),
            "pending_before_minor": 12,
            "metered_wh": charged(52, 32, FULL_LOAD),
        },
    ],
)
def test_a_receipt_can_be_recomputed_from_its_json_with_a_pocket_calculator(changes):
    recompute(paper(session(**changes)))


@given(stay=stays())
def test_any_receipt_can_be_recomputed_from_its_json(stay):
    recompute(paper(stay))
    recompute(paper(replace(stay, plan_accepted=False)))

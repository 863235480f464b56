"""Settlement by case: where the value lands, who gets it, and that waiting never costs the driver more."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from money_inputs import (
    EVENING,
    FULL_LOAD,
    NIGHT,
    PRICES,
    QUARTER,
    charged,
    micro,
    public_tariff,
    session,
    stays,
    terms,
)
from msgspec.structs import replace

from server.core.baseline import METERED_MEAN
from server.core.contract import ContractKind, OverridePolicy, Payout
from server.core.eligibility import Reason
from server.core.settlement import settle
from server.core.timegrid import Grid
from shared.plans import Shortfall
from shared.sessions import Delay
from shared.units import minor_half_up

HOUR = timedelta(hours=1)
EUR = 10**9
NIGHT_TARIFF = [300_000] * 20 + [240_000] * 32  # 0.30 until 23:00, then 0.24


def home(kind, prices=None, **changes):
    partner = changes.pop("partner", True)
    return session(terms=terms(kind, partner=partner), driver_prices=prices, **changes)


# --- cases ----------------------------------------------------------------------


def test_case_a_the_operator_shares_the_whole_value():
    result = settle(session(public_tariff=public_tariff()))
    assert (result.case, result.eligible, result.reasons) == ("A", True, ())
    assert result.value_nano == result.pool_nano == 2_400_000_000
    assert (result.savings_nano, result.split.driver_minor) == (0, 120)
    assert result.charge_minor == result.driver_cost_at_once.total_minor == 1_000


def test_case_b_everything_is_saved_on_the_own_bill_and_nothing_is_paid_twice():
    result = settle(home(ContractKind.HOME_DYNAMIC, [price + 150_000 for price in micro(NIGHT)]))
    assert (result.case, result.eligible, result.reasons) == ("B", False, (Reason.OWN_BILL,))
    assert result.savings_nano == result.value_nano == 2_400_000_000
    assert (result.savings_minor, result.saved_minor, result.moved_wh) == (240, 240, 20_000)
    assert (result.pool_nano, result.split.net_minor, result.split.driver_minor) == (0, 0, 0)
    assert (result.driver_cost.total_minor, result.driver_cost_at_once.total_minor) == (380, 620)
    assert result.charge_minor == 0


def test_case_b_without_a_tariff_of_its_own_saves_at_market_prices():
    result = settle(home(ContractKind.HOME_DYNAMIC))
    assert result.savings_nano == result.value_nano
    assert result.driver_cost is None


def test_case_c_the_supplier_shares_the_whole_value():
    result = settle(home(ContractKind.HOME_FIXED, [280_000] * 52))
    assert (result.case, result.split.driver_minor, result.savings_nano) == ("C", 120, 0)
    assert result.charge_minor == 0


def test_case_d_without_a_partner_nothing_is_payable():
    result = settle(home(ContractKind.HOME_FIXED, partner=False))
    assert (result.case, result.eligible, result.reasons) == ("D", False, (Reason.NO_PARTNER,))
    assert (result.pool_nano, result.split.driver_minor) == (0, 0)
    assert result.value_nano == 2_400_000_000


def test_case_e_the_own_saving_comes_off_before_the_rest_is_shared():
    result = settle(home(ContractKind.HOME_NIGHT, NIGHT_TARIFF))
    assert result.case == "E"
    assert result.savings_minor == 120
    assert result.pool_nano == 1_200_000_000
    assert result.split.driver_minor == 60


def test_case_e_where_the_own_saving_is_more_than_the_value_the_others_bear_it():
    steep = [500_000] * 20 + [100_000] * 32
    shares = settle(home(ContractKind.HOME_NIGHT, steep)).split
    assert (shares.net_minor, shares.driver_minor, shares.operator_minor, shares.provider_minor) == (
        -560,
        0,
        -336,
        -224,
    )


def test_case_f_the_employer_saves_and_shares_by_policy_only():
    shared = settle(home(ContractKind.FLEET))
    kept = settle(home(ContractKind.FLEET, partner=False))
    assert (shared.case, kept.case) == ("F", "F")
    assert shared.savings_nano == kept.savings_nano == 0
    assert shared.employer_savings_nano == kept.employer_savings_nano == 2_400_000_000
    assert (shared.split.driver_minor, kept.split.driver_minor) == (120, 0)
    assert shared.driver_cost is None


def test_case_g_a_timed_public_price_saves_first_and_then_shares():
    timed = public_tariff(("23:00", "07:00", 46), ("00:00", "24:00", 50))
    result = settle(session(terms=terms(ContractKind.PUBLIC_TIMED), public_tariff=timed))
    assert (result.case, result.savings_minor) == ("G", 80)
    assert result.pool_nano == 1_600_000_000
    assert result.split.driver_minor == 80
    assert (result.charge_minor, result.driver_cost_at_once.total_minor) == (920, 1_000)
    assert result.saved_minor == 80


def test_the_platform_fee_comes_off_before_anything_is_shared():
    result = settle(session(terms=terms(platform_fee_nano=400_000_000)))
    assert (result.fee_nano, result.pool_nano, result.split.driver_minor) == (400_000_000, 2 * EUR, 100)


# --- reasons ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"consent": False}, Reason.NO_CONSENT),
        ({"delay": Delay.NOT_CONTROLLABLE}, Reason.EVSE_NOT_CONTROLLABLE),
        ({"metered_wh": charged(52, 32, [1_999])}, Reason.ENERGY_TOO_SMALL),
        ({"market": None, "metered_wh": charged(52, 32, FULL_LOAD)}, Reason.NO_PRICES),
        ({"plan_accepted": False}, Reason.PLAN_NOT_ACCEPTED),
        ({"gap_share_bps": 1_001}, Reason.UNMANAGED_GAP),
        ({"meter_valid": False}, Reason.METER_INVALID),
        ({"same_account": True}, Reason.SAME_ACCOUNT),
        ({"terms": terms(partner=False)}, Reason.NO_PARTNER),
    ],
)
def test_each_reason_alone_makes_a_session_earn_nothing(changes, reason):
    result = settle(session(**changes))
    assert result.reasons == (reason,)
    assert not result.eligible
    assert (result.pool_nano, result.split.driver_minor, result.split.net_minor) == (0, 0, 0)


def test_a_tenth_of_unseen_energy_is_still_managed():
    assert settle(session(gap_share_bps=1_000)).eligible


def test_overriding_disqualifies_nothing_that_was_earned():
    overridden = session(delay=Delay.OVERRIDDEN, overrides=[EVENING + 8 * HOUR])
    assert settle(overridden).split == settle(session()).split


def test_remarks_say_why_a_share_is_small_without_taking_it_away():
    flat = settle(session(market=micro([[52, 80]])))
    scarce = settle(session(market=micro([[12, 4_000], [40, 40]])))
    little = settle(session(metered_wh=charged(52, 32, [2_750])))
    assert (flat.reasons, flat.eligible) == ((Reason.NO_VALUE,), True)
    assert (scarce.reasons, scarce.split.driver_minor) == ((Reason.CAPPED,), 1_000)
    assert (little.reasons, little.split.pending_after_minor) == ((Reason.BELOW_MIN,), 17)


def test_a_stay_hardly_longer_than_the_charge_is_remarked_but_judged_by_the_meter():
    short = settle(session(market=micro([[4, 300], [5, 50]]), metered_wh=[0, *FULL_LOAD]))
    assert Reason.WINDOW_TOO_SHORT in short.reasons
    assert short.eligible
    assert short.split.driver_minor > 0


# --- the stay and its slots ---------------------------------------------------------


def test_times_that_are_not_whole_seconds_are_widened_to_them():
    late = timedelta(milliseconds=400)
    result = settle(session(started_at=EVENING + late, ended_at=EVENING + 13 * HOUR - late))
    assert (result.started_at, result.ended_at) == (EVENING, EVENING + 13 * HOUR)


def test_energy_in_a_slot_outside_the_stated_stay_still_counts():
    result = settle(session(ended_at=EVENING + 33 * QUARTER, metered_wh=charged(52, 32, FULL_LOAD)))
    assert sum(slot.actual_wh for slot in result.slots) == 20_000 == sum(slot.baseline_wh for slot in result.slots)


def test_a_power_that_the_meter_disproves_is_replaced_by_what_it_proves():
    result = settle(session(reference_power_w=0))
    assert (result.reference_power_w, result.reference_power_source) == (1_539, METERED_MEAN)
    assert sum(slot.baseline_wh for slot in result.slots) == 20_000


def test_energy_after_an_override_counts_as_unmanaged_only_where_the_policy_says_so():
    overridden = [EVENING + 33 * QUARTER + QUARTER / 2]
    strict = terms(override_policy=OverridePolicy.FORFEIT_AFTER)
    result = settle(session(overrides=overridden, terms=strict))
    assert [slot.unmanaged_wh for slot in result.slots if slot.unmanaged_wh] == [1375, *FULL_LOAD[2:]]
    assert result.value_nano == (2_750 + 1_375) * (160_000 - 40_000)
    assert settle(session(terms=strict)).value_nano == 2_400_000_000
    assert settle(session(overrides=overridden)).value_nano == 2_400_000_000


def test_the_quality_of_each_price_and_a_shortfall_are_passed_on():
    missing = Shortfall(500, "left_early")
    result = settle(session(qualities=["FINAL"] * 52, shortfall=missing))
    assert {slot.quality for slot in result.slots} == {"FINAL"}
    assert result.shortfall == missing


def test_a_stay_of_no_length_settles_to_nothing():
    result = settle(session(grid=Grid(EVENING, 0), ended_at=EVENING, market=[], metered_wh=[]))
    assert (result.slots, result.energy_wh, result.value_nano) == ((), 0, 0)
    assert result.reasons == (Reason.ENERGY_TOO_SMALL,)


def test_one_figure_a_slot_is_required():
    with pytest.raises(AssertionError):
        settle(session(metered_wh=[0] * 51))


# --- the driver never pays for waiting ------------------------------------------------

TIMED_UPSIDE_DOWN = public_tariff(("23:00", "07:00", 60), ("00:00", "24:00", 50))


def test_what_waiting_cost_beyond_the_cashback_is_made_good_by_the_provider():
    result = settle(session(public_tariff=TIMED_UPSIDE_DOWN, terms=terms(ContractKind.PUBLIC_TIMED)))
    assert (result.driver_cost.total_minor, result.driver_cost_at_once.total_minor) == (1_200, 1_000)
    assert result.split.driver_minor + result.goodwill_minor == 220
    small = settle(session(public_tariff=TIMED_UPSIDE_DOWN, terms=terms(max_payout_minor=50)))
    assert (small.split.driver_minor, small.goodwill_minor) == (50, 150)


def test_goodwill_is_owed_only_where_a_plan_of_ours_held_the_car_back():
    for changes in ({"delay": Delay.NO_CONSENT, "consent": False}, {"plan_accepted": False}):
        assert settle(session(public_tariff=TIMED_UPSIDE_DOWN, **changes)).goodwill_minor == 0


def test_idle_fees_are_compared_over_the_same_stay():
    idle = public_tariff(idle_micro_per_hour=1_000_000, idle_after_minutes=60)
    result = settle(session(public_tariff=idle))
    assert result.driver_cost.idle_nano == 2 * EUR
    assert result.driver_cost_at_once.idle_nano == 10 * EUR
    assert (result.saved_minor, result.savings_minor, result.goodwill_minor) == (800, 0, 0)
    assert (result.fee_terms.idle_micro_per_hour, result.fee_terms.idle_after_minutes) == (1_000_000, 60)


@given(stay=stays())
def test_the_net_cost_of_a_managed_session_never_exceeds_charging_at_once(stay):
    result = settle(stay)
    if result.driver_cost is not None:
        net = result.driver_cost.total_minor - result.split.driver_minor - result.goodwill_minor
        assert net <= result.driver_cost_at_once.total_minor
        assert result.goodwill_minor == 0 or net == result.driver_cost_at_once.total_minor


@given(stay=stays())
def test_shares_sum_to_the_pool_and_both_sides_hold_the_same_energy(stay):
    result = settle(stay)
    assert sum(slot.baseline_wh for slot in result.slots) == sum(stay.metered_wh) == result.energy_wh
    assert result.value_nano == result.baseline_nano - result.actual_nano
    shares = result.split
    assert shares.driver_minor + shares.operator_minor + shares.provider_minor == minor_half_up(result.pool_nano)
    if stay.terms.payout is Payout.AT_ONCE:
        assert shares.paid_minor == stay.pending_before_minor + shares.driver_minor
    else:
        assert shares.paid_minor == 0 or 20 <= shares.paid_minor <= 1_000


@given(stay=stays(), constant=st.integers(-300_000, 300_000))
def test_a_constant_on_every_price_changes_no_value(stay, constant):
    shifted = replace(stay, market=[price + constant for price in stay.market])
    assert settle(shifted).value_nano == settle(stay).value_nano


@given(stay=stays(), data=st.data())
def test_the_baseline_is_independent_of_the_plan(stay, data):
    other = replace(stay, metered_wh=data.draw(st.permutations(stay.metered_wh)), overrides=[stay.started_at])
    assert [slot.baseline_wh for slot in settle(other).slots] == [slot.baseline_wh for slot in settle(stay).slots]


@settings(max_examples=50)
@given(prices=PRICES, energy=st.integers(0, 20_000), data=st.data())
def test_no_feasible_charge_is_worth_more_than_the_cheapest(prices, energy, data):
    slots = len(prices)
    energy = min(energy, slots * 2_750)
    best, left = [0] * slots, energy
    for slot in sorted(range(slots), key=lambda slot: prices[slot]):
        best[slot] = min(2_750, left)
        left -= best[slot]
    other, left = [0] * slots, energy
    for slot in data.draw(st.permutations(range(slots))):
        other[slot] = min(2_750, left)
        left -= other[slot]

    def worth(metered):
        return settle(session(market=prices, grid=Grid(EVENING, slots), metered_wh=metered)).value_nano

    assert worth(best) >= worth(other)
    assert worth(best) >= 0


@given(stay=stays(), data=st.data())
def test_finer_slots_with_the_same_prices_give_the_same_settlement(stay, data):
    def thirds(values):
        return [value for value in values for _ in range(3)]

    metered = []
    for energy in stay.metered_wh:
        first = data.draw(st.integers(0, energy))
        metered += [first, energy - first, 0]
    fine = replace(
        stay,
        grid=Grid(EVENING, stay.grid.slots * 3, 300),
        market=thirds(stay.market),
        driver_prices=thirds(stay.driver_prices) if stay.driver_prices is not None else None,
        public_tariff=None,
        metered_wh=metered,
    )
    coarse = settle(replace(stay, public_tariff=None))
    result = settle(fine)
    assert (result.value_nano, result.savings_nano, result.split) == (
        coarse.value_nano,
        coarse.savings_nano,
        coarse.split,
    )

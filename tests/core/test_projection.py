"""Ranges before and during a session, and the decision to delay, from the settlement itself."""

from datetime import timedelta

import pytest
from hypothesis import given
from money_inputs import EVENING, FULL_LOAD, NIGHT, charged, micro, public_tariff, session, stays, terms
from msgspec.structs import replace

from server.core.contract import ContractKind, Payout
from server.core.projection import Gain, Uncertainty, estimate, gain, worth_delaying
from server.core.settlement import settle
from shared.sessions import Delay, MoneyRange

HOUR = timedelta(hours=1)
SURE = Uncertainty(now=EVENING)
PLANNED = {"plan_accepted": False}


# --- delay or not ---------------------------------------------------------------------


def test_a_valley_that_pays_is_worth_waiting_for_before_the_station_has_said_yes():
    plan = session(**PLANNED)
    assert gain(plan) == Gain(120, 0, 0)
    assert worth_delaying(plan) is Delay.MANAGED


def test_nobody_is_delayed_without_consent_or_control():
    assert worth_delaying(session(consent=False)) is Delay.NO_CONSENT
    assert worth_delaying(session(delay=Delay.NOT_CONTROLLABLE)) is Delay.NOT_CONTROLLABLE


@pytest.mark.parametrize(
    "changes",
    [
        {"terms": terms(ContractKind.HOME_FIXED, partner=False), "driver_prices": [280_000] * 52},
        {"terms": terms(payout=Payout.DROP), "metered_wh": charged(52, 32, [2_750])},
        {"metered_wh": charged(52, 32, [1_500])},
        {"market": micro([[52, 80]]), "metered_wh": charged(52, 32, FULL_LOAD)},
        {"market": None, "metered_wh": charged(52, 32, FULL_LOAD)},
    ],
)
def test_where_nobody_pays_and_nothing_is_saved_the_car_charges_at_once(changes):
    assert worth_delaying(session(**changes)) is Delay.NOTHING_TO_GAIN


def test_a_time_fee_above_the_cashback_makes_the_car_charge_at_once():
    dear = session(public_tariff=public_tariff(time_micro_per_hour=600_000))
    cheap = session(public_tariff=public_tariff(time_micro_per_hour=100_000))
    assert gain(dear) == Gain(120, -480, 0)
    assert worth_delaying(dear) is Delay.WOULD_COST_MORE
    assert gain(cheap).total_minor == 40
    assert worth_delaying(cheap) is Delay.MANAGED


def test_a_dear_own_price_in_the_markets_valley_makes_the_car_charge_at_once():
    upside_down = session(terms=terms(ContractKind.HOME_NIGHT), driver_prices=[100_000] * 20 + [500_000] * 32)
    assert (
        worth_delaying(replace(upside_down, terms=terms(ContractKind.HOME_NIGHT, partner=False)))
        is Delay.WOULD_COST_MORE
    )


def test_avoided_idle_fees_alone_are_worth_waiting_for():
    plan = session(terms=terms(partner=False), public_tariff=public_tariff(idle_micro_per_hour=500_000))
    assert gain(plan) == Gain(0, 400, 0)
    assert worth_delaying(plan) is Delay.MANAGED


def test_an_employer_that_saves_has_its_cars_moved_though_the_driver_gets_nothing():
    plan = session(terms=terms(ContractKind.FLEET, partner=False))
    assert gain(plan) == Gain(0, 0, 240)
    assert worth_delaying(plan) is Delay.MANAGED


@given(stay=stays())
def test_a_car_is_never_delayed_where_its_driver_would_pay_more_than_at_once(stay):
    if stay.terms.kind is ContractKind.FLEET or worth_delaying(stay) is not Delay.MANAGED:
        return
    result = settle(stay)
    assert result.goodwill_minor <= 1  # the rounding of two bills at home
    if result.fee_terms:
        assert result.driver_cost.total_minor - result.split.driver_minor < result.driver_cost_at_once.total_minor


# --- ranges ---------------------------------------------------------------------------


def test_a_range_without_doubt_is_the_settlement_itself():
    expected = estimate(session(**PLANNED), SURE)
    assert expected.cashback == MoneyRange(120, 120)
    assert expected.savings == MoneyRange(0, 0)


def test_a_range_for_a_driver_without_consent_is_nothing():
    plan = session(consent=False, delay=Delay.NO_CONSENT, plan_accepted=False)
    assert estimate(plan, SURE).cashback == MoneyRange(0, 0)


def test_less_or_more_energy_widens_the_range():
    doubt = Uncertainty(now=EVENING, energy_low_bps=8_000, energy_high_bps=11_000)
    assert estimate(session(), doubt).cashback == MoneyRange(96, 132)


def test_what_the_meter_has_seen_is_not_in_doubt():
    done = Uncertainty(now=EVENING + 12 * HOUR, energy_low_bps=0, energy_high_bps=20_000)
    assert estimate(session(), done).cashback == MoneyRange(120, 120)
    halfway = Uncertainty(now=EVENING + 9 * HOUR, energy_low_bps=0)
    assert estimate(session(), halfway).cashback == MoneyRange(66, 120)


def test_an_early_departure_keeps_what_was_charged_by_then():
    leaves = Uncertainty(now=EVENING, earliest=EVENING + 9 * HOUR)
    assert estimate(session(), leaves).cashback == MoneyRange(66, 120)
    stays_on = Uncertainty(now=EVENING, earliest=EVENING + 13 * HOUR)
    assert estimate(session(), stays_on).cashback == MoneyRange(120, 120)


def test_prices_that_nobody_has_published_widen_the_range():
    doubt = Uncertainty(now=EVENING, price_bps=2_500)
    assert estimate(session(qualities=["ESTIMATED"] * 52), doubt).cashback == MoneyRange(90, 150)
    assert estimate(session(qualities=["FINAL"] * 52), doubt).cashback == MoneyRange(120, 120)
    assert estimate(session(), doubt).cashback == MoneyRange(120, 120)


def test_a_dynamic_tariff_follows_the_market_and_a_fixed_one_does_not():
    doubt, unsure = Uncertainty(now=EVENING, price_bps=2_500), ["FORECAST"] * 52
    own = [price + 100_000 for price in micro(NIGHT)]
    dynamic = session(terms=terms(ContractKind.HOME_DYNAMIC), driver_prices=own, qualities=unsure)
    night = session(
        terms=terms(ContractKind.HOME_NIGHT), driver_prices=[300_000] * 20 + [240_000] * 32, qualities=unsure
    )
    assert estimate(dynamic, doubt).savings == MoneyRange(180, 300)
    assert estimate(night, doubt).savings == MoneyRange(120, 120)
    assert estimate(replace(dynamic, driver_prices=None), doubt).savings == MoneyRange(180, 300)


def test_without_prices_there_is_no_range_to_promise():
    doubt = Uncertainty(now=EVENING, price_bps=2_500, energy_high_bps=12_000)
    plan = session(market=None, metered_wh=charged(52, 32, FULL_LOAD), qualities=["ESTIMATED"] * 52)
    assert estimate(plan, doubt).cashback == MoneyRange(0, 0)


@given(stay=stays())
def test_a_range_holds_what_the_plan_itself_would_bring(stay):
    doubt = Uncertainty(now=EVENING, energy_low_bps=7_000, energy_high_bps=12_000, earliest=EVENING + HOUR)
    expected, result = estimate(stay, doubt), settle(stay)
    assert expected.cashback.low_minor <= result.split.driver_minor <= expected.cashback.high_minor
    assert expected.savings.low_minor <= result.savings_minor <= expected.savings.high_minor

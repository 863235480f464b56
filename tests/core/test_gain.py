"""Whether a car is delayed, and why not: never where its driver would pay for waiting."""

from datetime import timedelta

import pytest
from hypothesis import given
from money_inputs import EVENING, FULL_LOAD, NIGHT, charged, micro, public_tariff, session, stays, terms
from msgspec.structs import replace

from server.core.contract import ContractKind, Payout
from server.core.gain import Gain, Outlook, decide, gain, verdict
from server.core.settlement import settle
from server.core.timegrid import Grid
from shared.sessions import Delay

HOUR = timedelta(hours=1)
PLANNED = {"plan_accepted": False}


def test_a_valley_that_pays_is_worth_waiting_for_before_the_station_has_said_yes():
    plan = session(**PLANNED)
    assert gain(plan) == Gain(120, 0, 0)
    assert verdict(plan) is Delay.MANAGED


def test_nobody_is_delayed_without_consent_or_control():
    assert verdict(session(consent=False)) is Delay.NO_CONSENT
    assert verdict(session(delay=Delay.NOT_CONTROLLABLE)) is Delay.NOT_CONTROLLABLE


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
    assert verdict(session(**changes)) is Delay.NOTHING_TO_GAIN


def test_a_time_fee_above_the_cashback_makes_the_car_charge_at_once():
    dear = session(public_tariff=public_tariff(time_micro_per_hour=600_000))
    cheap = session(public_tariff=public_tariff(time_micro_per_hour=100_000))
    assert gain(dear) == Gain(120, -480, 0)
    assert verdict(dear) is Delay.WOULD_COST_MORE
    assert gain(cheap).total_minor == 40
    assert verdict(cheap) is Delay.MANAGED


def test_a_dear_own_price_in_the_markets_valley_makes_the_car_charge_at_once():
    upside_down = session(terms=terms(ContractKind.HOME_NIGHT), driver_prices=[100_000] * 20 + [500_000] * 32)
    assert verdict(replace(upside_down, terms=terms(ContractKind.HOME_NIGHT, partner=False))) is Delay.WOULD_COST_MORE


def test_avoided_idle_fees_alone_are_worth_waiting_for():
    plan = session(terms=terms(partner=False), public_tariff=public_tariff(idle_micro_per_hour=500_000))
    assert gain(plan) == Gain(0, 400, 0)
    assert verdict(plan) is Delay.MANAGED


def test_an_employer_that_saves_has_its_cars_moved_though_the_driver_gets_nothing():
    plan = session(terms=terms(ContractKind.FLEET, partner=False))
    assert gain(plan) == Gain(0, 0, 240)
    assert verdict(plan) is Delay.MANAGED


@given(stay=stays())
def test_a_car_is_never_delayed_where_its_driver_would_pay_more_than_at_once(stay):
    if stay.terms.kind is ContractKind.FLEET or verdict(stay) is not Delay.MANAGED:
        return
    result = settle(stay)
    assert result.goodwill_minor <= 1  # the rounding of two bills at home
    if result.fee_terms:
        assert result.driver_cost.total_minor - result.split.driver_minor < result.driver_cost_at_once.total_minor


# --- what is still to come ---------------------------------------------------------------


def outlook(**changes):
    """The plain night from 18:10 on, all of it still to come."""
    plain = Outlook(
        grid=Grid(EVENING, 52),
        now=EVENING + HOUR / 6,
        planned_wh=charged(52, 32, FULL_LOAD),
        market=micro(NIGHT),
        driver_prices=None,
        terms=terms(),
        public_tariff=None,
        reference_power_w=11_000,
        leaves_at=EVENING + 12 * HOUR,
    )
    return replace(plain, **changes)


def test_what_is_still_to_come_is_judged_like_a_session_of_its_own():
    assert decide(outlook()) is Delay.MANAGED
    dear = outlook(public_tariff=public_tariff(time_micro_per_hour=600_000))
    assert decide(dear) is Delay.WOULD_COST_MORE


def test_a_small_rest_of_a_large_session_is_still_worth_moving():
    rest = outlook(planned_wh=charged(52, 32, [1_500]))
    assert decide(rest) is Delay.NOTHING_TO_GAIN
    assert decide(replace(rest, delivered_wh=500)) is Delay.MANAGED


def test_a_departure_that_has_passed_does_not_cut_the_plan():
    late = outlook(leaves_at=EVENING)
    assert decide(late) is Delay.MANAGED
    assert decide(replace(late, planned_wh=[0] * 52)) is Delay.NOTHING_TO_GAIN

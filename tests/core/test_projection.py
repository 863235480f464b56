"""Ranges before and during a session, from the settlement itself."""

from datetime import timedelta

from hypothesis import given
from money_inputs import EVENING, FULL_LOAD, NIGHT, charged, micro, session, stays, terms
from msgspec.structs import replace

from server.core.contract import ContractKind
from server.core.projection import Uncertainty, estimate
from server.core.settlement import settle
from shared.sessions import Delay, MoneyRange

HOUR = timedelta(hours=1)
SURE = Uncertainty(now=EVENING)
PLANNED = {"plan_accepted": False}


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

"""What "charge now" costs, shown before the tap, holds to the cent."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from money_inputs import EVENING, FULL_LOAD, charged, public_tariff, session, stays, terms
from msgspec.structs import replace

from server.core.contract import ContractKind
from server.core.override import OverrideCost, benefit_minor, override_cost
from server.core.settlement import settle
from shared.sessions import Delay

AT_EIGHT = {
    "metered_wh": charged(52, 8, FULL_LOAD),
    "delay": Delay.OVERRIDDEN,
    "overrides": [EVENING + timedelta(hours=2)],
}


def both(**changes):
    return session(**changes), session(**{**changes, **AT_EIGHT})


def test_an_override_costs_the_cashback_that_is_forgone():
    assert override_cost(*both()) == OverrideCost(120 - 23, 120, 23, 0, 0, 0, 0)


def test_an_override_costs_the_savings_that_are_forgone():
    quote = override_cost(*both(terms=terms(ContractKind.HOME_DYNAMIC)))
    assert quote == OverrideCost(195, 0, 0, 240, 45, 0, 0)


def test_idle_fees_that_an_override_brings_are_part_of_its_cost():
    keep, now = both(public_tariff=public_tariff(idle_micro_per_hour=100_000))
    quote = override_cost(keep, now)
    assert quote.fees_change_minor == 60  # six hours earlier at 0.10 an hour
    assert quote.cost_minor == 97 + 60


def test_goodwill_at_a_dear_hour_makes_an_override_cheaper_and_is_said():
    dear_evening = public_tariff(("20:00", "23:00", 90), ("00:00", "24:00", 50))
    quote = override_cost(*both(public_tariff=dear_evening, terms=terms(ContractKind.PUBLIC_TIMED)))
    assert quote.goodwill_change_minor > 0
    forgone = quote.cashback_before_minor - quote.cashback_after_minor
    assert quote.savings_before_minor - quote.savings_after_minor == 800
    assert quote.cost_minor == forgone + 800 + quote.fees_change_minor - quote.goodwill_change_minor


def test_energy_that_only_an_override_delivers_is_not_a_cost():
    keep, now = both(terms=terms(ContractKind.HOME_FIXED), driver_prices=[280_000] * 52)
    short = replace(keep, metered_wh=charged(52, 32, [2_750] * 4))
    assert override_cost(short, now).cost_minor == 66 - 23


def test_a_quote_before_the_station_has_said_yes_is_the_same():
    keep, now = both()
    early = override_cost(replace(keep, plan_accepted=False), replace(now, plan_accepted=False))
    assert early == override_cost(keep, now)


@given(stay=stays(), data=st.data())
def test_the_quote_is_what_the_two_settlements_differ_by_to_the_cent(stay, data):
    hurried = replace(stay, metered_wh=data.draw(st.permutations(stay.metered_wh)), delay=Delay.OVERRIDDEN)
    quote, kept, now = override_cost(stay, hurried), settle(stay), settle(hurried)
    assert quote.cost_minor == benefit_minor(kept) - benefit_minor(now)
    if kept.fee_terms:
        paid_kept = kept.driver_cost.total_minor - kept.split.driver_minor - kept.goodwill_minor
        paid_now = now.driver_cost.total_minor - now.split.driver_minor - now.goodwill_minor
        assert quote.cost_minor == paid_now - paid_kept

"""Why a session earns no cashback."""

from money_inputs import terms
from msgspec.structs import replace

from server.core.contract import ContractKind
from server.core.eligibility import Conduct, Reason, reasons_against, window_too_short
from shared.sessions import Delay

FINE = Conduct(
    energy_wh=2_000,
    consent=True,
    plan_accepted=True,
    delay=Delay.MANAGED,
    has_prices=True,
    meter_valid=True,
    gap_share_bps=0,
    same_account=False,
)


def test_nothing_speaks_against_a_managed_session_or_an_overridden_one():
    for delay in (Delay.MANAGED, Delay.OVERRIDDEN, Delay.WINDOW_TOO_SHORT):
        assert reasons_against(replace(FINE, delay=delay), terms()) == []


def test_all_reasons_are_said_in_their_order():
    worst = Conduct(
        energy_wh=0,
        consent=False,
        plan_accepted=False,
        delay=Delay.NOT_CONTROLLABLE,
        has_prices=False,
        meter_valid=False,
        gap_share_bps=10_000,
        same_account=True,
    )
    said = reasons_against(worst, terms(partner=False))
    assert said == list(Reason)[:9]


def test_a_dynamic_home_needs_no_partner_to_save_on_its_own_bill():
    assert reasons_against(FINE, terms(ContractKind.HOME_DYNAMIC, partner=False)) == [Reason.OWN_BILL]


def test_a_window_is_too_short_below_one_and_a_quarter_of_the_charge():
    assert window_too_short(4_499, 11_000, 11_000)
    assert not window_too_short(4_500, 11_000, 11_000)

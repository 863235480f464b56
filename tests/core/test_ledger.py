"""The ledger: balanced, append-only, and deaf to repeats."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from money_inputs import DRIVER, FUNDER, OPERATOR, PROVIDER, SESSION, terms
from msgspec.structs import replace

from server.core import ledger
from server.core.cashback import split
from server.core.contract import Payout
from server.core.ledger import Kind, SessionPosting, Transfer, balances, close_account, correction, entry_for_settlement
from server.core.session import Refused

CENT = 10_000_000
CLOSED = datetime(2026, 2, 1, tzinfo=UTC)


def posting(pool_nano=240 * CENT, pending=0, payout=Payout.ACCUMULATE, **changes):
    plain = SessionPosting(
        session_id=SESSION,
        account_id=DRIVER,
        operator_id=OPERATOR,
        provider_id=PROVIDER,
        funder_id=FUNDER,
        currency="EUR",
        split=split(pool_nano, terms(payout=payout), pending),
    )
    return replace(plain, **changes)


def kinds(entry):
    return {transfer.kind: (transfer.debit, transfer.credit, transfer.amount_minor) for transfer in entry.transfers}


def test_a_settled_session_pays_driver_operator_and_provider_from_where_the_value_landed():
    entry = entry_for_settlement(posting())
    assert balances(entry.transfers) == {
        f"valley:{FUNDER}": -240,
        f"wallet:{DRIVER}": 120,
        f"operator:{OPERATOR}": 72,
        f"provider:{PROVIDER}": 48,
    }


def test_a_small_share_waits_as_pending_until_it_is_released():
    first = entry_for_settlement(posting(20 * CENT))
    second = entry_for_settlement(posting(20 * CENT, pending=10, session_id=FUNDER))
    assert kinds(first)[Kind.PENDING] == (f"valley:{FUNDER}", f"pending:{DRIVER}", 10)
    assert kinds(second)[Kind.PENDING_RELEASED] == (f"pending:{DRIVER}", f"wallet:{DRIVER}", 10)
    after = balances([*first.transfers, *second.transfers])
    assert (after[f"wallet:{DRIVER}"], after[f"pending:{DRIVER}"]) == (20, 0)


def test_what_a_capped_payment_leaves_stays_pending():
    entry = entry_for_settlement(posting(1_990 * CENT, pending=15))
    assert kinds(entry)[Kind.CASHBACK][2] + kinds(entry)[Kind.PENDING_RELEASED][2] == 1_000


def test_a_loss_is_paid_by_operator_and_provider():
    entry = entry_for_settlement(posting(-35 * CENT))
    assert kinds(entry) == {
        Kind.OPERATOR_SHARE: (f"operator:{OPERATOR}", f"valley:{FUNDER}", 21),
        Kind.PROVIDER_SHARE: (f"provider:{PROVIDER}", f"valley:{FUNDER}", 14),
    }


def test_public_charging_is_owed_apart_from_the_wallet_and_goodwill_comes_from_the_provider():
    entry = entry_for_settlement(posting(split=None, charge_minor=1_150, goodwill_minor=7))
    assert kinds(entry) == {
        Kind.CHARGE: (f"receivable:{DRIVER}", f"payable:{OPERATOR}", 1_150),
        Kind.GOODWILL: (f"provider:{PROVIDER}", f"wallet:{DRIVER}", 7),
    }


def test_a_session_without_money_posts_nothing():
    assert entry_for_settlement(posting(0)).transfers == ()
    assert balances([]) == {}


def test_settling_twice_posts_once():
    entry = entry_for_settlement(posting())
    posted = {transfer.id: transfer for transfer in entry.transfers}
    assert ledger.post({}, entry) == entry.transfers
    assert ledger.post(posted, entry_for_settlement(posting())) == ()


def test_the_same_id_with_another_amount_is_refused():
    entry = entry_for_settlement(posting())
    posted = {transfer.id: transfer for transfer in entry.transfers}
    refused = ledger.post(posted, entry_for_settlement(posting(300 * CENT)))
    assert isinstance(refused, Refused)
    assert refused.code == "ledger_conflict"


def test_a_correction_is_a_new_entry_that_leaves_what_is_due():
    posted, right = entry_for_settlement(posting()), posting(20 * CENT, charge_minor=500)
    due = entry_for_settlement(right)
    delta = correction(right, 2, posted.transfers, 0)
    assert delta.id != posted.id
    assert {transfer.kind for transfer in delta.transfers} == {Kind.CORRECTION}
    now = balances([*posted.transfers, *delta.transfers])
    assert {name: amount for name, amount in now.items() if amount} == balances(due.transfers)
    again = correction(right, 3, [*posted.transfers, *delta.transfers], 10)
    assert again.transfers == ()
    assert correction(posting(split=None), 4, [], 0).transfers == ()


def test_a_correction_takes_from_the_wallet_what_was_pending_and_has_been_paid_out():
    wrong, right = posting(20 * CENT), posting(8 * CENT)
    posted = entry_for_settlement(wrong)
    paid = close_account(DRIVER, posted.transfers, "EUR", CLOSED)  # ten cents, gone to the wallet
    delta = correction(right, 2, posted.transfers, 0)
    now = balances([*posted.transfers, *paid.transfers, *delta.transfers])
    assert (now[f"pending:{DRIVER}"], now[f"wallet:{DRIVER}"]) == (0, 4)


def test_closing_an_account_pays_what_is_pending_and_closing_twice_pays_once():
    entry = entry_for_settlement(posting(20 * CENT))
    closing = close_account(DRIVER, entry.transfers, "EUR", CLOSED)
    assert kinds(closing) == {Kind.PENDING_RELEASED: (f"pending:{DRIVER}", f"wallet:{DRIVER}", 10)}
    both = [*entry.transfers, *closing.transfers]
    assert close_account(DRIVER, both, "EUR", CLOSED).transfers == ()
    assert close_account(DRIVER, both, "SEK", CLOSED).transfers == ()


def test_a_transfer_of_nothing_or_to_itself_cannot_be():
    for debit, credit, amount in (("a", "b", 0), ("a", "b", -1), ("a", "a", 5)):
        with pytest.raises(AssertionError):
            Transfer(SESSION, SESSION, debit, credit, amount, "EUR", Kind.CHARGE)


def test_two_currencies_do_not_add_up():
    euro = Transfer(SESSION, SESSION, "a", "b", 1, "EUR", Kind.CHARGE)
    with pytest.raises(AssertionError):
        balances([euro, replace(euro, currency="SEK")])


POOLS = st.integers(-(10**10), 10**11)


@given(pools=st.lists(POOLS, max_size=12), policy=st.sampled_from(Payout), repeat=st.integers(1, 3))
def test_a_driver_is_owed_exactly_what_the_shares_say_and_the_ledger_sums_to_zero(pools, policy, repeat):
    posted, pending, earned = {}, 0, 0
    for number, pool in enumerate(pools):
        due = posting(pool, pending, policy, session_id=UUID(int=number), charge_minor=number, goodwill_minor=number)
        for _ in range(repeat):
            fresh = ledger.post(posted, entry_for_settlement(due))
            assert not isinstance(fresh, Refused)
            posted |= {transfer.id: transfer for transfer in fresh}
        pending, earned = due.split.pending_after_minor, earned + due.split.driver_minor + number
        now = balances(posted.values())
        assert now.get(f"pending:{DRIVER}", 0) == pending
    now = balances(posted.values())
    assert sum(now.values()) == 0
    assert now.get(f"pending:{DRIVER}", 0) + now.get(f"wallet:{DRIVER}", 0) == earned


@given(before=POOLS, after=POOLS, charge=st.integers(0, 5_000))
def test_any_correction_ends_where_settling_right_at_first_would_have(before, after, charge):
    posted, right = entry_for_settlement(posting(before)), posting(after, charge_minor=charge)
    due, left = entry_for_settlement(right), balances(posted.transfers).get(f"pending:{DRIVER}", 0)
    delta = correction(right, 2, posted.transfers, left)
    now = balances([*posted.transfers, *delta.transfers])
    assert {name: amount for name, amount in now.items() if amount} == balances(due.transfers)
    assert len({transfer.id for transfer in delta.transfers}) == len(delta.transfers)

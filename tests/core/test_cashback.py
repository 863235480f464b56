"""The split of the net value: to the cent, capped, never against the driver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from money_inputs import terms

from server.core.cashback import is_below_least, split
from server.core.contract import Payout
from shared.units import NANO_PER_MINOR, minor_half_up

CENT = NANO_PER_MINOR
POOLS = st.integers(-(10**11), 10**11)
PENDING = st.integers(0, 19)
POLICIES = st.sampled_from([Payout.ACCUMULATE, Payout.DROP])


def test_a_small_share_is_pending_and_paid_once_the_sum_reaches_the_least_payout():
    first = split(20 * CENT, terms(), 0)
    second = split(20 * CENT, terms(), first.pending_after_minor)
    assert (first.driver_minor, first.paid_minor, first.pending_after_minor) == (10, 0, 10)
    assert (first.operator_minor, first.provider_minor) == (6, 4)
    assert (second.driver_minor, second.paid_minor, second.pending_after_minor) == (10, 20, 0)
    assert is_below_least(first)


def test_a_share_of_its_own_is_paid_with_what_was_pending():
    assert split(100 * CENT, terms(), 19).paid_minor == 69


def test_a_payment_never_exceeds_the_cap_and_what_does_stays_pending():
    shares = split(4_000 * CENT, terms(), 15)
    assert shares.capped
    assert (shares.driver_minor, shares.paid_minor, shares.pending_after_minor) == (1000, 1000, 15)
    nearly = split(1_990 * CENT, terms(), 15)
    assert (nearly.driver_minor, nearly.paid_minor, nearly.pending_after_minor) == (995, 1000, 10)


def test_exactly_the_cap_is_not_capped():
    assert not split(2_000 * CENT, terms(), 0).capped


def test_dropping_leaves_earlier_pending_alone():
    shares = split(20 * CENT, terms(payout=Payout.DROP), 12)
    assert (shares.driver_minor, shares.paid_minor, shares.pending_after_minor) == (0, 0, 12)


@pytest.mark.parametrize(("pool", "pending", "paid"), [(20, 0, 10), (0, 7, 7), (-9, 3, 3), (4_000, 15, 1_015)])
def test_where_an_account_is_closed_nothing_waits(pool, pending, paid):
    shares = split(pool * CENT, terms(payout=Payout.AT_ONCE), pending)
    assert (shares.paid_minor, shares.pending_after_minor, shares.policy) == (paid, 0, "AT_ONCE")
    assert shares.driver_minor == split(pool * CENT, terms(), pending).driver_minor


def test_half_a_cent_goes_to_the_driver():
    assert split(45 * CENT, terms(), 0).driver_minor == 23
    assert split(45 * CENT - 1, terms(), 0).driver_minor == 22


def test_a_loss_is_split_by_the_other_two():
    shares = split(-35 * CENT, terms(), 5)
    assert (shares.driver_minor, shares.operator_minor, shares.provider_minor) == (0, -21, -14)
    assert shares.pending_after_minor == 5


def test_where_the_driver_gets_all_the_provider_bears_the_losses():
    generous = terms(share_driver_bps=10_000, share_operator_bps=0, share_provider_bps=0)
    assert split(50 * CENT, generous, 0).driver_minor == 50
    assert split(-50 * CENT, generous, 0).provider_minor == -50


def test_pending_owed_by_a_driver_is_a_broken_assumption():
    with pytest.raises(AssertionError):
        split(0, terms(), -1)


@given(pool=POOLS, pending=PENDING, policy=POLICIES)
def test_shares_always_add_up_to_the_rounded_pool(pool, pending, policy):
    shares = split(pool, terms(payout=policy), pending)
    assert shares.driver_minor + shares.operator_minor + shares.provider_minor == minor_half_up(pool)


@given(pool=POOLS, pending=PENDING, policy=POLICIES)
def test_what_is_paid_is_nothing_or_between_the_least_payout_and_the_cap(pool, pending, policy):
    shares = split(pool, terms(payout=policy), pending)
    assert shares.paid_minor == 0 or 20 <= shares.paid_minor <= 1000
    assert shares.driver_minor == 0 or pool > 0
    if policy is Payout.DROP:
        assert shares.driver_minor == 0 or 20 <= shares.driver_minor <= 1000


@given(pool=POOLS, pending=PENDING, policy=POLICIES)
def test_nothing_that_the_driver_earned_is_lost(pool, pending, policy):
    shares = split(pool, terms(payout=policy), pending)
    assert shares.pending_before_minor + shares.driver_minor == shares.paid_minor + shares.pending_after_minor
    assert 0 <= shares.pending_after_minor < 20


@given(pool=POOLS, more=st.integers(0, 10**10))
def test_more_value_never_means_less_cashback(pool, more):
    assert split(pool, terms(), 0).driver_minor <= split(pool + more, terms(), 0).driver_minor

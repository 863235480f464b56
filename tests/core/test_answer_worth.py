"""What an answer is worth: by hand on three slots, never less than nothing, and nothing where it changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.answer_worth import Stake, answer_worth_nano, drivers_minor
from server.core.contract import ContractKind, ContractTerms


def stake(**change):
    said = {
        "prices": [300_000, 200_000, 100_000],
        "survival": [1.0, 1.0, 0.5],
        "planned_wh": [0, 1_000, 0],
        "room_wh": [1_000] * 3,
        "energy_wh": 1_000,
        "floor_wh": 0,
        "missing_micro": 300_000,
    }
    return Stake(**{**said, **change})


def test_by_hand():
    # Half the time the car leaves in the third slot: then the plan was right, at 0.20. Else 0.10 was to be had.
    assert answer_worth_nano(stake()) == pytest.approx(0.5 * 100_000 * 1_000)


def test_a_plan_that_waits_in_vain_pays_later_for_what_is_missing():
    # It leaves in the third slot (half): 0.20 was to be had instead of 0.30 later; else the plan was the best one.
    assert answer_worth_nano(stake(planned_wh=[0, 0, 1_000])) == pytest.approx(0.5 * 100_000 * 1_000)


def test_what_comes_first_comes_first_whatever_is_known():
    first = stake(planned_wh=[1_000, 0, 0], floor_wh=1_000)
    assert answer_worth_nano(first) == pytest.approx(0)


def test_who_stays_for_certain_has_nothing_to_say():
    assert answer_worth_nano(stake(survival=[1.0] * 3, planned_wh=[0, 0, 1_000])) == pytest.approx(0)


def test_the_driver_is_told_of_the_own_share():
    large = stake(energy_wh=10_000, room_wh=[10_000] * 3, planned_wh=[0, 10_000, 0])
    assert drivers_minor(large, ContractTerms(ContractKind.HOME_DYNAMIC)) == 50
    assert drivers_minor(large, ContractTerms(ContractKind.HOME_FIXED)) == 25


@given(
    prices=st.lists(st.integers(-200_000, 900_000), min_size=4, max_size=4),
    chances=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    planned=st.permutations([0, 0, 1_000, 500]),
)
def test_to_know_is_never_worth_less_than_nothing_where_charging_pays(prices, chances, planned):
    """Where each slot is cheaper than energy that is missing, the best plan for a departure beats any other."""
    asked = stake(
        prices=prices,
        survival=sorted(chances, reverse=True),
        planned_wh=planned,
        room_wh=[1_000] * 4,
        energy_wh=1_500,
        missing_micro=max(prices),
    )
    assert answer_worth_nano(asked) >= -1e-3

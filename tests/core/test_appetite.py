from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import appetite as core
from server.core.appetite import EDGES_WH, MOST_WH, STEP_WH, Meals, after, appetite, at_most, certain

NOW = 1_711_584_000
DAY = 86_400
NOBODY = Meals(*[np.empty(0, dtype=np.int64)] * 3)


def meals(energies, hours=12):
    count = len(energies)
    ended = NOW - DAY * np.arange(count, 0, -1, dtype=np.int64)
    return Meals(np.array(energies, dtype=np.int64), ended, np.full(count, hours * 3_600, dtype=np.int64))


many = st.lists(st.integers(1, 150_000), max_size=30).map(meals)


@given(own=many, prior=many)
def test_the_chance_falls_from_one_to_nothing(own, prior):
    chance = appetite(own, prior, NOW).chance
    assert len(chance) == len(EDGES_WH)
    assert chance[0] == pytest.approx(1.0)
    assert (np.diff(chance) <= 1e-12).all()
    assert (chance >= 0).all()


@given(own=many, prior=many, delivered=st.integers(0, 120_000), elapsed=st.integers(0, 10**6))
def test_who_still_draws_still_wants_something(own, prior, delivered, elapsed):
    left = after(appetite(own, prior, NOW), delivered, elapsed)
    assert left.chance[0] == pytest.approx(1.0)
    assert (np.diff(left.chance) <= 1e-12).all()
    assert left.behind_wh >= 0
    assert left.most_wh > 0


@given(own=many, prior=many, offered=st.lists(st.integers(0, MOST_WH), min_size=2, max_size=2))
def test_more_offered_is_more_taken_but_never_more_than_offered(own, prior, offered):
    less, more = appetite(own, prior, NOW).taken_wh(np.array(sorted(offered), dtype=np.float64))
    assert 0 <= less <= more + 1e-9
    assert more <= max(offered) + 1e-6


def suffices_wh(wanted, share):
    """What is enough in this share of all cases."""
    return STEP_WH * int(np.count_nonzero(wanted.chance > 1.0 - share))


def test_a_newcomer_wants_what_others_want_and_habits_outweigh_them():
    others, own = meals([20_000] * 30), meals([6_000] * 30)
    assert suffices_wh(appetite(NOBODY, others, NOW), 0.5) == 20_000
    assert suffices_wh(appetite(own, others, NOW), 0.8) == 6_000
    assert appetite(NOBODY, NOBODY, NOW).chance[48] == pytest.approx(np.exp(-1))


def test_nobody_is_left_short_of_more_than_the_car_could_have_drawn():
    slow = appetite(meals([7_200] * 10, hours=2), NOBODY, NOW)
    assert slow.rate_w == 3_600
    assert list(slow.could_take_wh(np.array([0.0, 1_800.0]))) == [0.0, 1_800.0]
    later = after(slow, delivered_wh=1_000, elapsed_s=3_600)
    assert later.behind_wh == 2_600
    assert appetite(meals([2_000]), NOBODY, NOW).rate_w == 7_400


def test_a_stay_that_was_cut_short_counts_half():
    hours = np.array([12, 1], dtype=np.int64) * 3_600
    two = Meals(np.array([10_000, 3_600], dtype=np.int64), np.array([NOW, NOW], dtype=np.int64), hours)
    # 1.5 sessions of nobody's guess, one whole stay, and half a one that a driver ended at full power.
    two_and_slow = Meals(*[np.concatenate([column, column[:1]]) for column in (two.energy_wh, two.ended_s, two.stay_s)])
    chance = appetite(two_and_slow, NOBODY, NOW).chance
    assert chance[20] == pytest.approx((1.5 * np.exp(-5_000 / 12_000) + 2) / (1.5 + 2.5))


def test_what_somebody_says_is_exact_and_a_battery_ends_every_wish():
    assert suffices_wh(certain(7_000), 0.9) == 7_000
    assert certain(7_000).most_wh == 7_000
    small = at_most(appetite(NOBODY, meals([60_000] * 5), NOW), 30_000)
    assert small.most_wh == 30_000


def test_sessions_become_columns_in_the_order_of_their_end():
    start = datetime(2026, 3, 1, 18, tzinfo=UTC)
    found = core.meals([(5_000, start, start + timedelta(days=2)), (7_000, start, start + timedelta(hours=12))])
    assert list(found.energy_wh) == [7_000, 5_000]
    assert list(found.stay_s) == [12 * 3_600, 48 * 3_600]
    assert len(core.meals([]).ended_s) == 0

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.dial import AIM, FIRST_RISK_EUR, LEAST, MOST, PROMISE, SHORT_WH, Dial, after, balance, risk_eur


def test_the_stops_promise_what_the_driver_is_told():
    assert PROMISE == {Dial.SURE: 0.01, Dial.BALANCED: 0.03, Dial.CHEAP: 0.08}
    assert FIRST_RISK_EUR[Dial.SURE] > FIRST_RISK_EUR[Dial.BALANCED] > FIRST_RISK_EUR[Dial.CHEAP]
    assert risk_eur(Dial.SURE, 0.0) == FIRST_RISK_EUR[Dial.SURE]
    assert risk_eur(Dial.SURE, 0.0, first_eur=2.0) == 2.0


@given(dial=st.sampled_from(Dial), missing=st.lists(st.integers(0, 50_000)))
def test_each_short_session_makes_the_next_plans_more_careful_and_each_good_one_bolder(dial, missing):
    now = balance(dial, missing)
    assert LEAST <= now <= MOST
    assert after(dial, now, SHORT_WH + 1) >= now >= after(dial, now, SHORT_WH)
    assert risk_eur(dial, after(dial, now, SHORT_WH + 1)) >= risk_eur(dial, now) > 0


def test_years_without_trouble_excuse_no_more_than_eight_sessions():
    assert balance(Dial.SURE, [0] * 5_000) == LEAST
    assert balance(Dial.SURE, [0] * 5_000 + [9_000] * 9) > 0


@pytest.mark.parametrize("dial", Dial)
@pytest.mark.parametrize("wrong_by", [0.3, 1.0, 4.0])
def test_a_promise_is_kept_by_homes_whose_forecast_is_wrong_by_a_factor(dial, wrong_by):
    """Where a session is short with a chance of wrong_by x promise x first risk / risk, the dial finds its risk."""
    dice, shares, sessions = np.random.default_rng(7), [], 4_000
    for _ in range(10):
        so_far, short = 0.0, 0
        for _ in range(sessions):
            chance = wrong_by * PROMISE[dial] * FIRST_RISK_EUR[dial] / risk_eur(dial, so_far)
            missing = 5_000 if dice.random() < chance else 0
            short += missing > 0
            so_far = after(dial, so_far, missing)
        shares.append(short / sessions)
    assert np.mean(shares) == pytest.approx(AIM * PROMISE[dial], rel=0.25)
    assert np.mean(shares) <= PROMISE[dial] * 1.05

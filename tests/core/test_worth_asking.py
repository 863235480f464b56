import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.worth_asking import worth_it

values = st.lists(st.floats(0, 5), max_size=200)


def walk(worths, share):
    asked = []
    for number, value in enumerate(worths):
        asked.append(worth_it(value, worths[:number], sum(asked), share))
    return asked


@given(worths=values, share=st.floats(0, 1))
def test_drivers_are_never_asked_more_often_than_agreed(worths, share):
    asked = walk(worths, share)
    assert all(sum(asked[:end]) <= share * end + 1e-9 for end in range(1, len(asked) + 1))
    assert not any(one for one, value in zip(asked, worths, strict=True) if value == 0)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_in_the_long_run_the_share_is_used_and_on_what_is_worth_most(share):
    worths = [float(value) for value in np.random.default_rng(3).exponential(1.0, 2_000)]
    asked = np.array(walk(worths, share))
    assert share * 0.9 <= asked.mean() <= share
    worth = np.array(worths)
    best = np.sort(worth)[::-1][: int(share * len(worth))].sum()
    assert worth[asked].sum() >= 0.9 * best
    # Nothing later teaches: the same beginning is asked the same.
    assert walk(worths[:500], share) == list(asked[:500])

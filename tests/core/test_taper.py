"""Near full a car takes less: what its own sessions teach of it."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from server.core.meter import Reading
from server.core.taper import TAIL_MAX_S, learnt, tail_s

START = datetime(2026, 1, 14, 22, tzinfo=UTC)
STEP = timedelta(minutes=5)


def run(*powers_w):
    registers = accumulate((power // 12 for power in powers_w), initial=1_000)
    return [Reading(START + step * STEP, register) for step, register in enumerate(registers)]


def allowed(_):
    return 11_040


def test_a_car_that_stops_at_once_has_no_tail():
    assert tail_s(run(11_040, 11_040, 11_040), allowed) == 0
    assert tail_s([], allowed) == tail_s(run(), allowed) == tail_s(run(0, 0), allowed) == 0


def test_half_the_power_for_ten_minutes_is_five_minutes_more():
    assert abs(tail_s(run(11_040, 11_040, 5_520, 5_520), allowed) - 300) <= 2
    assert abs(tail_s(run(11_040, 11_040, 8_280, 5_520, 0, 0), allowed) - 225) <= 2


def test_what_the_plan_held_back_is_no_taper():
    late = START + 2 * STEP
    assert tail_s(run(11_040, 11_040, 5_520, 5_520), lambda at: 11_040 if at < late else 5_520) == 0
    assert abs(tail_s(run(11_040, 4_140, 11_040, 5_520), allowed) - 150) <= 2  # only the end


def test_half_of_it_is_learnt_anew_each_time():
    assert [learnt(None, 600), learnt(600, 0), learnt(300, 900)] == [600, 300, 600]


@given(st.lists(st.integers(0, 22_000), max_size=40), st.integers(0, 22_000))
def test_it_is_never_negative_nor_longer_than_its_limit(powers, limit):
    assert 0 <= tail_s(run(*powers), lambda _: limit) <= TAIL_MAX_S

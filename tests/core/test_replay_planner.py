from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.replay_planner import Rule, Window, at_once, cheapest, deliver, plan, rooms

START = 1_711_584_000
A3_RULES = Rule.SLOTS, Rule.GAP


def whole(values):
    return np.array(values, dtype=np.int64)


@st.composite
def windows(draw, most=24):
    size = draw(st.integers(1, most))
    falls = sorted(draw(st.lists(st.floats(0.001, 1.0), min_size=size, max_size=size)), reverse=True)
    prices = draw(st.lists(st.integers(-100_000, 500_000), min_size=size, max_size=size))
    room = draw(st.lists(st.integers(0, 2_750), min_size=size, max_size=size))
    return Window(whole(prices), whole(room), np.array(falls))


def test_first_and_last_slot_are_partial_to_the_second():
    assert list(rooms(11_000, START + 600, START + 1_800 + 1)) == [916, 2_750, 3]
    assert int(rooms(11_000, START + 600, START + 1_801).sum()) == 11_000 * 1_201 // 3_600
    assert list(rooms(11_000, START + 60, START + 120)) == [183]


@given(window=windows(), energy=st.integers(0, 60_000), floor=st.integers(0, 10_000), risk=st.floats(0, 10),
       rule=st.sampled_from(A3_RULES))  # fmt: skip
def test_a_plan_holds_the_energy_that_fits_its_floor_first(window, energy, floor, risk, rule):
    planned = plan(rule, window, energy, floor, risk)
    assert (planned >= 0).all()
    assert (planned <= window.room_wh).all()
    assert int(planned.sum()) == min(energy, int(window.room_wh.sum()))
    first = at_once(window.room_wh, min(floor, energy))
    assert (planned >= first).all()


@given(window=windows(), energy=st.integers(1, 20_000), rule=st.sampled_from(A3_RULES))
def test_who_certainly_stays_charges_in_the_cheapest_slots(window, energy, rule):
    certain = Window(window.prices, window.room_wh, np.ones(len(window.prices)))
    planned = plan(rule, certain, energy, 0, 0.0)
    best = cheapest(window.prices, window.room_wh, energy)
    assert int(planned @ window.prices) == int(best @ window.prices)


@given(window=windows(), energy=st.integers(1, 20_000), rule=st.sampled_from(A3_RULES))
def test_a_dial_at_its_end_charges_where_the_car_is_most_certain_to_be(window, energy, rule):
    steep = Window(window.prices, window.room_wh, 0.5 ** np.arange(len(window.prices)))
    planned = plan(rule, steep, energy, 0, 1_000_000.0)
    assert list(planned) == list(at_once(window.room_wh, energy))


@given(window=windows(most=6), energy=st.integers(1, 6), mu=st.floats(0, 2))
def test_the_gap_rule_finds_the_best_of_all_its_plans(window, energy, mu):
    window = Window(window.prices, np.minimum(window.room_wh, 1), window.survival)
    energy = min(energy, int(window.room_wh.sum()))
    if not energy:
        return
    slots = range(len(window.prices))
    baseline = at_once(window.room_wh, energy)
    score = window.survival * (baseline @ window.prices / energy - window.prices)
    before = np.concatenate([[1.0], window.survival])

    def worth(planned, head):
        used = int(np.flatnonzero(planned)[-1])
        gap = 0.0 if (planned == baseline).all() else before[head] - window.survival[used]
        return float(planned @ score) - mu * 1e9 * gap

    values = [worth(baseline, 0)]
    for head, last in combinations_with_replacement(slots, 2):
        planned = np.where(np.arange(len(baseline)) < head, baseline, 0)
        rest = [slot for slot in np.argsort(-score, kind="stable") if head <= slot <= last and window.room_wh[slot]]
        planned[rest[: energy - int(planned.sum())]] = 1
        if int(planned.sum()) == energy:
            values.append(worth(planned, head))
    chosen = plan(Rule.GAP, window, energy, 0, mu)
    heads = [head for head in slots if (chosen[:head] == baseline[:head]).all()]
    assert max(worth(chosen, head) for head in heads) == pytest.approx(max(values), abs=1e-3)


def test_a_plan_that_ends_too_soon_goes_on_until_the_car_is_full():
    room = whole([2_750] * 6)
    assert list(deliver(whole([0, 2_750, 0, 1_000]), room, 8_000)) == [0, 2_750, 0, 2_750, 2_500, 0]
    assert list(deliver(whole([0, 2_750, 0, 1_000]), room, 3_000)) == [0, 2_750, 0, 250, 0, 0]


def test_who_leaves_early_goes_without_the_rest():
    assert list(deliver(whole([0, 0, 2_750, 2_750]), whole([2_750, 2_750, 900]), 5_500)) == [0, 0, 900]


@given(window=windows(), stay=st.integers(1, 24), energy=st.integers(0, 40_000), needed=st.integers(0, 40_000))
def test_a_car_never_takes_more_than_it_needs_or_than_fits(window, stay, energy, needed):
    room = window.room_wh[:stay]
    taken = deliver(plan(Rule.SLOTS, window, energy, 0, 0.1), room, needed)
    assert (taken >= 0).all()
    assert (taken <= room).all()
    assert int(taken.sum()) <= needed

"""One car alone, against every plan there is."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.valley.threshold import Stay, best

POWER = 4  # Wh a slot: so few that all plans can be counted


def stay(cost, *, energy, caps=None, least=0, floor=0):
    slots = len(cost)
    return Stay(
        cost=np.array(cost, np.int64),
        caps=np.array(caps if caps is not None else [POWER] * slots, np.int64),
        least=np.full(slots, least, np.int64),
        energy=energy,
        floor=floor,
    )


def starts(plan):
    used = [bool(energy) for energy in plan]
    return sum(now and not before for now, before in zip(used, [False, *used], strict=False))


def all_plans(one):
    ranges = [[0, *range(max(1, int(least)), int(cap) + 1)] for cap, least in zip(one.caps, one.least, strict=True)]
    return (plan for plan in itertools.product(*ranges) if sum(plan) <= one.energy)


def judged(one, plan):
    return one.energy - sum(plan), int(np.dot(plan, one.cost))


COSTS = st.lists(st.integers(-2, 3), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(COSTS, st.integers(0, 24))
def test_no_plan_serves_more_or_costs_less(cost, energy):
    one = stay(cost, energy=energy)
    assert judged(one, best(one).tolist()) == min(judged(one, plan) for plan in all_plans(one))


@settings(max_examples=150, deadline=None)
@given(COSTS, st.integers(0, 24), st.integers(1, POWER))
def test_no_plan_with_a_least_power_serves_more_or_costs_less(cost, energy, least):
    one = stay(cost, energy=energy, least=least)
    plan = best(one).tolist()
    assert all(slot == 0 or least <= slot <= POWER for slot in plan)
    assert judged(one, plan) == min(judged(one, other) for other in all_plans(one))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=8), st.integers(0, 8))
def test_no_plan_of_equal_cost_has_fewer_starts(cost, full_slots):
    one = stay(cost, energy=POWER * full_slots)
    plan = best(one).tolist()
    equal = [
        [POWER * used for used in on]
        for on in itertools.product((0, 1), repeat=len(cost))
        if judged(one, [POWER * used for used in on]) == judged(one, plan)
    ]
    assert starts(plan) == min(map(starts, equal))


@settings(max_examples=100, deadline=None)
@given(st.data(), COSTS, st.integers(0, 24), st.integers(1, POWER))
def test_slots_of_any_size_are_within_reach_of_the_best_plan(data, cost, energy, least):
    caps = data.draw(st.lists(st.integers(0, POWER), min_size=len(cost), max_size=len(cost)))
    one = stay(cost, energy=energy, caps=caps, least=least)
    plan = best(one).tolist()
    assert sum(plan) <= energy
    assert all(slot == 0 or least <= slot <= cap for slot, cap in zip(plan, caps, strict=True))
    lacking = min(judged(one, other)[0] for other in all_plans(one))
    assert judged(one, plan)[0] <= lacking + least


@settings(max_examples=100, deadline=None)
@given(COSTS, st.integers(0, 24), st.integers(0, 24))
def test_a_floor_is_charged_as_early_as_full_power_allows(cost, energy, floor):
    one = stay(cost, energy=energy, floor=min(energy, floor))
    plan = best(one)
    for slot in range(len(cost)):
        assert plan[: slot + 1].sum() >= min(one.floor, POWER * (slot + 1))
    assert plan.sum() == min(energy, POWER * len(cost))

"""The bound of one demand alone, and of a site, against every on/off pattern that serves as much."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_valley_runs import count
from valley_problems import asked, ev

from server.core.valley import runs
from server.core.valley.plan import solve
from server.core.valley.problem import Limits
from server.core.valley.rules import Rules, kept

ON = Rules(switch_nano=1_000_000_000, run=4, block=True, charging=True)


def least(way, energy, rules):
    """The least cost of just so much, floors in their own slots; None where no pattern holds it."""
    found = []
    for bits in itertools.product((False, True), repeat=len(way.cost)):
        on, begun = np.array(bits), count(bits, rules)
        plan, top = np.where(on, way.low, 0), np.where(on, way.high, 0)
        if begun is None or np.any(on & (way.high == 0)) or np.any(way.must & ~on):
            continue
        if not plan.sum() <= energy <= top.sum():
            continue
        lit = np.clip(way.sun, plan, top)
        steps = [(way.cost[t] - way.rebate[t], t, lit[t] - plan[t]) for t in np.flatnonzero(on)]
        steps += [(way.cost[t], t, top[t] - lit[t]) for t in np.flatnonzero(on)]
        for _, slot, room in sorted(steps):
            plan[slot] += min(room, energy - plan.sum())
        spent = plan @ way.cost - way.rebate @ np.minimum(plan, way.sun)
        found.append(int(spent) + rules.switch_nano * begun)
    return min(found, default=None)


def renewed(way):
    """A new block of a car that charges: it does not begin with the stay, for that would be to go on."""
    high = np.where(np.arange(len(way.high)) > 0, way.high, 0)
    return msgspec.structs.replace(way, high=high, rules=msgspec.structs.replace(way.rules, charging=False))


def allowed(way, energy):
    """The least cost that the rules allow: floors in their own slots where that can be, else anywhere."""
    free = msgspec.structs.replace(way, must=np.zeros_like(way.must), low=way.least)
    if not (way.rules.block and way.rules.charging):
        best = least(way, energy, way.rules)
        return least(free, energy, way.rules) if best is None else best
    ways = [way, free, renewed(way), renewed(free)]
    return next(best for one in ways if (best := least(one, energy, one.rules)) is not None)


def assert_bounded(way, cells):
    found = runs.planned(way, cells)
    served = int(found.plan.sum())
    if not served:
        return
    anew = way.rules.block and way.rules.charging and not found.plan[0]
    own = renewed(way) if anew else way
    assert kept(found.plan > 0, own.rules)
    assert found.bound <= own.total(found.plan)
    assert found.bound <= allowed(way, served)


@st.composite
def courses(draw):
    slots, base = draw(st.integers(1, 6)), draw(st.sampled_from([3, 7, 230, 690]))
    high = [draw(st.sampled_from([base, base, base // 2, base - 1, 0])) for _ in range(slots)]
    energy = draw(st.one_of(st.integers(0, base), st.integers(0, base * slots)))
    cost = [draw(st.sampled_from([-39, 0, 100, 100, 200, 315])) * 1000 for _ in range(slots)]
    rules = Rules(
        switch_nano=draw(st.sampled_from([0, 1, 200_000_000])),
        run=draw(st.integers(1, 4)),
        block=draw(st.sampled_from([True, True, False])),
        charging=draw(st.sampled_from([True, True, False])),
    )
    least_wh = np.full(slots, draw(st.sampled_from([0, base // 3, base])))
    return runs.course(np.array(cost), np.array(high), least_wh, (energy, draw(st.integers(0, energy))), rules)


def stay(cost, high, least_wh, need, rules=ON):
    cost = np.array(cost) * 1000
    return runs.course(cost, np.broadcast_to(high, cost.shape).copy(), np.full(len(cost), least_wh), need, rules)


BEGINS = stay([100, 0, 319, 208, 153], [229, 229, 230, 230, 208], 76, (732, 658))
FLOOR = stay([45, 200, 100, 340, 6], 7, 3, (8, 6))
FEW = stay([200, 200, 100, 200, 100, 100, 14], 3, 1, (1, 0))
PART = stay([100, 100, 200, -39], [690, 0, 690, 690], 690, (1170, 1000), Rules(block=True))


@settings(max_examples=600, deadline=None, derandomize=True)
@example(BEGINS, runs.CELLS)
@example(FLOOR, runs.CELLS)
@example(FEW, 0)
@example(PART, 0)
@given(courses(), st.sampled_from([0, runs.CELLS]))
def test_no_plan_that_serves_as_much_costs_less_than_the_bound(way, cells):
    assert_bounded(way, cells)


def test_a_block_that_begins_with_the_stay_goes_on_and_pays_no_start():
    found = runs.planned(BEGINS)
    assert found.plan.tolist() == [229, 229, 230, 0, 0]  # a fourth slot would take more than all; the floor comes first
    assert found.bound == BEGINS.total(found.plan)


def test_a_floor_in_its_own_slots_comes_before_a_new_block_that_serves_more():
    found = runs.planned(FLOOR)
    assert (found.plan.tolist(), found.bound) == ([7, 0, 0, 0, 0], 7 * 45_000)


@pytest.mark.parametrize("cells", [0, runs.CELLS])
def test_a_block_that_can_go_on_does_though_a_new_one_would_be_found_sooner(cells):
    found = runs.planned(FEW, cells)
    assert found.plan.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert found.bound <= 200_000


def test_what_serves_less_than_all_is_bounded_for_just_that():
    found = runs.planned(PART, cells=0)
    assert found.plan.sum() == 690
    assert found.bound <= -39_000 * 690


def test_a_site_that_cannot_let_both_blocks_go_on_is_bounded_for_two_new_ones():
    """The connection has room for one as the stay begins: who goes on pays more than who would begin anew."""
    prices, limit = [200_000, 100_000, 100_000, 122_448], [11_040, 22_080, 9_000, 22_080]
    car = ev("a", energy_wh=5520, min_w=4140, one_block=True, charging=True)
    cars = [car, msgspec.structs.replace(car, id="b", energy_wh=1797)]
    answer = solve(asked(prices, cars, limit_w=limit, switch_micro=10_000, limits=Limits(gap=0.0)))
    assert [sum(plan.energy_wh) for plan in answer.plans] == [5520, 1797]
    anew = 100_000 * (2235 + 2250) + 122_448 * 1035 + 100_000 * 1797 + 2 * 10_000_000
    assert answer.bound_nano <= anew

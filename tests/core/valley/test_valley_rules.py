"""Switch prices, least runs, blocks and the least power on whole sites, against every on/off pattern that there is."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.optimize import linprog
from test_valley_runs import count
from valley_problems import asked, assert_kept, energies, ev, limits_of, problems, seconds_of

from server.core.valley.plan import solve
from server.core.valley.problem import Limits
from server.core.valley.rules import Rules

THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FULL = 2760


def rules_of(problem, demand):
    return Rules(1000 * problem.switch_micro, problem.min_run_slots, demand.one_block, demand.charging)


def begun(problem, answer):
    """The starts of an answer; an assertion where a plan breaks its rules."""
    found = 0
    for demand, plan in zip(problem.demands, answer.plans, strict=True):
        stay = plan.energy_wh[demand.arrive_slot : demand.depart_slot]
        starts = count([energy > 0 for energy in stay], rules_of(problem, demand))
        assert starts is not None
        found += starts
    return found


def patterns(problem, demand):
    """What a demand's slots may be, with the starts of each."""
    stay = demand.depart_slot - demand.arrive_slot
    before, after = (False,) * demand.arrive_slot, (False,) * (problem.slots - demand.depart_slot)
    for bits in itertools.product((False, True), repeat=stay):
        starts = count(bits, rules_of(problem, demand))
        if starts is not None:
            yield (*before, *bits, *after), starts


def every_plan(problem):
    """The most energy, and the least cost of that, over all patterns of all demands, by linear programs."""
    slots, seconds, best = problem.slots, seconds_of(problem), None
    tops = [[demand.max_w * second // 3600 for second in seconds] for demand in problem.demands]
    lows = [[max(1, -(-demand.min_w * second // 3600)) for second in seconds] for demand in problem.demands]
    rows, most = [], []
    for weights, limit in limits_of(problem):
        for slot in range(slots):
            rows.append([weights.get(i, 0) * (t == slot) for i in range(len(tops)) for t in range(slots)])
            most.append(limit[slot])
    for i, demand in enumerate(problem.demands):
        rows.append([float(i == j) for j in range(len(tops)) for _ in range(slots)])
        most.append(demand.energy_wh)
    costs = np.tile(np.array(problem.price_micro_per_kwh, float), len(tops))
    for chosen in itertools.product(*(list(patterns(problem, demand)) for demand in problem.demands)):
        on = [bit for bits, _ in chosen for bit in bits]
        ends = [
            (low, top) if bit else (0, 0)
            for bit, low, top in zip(on, itertools.chain(*lows), itertools.chain(*tops), strict=True)
        ]
        if any(low > top for low, top in ends):
            continue
        found = linprog(costs - 1e7, A_ub=rows, b_ub=most, bounds=ends, method="highs")
        if found.status:
            continue
        switches = 1000 * problem.switch_micro * sum(starts for _, starts in chosen)
        key = (-round(found.x.sum()), float(costs @ found.x) + switches)
        best = key if best is None else min(best, key)
    return best


def small_site(seed):
    """Two cars over four slots behind a limit that both together pass."""
    dice = random.Random(seed)
    cars = [
        ev(
            name,
            energy_wh=dice.choice([FULL, 2 * FULL, dice.randint(1100, 2 * FULL)]),
            min_w=dice.choice([0, 4140]),
            one_block=dice.random() < 0.3,
        )
        for name in ("a", "b")
    ]
    return asked(
        [dice.choice([100_000, 200_000, dice.randint(-50_000, 300_000)]) for _ in range(4)],
        cars,
        limit_w=dice.choice([11_040, 15_180, 18_000, [11_040, 22_080, 9_000, 22_080]]),
        switch_micro=dice.choice([0, 10_000, 60_000]),
        min_run_slots=dice.choice([1, 1, 2, 3]),
    )


@pytest.mark.parametrize("part", range(4))
def test_a_small_site_is_served_as_much_as_any_pattern_serves_it_and_costs_little_more(part):
    close, asked_for = 0, 0
    for seed in range(part, 48, 4):
        problem = replace(small_site(seed), limits=Limits(gap=0.0))
        answer, best = solve(problem), every_plan(problem)
        assert_kept(problem, answer)
        begun(problem, answer)
        assert sum(map(sum, energies(answer))) == -best[0], seed
        assert answer.bound_nano <= best[1] + 1e-3 * abs(best[1]) + 1
        assert answer.cost_nano <= best[1] + 0.05 * abs(best[1]) + 1, seed
        close += answer.cost_nano <= best[1] + 1e-6 * abs(best[1]) + 1
        asked_for += 1
    assert close >= 0.8 * asked_for


def test_a_dear_start_joins_what_prices_would_part():
    prices, car = [100_000, 200_000, 100_000], ev(energy_wh=2 * FULL, min_w=4140)
    assert energies(solve(asked(prices, [car]))) == [[FULL, 0, FULL]]
    joined = solve(asked(prices, [car], switch_micro=300_000))
    assert energies(joined) == [[FULL, 1035, FULL - 1035]]
    assert joined.status == "optimal"
    assert joined.cost_nano == 100_000 * (2 * FULL) + 100_000 * 1035 + 300_000_000


def test_a_car_that_charges_pays_no_start_to_go_on():
    prices, car = [200_000, 150_000, 150_000], ev(energy_wh=FULL, min_w=4140)
    waits = solve(asked(prices, [car], switch_micro=1))
    goes_on = solve(asked(prices, [replace(car, charging=True)], switch_micro=200_000))
    assert energies(waits) == [[0, FULL, 0]]
    assert energies(goes_on) == [[1035, FULL - 1035, 0]]
    assert goes_on.cost_nano == 200_000 * 1035 + 150_000 * (FULL - 1035)


def test_a_departure_may_cut_a_run_and_nothing_else_may():
    car = ev(energy_wh=FULL, min_w=4140)
    assert energies(solve(asked([9, 9, 1], [car], min_run_slots=2))) == [[0, 0, FULL]]
    assert energies(solve(asked([9, 1, 9], [car], min_run_slots=2))) == [[1035, FULL - 1035, 0]]


def test_no_price_of_a_start_leaves_energy_unserved():
    dearest = 1_000_000_000
    for seed in range(40):
        problem = replace(small_site(seed), min_run_slots=1)
        problem = replace(problem, demands=[replace(car, one_block=False) for car in problem.demands])
        free, dear = solve(replace(problem, switch_micro=0)), solve(replace(problem, switch_micro=dearest))
        assert dear.unserved_wh == free.unserved_wh


@THOROUGH
@given(
    problems(least=True, floors=True, mixed=True, survival=True, supply=True, battery=True),
    st.integers(0, 200_000),
    st.integers(1, 4),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_every_plan_keeps_to_its_rules_and_to_all_else(problem, switch, run, blocks):
    cars = [replace(car, one_block=block) for car, block in zip(problem.demands, blocks, strict=False)]
    problem = replace(problem, demands=cars, switch_micro=switch, min_run_slots=run)
    answer = solve(problem)
    assert_kept(problem, answer)
    begun(problem, answer)
    assert solve(problem) == answer


@THOROUGH
@given(problems(), st.integers(0, 500_000))
def test_a_price_on_starts_never_takes_energy_from_anyone(problem, switch):
    assert solve(replace(problem, switch_micro=switch)).unserved_wh == solve(problem).unserved_wh


@pytest.mark.parametrize("energy", [1, 3_000_001, 100_000_000])
def test_the_edges_of_the_ranges_are_planned_under_rules_too(energy):
    dearest = 1_000_000_000
    cars = [ev(f"e{i}", energy_wh=energy, max_w=100_000_000, min_w=i * 50_000_000, priority=i) for i in range(3)]
    problem = asked([dearest, -dearest, 0, 7] * 3, cars, limit_w=60_000_000, switch_micro=dearest, min_run_slots=3)
    answer = solve(problem)
    assert_kept(problem, answer)
    begun(problem, answer)


def test_the_quarter_hours_of_a_month_are_planned_under_rules():
    dice = random.Random(1)
    car = ev(energy_wh=60_000, min_w=4140)
    problem = asked([dice.randint(0, 300_000) for _ in range(2976)], [car], switch_micro=10_000, min_run_slots=2)
    answer = solve(problem)
    assert_kept(problem, answer)
    assert (answer.unserved_wh, begun(problem, answer) >= 1) == (0, True)
    assert answer.gap <= 0.02

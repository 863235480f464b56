"""Sites of forty cars that take nothing or at least 6 A, with and without a price on starts: how far from the bound.

The family is that of engine B1: 96 slots from noon, noisy prices, chargers of 7.4, 11 and 22 kW. `normal` behind a
third of their power, `tight` behind a sixth, `depot` overnight behind a third.
"""

import math
import random
import statistics

import pytest
from msgspec.structs import replace
from valley_problems import asked, assert_kept

from server.core.valley.plan import solve
from server.core.valley.problem import Demand

SLOTS, CARS, SEEDS = 96, 40, 5
POWERS = [7_400] * 7 + [11_000] * 9 + [22_000] * 4
SHARES = {"normal": 1 / 3, "tight": 1 / 6, "depot": 1 / 3}


def car(dice, town, name):
    power = dice.choice(POWERS)
    energy = round(min(60.0, max(5.0, dice.gammavariate(4.0, 6.0))) * 1000)
    if town == "depot":
        energy, arrive, depart = max(energy, 20_000), dice.randint(20, 28), dice.randint(72, 80)
    else:
        arrive = dice.randint(16, 40) if dice.random() < 0.7 else dice.randint(0, 80)
        depart = min(SLOTS, arrive + math.ceil(energy / power * 4 * dice.uniform(2, 4)))
    phases = [1] if power == 7_400 else [1, 2, 3]
    return Demand(
        id=name,
        site="s1",
        arrive_slot=arrive,
        depart_slot=depart,
        energy_wh=min(energy, power * (depart - arrive) // 4),
        max_w=power,
        min_w=1380 * len(phases),
        phases=phases,
    )


def site(town, seed):
    dice = random.Random(f"{town}/{seed}")
    cars = [car(dice, town, f"e{i}") for i in range(CARS)]
    shape = [0.175 - 0.09 * math.cos((slot / 4 - 7) / 6 * math.pi) for slot in range(SLOTS)]
    prices = [round((value + dice.gauss(0, 0.012)) * 100_000) * 10 for value in shape]
    return asked(prices, cars, limit_w=int(sum(one.max_w for one in cars) * SHARES[town]))


@pytest.mark.parametrize("town", SHARES)
def test_the_least_power_costs_next_to_nothing_and_serves_all_that_the_limits_let(town):
    gaps = []
    for seed in range(SEEDS):
        problem = site(town, seed)
        answer = solve(problem)
        assert_kept(problem, answer)
        relaxed = solve(replace(problem, demands=[replace(one, min_w=0) for one in problem.demands]))
        assert answer.unserved_wh == relaxed.unserved_wh
        gaps.append(answer.gap)
    assert statistics.median(gaps) <= 0.0005
    assert max(gaps) <= 0.005


@pytest.mark.parametrize(("town", "most"), [("normal", 0.004), ("tight", 0.025), ("depot", 0.01)])
def test_a_price_on_starts_is_planned_near_its_bound(town, most):
    for seed in range(2):
        problem = replace(site(town, seed), switch_micro=10_000, min_run_slots=2)
        answer = solve(problem)
        assert_kept(problem, answer)
        relaxed = solve(replace(site(town, seed), demands=[replace(one, min_w=0) for one in problem.demands]))
        assert answer.unserved_wh == relaxed.unserved_wh
        assert answer.gap <= most

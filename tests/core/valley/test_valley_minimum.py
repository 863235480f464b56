"""Sites of cars that take nothing or at least 6 A, and mixed phases: how far from the best, how fast, who waits."""

import math
import random

import pytest
from msgspec.structs import replace
from valley_problems import asked, assert_kept, energies, ev

from server.core.valley.plan import solve
from server.core.valley.problem import Feeder, Limits

SLOTS = 96


def prices(dice):
    return [int(250_000 + 150_000 * math.sin(slot / 15) + dice.randint(-20_000, 20_000)) for slot in range(SLOTS)]


def depot(seed):
    """Twelve cars overnight behind 36 kW, of which the building takes 20 kW by day and 10 kW by night."""
    dice = random.Random(seed)
    cars = [
        ev(
            f"e{i}",
            arrive_slot=dice.randint(0, 30),
            depart_slot=dice.randint(65, SLOTS),
            energy_wh=dice.randint(5_000, 35_000),
            min_w=4140,
        )
        for i in range(12)
    ]
    base = [20_000 if slot < 24 or slot >= 72 else 10_000 for slot in range(SLOTS)]
    return asked(prices(dice), cars, limit_w=36_000, base_load_w=base)


def street(seed):
    """Six cars, half of them on one phase, behind 3 x 25 A."""
    dice = random.Random(seed)
    cars = []
    for i in range(6):
        phases, max_w = ([1], 7360) if i % 2 else ([1, 2, 3], 11_040)
        stay = {"arrive_slot": dice.randint(0, 30), "depart_slot": dice.randint(65, SLOTS)}
        power = {"phases": phases, "max_w": max_w, "min_w": 1380 * len(phases), "feeder": "f"}
        cars.append(ev(f"e{i}", energy_wh=dice.randint(5_000, 30_000), **stay, **power))
    return asked(prices(dice), cars, limit_w=17_250, feeders=[Feeder(id="f", limit_ma=[25_000] * 3)])


@pytest.mark.parametrize("seed", range(6))
def test_a_depot_under_its_grid_contract_pays_next_to_nothing_for_the_least_power(seed):
    problem = depot(seed)
    answer = solve(problem)
    assert_kept(problem, answer)
    relaxed = solve(replace(problem, demands=[replace(car, min_w=0) for car in problem.demands]))
    assert (answer.unserved_wh, relaxed.unserved_wh) == (0, 0)
    assert answer.gap <= 0.01
    assert answer.bound_nano >= relaxed.cost_nano == relaxed.bound_nano


@pytest.mark.parametrize("seed", range(6))
def test_a_street_of_mixed_phases_stays_near_its_bound(seed):
    problem = street(seed)
    answer = solve(problem)
    assert_kept(problem, answer)
    asked_wh = sum(car.energy_wh for car in problem.demands)
    assert answer.unserved_wh <= 0.02 * asked_wh
    assert answer.gap <= 0.03


@pytest.mark.parametrize("town", [depot, street])
@pytest.mark.parametrize("seed", range(5))
def test_a_replan_that_need_not_be_searched_for_is_only_repaired(town, seed):
    assert solve(replace(town(seed), limits=Limits(gap=0.03))).solver == "repair"


def test_a_car_that_charges_now_takes_all_that_the_site_has_left():
    problem = depot(1)
    rising = [slot * 1_000_000 for slot in range(SLOTS)]
    now = replace(problem.demands[3], arrive_slot=0, priority=1, price_micro_per_kwh=rising, energy_wh=20_000)
    problem = replace(problem, demands=[*problem.demands[:3], now, *problem.demands[4:]])
    answer = solve(problem)
    assert_kept(problem, answer)
    assert sum(energies(answer)[3][:8]) == 20_000
    assert energies(answer)[3][:6] == [2760] * 6


def test_a_plan_made_again_later_still_fits():
    problem = replace(depot(2), elapsed_s=437)
    assert_kept(problem, solve(problem))

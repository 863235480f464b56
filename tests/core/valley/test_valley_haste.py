"""Sites under rules of running with 20 ms, which is what a plug-in has: rules kept, at little more than without any."""

import statistics

import pytest
from msgspec.structs import replace
from test_valley_gaps import site
from test_valley_rules import begun
from valley_problems import asked, assert_kept, energies, ev

from server.core.valley.plan import solve
from server.core.valley.problem import Limits

HASTE = Limits(time_s=0.02, gap=0.02)
FULL = 2760


def crowd(town, seed, cars=12):
    """A street or depot of twelve whose starts cost a cent and last half an hour."""
    problem = site(town, seed)
    limit = problem.sites[0].limit_w * cars // len(problem.demands)
    return replace(
        problem,
        demands=problem.demands[:cars],
        sites=[replace(problem.sites[0], limit_w=limit)],
        switch_micro=10_000,
        min_run_slots=2,
    )


@pytest.mark.parametrize("town", ["normal", "depot"])
def test_in_haste_all_are_served_within_the_rules_at_little_more_than_without_any(town):
    ratios = []
    for seed in range(6):
        problem = crowd(town, seed)
        answer = solve(replace(problem, limits=HASTE))
        assert_kept(problem, answer)
        begun(problem, answer)
        free = solve(replace(problem, switch_micro=0, min_run_slots=1))
        assert answer.unserved_wh == free.unserved_wh == 0
        ratios.append(answer.cost_nano / free.cost_nano)
    assert statistics.median(ratios) < 1.04
    assert max(ratios) < 1.08


@pytest.mark.parametrize("seed", range(4))
def test_behind_a_tight_limit_all_are_served_and_rules_yield_before_anybody_is_short(seed):
    problem = replace(crowd("tight", seed), rules_yield=True)
    answer = solve(replace(problem, limits=HASTE))
    assert_kept(problem, answer)
    assert answer.unserved_wh == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_loses_more_by_waiting_has_the_cheap_slots(order):
    cheap_then_dear = [100_000] * 2 + [400_000] * 6
    flat = [200_000] * 8
    cars = [
        ev("loses", energy_wh=2 * FULL, price_micro_per_kwh=cheap_then_dear),
        ev("loses nothing", energy_wh=2 * FULL, price_micro_per_kwh=flat),
    ]
    problem = asked(flat, [cars[i] for i in order], limit_w=11_040, switch_micro=10_000, limits=HASTE)
    plans = dict(zip([problem.demands[0].id, problem.demands[1].id], energies(solve(problem)), strict=True))
    assert plans["loses"][:2] == [FULL, FULL]
    assert sum(plans["loses nothing"]) == 2 * FULL


def test_where_a_floor_cannot_begin_at_once_it_alone_comes_early_and_the_rest_when_it_is_cheap():
    prices = [400_000] * 8 + [100_000] * 8
    # The building leaves room for a single quarter of an hour, and then from the fifth on.
    base = [0, 11_040, 11_040, 11_040] + [0] * 12
    car = ev(energy_wh=4 * FULL, floor_wh=FULL, min_w=4_140)
    problem = asked(prices, [car], limit_w=11_040, base_load_w=base, switch_micro=10_000, min_run_slots=2)
    for limits in (Limits(), HASTE):
        (plan,) = energies(solve(replace(problem, limits=limits)))
        assert plan[:4] == [0, 0, 0, 0]
        assert FULL <= sum(plan[:6]) < 2 * FULL
        assert sum(plan[8:]) >= 2 * FULL
        assert sum(plan) == 4 * FULL


def test_in_haste_floors_still_come_before_anybodys_other_energy():
    prices = [100_000, 200_000] + [300_000] * 6
    cars = [ev("a", energy_wh=2 * FULL, floor_wh=FULL), ev("b", energy_wh=2 * FULL, floor_wh=2 * FULL)]
    problem = asked(prices, cars, limit_w=11_040, switch_micro=10_000, limits=HASTE)
    mine, others = energies(solve(problem))
    assert (mine[0], sum(others[1:3])) == (FULL, 2 * FULL)
    assert sum(mine) == sum(others) == 2 * FULL

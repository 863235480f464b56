"""Cars on one, two and three phases behind feeders in feeders: no phase is over, and it costs next to nothing."""

import random

import pytest
from msgspec.structs import replace
from valley_linear import linear_optimum
from valley_problems import asked, assert_kept, energies, ev

from server.core.valley.plan import solve
from server.core.valley.problem import Feeder

SLOTS = 48


def street(seed):
    """Four to sixteen cars, some of whose phases nobody knows, behind a main fuse and up to two feeders."""
    dice = random.Random(seed)
    feeders = [Feeder(id="main", limit_ma=[dice.randint(25, 63) * 1000 for _ in range(3)])]
    for number in range(dice.randint(0, 2)):
        limit_w = dice.choice([None, 12_000, 20_000])
        feeders.append(
            Feeder(id=f"f{number}", parent="main", limit_ma=[dice.randint(16, 40) * 1000] * 3, limit_w=limit_w)
        )
    cars = []
    for number in range(dice.randint(4, 16)):
        phases = dice.choice([[1], [2], [3], [1, 2], [2, 3], [1, 2, 3], [1, 2, 3]])
        arrive = dice.randint(0, 24)
        cars.append(
            ev(
                f"e{number}",
                arrive_slot=arrive,
                depart_slot=dice.randint(arrive + 6, SLOTS),
                phases=phases,
                any_phase=dice.random() < 0.15,
                max_w=len(phases) * dice.choice([3680, 7360]),
                feeder=dice.choice(feeders).id,
                energy_wh=dice.randint(3_000, 20_000),
                priority=dice.choice([0, 0, 0, 1]),
            )
        )
    prices = [dice.randint(50_000, 400_000) for _ in range(SLOTS)]
    return asked(prices, cars, limit_w=dice.randint(15, 60) * 1000, feeders=feeders)


@pytest.mark.parametrize("seed", range(40))
def test_a_street_of_true_phases_is_served_like_the_linear_optimum(seed):
    problem = street(seed)
    answer = solve(problem)
    assert_kept(problem, answer)
    assert answer.gap <= 0.001
    served, _ = linear_optimum(problem)
    for priority, most in zip(sorted({car.priority for car in problem.demands}, reverse=True), served, strict=True):
        got = [sum(row) for row, car in zip(energies(answer), problem.demands, strict=True) if car.priority == priority]
        assert sum(got) >= most - SLOTS


def test_kinds_that_share_no_phase_need_no_linear_program():
    cars = [ev(f"e{i}", phases=[1 + i % 3], max_w=3680, energy_wh=1500, feeder="f") for i in range(9)]
    answer = solve(asked([3, 1, 2, 4], cars, feeders=[Feeder(id="f", limit_ma=[20_000, 32_000, 40_000])]))
    assert (answer.solver, answer.status) == ("flow", "optimal")


def test_a_car_of_unknown_phases_takes_room_on_all_of_them():
    feeder = Feeder(id="f", limit_ma=[16_000] * 3)
    cars = [ev(f"e{phase}", phases=[phase], max_w=3680, energy_wh=920, feeder="f") for phase in (1, 2)]
    assert solve(asked([1], cars, feeders=[feeder])).unserved_wh == 0
    unknown = [cars[0], replace(cars[1], any_phase=True)]
    assert solve(asked([1], unknown, feeders=[feeder])).unserved_wh == 920


def test_limits_in_watts_inside_of_true_phases_hold():
    feeders = [Feeder(id="in", parent="out", limit_w=5_000), Feeder(id="out", limit_ma=[16_000, 16_000, 10_000])]
    cars = [
        ev("a", phases=[1, 2], max_w=7360, feeder="in"),
        ev("b", phases=[2, 3], max_w=7360, feeder="in"),
        ev("c", feeder="out"),
    ]
    problem = asked([1, 2, 3], cars, feeders=feeders)
    assert_kept(problem, solve(problem))

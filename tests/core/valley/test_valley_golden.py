"""Hand-checked cases: small enough to see why."""

import msgspec
import pytest
from valley_problems import asked, assert_kept, energies, ev

from server.core.valley.plan import solve
from server.core.valley.problem import Feeder, Problem, Site, parse

FULL = 2760  # 11 040 W for a quarter of an hour


def solved(prices, demands, **said):
    problem = asked(prices, demands, **said)
    answer = solve(problem)
    assert_kept(problem, answer)
    return answer


def reasons(answer):
    return [(plan.shortfall_wh, plan.reason) for plan in answer.plans]


def test_a_car_alone_charges_in_the_cheapest_slots():
    answer = solved([3, 1, 2, 4], [ev(energy_wh=2 * FULL)])
    assert energies(answer) == [[0, FULL, FULL, 0]]
    assert (answer.cost_nano, answer.solver, answer.status) == (3 * FULL, "threshold", "optimal")


def test_the_last_of_the_energy_goes_into_the_dearest_of_the_slots_used():
    assert energies(solved([3, 1, 2, 4], [ev(energy_wh=FULL + 100)])) == [[0, FULL, 100, 0]]


def test_a_stay_is_half_open():
    answer = solved([1, 5, 5, 1], [ev(energy_wh=3 * FULL, arrive_slot=1, depart_slot=3)])
    assert energies(answer) == [[0, FULL, FULL, 0]]
    assert reasons(answer) == [(FULL, "too_little_time")]


def test_of_equal_cost_the_plan_starts_once_and_early():
    assert energies(solved([5] * 6, [ev(energy_wh=3 * FULL)])) == [[FULL, FULL, FULL, 0, 0, 0]]


def test_of_equal_cost_a_start_less_is_worth_more_than_an_earlier_slot():
    # One Wh price 9 slot must be bridged or avoided: two 5s together beat an early single 5.
    assert energies(solved([5, 9, 5, 5, 9], [ev(energy_wh=2 * FULL)])) == [[0, 0, FULL, FULL, 0]]


def test_of_equal_cost_a_gap_between_cheap_slots_is_closed_first():
    assert energies(solved([5, 5, 1, 5, 1, 5], [ev(energy_wh=3 * FULL)])) == [[0, 0, FULL, FULL, FULL, 0]]


def test_negative_prices_are_taken_but_never_more_than_was_asked():
    assert energies(solved([-9, -5, 1], [ev(energy_wh=FULL + 10)])) == [[FULL, 10, 0]]


def test_two_cars_behind_one_limit_share_the_cheap_slots_exactly():
    answer = solved([1, 2, 9], [ev("a", energy_wh=FULL), ev("b", energy_wh=FULL)], limit_w=11_040)
    assert [sum(slot) for slot in zip(*energies(answer), strict=True)] == [FULL, FULL, 0]
    assert (answer.cost_nano, answer.solver, answer.status) == (3 * FULL, "flow", "optimal")
    assert answer.sites[0].peak_w == 11_040
    assert answer.sites[0].binding_slots == [0, 1]


def test_a_site_without_power_serves_nothing_and_says_why():
    answer = solved([1, 2], [ev()], limit_w=0)
    assert reasons(answer) == [(2760, "site_limit")]
    assert answer.sites[0].grid_wh == [0, 0]


def test_the_building_comes_first():
    answer = solved([1, 9], [ev(energy_wh=FULL)], limit_w=10_000, base_load_w=[10_000, 0])
    assert energies(answer) == [[0, 2500]]
    assert answer.sites[0].grid_wh == [2500, 2500]
    assert answer.sites[0].peak_w == 10_000


def test_a_limit_by_slot_is_the_grid_cap_that_a_shortfall_names():
    answer = solved([1, 1, 1], [ev(energy_wh=2 * FULL)], limit_w=[0, 4000, 0])
    assert energies(answer) == [[0, 1000, 0]]
    assert reasons(answer) == [(2 * FULL - 1000, "grid_cap")]


def test_a_higher_priority_is_served_first_and_the_other_hears_why():
    cars = [ev("a", energy_wh=FULL), ev("b", energy_wh=FULL, priority=1)]
    answer = solved([1], cars, limit_w=13_040)
    assert energies(answer) == [[500], [FULL]]
    assert reasons(answer) == [(FULL - 500, "higher_priority"), (0, None)]


def test_one_wh_of_a_higher_priority_is_worth_more_than_any_price():
    cars = [
        ev("a", energy_wh=FULL, price_micro_per_kwh=[-1_000_000_000, 900]),
        ev("b", energy_wh=1, priority=1, depart_slot=1, price_micro_per_kwh=[1_000_000_000, 0]),
    ]
    assert energies(solved([1, 1], cars, limit_w=11_040)) == [[FULL - 1, 1], [1, 0]]


def test_a_floor_is_charged_at_once_and_the_rest_in_the_valley():
    answer = solved([9, 8, 1, 1], [ev(energy_wh=3 * FULL, floor_wh=FULL + 100)])
    assert energies(answer) == [[FULL, 100, FULL, FULL - 100]]


def test_floors_come_before_the_energy_of_a_higher_priority():
    cars = [ev("a", energy_wh=FULL, floor_wh=1000), ev("b", energy_wh=FULL, priority=7)]
    assert energies(solved([5], cars, limit_w=11_040)) == [[1000], [FULL - 1000]]


def test_floors_of_two_cars_share_the_first_slots():
    cars = [ev(name, energy_wh=2 * FULL, floor_wh=FULL) for name in "ab"]
    answer = solved([9, 9, 1, 1, 1, 1], cars, limit_w=11_040)
    first = [sum(row[:2]) for row in energies(answer)]
    assert first == [FULL, FULL]
    assert answer.status == "optimal"


def test_a_limit_inside_a_limit_holds_and_is_named():
    feeders = [Feeder(id="inner", parent="outer", limit_w=4000), Feeder(id="outer", limit_w=12_000)]
    cars = [ev("a", feeder="inner"), ev("b", feeder="outer"), ev("c")]
    answer = solved([1], cars, feeders=feeders)
    assert [sum(row) for row in energies(answer)] == [1000, 2000, FULL]
    assert reasons(answer)[0] == (FULL - 1000, "feeder_limit")


def test_a_one_phase_car_that_could_be_on_any_counts_on_all_three_phases_of_a_feeder():
    # 32 A: a one-phase car at 16 A leaves 16 A on every phase to a three-phase car that could take 32 A.
    feeders = [Feeder(id="f", limit_ma=[32_000] * 3)]
    one = ev("one", feeder="f", phases=[1], any_phase=True, max_w=3680, energy_wh=920)
    three = ev("three", feeder="f", max_w=22_080, energy_wh=5520)
    answer = solved([1], [one, three], feeders=feeders)
    assert [row[0] * 3 + other[0] for row, other in [energies(answer)]] == [5520]
    assert sum(map(sum, energies(answer))) >= 5520 - 2 * 920 - 6


def test_a_one_phase_car_counts_its_true_power_on_the_site():
    answer = solved([1], [ev(phases=[2], max_w=3680, energy_wh=920)], limit_w=3680)
    assert energies(answer) == [[920]]


def test_the_weakest_phase_of_a_feeder_counts():
    feeders = [Feeder(id="f", limit_ma=[16_000, 6_000, 16_000])]
    assert energies(solved([1], [ev(feeder="f")], feeders=feeders)) == [[1035]]


def test_a_least_power_is_reached_by_taking_from_another_slot():
    answer = solved([1, 5, 9], [ev(energy_wh=FULL + 100, min_w=4140)])
    assert energies(answer) == [[FULL + 100 - 1035, 1035, 0]]


def test_less_than_a_car_can_take_is_a_shortfall_of_the_car():
    assert reasons(solved([1, 1], [ev(energy_wh=300, min_w=4140)])) == [(300, "car_limit")]


def test_a_charger_below_the_least_of_the_car_is_named():
    assert reasons(solved([1], [ev(max_w=3000, min_w=4140)])) == [(2760, "charger_limit")]


def test_two_cars_at_their_least_fit_where_one_at_full_power_would_not_leave_enough():
    # 2 500 Wh: a full car and 6 A do not fit, two that share do.
    cars = [ev(name, energy_wh=1250, min_w=4140) for name in "ab"]
    answer = solved([1], cars, limit_w=10_000)
    assert energies(answer) == [[1250], [1250]]


def test_trading_keeps_the_cost_when_a_least_power_splits_a_slot():
    # 3 250 Wh a slot: full power for one car leaves the other less than its 1 035 Wh.
    cars = [ev("a", energy_wh=4800, min_w=4140), ev("b", energy_wh=4950, min_w=4140)]
    answer = solved([1, 2, 3, 4], cars, limit_w=13_000)
    assert answer.cost_nano == (1 + 2 + 3) * 3250
    assert (answer.unserved_wh, answer.solver, answer.status) == (0, "repair", "optimal")


def test_a_car_that_may_leave_charges_earlier_than_the_price_alone_says():
    waits = ev(energy_wh=FULL, survival=[1.0, 1.0, 1.0], lambda_micro_per_kwh=300_000)
    leaves = msgspec.structs.replace(waits, survival=[1.0, 0.9, 0.5])
    prices = [200_000, 180_000, 100_000]
    assert energies(solved(prices, [waits])) == [[0, 0, FULL]]
    # Scores by A3: 1.0 x 100, 0.9 x 120, 0.5 x 200 (thousands).
    assert energies(solved(prices, [leaves])) == [[0, FULL, 0]]


def test_a_dearer_missing_kwh_means_charging_earlier():
    prices = [200_000, 180_000, 100_000]
    car = ev(energy_wh=FULL, survival=[1.0, 0.9, 0.5], lambda_micro_per_kwh=1_000_000)
    assert energies(solved(prices, [car])) == [[FULL, 0, 0]]


def test_a_survival_never_refuses_energy():
    car = ev(energy_wh=3 * FULL, survival=[0.5, 0.1, 0.0], lambda_micro_per_kwh=1)
    assert energies(solved([900_000, 500_000, 10_000], [car])) == [[FULL] * 3]


def test_each_car_pays_its_own_price():
    cars = [ev("a"), ev("b", price_micro_per_kwh=[9, 1])]
    assert energies(solved([1, 9], cars, limit_w=11_040)) == [[FULL, 0], [0, FULL]]


def test_a_car_that_charges_now_goes_first_by_rising_prices():
    cars = [ev("now", energy_wh=2 * FULL, price_micro_per_kwh=[0, 1_000_000, 2_000_000], priority=1), ev("other")]
    assert energies(solved([1, 1, 1], cars, limit_w=11_040)) == [[FULL, FULL, 0], [0, 0, FULL]]


def test_two_sites_do_not_share_a_limit():
    cars = [ev("a"), ev("b", site="s2")]
    problem = msgspec.structs.replace(
        asked([1], cars), sites=[Site(id="s1", limit_w=11_040), Site(id="s2", limit_w=11_040)]
    )
    answer = solve(problem)
    assert_kept(problem, answer)
    assert energies(answer) == [[FULL], [FULL]]
    assert answer.solver == "threshold"


def test_nobody_there_is_a_problem_too():
    answer = solved([1, 2], [])
    assert (answer.status, answer.cost_nano, answer.plans) == ("optimal", 0, [])


@pytest.mark.parametrize("slots", [92, 96, 100])
def test_days_of_any_length_are_planned(slots):
    prices = [100 + slot % 7 for slot in range(slots)]
    answer = solved(prices, [ev(energy_wh=20 * FULL), ev("b", energy_wh=20 * FULL)], limit_w=11_040)
    assert answer.unserved_wh == 0
    assert len(answer.sites[0].grid_wh) == slots


def test_a_slot_that_has_begun_holds_less():
    answer = solved([1, 9], [ev(energy_wh=FULL, min_w=4140)], elapsed_s=450)
    assert energies(answer) == [[1380, 1380]]


def test_the_figures_of_an_extreme_problem_stay_exact():
    dearest = 1_000_000_000
    cars = [
        ev(f"e{i}", energy_wh=100_000_000, max_w=100_000_000, floor_wh=50_000_000, priority=i, feeder=None)
        for i in range(4)
    ]
    prices = [dearest, -dearest, 0, 7] * 3
    answer = solved(prices, cars, limit_w=50_000_000)
    assert answer.unserved_wh == 400_000_000 - 12 * 12_500_000


CONTRACT_EXAMPLE = {
    "id": "depot-1",
    "start": "2026-03-28T17:00:00Z",
    "slot_seconds": 900,
    "slots": 96,
    "currency": "EUR",
    "price_micro_per_kwh": [241_300] * 96,
    "carbon_g_per_kwh": None,
    "carbon_price_micro_per_kg": 0,
    "switch_micro": 0,
    "min_run_slots": 1,
    "explain": False,
    "sites": [
        {
            "id": "s1",
            "limit_w": 80_000,
            "base_load_w": None,
            "solar_w": None,
            "feed_in_micro_per_kwh": None,
            "peak_price_micro_per_kw": 0,
            "peak_so_far_w": 0,
            "feeders": [{"id": "f1", "parent": None, "limit_ma": [63_000] * 3, "limit_w": None}],
            "battery": None,
        }
    ],
    "demands": [
        {
            "id": "e1",
            "site": "s1",
            "feeder": "f1",
            "arrive_slot": 3,
            "depart_slot": 60,
            "energy_wh": 20_000,
            "floor_wh": 0,
            "max_w": 11_040,
            "min_w": 0,
            "phases": [1, 2, 3],
            "priority": 0,
            "one_block": False,
            "price_micro_per_kwh": None,
            "survival": None,
            "lambda_micro_per_kwh": None,
        }
    ],
    "limits": {"time_s": 2.0, "gap": 0.0005},
}
"""The problem of the engine's contract, with every field named."""


def test_the_example_of_the_contract_is_answered():
    raw = msgspec.json.encode(CONTRACT_EXAMPLE)
    problem = parse(raw)
    assert isinstance(problem, Problem)
    answer = solve(problem)
    assert answer.cost_nano == answer.bound_nano == 4_826_000_000
    assert energies(answer)[0][3:11] == [FULL] * 7 + [680]

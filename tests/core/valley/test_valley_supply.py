"""Solar energy, carbon, a price on the peak, a battery, true phases: beside the linear optimum of the contract."""

from hypothesis import HealthCheck, given, settings
from valley_linear import Linear, linear_optimum, served_by
from valley_problems import EUR, asked, assert_kept, energies, ev, feed_in, grid_prices, problems

from server.core.valley.plan import solve
from server.core.valley.problem import Battery, Feeder, faults

THOROUGH = settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FULL = 2760


def solved(prices, demands, **said):
    problem = asked(prices, demands, **said)
    assert faults(problem) == []
    answer = solve(problem)
    assert_kept(problem, answer)
    return answer


def by_priority(problem, answer):
    return [
        sum(sum(row) for row, one in zip(energies(answer), problem.demands, strict=True) if one.priority == priority)
        for priority in sorted({demand.priority for demand in problem.demands}, reverse=True)
    ]


@THOROUGH
@given(problems(supply=True))
def test_with_solar_carbon_and_peak_it_serves_and_costs_what_the_linear_optimum_does(problem):
    answer = solve(problem)
    assert_kept(problem, answer)
    if not problem.demands:
        return
    served, cost = linear_optimum(problem)
    assert all(abs(one - most) < 0.01 for one, most in zip(by_priority(problem, answer), served, strict=True))
    # A peak in whole watts, of whole Wh a slot, may lie 4 W above the linear one.
    steps = 4 * max(site.peak_price_micro_per_kw for site in problem.sites)
    assert cost - 1e-6 * max(EUR, abs(cost)) <= answer.cost_nano <= cost + steps + 1e-6 * max(EUR, abs(cost))
    assert answer.status == "optimal"


def test_who_would_go_short_has_a_slot_that_another_leaves_for_dear_sun():
    """The sun of slot 0 is worth more than the grid's energy, which has a negative price then, and still it is used."""
    demands = [ev("a", energy_wh=749, price_micro_per_kwh=[0, 1]), ev("b", energy_wh=1, arrive_slot=1)]
    site = {"limit_w": [0, 2998], "solar_w": [20_000, 0]}
    answer = solved([-50_000, 100_000], demands, **site)
    assert [sum(row) for row in energies(answer)] == [749, 1]


@THOROUGH
@given(problems(supply=True, battery=True, mixed=True))
def test_with_all_at_once_nothing_is_passed_and_the_bound_is_below_the_cheapest_way(problem):
    answer = solve(problem)
    assert_kept(problem, answer)
    if problem.demands:
        linear = served_by(Linear(problem), energies(answer))
        # Whole Wh may make a peak 4 W higher, which is then proven.
        steps = 4 * max(site.peak_price_micro_per_kw for site in problem.sites)
        assert answer.bound_nano <= linear.cost() + steps + 1e-6 * EUR


@THOROUGH
@given(problems(supply=True, battery=True, mixed=True, floors=True, least=True, survival=True))
def test_least_powers_and_survival_keep_to_it_too(problem):
    assert_kept(problem, solve(problem))


@THOROUGH
@given(problems(supply=True, battery=True))
def test_a_battery_comes_close_to_the_linear_optimum(problem):
    answer = solve(problem)
    assert_kept(problem, answer)
    rounding = problem.slots * len(problem.demands) + problem.slots
    # Where selling earns more than buying costs, the linear battery does both at once.
    pairs = zip(grid_prices(problem), feed_in(problem, problem.sites[0]), strict=True)
    if not problem.demands or any(fed > price for price, fed in pairs):
        return
    served, _ = linear_optimum(problem)
    assert sum(by_priority(problem, answer)) >= sum(served) - rounding
    cost = served_by(Linear(problem), energies(answer)).cost()
    # Each slot may lose a Wh to rounding at the dearest price, and a peak a few.
    dearest = 1_000_000
    assert answer.cost_nano <= cost + dearest * 4 * problem.slots + 40 * problem.sites[0].peak_price_micro_per_kw


def test_a_full_battery_gives_what_can_be_made_good_in_whole_wh():
    """By the program it gives 250 Wh and takes 278 back, of which 250.2 fit nowhere: 243 and 270 do."""
    battery = Battery(capacity_wh=3_000, stored_wh=3_000, max_w=2_000, efficiency_pct=90)
    answer = solved([0, 100_000], [ev(depart_slot=1, energy_wh=1_000)], limit_w=3_000, battery=battery)
    assert (energies(answer), answer.sites[0].battery_wh) == ([[993, 0]], [-243, 270])


def test_the_sun_is_used_where_the_grid_is_dearer_than_what_it_would_have_earned():
    answer = solved([200_000, 90_000], [ev()], solar_w=[11_040, 0], feed_in_micro_per_kwh=80_000)
    assert energies(answer) == [[FULL, 0]]
    assert (answer.cost_nano, answer.solver, answer.status) == (FULL * 80_000, "flow", "optimal")
    assert (answer.sites[0].grid_wh, answer.sites[0].peak_w) == ([0, 0], 0)


def test_the_sun_is_sold_where_a_later_slot_is_cheaper_than_what_it_earns():
    answer = solved([200_000, 70_000], [ev()], solar_w=[11_040, 0], feed_in_micro_per_kwh=80_000)
    assert energies(answer) == [[0, FULL]]


def test_the_building_has_the_sun_first():
    answer = solved([9], [ev(energy_wh=FULL)], solar_w=10_000, base_load_w=6_000, limit_w=0)
    assert energies(answer) == [[1000]]
    assert answer.sites[0].grid_wh == [0]


def test_the_sun_comes_on_top_of_what_the_grid_may_give():
    answer = solved([9], [ev(energy_wh=FULL)], solar_w=4_000, limit_w=4_000)
    assert energies(answer) == [[2000]]
    assert (answer.sites[0].grid_wh, answer.sites[0].peak_w) == ([1000], 4_000)


def test_two_cars_share_what_the_sun_gives():
    cars = [ev("a", energy_wh=1000), ev("b", energy_wh=1000)]
    answer = solved([100, 60], cars, solar_w=[6_000, 0], feed_in_micro_per_kwh=0)
    assert answer.cost_nano == 500 * 60


def test_carbon_moves_a_car_to_cleaner_energy():
    cars = [ev(energy_wh=FULL)]
    said = {"carbon_g_per_kwh": [500, 100]}
    assert energies(solved([100_000, 110_000], cars, **said)) == [[FULL, 0]]
    answer = solved([100_000, 110_000], cars, carbon_price_micro_per_kg=100_000, **said)
    assert energies(answer) == [[0, FULL]]
    assert answer.cost_nano == FULL * (110_000 + 10_000)


def test_a_peak_is_bought_only_where_it_pays():
    # 1 kW over a quarter hour saves 250 Wh x 100 000 micro = 25 000 000 nano, so 25 000 micro a kW is the turn.
    for price, first in ((24_999, FULL), (25_001, FULL // 2)):
        answer = solved([100_000, 200_000], [ev(energy_wh=FULL)], peak_price_micro_per_kw=price)
        assert energies(answer) == [[first, FULL - first]]
        assert answer.status == "optimal"


def test_the_peak_so_far_is_paid_for():
    said = {"peak_price_micro_per_kw": 10_000_000, "peak_so_far_w": 8_000}
    answer = solved([100_000, 200_000], [ev(energy_wh=FULL)], **said)
    assert energies(answer) == [[2000, 760]]
    assert answer.cost_nano == 2000 * 100_000 + 760 * 200_000
    free = solved([100_000, 200_000], [ev(energy_wh=2000)], **said)
    assert (free.solver, free.status) == ("threshold", "optimal")


def test_energy_comes_before_any_peak():
    answer = solved([1], [ev()], peak_price_micro_per_kw=1_000_000_000)
    assert energies(answer) == [[FULL]]
    assert answer.cost_nano == FULL + 11_040 * 1_000_000_000


def test_a_battery_buys_cheap_and_covers_a_dear_slot():
    battery = Battery(capacity_wh=10_000, stored_wh=0, max_w=8_000, efficiency_pct=80)
    answer = solved([100_000, 300_000], [ev(energy_wh=1600, arrive_slot=1)], battery=battery)
    assert energies(answer) == [[0, 1600]]
    assert answer.sites[0].battery_wh == [2000, -1600]
    assert (answer.cost_nano, answer.bound_nano) == (2000 * 100_000, 2000 * 100_000)


def test_a_battery_stands_still_where_its_losses_cost_more():
    battery = Battery(capacity_wh=10_000, stored_wh=0, max_w=8_000, efficiency_pct=80)
    answer = solved([100_000, 120_000], [ev(energy_wh=1600, arrive_slot=1)], battery=battery)
    assert answer.sites[0].battery_wh == [0, 0]


def test_a_battery_holds_at_the_end_what_it_held_at_the_start():
    battery = Battery(capacity_wh=10_000, stored_wh=5_000, max_w=8_000)
    answer = solved([300_000, 100_000], [ev(energy_wh=1000, depart_slot=1)], battery=battery)
    assert answer.sites[0].battery_wh == [-1000, 1000]


def test_a_battery_lifts_what_the_grid_cannot():
    battery = Battery(capacity_wh=10_000, stored_wh=0, max_w=8_000)
    answer = solved([9, 9], [ev(energy_wh=FULL, arrive_slot=1)], limit_w=6_000, battery=battery)
    assert energies(answer) == [[0, FULL]]
    assert (answer.unserved_wh, answer.solver) == (0, "linear")


def test_a_battery_sells_only_where_feeding_in_pays():
    battery = Battery(capacity_wh=10_000, stored_wh=0, max_w=4_000)
    still = solved([100_000, 100_000], [], battery=battery, feed_in_micro_per_kwh=100_000)
    assert still.sites[0].battery_wh == [0, 0]
    sold = solved([100_000, 100_000], [], battery=battery, feed_in_micro_per_kwh=[0, 150_000])
    assert sold.sites[0].battery_wh == [1000, -1000]
    assert sold.cost_nano == 1000 * (100_000 - 150_000)


def test_each_phase_has_its_own_limit():
    feeders = [Feeder(id="f", limit_ma=[10_000, 16_000, 16_000])]
    cars = [ev(f"e{i}", phases=[phase], feeder="f", max_w=1840, energy_wh=460) for i, phase in enumerate((1, 1, 2, 3))]
    answer = solved([1], cars, feeders=feeders)
    assert [row for [row] in energies(answer)][2:] == [460, 460]
    assert answer.unserved_wh == 920 - 575
    assert (answer.solver, answer.status) == ("flow", "optimal")


def test_a_two_phase_car_loads_two_phases():
    feeders = [Feeder(id="f", limit_ma=[16_000, 16_000, 10_000])]
    cars = [ev("two", phases=[2, 3], feeder="f", max_w=7360), ev("one", phases=[1], feeder="f", max_w=3680)]
    answer = solved([1], cars, feeders=feeders)
    assert energies(answer) == [[1150], [920]]


def test_what_a_battery_gives_to_cars_and_cannot_sell_costs_them_nothing_more():
    # 2 000 Wh flow into a car beside the sun, where the connection could sell 500: the rest is not bought elsewhere.
    battery = Battery(capacity_wh=4_000, stored_wh=0, max_w=8_000)
    car = ev(energy_wh=2_500, arrive_slot=1, depart_slot=2)
    said = {"solar_w": [0, 2_000, 0], "feed_in_micro_per_kwh": 50_000, "limit_w": [9_000, 4_000, 9_000]}
    answer = solved([100_000, 900_000, 200_000], [car], battery=battery, **said)
    assert answer.sites[0].battery_wh == [2000, -2000, 0]
    assert answer.cost_nano == 2000 * 100_000 + 500 * 50_000

"""What a plan means to a driver and to an operator, in figures that can be checked by hand."""

import msgspec
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from valley_problems import asked, energies, ev, problems

from server.core.valley.plan import solve
from server.core.valley.problem import Earlier, Feeder, Held, LimitWorth

FULL = 2760
THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def explained(prices, cars, **said):
    answer = solve(asked(prices, cars, explain=True, **said))
    return answer, [plan.explain for plan in answer.plans]


def test_nothing_is_explained_unless_asked():
    answer = msgspec.json.decode(msgspec.json.encode(solve(asked([1, 2], [ev()]))))
    assert "explain" not in answer["plans"][0]
    assert "explain" not in answer["sites"][0]


def test_a_building_that_needs_the_power_is_named_with_its_end():
    # Until slot 4 the building leaves 5.52 kW of 11.04; the car leaves then, and would be full in half of slot 4.
    car = ev(energy_wh=4 * 1380 + 1380, depart_slot=4)
    _, (said,) = explained([1] * 6, [car], limit_w=11_040, base_load_w=[5520] * 4 + [0, 0])
    assert (said.ready_wh, said.ready_share) == (5520, 0.8)
    assert said.held == Held("site_limit", None, building=True, until_s=3600)
    assert said.full_at_s == 4 * 900 + 450
    assert said.next_kwh_micro is None


def test_a_stay_too_short_for_the_charger_would_be_full_later():
    _, (said,) = explained([1, 1, 1], [ev(energy_wh=FULL + FULL // 2, depart_slot=1)])
    assert said.held == Held("too_little_time", None, building=False, until_s=900)
    assert said.full_at_s == 900 + 450
    _, (never,) = explained([1], [ev(energy_wh=FULL + 1)])
    assert never.full_at_s is None


def test_being_ready_earlier_costs_the_difference_of_the_slots():
    answer, (said,) = explained([300_000, 200_000, 150_000, 100_000], [ev()])
    assert energies(answer) == [[0, 0, 0, FULL]]
    assert said.full_at_s == 3600
    sooner, soonest = (
        Earlier(1, 2700, 50_000 * FULL, [0, 0, FULL, 0]),
        Earlier(2, 1800, 100_000 * FULL, [0, FULL, 0, 0]),
    )
    assert said.earlier == [sooner, soonest]
    assert said.next_kwh_micro == 150_000


def test_one_more_kwh_through_a_full_limit_is_worth_the_way_round_it():
    # Both want slot 0; one must take slot 1 for 100 000 more.
    answer, said = explained([100_000, 200_000], [ev("a"), ev("b")], limit_w=11_040)
    assert answer.sites[0].explain.limits == [LimitWorth(None, [], [0], [100_000], [])]
    assert [one.next_kwh_micro for one in said] == [200_000, 200_000]


def test_who_charges_at_once_on_prices_that_are_no_money_says_nothing_of_the_worth_of_more():
    # Two charge at once, on a euro a slot, and fill the first two; the third, on money, has the next.
    steep = {"price_micro_per_kwh": [0, 1_000_000, 2_000_000, 3_000_000]}
    cars = [ev("a", **steep), ev("b", **steep), ev("c", price_micro_per_kwh=[5, 6, 7, 8])]
    answer, _ = explained([1] * 4, cars, limit_w=11_040)
    assert answer.sites[0].explain.limits[0].worth_micro_per_kwh[0] >= 1_000_000
    cars[2] = replace(cars[2], paid_micro_per_kwh=[10_000, 20_000, 30_000, 40_000])
    answer, _ = explained([1] * 4, cars, limit_w=11_040)
    assert energies(answer)[2] == [0, 0, FULL, 0]
    assert answer.sites[0].explain.limits == [LimitWorth(None, [], [0, 1], [20_000, 10_000], [])]


def test_a_worth_in_money_is_said_by_the_limit_that_is_in_the_way():
    car = {"feeder": "f", "phases": [2], "max_w": 3680, "energy_wh": 920, "paid_micro_per_kwh": [100_000, 200_000]}
    feeder = Feeder(id="f", limit_ma=[16_000] * 3)
    answer, _ = explained([1, 2], [ev("a", **car), ev("b", **car)], feeders=[feeder], limit_w=3680)
    (worth,) = answer.sites[0].explain.limits
    assert (worth.feeder, worth.phases, worth.slots) == ("f", [2], [0])
    assert abs(worth.worth_micro_per_kwh[0] - 100_000) < 6


def test_a_limit_that_holds_back_a_car_alone_is_worth_something_in_money_too():
    car = ev("a", paid_micro_per_kwh=[100_000, 200_000])
    answer, _ = explained([1, 2], [car], limit_w=5520)
    assert answer.sites[0].explain.limits == [LimitWorth(None, [], [0], [100_000], [])]
    least, _ = explained([1, 2], [replace(car, min_w=8280)], limit_w=5520)
    assert least.sites[0].explain.limits == [LimitWorth(None, [], [], [], [0, 1])], "a little more would not start it"


def test_what_comes_first_stays_first_and_is_no_saving():
    paid = {"paid_micro_per_kwh": [500_000, 100_000, 200_000]}
    cars = [ev("a", energy_wh=2 * FULL, floor_wh=FULL, price_micro_per_kwh=[5, 1, 2], **paid), ev("b", **paid)]
    answer, _ = explained([5, 1, 2], cars, limit_w=11_040)
    assert energies(answer)[0][0] == FULL, "a floor, at the dearest hour"
    assert answer.sites[0].explain.limits == [LimitWorth(None, [], [1], [100_000], [])]


def test_only_the_demands_that_are_asked_about_are_explained():
    _, said = explained([1, 2], [ev("a"), ev("b")], explained=["b"])
    assert [one is msgspec.UNSET for one in said] == [True, False]


def test_an_ampere_of_a_feeder_is_said_by_phase():
    car = {"feeder": "f", "phases": [2], "max_w": 3680, "energy_wh": 920}
    feeder = Feeder(id="f", limit_ma=[16_000] * 3)
    answer, _ = explained([100_000, 200_000], [ev("a", **car), ev("b", **car)], feeders=[feeder])
    (worth,) = answer.sites[0].explain.limits
    assert (worth.feeder, worth.phases, worth.slots) == ("f", [2], [0])
    assert abs(worth.worth_micro_per_kwh[0] - 100_000) < 6  # limits count in sixths


def test_where_more_would_serve_what_is_missing_is_said():
    answer, said = explained([1, 1], [ev("a", energy_wh=2 * FULL), ev("b")], limit_w=11_040)
    assert answer.unserved_wh == FULL
    at = next(index for index, plan in enumerate(answer.plans) if plan.shortfall_wh)
    others = [slot for slot, energy in enumerate(energies(answer)[at]) if not energy]
    assert answer.sites[0].explain.limits[-1].short_slots == others
    assert (said[at].held.by, said[at].held.until_s) == ("site_limit", 900 * (others[-1] + 1))


def test_a_seconds_old_slot_counts_from_the_start_of_the_problem():
    _, (said,) = explained([1, 9], [ev(energy_wh=1380)], elapsed_s=450)
    assert said.full_at_s == 900


@THOROUGH
@given(problems(least=True, floors=True, mixed=True, survival=True, supply=True, battery=True))
def test_every_problem_can_be_explained_and_its_plan_stays_the_same(problem):
    answer = solve(replace(problem, explain=True))
    plain = solve(problem)
    assert energies(answer) == energies(plain)
    for demand, plan in zip(problem.demands, answer.plans, strict=True):
        said = plan.explain
        assert said.ready_wh == sum(plan.energy_wh)
        assert (said.held is None) == (plan.shortfall_wh == 0)
        assert said.full_at_s is None or 0 <= said.full_at_s <= problem.slots * problem.slot_seconds
        ready = [one.ready_at_s for one in said.earlier]
        assert ready == sorted(ready, reverse=True)
        assert all(one.extra_nano >= 0 for one in said.earlier)
        if plan.shortfall_wh == 0 and demand.energy_wh:
            assert said.full_at_s <= demand.depart_slot * problem.slot_seconds

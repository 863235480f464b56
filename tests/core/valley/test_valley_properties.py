"""What holds for every problem: never an exception, never a limit passed, nothing lost, the linear optimum met."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from valley_linear import Linear, linear_optimum, served_by
from valley_problems import EUR, assert_kept, cost_of, energies, problems

from server.core.valley.plan import solve
from server.core.valley.problem import faults

THOROUGH = settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@THOROUGH
@given(problems(least=True, floors=True, mixed=True, survival=True))
def test_every_plan_keeps_to_stay_powers_and_limits(problem):
    assert faults(problem) == []
    assert_kept(problem, solve(problem))


@THOROUGH
@given(problems(floors=True, mixed=True))
def test_every_plan_without_least_powers_keeps_to_them_too(problem):
    assert_kept(problem, solve(problem))


@THOROUGH
@given(problems())
def test_serves_and_costs_what_the_linear_optimum_does(problem):
    answer = solve(problem)
    assert_kept(problem, answer)
    if not problem.demands:
        return
    served, cost = linear_optimum(problem)
    priorities = sorted({demand.priority for demand in problem.demands}, reverse=True)
    totals = [
        sum(sum(row) for row, one in zip(energies(answer), problem.demands, strict=True) if one.priority == priority)
        for priority in priorities
    ]
    assert all(abs(total - most) < 0.01 for total, most in zip(totals, served, strict=True))
    assert abs(answer.cost_nano - cost) <= 1e-6 * max(EUR, abs(cost))
    assert answer.status == "optimal"


@THOROUGH
@given(problems(mixed=True))
def test_one_phase_cars_behind_a_common_feeder_come_within_a_few_wh_of_the_linear_optimum(problem):
    answer = solve(problem)
    assert_kept(problem, answer)
    if problem.demands:
        served, _ = linear_optimum(problem)
        assert problem.slots * 6 + sum(map(sum, energies(answer))) >= sum(served)


@THOROUGH
@given(problems(mixed=True))
def test_the_bound_is_below_the_cheapest_way_to_serve_the_same(problem):
    answer = solve(problem)
    if not problem.demands:
        return
    # With least powers the bound may be higher than this one, which knows of none.
    linear = served_by(Linear(problem), energies(answer))
    assert answer.bound_nano <= linear.cost() + 1e-6 * EUR


@THOROUGH
@given(problems(), st.integers(0, 4), st.integers(1, 3))
def test_more_time_never_costs_more(problem, index, more):
    if not problem.demands:
        return
    index %= len(problem.demands)
    short = problem.demands[index]
    longer = replace(
        short, arrive_slot=max(0, short.arrive_slot - more), depart_slot=min(problem.slots, short.depart_slot + more)
    )
    before = solve(problem)
    after = solve(replace(problem, demands=[*problem.demands[:index], longer, *problem.demands[index + 1 :]]))
    assert after.unserved_wh <= before.unserved_wh
    if before.unserved_wh == 0:
        assert after.cost_nano <= before.cost_nano


@THOROUGH
@given(problems(least=True, floors=True, mixed=True, survival=True))
def test_the_same_problem_gets_the_same_plan(problem):
    assert solve(problem) == solve(problem)


@THOROUGH
@given(problems(floors=True), st.integers(0, 4))
def test_the_floor_of_a_car_alone_is_charged_first(problem, index):
    if not problem.demands:
        return
    one = problem.demands[index % len(problem.demands)]
    alone = replace(problem, demands=[one])
    plan = energies(solve(alone))[0]
    at_once = energies(solve(replace(alone, demands=[replace(one, energy_wh=one.floor_wh)])))[0]
    for slot in range(problem.slots):
        assert sum(plan[: slot + 1]) >= min(one.floor_wh, sum(at_once[: slot + 1]))
    assert cost_of(alone, solve(alone)) == solve(alone).cost_nano

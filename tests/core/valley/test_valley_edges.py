"""More time, more power or a lower price never costs more; and numbers at the edges of their ranges."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from valley_problems import EUR, asked, assert_kept, ev, problems

from server.core.valley.plan import solve
from server.core.valley.problem import (
    ENERGY_MAX_WH,
    POWER_MAX_W,
    PRICE_MAX_MICRO,
    Battery,
    Feeder,
    faults,
)

THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def compared(before, after):
    """Both answers, where the first leaves nothing unserved: then the second may not cost more."""
    first, second = solve(before), solve(after)
    assert second.unserved_wh <= first.unserved_wh
    if first.unserved_wh == 0:
        assert second.cost_nano <= first.cost_nano


def with_demand(problem, index, **said):
    changed = replace(problem.demands[index], **said)
    return replace(problem, demands=[*problem.demands[:index], changed, *problem.demands[index + 1 :]])


@THOROUGH
@given(problems(supply=True), st.integers(0, 4), st.integers(1, 20_000))
def test_more_power_never_costs_more(problem, index, more):
    if problem.demands:
        index %= len(problem.demands)
        compared(problem, with_demand(problem, index, max_w=problem.demands[index].max_w + more))


@THOROUGH
@given(problems(supply=True), st.integers(0, 4), st.integers(1, 3))
def test_more_time_never_costs_more_with_sun_and_peak(problem, index, more):
    if problem.demands:
        index %= len(problem.demands)
        short = problem.demands[index]
        longer = {"arrive_slot": max(0, short.arrive_slot - more), "depart_slot": short.depart_slot + more}
        longer["depart_slot"] = min(problem.slots, longer["depart_slot"])
        compared(problem, with_demand(problem, index, **longer))


@THOROUGH
@given(problems(supply=True), st.integers(0, 9), st.integers(1, 300_000))
def test_a_lower_price_never_costs_more(problem, slot, less):
    # A demand's own price counts as a difference to the site's, so it falls with it.
    slot %= problem.slots
    cheaper = replace(problem, price_micro_per_kwh=lowered(problem.price_micro_per_kwh, slot, less))
    for index, one in enumerate(problem.demands):
        if one.price_micro_per_kwh is not None:
            cheaper = with_demand(cheaper, index, price_micro_per_kwh=lowered(one.price_micro_per_kwh, slot, less))
    compared(problem, cheaper)


def lowered(prices, slot, less):
    return [*prices[:slot], prices[slot] - less, *prices[slot + 1 :]]


@THOROUGH
@given(problems(supply=True), st.integers(1, 20_000))
def test_a_larger_connection_never_costs_more(problem, more):
    [site] = problem.sites
    larger = [one + more for one in site.limit_w] if isinstance(site.limit_w, list) else site.limit_w + more
    compared(problem, replace(problem, sites=[replace(site, limit_w=larger)]))


def unserved_by_tier(problem, answer):
    """Wh, the highest priority first."""
    missing = {plan.id: plan.shortfall_wh for plan in answer.plans}
    tiers = sorted({one.priority for one in problem.demands}, reverse=True)
    return [sum(missing[one.id] for one in problem.demands if one.priority == tier) for tier in tiers]


@THOROUGH
@given(problems(mixed=True), st.integers(0, 4), st.integers(1, 20_000))
def test_more_power_costs_no_more_than_rounding_where_phases_are_shared(problem, index, more):
    if problem.demands:
        index %= len(problem.demands)
        first = solve(problem)
        second = solve(with_demand(problem, index, max_w=problem.demands[index].max_w + more))
        rounding = problem.slots * 8  # a Wh for each kind of car: five wirings, three of which may take any phase
        for before, after in zip(unserved_by_tier(problem, first), unserved_by_tier(problem, second), strict=True):
            assert after <= before + rounding
            if after < before:  # on one phase that may displace twice as much of a lower tier on two
                break
        if first.unserved_wh == 0 and second.unserved_wh == 0:
            assert second.cost_nano <= first.cost_nano + rounding * 1_000_000


WATTS = st.sampled_from([0, 1, 999, 11_040, POWER_MAX_W])
ENERGY = st.sampled_from([0, 1, 2760, ENERGY_MAX_WH])
MICRO = st.sampled_from([-PRICE_MAX_MICRO, -1, 0, 1, 241_300, PRICE_MAX_MICRO])


@st.composite
def extremes(draw):
    """Two or three cars over a few slots, every number at an edge of its range or close to nothing."""
    slots = draw(st.integers(1, 4))
    by_slot = st.lists(MICRO, min_size=slots, max_size=slots)
    energy = draw(ENERGY)
    capacity = draw(ENERGY)
    battery = Battery(capacity, draw(st.sampled_from([0, capacity])), draw(WATTS), draw(st.sampled_from([1, 99, 100])))
    amps = st.sampled_from([0, 1, 16_000, POWER_MAX_W])
    cars = [
        ev(
            name,
            energy_wh=draw(ENERGY),
            floor_wh=0,
            max_w=draw(WATTS),
            min_w=draw(st.sampled_from([0, 0, 1380, POWER_MAX_W])),
            phases=draw(st.sampled_from([[1], [2, 3], [1, 2, 3]])),
            feeder=draw(st.sampled_from([None, "f"])),
            priority=draw(st.sampled_from([-1_000_000, 0, 1_000_000])),
            price_micro_per_kwh=draw(st.none() | by_slot),
        )
        for name in draw(st.sampled_from(["ab", "abc"]))
    ]
    cars[0] = replace(cars[0], energy_wh=energy, floor_wh=energy)
    return asked(
        draw(by_slot),
        cars,
        slot_seconds=draw(st.sampled_from([60, 900, 86_400])),
        carbon_g_per_kwh=draw(st.none() | st.just([10_000] * slots)),
        carbon_price_micro_per_kg=draw(MICRO),
        limit_w=draw(WATTS),
        base_load_w=draw(st.none() | WATTS),
        solar_w=draw(st.none() | WATTS),
        feed_in_micro_per_kwh=draw(st.none() | MICRO),
        peak_price_micro_per_kw=draw(st.sampled_from([0, 1, PRICE_MAX_MICRO])),
        peak_so_far_w=draw(WATTS),
        feeders=[Feeder(id="f", limit_ma=[draw(amps), draw(amps), draw(amps)], limit_w=draw(st.none() | WATTS))],
        battery=draw(st.none() | st.just(battery)),
    )


@THOROUGH
@given(extremes())
def test_numbers_at_the_edges_of_their_ranges_are_planned_with(problem):
    assert faults(problem) == []
    assert_kept(problem, solve(problem))


@pytest.mark.parametrize("slots", [92, 96, 100])
def test_days_of_any_length_have_sun_peak_and_battery(slots):
    prices = [200_000 + 1000 * (slot * 37 % 101) for slot in range(slots)]
    cars = [ev(f"e{i}", energy_wh=20_000, arrive_slot=i, depart_slot=slots - i, feeder="f") for i in range(6)]
    problem = asked(
        prices,
        cars,
        limit_w=30_000,
        solar_w=[max(0, 20_000 - 400 * abs(slot - 48)) for slot in range(slots)],
        feed_in_micro_per_kwh=70_000,
        peak_price_micro_per_kw=100_000,
        battery=Battery(20_000, 10_000, 10_000, 90),
        feeders=[Feeder(id="f", limit_ma=[63_000] * 3)],
    )
    answer = solve(problem)
    assert_kept(problem, answer)
    assert answer.unserved_wh == 0
    assert answer.cost_nano - answer.bound_nano <= 0.001 * EUR

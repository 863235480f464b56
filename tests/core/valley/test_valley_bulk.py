"""Many cars from arrays: the same energy at the same cost as `solve`, as HiGHS, and within every limit."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.optimize import linprog

from server.core.valley.bulk import FLOWED, NO_LIMIT, NOTHING, Crowd, Plans, schedule
from server.core.valley.bulk_flow import plan, split
from server.core.valley.peak import least_wh
from server.core.valley.plan import solve
from server.core.valley.problem import Demand, Problem, Site

START = datetime(2026, 3, 28, 17, 0, tzinfo=UTC)
UNLIMITED_W = 100_000_000


@st.composite
def crowds(draw, *, limited=True, curves=1):
    """A few cars in up to three sites; zero limits, no power, no energy, negative prices, equal prices, unsorted."""
    slots = draw(st.integers(1, 12) | st.sampled_from([92, 96, 100]))
    price = st.sampled_from([-50_000, 0, 100_000, 100_000, 200_000]) | st.integers(-200_000, 400_000)
    prices = draw(st.lists(st.lists(price, min_size=slots, max_size=slots), min_size=curves, max_size=curves))
    sites, count = draw(st.integers(1, 3)), draw(st.integers(1, 8))
    limit = st.sampled_from([0, 0, 5_000, 9_000, 16_000, 40_000, NO_LIMIT])
    by_slot = st.lists(st.lists(limit, min_size=slots, max_size=slots), min_size=sites, max_size=sites)
    limits = draw(st.lists(limit, min_size=sites, max_size=sites) | by_slot)
    arrive = draw(st.lists(st.integers(0, slots - 1), min_size=count, max_size=count))
    many = {"min_size": count, "max_size": count}
    return Crowd(
        price_micro_per_kwh=np.array(prices),
        site=np.array(draw(st.lists(st.integers(0, sites - 1), **many)), np.int32),
        arrive_slot=np.array(arrive, np.int16),
        depart_slot=np.array([draw(st.integers(one + 1, slots)) for one in arrive], np.int16),
        energy_wh=np.array(draw(st.lists(st.integers(0, 60_000), **many)), np.int32),
        max_w=np.array(draw(st.lists(st.sampled_from([0, 1, 3_700, 7_400, 11_041, 22_000]), **many)), np.int32),
        limit_w=np.array(limits) if limited else None,
        curve=np.array(draw(st.lists(st.integers(0, curves - 1), **many)), np.int8) if curves > 1 else None,
        slot_seconds=draw(st.sampled_from([900, 3_600])),
    )


def energies(crowd: Crowd, plans: Plans):
    return schedule(crowd, plans, slice(0, len(crowd.site)))


def limits_of(crowd: Crowd):
    """Wh by site and slot; a large number for none."""
    if crowd.limit_w is None:
        return np.full((int(crowd.site.max()) + 1, crowd.slots), 10**9)
    watts = np.asarray(crowd.limit_w, np.int64)
    watts = watts if watts.ndim > 1 else np.repeat(watts[:, None], crowd.slots, axis=1)
    return np.where(watts < 0, 10**9, watts * crowd.slot_seconds // 3600)


def prices_of(crowd: Crowd):
    """A row of prices a car."""
    curve = np.zeros(len(crowd.site), int) if crowd.curve is None else crowd.curve
    return np.asarray(crowd.price_micro_per_kwh)[curve]


def as_problem(crowd: Crowd) -> Problem:
    limits = limits_of(crowd) * 3600 // crowd.slot_seconds
    prices = prices_of(crowd)
    columns = (crowd.site, crowd.arrive_slot, crowd.depart_slot, crowd.energy_wh, crowd.max_w)
    return Problem(
        id="p",
        start=START,
        slots=crowd.slots,
        slot_seconds=crowd.slot_seconds,
        price_micro_per_kwh=prices[0].tolist(),
        sites=[Site(id=str(index), limit_w=np.minimum(row, UNLIMITED_W).tolist()) for index, row in enumerate(limits)],
        demands=[
            Demand(
                id=str(index),
                site=str(site),
                arrive_slot=arrive,
                depart_slot=depart,
                energy_wh=energy,
                max_w=most,
                price_micro_per_kwh=prices[index].tolist(),
            )
            for index, (site, arrive, depart, energy, most) in enumerate(
                zip(*(column.tolist() for column in columns), strict=True)
            )
        ],
    )


def by_highs(crowd: Crowd) -> tuple[float, float]:
    """Served Wh, and what the least of serving it costs (nano), by two linear programs that know nothing of flows."""
    count, slots, limits = len(crowd.site), crowd.slots, limits_of(crowd)
    most = np.asarray(crowd.max_w, np.int64) * crowd.slot_seconds // 3600
    numbers = np.arange(slots)
    stay = (numbers >= crowd.arrive_slot[:, None]) & (numbers < crowd.depart_slot[:, None])
    tops = np.where(stay, most[:, None], 0).ravel()
    rows, most_of = [], []
    for car in range(count):
        row = np.zeros((count, slots))
        row[car] = 1
        rows.append(row.ravel())
        most_of.append(crowd.energy_wh[car])
    for site, slot in np.ndindex(limits.shape):
        row = np.zeros((count, slots))
        row[crowd.site == site, slot] = 1
        rows.append(row.ravel())
        most_of.append(limits[site, slot])
    bounds = np.column_stack((np.zeros(len(tops)), tops))
    most_energy = linprog(-np.ones(len(tops)), A_ub=rows, b_ub=most_of, bounds=bounds, method="highs")
    served = round(-most_energy.fun)
    all_of_it = np.ones((1, len(tops)))
    found = linprog(
        prices_of(crowd).ravel(), A_ub=rows, b_ub=most_of, A_eq=all_of_it, b_eq=[served], bounds=bounds, method="highs"
    )
    return served, found.fun


def assert_kept(crowd: Crowd, plans: Plans) -> None:
    """Within stays, powers and limits; the figures add up."""
    energy = energies(crowd, plans)
    numbers = np.arange(crowd.slots)
    stay = (numbers >= crowd.arrive_slot[:, None]) & (numbers < crowd.depart_slot[:, None])
    most = np.asarray(crowd.max_w, np.int64) * crowd.slot_seconds // 3600
    assert np.all(energy >= 0)
    assert np.all(energy <= np.where(stay, most[:, None], 0))
    assert np.array_equal(energy.sum(axis=1) + plans.unserved_wh, crowd.energy_wh)
    assert np.all(plans.unserved_wh >= 0)
    for site, limit in enumerate(limits_of(crowd)):
        assert np.all(energy[crowd.site == site].sum(axis=0) <= limit)
    assert np.array_equal((energy * prices_of(crowd)).sum(axis=1), plans.cost_nano)
    assert plans.total_nano == sum(plans.cost_nano.tolist())


@given(crowds(limited=False) | crowds() | crowds(limited=False, curves=3) | crowds(curves=3))
def test_many_cars_get_the_energy_and_the_cost_that_solve_gives_them(crowd):
    plans = plan(crowd)
    assert_kept(crowd, plans)
    answer = solve(as_problem(crowd))
    assert int(plans.unserved_wh.sum()) == answer.unserved_wh
    assert plans.total_nano == answer.cost_nano


@given(crowds() | crowds(curves=2))
def test_many_cars_get_the_energy_and_the_cost_of_a_linear_program(crowd):
    plans = plan(crowd)
    assert_kept(crowd, plans)
    served, cost = by_highs(crowd)
    assert int(crowd.energy_wh.sum() - plans.unserved_wh.sum()) == served
    gross = float(np.abs(energies(crowd, plans) * prices_of(crowd)).sum())
    assert abs(plans.total_nano - cost) <= 1e-6 * max(gross, 1e6)


@given(crowds(), st.integers(1, 5))
def test_parts_planned_apart_cost_what_the_whole_costs(crowd, parts):
    pieces = split(crowd, parts)
    assert np.array_equal(np.sort(np.concatenate([cars for cars, _ in pieces])), np.arange(len(crowd.site)))
    assert sum(plan(part).total_nano for _, part in pieces) == plan(crowd).total_nano


def test_a_car_alone_takes_its_cheapest_slots_and_the_rest_in_the_dearest_of_them():
    prices = np.array([300, 100, 200, 100, 50])
    crowd = Crowd(
        price_micro_per_kwh=prices,
        site=np.array([0, 0, 0]),
        arrive_slot=np.array([0, 0, 0]),
        depart_slot=np.array([4, 5, 5]),
        energy_wh=np.array([2_500, 500, 0]),
        max_w=np.array([4_000, 4_000, 4_000]),
    )
    plans = plan(crowd)
    assert energies(crowd, plans).tolist() == [[0, 1_000, 500, 1_000, 0], [0, 0, 0, 0, 500], [0, 0, 0, 0, 0]]
    assert plans.threshold.tolist() == [3, 0, NOTHING]
    assert plans.cost_nano.tolist() == [300_000, 25_000, 0]


def test_only_cars_of_crowded_sites_have_flows_and_equal_prices_are_used_early():
    crowd = Crowd(
        price_micro_per_kwh=np.array([200, 100, 100, 100]),
        site=np.array([1, 0, 1]),
        arrive_slot=np.array([0, 0, 0]),
        depart_slot=np.array([4, 4, 4]),
        energy_wh=np.array([1_000, 1_000, 1_000]),
        max_w=np.array([4_000, 4_000, 4_000]),
        limit_w=np.array([NO_LIMIT, 4_000]),
    )
    plans = plan(crowd)
    assert (plans.threshold == FLOWED).tolist() == [True, False, True]
    assert energies(crowd, plans).sum(axis=0).tolist() == [0, 2_000, 1_000, 0]


def test_cars_that_are_too_many_for_their_site_get_what_it_has():
    crowd = Crowd(
        price_micro_per_kwh=np.array([-200, 100]),
        site=np.zeros(100, int),
        arrive_slot=np.zeros(100, int),
        depart_slot=np.full(100, 2),
        energy_wh=np.full(100, 10_000),
        max_w=np.full(100, 22_000),
        limit_w=np.array([[4_000, 0]]),
    )
    plans = plan(crowd)
    assert int(plans.unserved_wh.sum()) == 999_000
    assert plans.total_nano == -200_000


def test_no_cars_have_no_plans():
    nobody = np.zeros(0, int)
    for limit in (None, np.zeros(0, int), np.array([4_000])):
        crowd = Crowd(np.array([1, 2]), nobody, nobody, nobody, nobody, nobody, limit_w=limit)
        plans = plan(crowd)
        assert (len(plans.threshold), plans.total_nano) == (0, 0)


def test_sums_beyond_64_bits_are_exact():
    count = 200
    crowd = Crowd(
        price_micro_per_kwh=np.array([10**9]),
        site=np.zeros(count, int),
        arrive_slot=np.zeros(count, int),
        depart_slot=np.ones(count, int),
        energy_wh=np.full(count, 10**8),
        max_w=np.full(count, 10**8),
        slot_seconds=3_600,
    )
    assert plan(crowd).total_nano == count * 10**17
    crowded = plan(replace(crowd, limit_w=np.array([(count - 1) * 10**8])))
    assert crowded.total_nano == (count - 1) * 10**17


@given(crowds(limited=False))
def test_the_least_limit_serves_what_fits_and_one_less_does_not(crowd):
    least = least_wh(crowd)
    unlimited = int(plan(crowd).unserved_wh.sum())
    watts = -(-least * 3600 // crowd.slot_seconds)
    assert int(plan(replace(crowd, limit_w=watts)).unserved_wh.sum()) == unlimited
    for site in np.flatnonzero(least).tolist():
        smaller = watts.copy()
        smaller[site] = (least[site] - 1) * 3600 // crowd.slot_seconds
        assert int(plan(replace(crowd, limit_w=smaller)).unserved_wh.sum()) > unlimited


@pytest.mark.parametrize("slots", [92, 96, 100])
def test_thousands_of_cars_on_days_of_any_length(slots):
    dice = np.random.default_rng(slots)
    count = 9_000
    arrive = dice.integers(0, slots - 1, count)
    crowd = Crowd(
        price_micro_per_kwh=dice.integers(-50_000, 300_000, (2, slots)),
        site=np.sort(dice.integers(0, 300, count)),
        arrive_slot=arrive,
        depart_slot=dice.integers(arrive + 1, slots + 1),
        energy_wh=dice.integers(0, 60_000, count),
        max_w=dice.choice([7_400, 11_000, 22_000], count),
        limit_w=dice.choice([NO_LIMIT, 40_000, 80_000, 400_000], 300),
        curve=dice.integers(0, 2, count),
    )
    plans = plan(crowd)
    assert_kept(crowd, plans)
    assert 0 < np.mean(plans.threshold == FLOWED) < 1

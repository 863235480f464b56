"""Problems in the fewest words, random ones, and judges of their answers that share no code with the engine."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.optimize import linprog

from server.core.valley.problem import Answer, Demand, Feeder, Problem, Site

START = datetime(2026, 3, 28, 17, 0, tzinfo=UTC)
EUR = 10**9
ROUNDING_WH = 1
TO_THE_END = -1


def ev(name="e1", **said):
    """A demand: 11 kW, three phases, 2.76 kWh a slot; without a departure it stays to the end."""
    usual = {"id": name, "site": "s1", "arrive_slot": 0, "depart_slot": TO_THE_END, "energy_wh": 2760, "max_w": 11040}
    return Demand(**{**usual, **said})


def asked(prices, demands, **said):
    """A problem with one site, s1, without a limit that binds."""
    demands = [replace(one, depart_slot=len(prices)) if one.depart_slot == TO_THE_END else one for one in demands]
    site = {key: said.pop(key) for key in ("limit_w", "base_load_w", "feeders") if key in said}
    return Problem(
        id="p1",
        start=START,
        slots=len(prices),
        price_micro_per_kwh=prices,
        sites=[Site(**{"id": "s1", "limit_w": 1_000_000, **site})],
        demands=demands,
        **said,
    )


def energies(answer: Answer) -> list[list[int]]:
    """The plans, in the order of the demands."""
    return [plan.energy_wh for plan in answer.plans]


# --- what a plan must keep, read from the contract alone ------------------------------------------------------------


def seconds_of(problem: Problem) -> list[int]:
    return [problem.slot_seconds - (problem.elapsed_s if slot == 0 else 0) for slot in range(problem.slots)]


def limits_of(problem: Problem) -> list[tuple[dict[int, int], list[int]]]:
    """Shared limits as ({demand: weight}, limit by slot); currents as 6 x Wh, so that all weights are whole."""
    out = []
    for site in problem.sites:
        parents = {feeder.id: feeder.parent for feeder in site.feeders}
        here = [index for index, demand in enumerate(problem.demands) if demand.site == site.id]
        for slot_limit, base in [(site.limit_w, site.base_load_w or 0)]:
            pairs = zip(_by_slot(slot_limit, problem), _by_slot(base, problem), strict=True)
            free = [max(0, most - load) for most, load in pairs]
            out.append((dict.fromkeys(here, 1), _in_wh(free, problem, 1)))
        for feeder in site.feeders:
            under = [i for i in here if feeder.id in _upwards(problem.demands[i].feeder, parents)]
            if feeder.limit_w is not None:
                out.append((dict.fromkeys(under, 1), _in_wh([feeder.limit_w] * problem.slots, problem, 1)))
            if feeder.limit_ma is not None:
                weights = {i: 6 // len(problem.demands[i].phases) for i in under}
                most = [6 * 230 * min(feeder.limit_ma)] * problem.slots
                out.append((weights, _in_wh(most, problem, 1000)))
    return out


def _by_slot(value, problem):
    return value if isinstance(value, list) else [value] * problem.slots


def _in_wh(limits, problem, scale):
    return [most * seconds // (3600 * scale) for most, seconds in zip(limits, seconds_of(problem), strict=True)]


def _upwards(feeder, parents):
    while feeder is not None:
        yield feeder
        feeder = parents[feeder]


def assert_kept(problem: Problem, answer: Answer) -> None:
    """Within the stay, within every power and limit, nothing lost, and the figures of the answer add up."""
    assert [plan.id for plan in answer.plans] == [demand.id for demand in problem.demands]
    for demand, plan in zip(problem.demands, answer.plans, strict=True):
        assert len(plan.energy_wh) == problem.slots
        for slot, (energy, seconds) in enumerate(zip(plan.energy_wh, seconds_of(problem), strict=True)):
            inside = demand.arrive_slot <= slot < demand.depart_slot
            assert 0 <= energy <= (demand.max_w * seconds // 3600 if inside else 0)
            assert energy == 0 or (energy + ROUNDING_WH) * 3600 > demand.min_w * seconds
        assert sum(plan.energy_wh) + plan.shortfall_wh == demand.energy_wh
        assert plan.shortfall_wh >= 0
        assert (plan.reason is None) == (plan.shortfall_wh == 0)
    for weights, limit in limits_of(problem):
        for slot, most in enumerate(limit):
            assert sum(weight * answer.plans[i].energy_wh[slot] for i, weight in weights.items()) <= most
    assert answer.cost_nano == cost_of(problem, answer)
    assert answer.bound_nano <= answer.cost_nano
    assert answer.gap == (answer.cost_nano - answer.bound_nano) / max(abs(answer.bound_nano), EUR)
    assert answer.status == ("optimal" if answer.gap == 0 else "feasible")
    assert answer.unserved_wh == sum(plan.shortfall_wh for plan in answer.plans)


def cost_of(problem: Problem, answer: Answer) -> int:
    return sum(
        price * energy
        for demand, plan in zip(problem.demands, answer.plans, strict=True)
        for price, energy in zip(demand.price_micro_per_kwh or problem.price_micro_per_kwh, plan.energy_wh, strict=True)
    )


# --- the linear optimum, by SciPy's HiGHS ---------------------------------------------------------------------------


class Linear:
    """The problem without least powers as rows and columns: energy[i, t] in a row of n x slots."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        count, slots = len(problem.demands), problem.slots
        self.columns = count * slots
        self.rows, self.most = [], []
        for weights, limit in limits_of(problem):
            for slot, most in enumerate(limit):
                self.add({i * slots + slot: weight for i, weight in weights.items()}, most)
        for i, demand in enumerate(problem.demands):
            self.add({i * slots + slot: 1 for slot in range(slots)}, demand.energy_wh)
        self.bounds = [
            (0, demand.max_w * seconds // 3600 if demand.arrive_slot <= slot < demand.depart_slot else 0)
            for demand in problem.demands
            for slot, seconds in enumerate(seconds_of(problem))
        ]

    def only_usable_slots(self) -> None:
        """No energy where even a demand alone could not take its least."""
        slots, seconds = self.problem.slots, seconds_of(self.problem)
        for i, demand in enumerate(self.problem.demands):
            for slot in range(slots):
                free = [limit[slot] // weights[i] for weights, limit in limits_of(self.problem) if i in weights]
                if min([*free, demand.max_w * seconds[slot] // 3600]) * 3600 < demand.min_w * seconds[slot]:
                    self.bounds[i * slots + slot] = (0, 0)

    def add(self, row: dict[int, float], most: float) -> None:
        dense = np.zeros(self.columns)
        for column, value in row.items():
            dense[column] = value
        self.rows.append(dense)
        self.most.append(most)

    def least(self, costs) -> float:
        found = linprog(costs, A_ub=np.array(self.rows), b_ub=self.most, bounds=self.bounds, method="highs")
        assert found.status == 0, found.message
        return float(found.fun)


def linear_optimum(problem: Problem) -> tuple[list[float], float]:
    """Energy served by priority, the highest first, and the least cost of serving that."""
    linear, slots, served = Linear(problem), problem.slots, []
    for priority in sorted({demand.priority for demand in problem.demands}, reverse=True):
        mine = [i for i, demand in enumerate(problem.demands) if demand.priority == priority]
        row = {i * slots + slot: -1.0 for i in mine for slot in range(slots)}
        costs = np.zeros(linear.columns)
        costs[list(row)] = -1.0
        served.append(-linear.least(costs))
        linear.add(row, -served[-1] + 1e-7)
    prices = [demand.price_micro_per_kwh or problem.price_micro_per_kwh for demand in problem.demands]
    return served, linear.least(np.array(prices, float).ravel())


# --- random problems ------------------------------------------------------------------------------------------------


@st.composite
def problems(draw, *, least=False, floors=False, mixed=False, survival=False):
    """Sites of up to five cars over up to ten slots, mostly crowded; with zero limits and negative prices."""
    slots = draw(st.integers(1, 10))
    price = st.sampled_from([-50_000, 0, 100_000, 100_000, 200_000]) | st.integers(-200_000, 400_000)
    prices = draw(st.lists(price, min_size=slots, max_size=slots))
    feeders = draw(st.sampled_from([[], [_feeder(draw, "f1")], [_feeder(draw, "f1"), _feeder(draw, "f2", "f1")]]))
    limit = st.sampled_from([0, 5_000, 9_000, 16_000, 40_000])
    kinds = {"least": least, "floors": floors, "mixed": mixed, "survival": survival}
    count = draw(st.integers(0, 5))
    return asked(
        prices,
        [_demand(draw, f"e{i}", slots, [None, *(feeder.id for feeder in feeders)], kinds) for i in range(count)],
        limit_w=draw(limit | st.lists(limit, min_size=slots, max_size=slots)),
        base_load_w=draw(st.sampled_from([None, 2_000, 6_000])),
        feeders=feeders,
    )


def _feeder(draw, name, parent=None):
    return Feeder(
        id=name,
        parent=parent,
        limit_ma=draw(st.sampled_from([None, [10_000] * 3, [16_000, 20_000, 25_000], [32_000] * 3])),
        limit_w=draw(st.sampled_from([None, 5_000, 12_000])),
    )


def _demand(draw, name, slots, feeders, kinds):
    arrive = draw(st.integers(0, slots - 1))
    depart = draw(st.integers(arrive + 1, slots))
    phases = draw(st.sampled_from([[1], [2], [1, 2], [1, 2, 3]] if kinds["mixed"] else [[1, 2, 3]]))
    energy = draw(st.integers(0, 12_000))
    price = st.lists(st.integers(-100_000, 400_000), min_size=slots, max_size=slots)
    chance = st.floats(0, 1, allow_nan=False)
    return ev(
        name,
        arrive_slot=arrive,
        depart_slot=depart,
        energy_wh=energy,
        max_w=draw(st.sampled_from([0, 16, 32]) | st.just(16)) * 230 * len(phases),
        feeder=draw(st.sampled_from(feeders)),
        phases=phases,
        priority=draw(st.sampled_from([0, 0, 0, 1, -2])),
        min_w=1380 * len(phases) if kinds["least"] else 0,
        floor_wh=draw(st.integers(0, energy)) if kinds["floors"] else 0,
        price_micro_per_kwh=draw(st.none() | price) if draw(st.booleans()) else None,
        survival=draw(st.lists(chance, min_size=depart - arrive, max_size=depart - arrive))
        if kinds["survival"]
        else None,
    )

"""Problems in the fewest words, random ones, and judges of their answers that share no code with the engine."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from msgspec.structs import replace

from server.core.valley.problem import Answer, Battery, Demand, Feeder, Problem, Site

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
    site = {key: said.pop(key) for key in Site.__struct_fields__ if key in said and key != "id"}
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
    """Shared limits as ({demand: weight}, limit by slot); currents as 6 x Wh, so that all weights are whole.

    That of a site counts its cars alone: what grid and sun leave beside the building (none with a battery).
    """
    out = []
    for site in problem.sites:
        parents = {feeder.id: feeder.parent for feeder in site.feeders}
        here = [index for index, demand in enumerate(problem.demands) if demand.site == site.id]
        if site.battery is None:
            grid, solar = supply_of(problem, site)
            out.append((dict.fromkeys(here, 1), [one + other for one, other in zip(grid, solar, strict=True)]))
        for feeder in site.feeders:
            under = [i for i in here if feeder.id in _upwards(problem.demands[i].feeder, parents)]
            if feeder.limit_w is not None:
                out.append((dict.fromkeys(under, 1), _in_wh([feeder.limit_w] * problem.slots, problem, 1)))
            for phase, most in enumerate(feeder.limit_ma or [], 1):
                on = [i for i in under if problem.demands[i].any_phase or phase in problem.demands[i].phases]
                weights = {i: 6 // len(problem.demands[i].phases) for i in on}
                out.append((weights, _in_wh([6 * 230 * most] * problem.slots, problem, 1000)))
    return out


def net_base_w(problem: Problem, site: Site) -> list[int]:
    """What the building takes less what the sun gives, W by slot."""
    pairs = zip(_by_slot(site.base_load_w or 0, problem), _by_slot(site.solar_w or 0, problem), strict=True)
    return [load - sun for load, sun in pairs]


def supply_of(problem: Problem, site: Site) -> tuple[list[int], list[int]]:
    """What is left for cars of the grid and of the sun, whole Wh by slot."""
    net = net_base_w(problem, site)
    limits = _by_slot(site.limit_w, problem)
    grid = [max(0, most - max(0, base)) for most, base in zip(limits, net, strict=True)]
    return _in_wh(grid, problem, 1), _in_wh([max(0, -base) for base in net], problem, 1)


def grid_prices(problem: Problem) -> list[int]:
    """Price and carbon of the grid by slot."""
    return [price + carbon for price, carbon in zip(problem.price_micro_per_kwh, _carbon(problem), strict=True)]


def prices_of(problem: Problem) -> list[list[int]]:
    """What a Wh from the grid costs each demand by slot."""
    return [
        [price + carbon for price, carbon in zip(own.price_micro_per_kwh, _carbon(problem), strict=True)]
        if own.price_micro_per_kwh is not None
        else grid_prices(problem)
        for own in problem.demands
    ]


def _carbon(problem: Problem) -> list[int]:
    grams = problem.carbon_g_per_kwh or [0] * problem.slots
    return [(gram * problem.carbon_price_micro_per_kg + 500) // 1000 for gram in grams]


def feed_in(problem: Problem, site: Site) -> list[int]:
    return _by_slot(site.feed_in_micro_per_kwh or 0, problem)


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
    """What the cars (and batteries) of an answer add to the bills."""
    bought = sum(
        price * energy
        for prices, plan in zip(prices_of(problem), answer.plans, strict=True)
        for price, energy in zip(prices, plan.energy_wh, strict=True)
    )
    for site, said in zip(problem.sites, answer.sites, strict=True):
        taken = getattr(said, "battery_wh", [0] * problem.slots)
        here = [plan for plan, one in zip(answer.plans, problem.demands, strict=True) if one.site == site.id]
        net = [sum(plan.energy_wh[t] for plan in here) + taken[t] for t in range(problem.slots)]
        bought += sum(price * energy for price, energy in zip(grid_prices(problem), taken, strict=True))
        used = _used(problem, site, net, (taken, said.peak_w))
        gain = [price - fed for price, fed in zip(grid_prices(problem), feed_in(problem, site), strict=True)]
        bought -= sum(one * other for one, other in zip(gain, used, strict=True))
        base = [max(0, one) for one in net_base_w(problem, site)]
        drawn = [one - other for one, other in zip(net, used, strict=True)]
        seconds = seconds_of(problem)
        delivered = [max(0, one * s // 3600 + more) for one, more, s in zip(base, drawn, seconds, strict=True)]
        assert said.grid_wh == delivered
        peak = max(0, *(one - (-more * 3600 // s) for one, more, s in zip(base, drawn, seconds, strict=True)))
        assert said.peak_w == peak
        bought += site.peak_price_micro_per_kw * max(0, peak - site.peak_so_far_w)
    return bought + 1000 * problem.switch_micro * _starts(problem, answer)


def _starts(problem: Problem, answer: Answer) -> int:
    count = 0
    for demand, plan in zip(problem.demands, answer.plans, strict=True):
        before = [int(demand.charging and demand.arrive_slot == 0), *plan.energy_wh]
        count += sum(now > 0 and not was for was, now in zip(before, plan.energy_wh, strict=False))
    return count


def _used(problem: Problem, site: Site, net: list[int], said: tuple[list[int], int]) -> list[int]:
    """Solar energy that is not sold; negative where a battery sells. None of it, where selling it is worth more."""
    taken, peak = said
    limits = _by_slot(site.limit_w, problem)
    if site.peak_price_micro_per_kw:
        limits = [min(one, max(peak, site.peak_so_far_w)) for one in limits]
    grid, solar = supply_of(problem, replace(site, limit_w=limits))
    if site.battery is not None and site.peak_price_micro_per_kw:
        level = [max(peak, site.peak_so_far_w) - max(0, one) for one in net_base_w(problem, site)]
        grid = [min(one, other) for one, other in zip(grid, _in_wh(level, problem, 1), strict=True)]
    gain = [price - fed for price, fed in zip(grid_prices(problem), feed_in(problem, site), strict=True)]
    used = []
    for t, need in enumerate(net):
        lent, sold = 0, 0
        if site.battery is not None:
            lent = max(0, net_base_w(problem, site)[t]) * seconds_of(problem)[t] // 3600
            seconds = seconds_of(problem)[t]
            room = _by_slot(site.limit_w, problem)[t] * seconds // 3600 - solar[t]
            sold = max(0, min(-taken[t], room, site.battery.max_w * seconds // 3600))
        most = max(min(solar[t], need + lent), -sold)
        used.append(most if gain[t] >= 0 else min(max(min(most, 0), need - grid[t]), most))
    return used


# --- random problems ------------------------------------------------------------------------------------------------


@st.composite
def problems(draw, *, least=False, floors=False, mixed=False, survival=False, supply=False, battery=False):
    """Sites of up to five cars over up to ten slots, mostly crowded; with zero limits and negative prices."""
    slots = draw(st.integers(1, 10))
    price = st.sampled_from([-50_000, 0, 100_000, 100_000, 200_000]) | st.integers(-200_000, 400_000)
    prices = draw(st.lists(price, min_size=slots, max_size=slots))
    feeders = draw(st.sampled_from([[], [_feeder(draw, "f1")], [_feeder(draw, "f1"), _feeder(draw, "f2", "f1")]]))
    limit = st.sampled_from([0, 5_000, 9_000, 16_000, 40_000])
    kinds = {"least": least, "floors": floors, "mixed": mixed, "survival": survival}
    count = draw(st.integers(0, 5))
    said = _supply(draw, slots) if supply else {}
    if battery:
        said["battery"] = draw(st.none() | _BATTERY)
    return asked(
        prices,
        [_demand(draw, f"e{i}", slots, [None, *(feeder.id for feeder in feeders)], kinds) for i in range(count)],
        limit_w=draw(limit | st.lists(limit, min_size=slots, max_size=slots)),
        base_load_w=draw(st.sampled_from([None, 2_000, 6_000]) | st.just([2_001, 6_002] * 5).map(lambda a: a[:slots])),
        feeders=feeders,
        **said,
    )


_BATTERY = st.builds(
    lambda capacity, share, power, lost: Battery(capacity, capacity * share // 4, power, lost),
    st.sampled_from([0, 3_000, 10_000]),
    st.integers(0, 4),
    st.sampled_from([0, 2_000, 7_001]),
    st.sampled_from([100, 90, 77]),
)


def _supply(draw, slots):
    """Solar energy, carbon, a price on the peak."""
    sun = st.sampled_from([0, 1_500, 6_003, 20_000])
    sold = st.sampled_from([0, 70_000, 150_000, -10_000])
    grams = st.lists(st.sampled_from([0, 120, 455]), min_size=slots, max_size=slots)
    return {
        "solar_w": draw(st.none() | st.lists(sun, min_size=slots, max_size=slots)),
        "feed_in_micro_per_kwh": draw(st.none() | sold | st.lists(sold, min_size=slots, max_size=slots)),
        "carbon_g_per_kwh": draw(st.none() | grams),
        "carbon_price_micro_per_kg": draw(st.sampled_from([0, 80_000])),
        "peak_price_micro_per_kw": draw(st.sampled_from([0, 0, 10_000, 100_000, 5_000_000])),
        "peak_so_far_w": draw(st.sampled_from([0, 0, 5_001])),
    }


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
    phases = draw(st.sampled_from([[1], [2], [3], [1, 2], [1, 2, 3]] if kinds["mixed"] else [[1, 2, 3]]))
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
        any_phase=kinds["mixed"] and draw(st.booleans()),
        priority=draw(st.sampled_from([0, 0, 0, 1, -2])),
        min_w=1380 * len(phases) if kinds["least"] else 0,
        floor_wh=draw(st.integers(0, energy)) if kinds["floors"] else 0,
        price_micro_per_kwh=draw(st.none() | price) if draw(st.booleans()) else None,
        survival=draw(st.lists(chance, min_size=depart - arrive, max_size=depart - arrive))
        if kinds["survival"]
        else None,
    )

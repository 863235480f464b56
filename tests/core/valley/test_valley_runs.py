"""One demand under rules of running against every on/off pattern that there is."""

import itertools
import random

import msgspec
import numpy as np
import pytest

from server.core.valley import runs
from server.core.valley.exact import exact
from server.core.valley.paths import FINE, Paths
from server.core.valley.rules import Rules, kept, starts


def count(bits, rules):
    """The starts of a pattern, None where it breaks a rule: the contract, read once more."""
    found, begun, ended = [], 0, 0 if rules.charging and not bits[0] else None
    for on, group in itertools.groupby(range(len(bits)), key=lambda slot: bits[slot]):
        slots = list(group)
        if on:
            found.append((slots[0], slots[-1] + 1))
    if rules.block and (len(found) > 1 or (found and rules.charging and not bits[0])):
        return None
    for first, end in found:
        goes_on = rules.charging and first == 0
        begun += not goes_on
        if end - first < rules.run and end < len(bits) and not goes_on:
            return None
        if ended is not None and first - ended < rules.run:
            return None
        ended = end
    return begun


def every_pattern(way):
    """The most energy, and the least cost of that, of all patterns; None where none keeps to the rules."""
    best = None
    for bits in itertools.product((False, True), repeat=len(way.cost)):
        on, begun = np.array(bits), count(bits, way.rules)
        if begun is None or np.any(on & (way.high == 0)) or np.any(way.must & ~on):
            continue
        plan = np.where(on, way.low, 0)
        if plan.sum() > way.energy:
            continue
        lit = np.clip(way.sun, way.low, way.high)
        steps = [(way.cost[t] - way.rebate[t], t, lit[t] - way.low[t]) for t in np.flatnonzero(on)]
        steps += [(way.cost[t], t, way.high[t] - lit[t]) for t in np.flatnonzero(on)]
        for _, slot, room in sorted(steps):
            plan[slot] += min(room, way.energy - plan.sum())
        spent = plan @ way.cost - way.rebate @ np.minimum(plan, way.sun)
        key = (-int(plan.sum()), int(spent) + way.rules.switch_nano * begun)
        best = key if best is None else min(best, key)
    return best


def course(seed):
    """A stay of up to eight slots: equal or uneven, with and without solar energy, floors and every rule."""
    dice = random.Random(seed)
    slots, base = dice.randint(1, 8), dice.choice([230, 690, 2760, 7])
    high = np.full(slots, base)
    if dice.random() < 0.5:
        high[0] = dice.choice([base, base // 2, 0])
    else:
        high = np.array([dice.choice([0, base // 3, base, base - 1, dice.randint(0, base)]) for _ in range(slots)])
    energy = dice.randint(0, base * dice.choice([3, slots]))
    way = runs.course(
        np.array([dice.choice([dice.randint(-50, 400), 100, 100, 200]) * 1000 for _ in range(slots)]),
        high,
        np.full(slots, dice.choice([0, 0, base // 3, base // 2, base])),
        (energy, dice.choice([0, 0, dice.randint(0, energy)])),
        Rules(
            switch_nano=dice.choice([0, 0, 1, 10**6 * dice.randint(0, 300), 10**9]),
            run=dice.choice([1, 1, 2, 3, 4]),
            **dice.choice([{}, {}, {"block": True}, {"charging": True}]),
        ),
    )
    if dice.random() < 0.6:
        return way
    rebate = np.array([dice.choice([0, dice.randint(0, 150)]) * 1000 for _ in range(slots)])
    return msgspec.structs.replace(way, sun=np.array([dice.randint(0, base) for _ in range(slots)]), rebate=rebate)


def assert_best(way, found):
    on, best = found.plan > 0, every_pattern(way)
    if best is None:  # the rules forbid the floor's own slots: it comes as early as they let it
        assert way.must.any() or not on.any()
        way = msgspec.structs.replace(way, must=np.zeros_like(way.must), low=way.least)
        best = (-int(found.plan.sum()), way.total(found.plan))
        assert best[0] == every_pattern(way)[0]
    assert not np.any(found.plan > way.high)
    assert not np.any(on & (found.plan < way.low))
    assert count(on.tolist(), way.rules) == starts(found.plan, way.rules)
    assert kept(on, way.rules)
    assert (-int(found.plan.sum()), way.total(found.plan)) == best
    assert found.bound <= best[1]


@pytest.mark.parametrize("part", range(4))
def test_no_pattern_serves_more_or_costs_less(part):
    for seed in range(part, 800, 4):
        assert_best(course(seed), runs.planned(course(seed)))


def test_in_haste_a_plan_serves_as_much_keeps_the_rules_and_costs_at_most_so_much_more():
    near, moved = 10**9, 0
    for seed in range(500):
        way = course(seed)
        best, found = runs.planned(way), runs.planned(way, near=near)
        on = found.plan > 0
        assert found.plan.sum() == best.plan.sum()
        assert not np.any(found.plan > way.high)
        assert kept(on, way.rules) == kept(best.plan > 0, way.rules)
        assert found.bound <= way.total(best.plan)
        assert way.total(found.plan) <= max(found.bound + near, way.total(best.plan))
        if np.all(best.plan >= way.low, where=way.must):
            assert not np.any(on & (found.plan < way.low))
        moved += not np.array_equal(best.plan, found.plan)
    assert moved, "some are found without the programme"


def test_in_haste_a_run_is_as_short_and_as_early_as_it_costs_no_more():
    cost, least = np.array([300] * 4 + [100] * 12), np.full(16, 1_000)
    way = runs.course(cost, np.full(16, 3_000), least, (10_000, 0), Rules(switch_nano=1, run=2))
    long = np.array([0] * 6 + [1_000] * 10)
    early = runs.pulled(way, runs.shortened(way, long))
    assert early.tolist() == [0] * 4 + [3_000] * 3 + [1_000] + [0] * 8
    assert way.total(early) == way.total(long)


def test_the_exact_programme_alone_finds_the_same():
    for seed in range(300):
        way = course(seed)
        best = every_pattern(way)
        if best is not None:
            plan = exact(way, None, 0, cells=10**7)
            assert (-int(plan.sum()), way.total(plan)) == best


def test_the_kept_patterns_are_those_of_the_contract():
    for run, block, charging in itertools.product((1, 2, 3), (False, True), (False, True)):
        rules = Rules(switch_nano=1, run=run, block=block, charging=charging)
        for bits in itertools.product((False, True), repeat=7):
            assert kept(np.array(bits), rules) == (count(bits, rules) is not None)


def test_a_block_that_runs_goes_on_unless_a_new_one_serves_more():
    rules = Rules(switch_nano=1, run=1, block=True, charging=True)
    cost, least = np.array([300, 200, 100, 100]), np.full(4, 10)
    on = runs.course(cost, np.full(4, 10), least, (20, 0), rules)
    assert runs.planned(on).plan.tolist() == [10, 10, 0, 0]
    cut = runs.course(cost, np.array([10, 0, 10, 10]), least, (20, 0), rules)
    assert runs.planned(cut).plan.tolist() == [0, 0, 10, 10]


def night(slots, seed):
    """60 kWh at 11 kW with a 6 A minimum, noisy prices, a slot that has begun."""
    dice = np.random.default_rng(seed)
    cost = 175_000 - 90_000 * np.cos((np.arange(slots) / 4 - 7) / 12 * 2 * np.pi) + dice.normal(0, 12_000, slots)
    high = np.full(slots, 2760)
    high[0] = 1200
    rules = Rules(switch_nano=10_000_000, run=2)
    return runs.course(cost.astype(np.int64), high, np.full(slots, 1035), (60_000 - 997 * seed, 0), rules)


@pytest.mark.parametrize("slots", [96, 192])
def test_a_long_stay_is_proven_best_after_few_paths(slots, monkeypatch):
    looked, look = [], Paths.at
    monkeypatch.setattr(Paths, "at", lambda paths, worth: looked.append(worth) or look(paths, worth))
    for seed in range(9):
        way = night(slots, seed)
        found = runs.planned(way)
        assert found.plan.sum() == way.energy
        assert found.bound == way.total(found.plan)
    assert 9 <= len(looked) <= 9 * 8


def test_where_the_programme_would_be_too_large_a_bound_is_proven_all_the_same():
    wider = False
    for seed in range(9):
        way = night(96, seed)
        best, found = runs.planned(way), runs.planned(way, cells=0)
        assert found.bound <= way.total(best.plan) <= way.total(found.plan)
        assert way.total(found.plan) <= found.bound + way.rules.switch_nano
        wider |= found.bound < way.total(found.plan)
    assert wider


def test_on_equal_cost_a_plan_starts_seldom_and_then_early():
    flat = np.full(12, 100_000)
    way = runs.course(flat, np.full(12, 2760), np.zeros(12, np.int64), (3 * 2760, 0), Rules(run=2))
    assert runs.planned(way).plan.tolist() == [2760] * 3 + [0] * 9


def test_a_pattern_costs_what_its_slots_take_where_the_sun_gives_less_than_the_least_power():
    tried = 0
    for seed in range(800):
        way = course(seed)
        if not way.energy or not way.sun.any():
            continue
        paths = Paths(way)
        for worth in paths.rungs()[0]:
            line = paths.at(worth)
            if line is None or not line.on.any():
                continue
            rows = list(zip(way.cost.tolist(), way.rebate.tolist(), way.sun.tolist(), strict=True))
            takes = zip(way.low.tolist(), np.clip(way.sun, way.low, way.high).tolist(), way.high.tolist(), strict=True)
            best = [
                min(
                    (cost * paths.scale + FINE * (slot + 1) - worth) * take - rebate * paths.scale * min(take, sun)
                    for take in ways
                )
                for slot, ((cost, rebate, sun), ways) in enumerate(zip(rows, takes, strict=True))
            ]
            least = sum(one for one, is_on in zip(best, line.on.tolist(), strict=True) if is_on)
            # the first start is no choice: only a car that charges already has none
            begun = starts(line.on.astype(np.int64), way.rules)
            assert line.cost - worth * line.energy == least + begun * paths.switch
            tried += 1
    assert tried > 100

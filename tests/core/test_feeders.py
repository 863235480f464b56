"""Shares over a tree of limits: whatever hangs where, all shares below a limit stay within it, on each phase."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core import ask
from server.core.ask import Place, Wish
from server.core.demand import Need, NeedSource
from server.core.feeders import Tree, current_of, goes_round, in_the_way, tree, waiting
from server.core.ready_by import ReadyBy, ReadySource
from server.core.station import MIN_CURRENT_MA, Feeder, Station
from server.core.timegrid import Grid
from server.core.valley.plan import solve
from server.core.valley.problem import faults
from shared.sessions import Delay
from shared.units import VOLTS, current_ma, power_w

HERE = UUID(int=999)
ZONE = "Europe/Amsterdam"
NOON = datetime(2026, 1, 14, 11, tzinfo=UTC)
MAIN, GARAGE, YARD = (UUID(int=number) for number in (1, 2, 3))


def feeder(key, parent=None, **limits):
    return Feeder(key, HERE, parent_id=parent, name=str(key.int), **limits)


def station(number, where, **more):
    values = {"max_w": 11_040, "phases": 3, "online": True, "feeder_id": where, "unit": "A"} | more
    return Station(UUID(int=100 + number), UUID(int=7), HERE, f"CP-{number}", **values)


def wish(number, where, phases=3, power=11_040, energy=20_000):
    ready = ReadyBy(None, ReadySource.NONE)
    need = Need(energy, 0, NeedSource.STATED)
    return Wish(UUID(int=number), need, ready, Delay.OVERRIDDEN, power, phases, [1] * 8, 0, feeder_id=where)


# A main connection of 80 A; a garage of 32 A behind it with two stations, and four more in the yard.
NESTED = [feeder(MAIN, limit_ma=(80_000,) * 3), feeder(GARAGE, MAIN, limit_ma=(32_000, 32_000, 26_000))]
BOXES = [station(1, GARAGE), station(2, GARAGE), *(station(number, MAIN) for number in (3, 4, 5, 6))]
PLACE = tree(NESTED, BOXES, {})


def test_a_share_is_the_least_of_what_each_limit_above_leaves():
    assert current_of(PLACE.share_w(GARAGE, 1)) == 13_000  # 26 A on the weakest phase for two; 80 / 6 would be more
    assert current_of(PLACE.share_w(MAIN, 1)) == 13_300
    narrow = tree([msgspec.structs.replace(NESTED[0], limit_ma=(63_000,) * 3), NESTED[1]], BOXES, {})
    assert {current_of(narrow.share_w(where, 1)) for where in (MAIN, GARAGE)} == {10_500}
    assert PLACE.share_w(None, 3) is None


def test_a_limit_in_watts_and_the_building_inside_count_too():
    shop = feeder(GARAGE, MAIN, limit_w=30_000, base_load=(("08:00", "18:00", 6_900), ("18:00", "08:00", 1_000)))
    here = tree([NESTED[0], shop], BOXES, {})
    assert current_of(here.share_w(GARAGE, 1)) == 11_600  # the yard's; alone it would be 23.1 kW for two: 16.7 A
    assert current_of(here.share_w(MAIN, 1)) == 11_600  # 80 A less the 10 A of the shop, for six
    grid = Grid(NOON, 32)
    assert here.base_w(NESTED[0], grid, ZONE) == here.base_w(shop, grid, ZONE) == [6_900] * 24 + [1_000] * 8


def test_each_socket_counts_and_a_station_that_showed_none_counts_for_one():
    assert tree(NESTED, BOXES, {BOXES[0].id: 3}).sockets == {MAIN: 8, GARAGE: 4}


def test_the_cap_of_a_baseline_is_the_least_of_those_above():
    cars = PLACE.counted([GARAGE, MAIN, MAIN])
    assert cars == {MAIN: 3, GARAGE: 1}
    assert PLACE.cap_w(GARAGE, NOON, ZONE, cars) == min(26 * 690, 80 * 690 // 3)
    assert PLACE.cap_w(None, NOON, ZONE, cars) is None


def test_who_gets_more_waits_for_who_shares_a_limit_and_still_holds_too_much():
    more = station(3, MAIN, safe_held_w=6_000)
    stale = station(1, GARAGE, safe_held_w=power_w(16_000, 3))
    fits = station(2, GARAGE, safe_held_w=power_w(13_000, 1), unit="W")
    unknown = station(4, MAIN, safe_held_w=None)
    assert in_the_way(PLACE, more, [more, stale, fits, unknown]) == [stale]
    assert waiting(PLACE, stale, [more, stale, fits, unknown]) == [more]
    assert in_the_way(PLACE, station(9, None), [stale]) == []


def test_a_ring_is_seen_and_never_walked_for_ever():
    assert goes_round({MAIN: GARAGE, GARAGE: MAIN}, MAIN)
    assert goes_round({MAIN: MAIN}, MAIN)
    assert not goes_round({MAIN: None, GARAGE: MAIN}, GARAGE)
    ring = Tree({MAIN: feeder(MAIN, GARAGE), GARAGE: feeder(GARAGE, MAIN)})
    assert len(ring.path(MAIN)) == 2


# --- any tree -----------------------------------------------------------------------


@st.composite
def places(draw):
    """Up to six limits in a tree (or several), in mA by phase, in W or both, with buildings; and stations on them."""
    limits = []
    for number in range(draw(st.integers(1, 6))):
        parent = draw(st.sampled_from([None, *(one.id for one in limits)]))
        ma = draw(st.none() | st.tuples(*[st.integers(1_000, 250_000)] * 3))
        watts = draw(st.integers(1_000, 150_000)) if ma is None or draw(st.booleans()) else None
        load = draw(st.sampled_from([0, 0, 3_000, 20_000]))
        base = (("00:00", "24:00", load),) if load else ()
        limits.append(feeder(UUID(int=number + 1), parent, limit_ma=ma, limit_w=watts, base_load=base))
    where = st.sampled_from([None, *(one.id for one in limits)])
    hung = draw(st.lists(st.tuples(where, st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=12))
    boxes = [station(number, at, phases=phases) for number, (at, phases, _) in enumerate(hung)]
    sockets = {box.id: count for box, (_, _, count) in zip(boxes, hung, strict=True)}
    return tree(limits, boxes, sockets), boxes, sockets


@given(places())
def test_all_shares_below_a_limit_stay_within_it_on_each_phase(found):
    here, boxes, sockets = found
    drawn, watts = Counter(), Counter()
    for box in boxes:
        for _ in range(max(1, sockets[box.id])):
            share = here.share_w(box.feeder_id, box.phases)
            assert (share is None) == (box.feeder_id is None)
            for above in here.path(box.feeder_id):
                current = current_ma(share, box.phases)
                assert current == 0 or current >= MIN_CURRENT_MA
                drawn[above.id] += current  # all of them may stand on one phase
                watts[above.id] += share
    for one in here.feeders.values():
        building = sum(inner.base_load_max_w for inner in (one, *here.below(one)))
        if not drawn[one.id]:
            continue
        assert one.limit_ma is None or drawn[one.id] + building * 1000 / (3 * VOLTS) <= min(one.limit_ma)
        assert one.limit_w is None or watts[one.id] + building <= one.limit_w


@settings(max_examples=40)
@given(places(), st.data())
def test_a_plan_passes_no_limit_of_the_tree_beside_what_is_reserved_and_the_building(found, data):
    here, boxes, _ = found
    reserved = {key: data.draw(st.sampled_from([0, 0, 4_000])) for key in here.feeders}
    wishes = [wish(n, box.feeder_id, box.phases, power_w(16_000, box.phases)) for n, box in enumerate(boxes, start=1)]
    asked = ask.problem(Place(Grid(NOON, 8), NOON, ZONE, here, reserved), wishes)
    assert faults(asked) == []
    plans = [plan.energy_wh for plan in solve(asked).plans]
    for one in here.feeders.values():
        below = [(plan, box.phases) for plan, box in zip(plans, boxes, strict=True) if one in here.path(box.feeder_id)]
        if not any(any(plan) for plan, _ in below):
            continue
        building = sum(inner.base_load_max_w for inner in (one, *here.below(one))) + reserved[one.id]
        for slot in range(8):
            if not any(plan[slot] for plan, _ in below):
                continue
            current = sum(plan[slot] * 4 / phases / VOLTS for plan, phases in below) * 1000
            assert one.limit_ma is None or current + building * 1000 / (3 * VOLTS) <= min(one.limit_ma) + 2
            assert one.limit_w is None or sum(plan[slot] * 4 for plan, _ in below) + building <= one.limit_w


# --- what the engine is asked ------------------------------------------------------


def test_one_limit_above_all_is_the_connection_and_the_others_hang_under_it():
    asked = ask.problem(Place(Grid(NOON, 8), NOON, ZONE, PLACE, {MAIN: 6_900, GARAGE: 690}), [wish(1, GARAGE)])
    (site,) = asked.sites
    main, garage = site.feeders
    assert (site.limit_w, site.base_load_w) == (80 * 690, [6_900] * 8)
    assert (main.id, main.parent, main.limit_ma) == (ask.FEEDER, None, [70_000] * 3)
    assert (garage.id, garage.parent, garage.limit_ma) == (str(GARAGE), ask.FEEDER, [31_000, 31_000, 25_000])
    assert asked.demands[0].feeder == str(GARAGE)


@pytest.mark.parametrize("loose", [True, False])
def test_a_station_behind_no_limit_is_not_held_by_those_of_others(loose):
    boxes = [*BOXES, station(7, None)] if loose else BOXES
    here = tree(
        [feeder(GARAGE, limit_w=4_140)],
        [msgspec.structs.replace(box, feeder_id=box.feeder_id and GARAGE) for box in boxes],
        {},
    )
    where = None if loose else GARAGE
    asked = ask.problem(Place(Grid(NOON, 8), NOON, ZONE, here, {GARAGE: 0}), [wish(1, GARAGE), wish(2, where)])
    first, second = (sum(plan.energy_wh) for plan in solve(asked).plans)
    assert first <= 8_280
    assert second == 20_000 if loose else first + second <= 8_280

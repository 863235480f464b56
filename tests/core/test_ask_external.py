"""Limits that stations have from elsewhere, in what planning asks: no plan passes any, whenever it holds."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core import ask
from server.core.ask import Elsewhere, Place, Wish
from server.core.demand import Need, NeedSource
from server.core.external_limit import ExternalLimit, LimitStep, alone_wh
from server.core.feeders import Tree
from server.core.ready_by import ReadyBy, ReadySource
from server.core.station import Feeder
from server.core.timegrid import Grid
from server.core.valley.charging_profile import to_periods
from server.core.valley.plan import solve
from shared.sessions import Delay

START = datetime(2026, 1, 14, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLOTS = 24
GRID = Grid(START, SLOTS)
BOX = UUID(int=7)
FULL_W = 11_040
WISH = Wish(
    session_id=UUID(int=1),
    need=Need(22_080, 0, NeedSource.STATED),
    ready=ReadyBy(START + 360 * MINUTE, ReadySource.STATED),
    delay=Delay.MANAGED,
    max_w=FULL_W,
    phases=3,
    prices=[100_000 + 1_000 * slot for slot in range(SLOTS)],
    final_w=FULL_W,
    station_id=BOX,
)
OTHER = msgspec.structs.replace(WISH, session_id=UUID(int=2), connector_no=2)


def limit(limit_w, begin=0, end=None, connector_no=0, source="EMS"):
    """A limit from a minute on, until another."""
    ends_at = None if end is None else START + end * MINUTE
    return ExternalLimit(source, connector_no, (LimitStep(START + begin * MINUTE, limit_w),), ends_at)


def place(*limits, now=START, drawn_w=None, tree=None, feeder_id=None):
    box = Elsewhere(BOX, feeder_id, limits, drawn_w or {})
    return Place(grid=GRID, now=now, zone="UTC", tree=tree or Tree(), elsewhere=[box])


def planned(here, *wishes):
    return solve(ask.problem(here, wishes)).plans


def test_a_limit_for_an_hour_moves_the_energy_behind_it_and_one_that_comes_later_before_it():
    (plan,) = planned(place(limit(0, end=60)), WISH)
    assert [slot for slot, energy in enumerate(plan.energy_wh) if energy] == list(range(4, 12))
    (plan,) = planned(place(limit(0, begin=30, end=210)), WISH)
    assert [slot for slot, energy in enumerate(plan.energy_wh) if energy] == [0, 1, *range(14, 20)]
    assert plan.shortfall_wh == 0


def test_what_is_missing_has_the_limit_for_its_reason():
    soon = msgspec.structs.replace(WISH, ready=ReadyBy(START + 180 * MINUTE, ReadySource.STATED))
    (plan,) = planned(place(limit(0, begin=30, end=210)), soon)
    assert (sum(plan.energy_wh), plan.shortfall_wh, plan.reason) == (5_520, 16_560, "external_limit")


def test_a_limit_of_the_station_is_for_all_its_cars_together_and_one_of_an_evse_for_that_one():
    seven = [plan.energy_wh for plan in planned(place(limit(7_000)), WISH, OTHER)]
    assert max(one + other for one, other in zip(*seven, strict=True)) <= 1_750
    assert sum(map(sum, seven)) > 35_000, "they take turns"
    named = [plan.energy_wh for plan in planned(place(limit(7_000, connector_no=2)), WISH, OTHER)]
    assert (max(named[0]), max(named[1])) == (2_760, 1_750)


def test_a_car_that_nobody_steers_takes_what_it_draws_of_the_limit():
    (plan,) = planned(place(limit(9_000), drawn_w={2: 4_600}), WISH)
    assert max(plan.energy_wh) == 1_100


def test_a_charge_at_once_never_wins_over_it():
    now = msgspec.structs.replace(WISH, delay=Delay.OVERRIDDEN)
    (plan,) = planned(place(limit(5_000, end=60), limit(8_000, begin=60, source="SO")), now)
    assert plan.energy_wh[:5] == [1_250] * 4 + [2_000]


def test_it_holds_inside_a_shared_limit_too_and_without_one_nothing_is_asked_otherwise():
    feeder = Feeder(UUID(int=8), UUID(int=9), limit_ma=(32_000,) * 3)
    tree = Tree({feeder.id: feeder}, {feeder.id: 2}, whole=True)
    behind = [msgspec.structs.replace(wish, feeder_id=feeder.id) for wish in (WISH, OTHER)]
    plans = [plan.energy_wh for plan in planned(place(limit(4_200, end=120), tree=tree, feeder_id=feeder.id), *behind)]
    assert [sum(slot) <= 1_050 for slot in zip(*plans, strict=True)].index(False) == 8
    assert max(map(sum, zip(*plans, strict=True))) * 4 <= 32 * 690
    plain = ask.problem(msgspec.structs.replace(place(), elsewhere=[]), [WISH, OTHER])
    assert ask.problem(place(limit(22_080), limit(FULL_W, connector_no=1)), [WISH, OTHER]) == plain


@pytest.mark.parametrize(("now", "first"), [(START, 1_000), (START + 9 * MINUTE, 400)])
def test_a_slot_under_way_counts_what_is_left_of_it(now, first):
    at_once = msgspec.structs.replace(WISH, delay=Delay.OVERRIDDEN, phases=1)
    (plan,) = planned(place(limit(4_000), now=now), at_once)
    assert plan.energy_wh[:2] == [first, 1_000]


def test_a_car_without_a_plan_may_take_all_that_a_limit_leaves_until_it_ends():
    assert alone_wh((limit(5_000, begin=20, end=40),), 1, GRID, START + 3 * MINUTE, FULL_W) == [2_208, 1_250, 1_250]
    assert alone_wh((limit(5_000, connector_no=2),), 1, GRID, START, FULL_W) == []
    assert alone_wh((limit(5_000),), 1, Grid(START, 0), START, FULL_W) == []


MINUTES = st.integers(-60, 420)


@st.composite
def external(draw):
    begins = sorted(draw(st.lists(MINUTES, min_size=1, max_size=4)))
    powers = st.sampled_from([0, 1_000, 3_000, 4_139, 4_140, 5_000, 7_000, 11_040, 16_000, 30_000])
    steps = tuple(LimitStep(START + at * MINUTE + timedelta(milliseconds=draw(MINUTES)), draw(powers)) for at in begins)
    ends_at = draw(st.none() | MINUTES.map(lambda at: START + at * MINUTE))
    return ExternalLimit(draw(st.sampled_from("ABC")), draw(st.integers(0, 2)), steps, ends_at)


@st.composite
def wish(draw, number):
    ready = START + draw(st.integers(20, 360)) * MINUTE
    return msgspec.structs.replace(
        WISH,
        session_id=UUID(int=number),
        connector_no=number,
        need=Need(draw(st.integers(0, 40_000)), 0, NeedSource.STATED),
        ready=ReadyBy(ready, ReadySource.STATED),
        delay=draw(st.sampled_from([Delay.MANAGED, Delay.OVERRIDDEN, Delay.NO_CONSENT])),
        phases=draw(st.sampled_from([1, 3])),
        one_block=draw(st.booleans()),
        drawing=draw(st.booleans()),
        prices=draw(st.lists(st.integers(-50_000, 300_000), min_size=SLOTS, max_size=SLOTS)),
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(external(), max_size=4), wish(1), wish(2), st.integers(0, 899))
def test_no_plan_and_no_profile_passes_a_limit_at_any_moment(limits, one, other, elapsed_s):
    now = START + timedelta(seconds=elapsed_s)
    plans = planned(place(*limits, now=now), one, other)
    said = {}
    for wish_, plan in zip((one, other), plans, strict=True):
        phases, start = wish_.phases, {"max_w": wish_.max_w, "final_w": 0, "elapsed_s": elapsed_s}
        periods = to_periods(plan.energy_wh, 900, phases=phases, unit="W", **start)
        said[wish_.connector_no] = [(now + timedelta(seconds=one.start_s), one.limit_w) for one in periods]
    moments = {now, *(GRID.at(slot) for slot in range(1, SLOTS)), *(step.at for one in limits for step in one.steps)}
    for moment in sorted(one for one in moments if now <= one < GRID.end):
        power = {no: [power_w for at, power_w in periods if at <= moment][-1] for no, periods in said.items()}
        for held in limits:
            most = held.at(moment)
            drawn = sum(power.values()) if held.connector_no == 0 else power[held.connector_no]
            assert most is None or drawn <= most, (moment, held)

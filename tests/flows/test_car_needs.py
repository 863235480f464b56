"""What a car says that it needs (ISO 15118): planned by where its driver says nothing."""

from datetime import timedelta

import msgspec
import pytest
from small_town import HOME, HOME_STATION, NOW, make_plan, plug_in

from server.core.car_needs import CarNeeds, CarStep
from server.core.ready_by import Known, ReadySource, choose
from server.core.reports import CarSchedule
from server.flows import car_needs, facts, session_views, wishes
from server.storage import outbox, plans, sessions
from shared.sessions import Delay

HOUR = timedelta(hours=1)
NEEDS = CarNeeds(NOW, "AC_three_phase", NOW + 10 * HOUR, 6_000, max_a=10)


async def tell(db, needs=NEEDS, now=NOW):
    async with db.begin() as tx:
        return await car_needs.heard(tx, HOME_STATION, 1, needs, now)


async def seen(db, session_id):
    async with db.read() as tx:
        return await facts.of_session(tx, await sessions.get(tx, session_id))


async def plan_of(db, session_id):
    async with db.read() as tx:
        return (await plans.in_force(tx, [(await sessions.get(tx, session_id)).plan_id])).get(session_id)


async def test_a_car_is_planned_for_by_its_own_word_where_its_driver_said_nothing(town):
    session_id = await plug_in(town, NOW)
    assert await tell(town) == "Processing"  # there is no plan yet
    await make_plan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    assert (plan.depart_at, plan.depart_source, plan.need_source) == (NOW + 10 * HOUR, "car", "stated")
    assert plan.need_wh == 6_000
    one = await seen(town, session_id)
    assert one.max_w == 6_900  # 10 A on three phases, and not the EVSE's 11 kW
    assert max(plan.energy_wh) <= 6_900 / 4
    assert await tell(town, now=NOW + HOUR) == "Accepted"


async def test_what_the_driver_says_himself_stands_above_the_cars_word(town):
    session_id = await plug_in(town, NOW)
    await tell(town)
    async with town.begin() as tx:
        before = await sessions.get(tx, session_id)
        said = {"stated_ready_by": NOW + 5 * HOUR, "stated_energy_wh": 9_000}
        await sessions.save(tx, before, msgspec.structs.replace(before, **said))
    one = await seen(town, session_id)
    assert wishes.ready(one, NOW).source is ReadySource.STATED
    assert wishes.stated_wh(one.session) == 9_000
    await make_plan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    assert (plan.depart_at, plan.need_wh) == (NOW + 5 * HOUR, 9_000)


def test_the_cars_departure_is_used_up_when_it_has_passed():
    assert choose(None, Known("UTC"), NOW, NOW, NOW + HOUR).source is ReadySource.CAR
    assert choose(None, Known("UTC"), NOW, NOW, NOW - HOUR).source is ReadySource.NONE


async def test_the_driver_sees_what_the_car_said(town):
    session_id = await plug_in(town, NOW)
    await tell(town)
    async with town.read() as tx:
        view = await session_views.one(tx, await sessions.get(tx, session_id), NOW)
    said = view.car_says
    assert (said.said_at, said.ready_by, said.energy_wh, said.max_w) == (NOW, NOW + 10 * HOUR, 6_000, 6_900)


async def waiting(db, now):
    async with db.read() as tx:
        return [(task.kind, task.key) for task in await outbox.due(tx, now) if task.kind in ("replan", "resend")]


async def test_only_what_is_new_makes_a_new_plan(town):
    """TC_K_53, TC_K_57, TC_K_59."""
    assert await tell(town) == "Rejected"  # nobody charges there
    await plug_in(town, NOW)
    await make_plan(town, HOME, NOW)
    async with town.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW + HOUR)], NOW, "done")
    assert await tell(town) == "Accepted"
    assert await waiting(town, NOW) == [("replan", str(HOME))]
    assert await waiting(town, NOW + HOUR) == [("replan", str(HOME)), ("resend", str(HOME_STATION))]
    async with town.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW + HOUR)], NOW, "done")
    assert await tell(town, now=NOW + HOUR) == "Accepted"
    assert await waiting(town, NOW + HOUR) == [("resend", str(HOME_STATION))]


NONSENSE = [
    {"ready_by": NOW - HOUR, "energy_wh": 0, "max_a": 0},
    {"ready_by": NOW + timedelta(days=900), "energy_wh": -5, "max_a": 1},
    {"ready_by": None, "energy_wh": None, "max_a": None, "soc_pct": 140},
]


@pytest.mark.parametrize("said", NONSENSE)
async def test_nonsense_of_a_car_changes_no_plan(town, said):
    session_id = await plug_in(town, NOW)
    await tell(town, msgspec.structs.replace(NEEDS, **said))
    one = await seen(town, session_id)
    assert (wishes.stated_wh(one.session), one.session.soc_pct) == (None, None)
    assert wishes.ready(one, NOW).source is not ReadySource.CAR
    assert one.max_w == 11_040


async def intends(db, *steps, now=NOW, hours=10):
    rows = tuple(CarStep(NOW + at, limit, unit, phases) for at, limit, unit, phases in steps)
    async with db.begin() as tx:
        return await car_needs.intends(tx, HOME_STATION, CarSchedule(1, rows, NOW + hours * HOUR), now)


async def test_tc_k_55_what_a_car_means_to_draw_is_measured_by_its_plan(town):
    assert await intends(town, (0 * HOUR, 32, "A", 3))  # nobody charges there: nothing to hold it against
    session_id = await plug_in(town, NOW)
    await tell(town)
    await make_plan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    starts, slot = list(plan.grid.starts()), timedelta(minutes=15)
    idle = plan.energy_wh.index(0)  # it waits for the valley there
    as_planned = [
        (max(at, NOW) - NOW, energy * 4, "W", None) for at, energy in zip(starts, plan.energy_wh, strict=True)
    ]
    assert await intends(town, *as_planned)
    assert await intends(town, (0 * HOUR, 0, "A", 3))
    async with town.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW + HOUR)], NOW, "done")
    assert not await intends(town, (0 * HOUR, max(plan.energy_wh) * 4 + 500, "W", None))
    assert not await intends(town, (starts[idle] - NOW, 6, "A", 3), (starts[idle] + slot - NOW, 0, "A", 3))
    assert ("resend", str(HOME_STATION)) in await waiting(town, NOW)


async def test_a_car_that_is_told_no_limit_may_mean_to_draw_all_it_can(town):
    session_id = await plug_in(town, NOW)
    await make_plan(town, HOME, NOW)
    assert not await intends(town, (0 * HOUR, 11_040, "W", None))
    async with town.begin() as tx:
        before = await sessions.get(tx, session_id)
        await sessions.save(tx, before, msgspec.structs.replace(before, delay=Delay.NOTHING_TO_GAIN))
    assert await intends(town, (0 * HOUR, 11_040, "W", None))


async def test_what_was_planned_within_a_slot_is_what_the_rest_of_it_holds(town):
    now = NOW + timedelta(minutes=7)
    session_id = await plug_in(town, now)
    await make_plan(town, HOME, now)
    plan = await plan_of(town, session_id)
    told = [(moment - NOW, plan.power_w(moment), "W", None) for moment in plan.moments(now)]
    assert plan.power_w(now) > plan.energy_wh[0] * 4 * 1.03
    assert await intends(town, *told, now=now)

"""Limits from elsewhere, from what a station says to what it is sent: a charge at once is held to them too."""

from datetime import timedelta

import msgspec
import pytest
from small_town import HOME_STATION, NOW, an_id, plug_in, read_meter, unplug

from server.core.external_limit import ToldLimit, ToldStep
from server.core.reports import BootInfo
from server.core.session import Followed
from server.flows import external_limits, session_views, steering
from server.flows import stations as station_flow
from server.storage import outbox, plans, sessions, stations
from server.storage.outbox import Task
from server.workers import asking, limits, local_lists, replan
from server.workers.ports import Heard
from shared.sessions import SessionUpdate

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FULL_WH = 2_760
HANDLERS = {name: getattr(replan, name) for name in ("replan", "dispatch", "resend", "configure")}
HANDLERS |= local_lists.HANDLERS | asking.HANDLERS | limits.HANDLERS


async def work_off(context):
    """Do what is due until nothing is; what was told to the station as plans since."""
    before = len(context.stations.told)
    for _ in range(20):
        async with context.db.read() as tx:
            due = await outbox.due(tx, context.clock.now())
        if not due:
            return [order for kind, _, order in context.stations.told[before:] if kind == "plan"]
        outcome = "later" if due[0].kind == "settle" else await HANDLERS[due[0].kind](context, due[0])
        async with context.db.begin() as tx:
            await outbox.done(tx, [due[0].id], context.clock.now(), outcome)
    raise AssertionError(due)


async def limited(context, *steps, ends_at=None, connector_no=0):
    said = tuple(ToldStep(at, watts, "W") for at, watts in steps)
    async with context.db.begin() as tx:
        told = ToldLimit("EMS", connector_no, said, ends_at)
        await external_limits.limited(tx, HOME_STATION, told, context.clock.now())


@pytest.fixture
async def home(context):
    """Anna's car at her station, which is there; its plan is told."""
    async with context.db.begin() as tx:
        await station_flow.connect(tx, HOME_STATION, "c1", NOW)
    session_id = await plug_in(context.db, NOW)
    await work_off(context)
    return session_id


async def charge_now(context, session_id):
    async with context.db.begin() as tx:
        await steering.set_override(tx, await sessions.get(tx, session_id), context.clock.now())
    return await work_off(context)


async def test_a_limit_for_an_hour_leaves_the_night_in_the_profile(context, home):
    await limited(context, (NOW, 0), ends_at=NOW + HOUR)
    for order in await work_off(context):
        assert not any(order.energy_wh[:4])
        assert sum(order.energy_wh) == 20_000
        assert order.final_w == 11_040


async def test_a_limit_that_comes_later_is_planned_with_and_what_it_costs_is_named(context, home):
    async with context.db.begin() as tx:
        session = await sessions.get(tx, home)
        await steering.change(tx, session, SessionUpdate(ready_by=NOW + 3 * HOUR, energy_wh=20_000), NOW)
    await limited(context, (NOW + HOUR / 2, 0), ends_at=NOW + 3.5 * HOUR)
    (*_, order) = await work_off(context)
    assert (order.energy_wh[:2], sum(order.energy_wh)) == ([FULL_WH] * 2, 2 * FULL_WH)
    async with context.db.read() as tx:
        plan = await plans.get(tx, (await sessions.get(tx, home)).plan_id)
        (seen,) = await session_views.current(tx, an_id("anna"), NOW)
    assert (plan.shortfall_wh, plan.reason) == (20_000 - 2 * FULL_WH, "external_limit")
    assert seen.plan.shortfall.reason == "external_limit"


async def test_charge_now_is_told_what_the_limit_leaves_and_is_free_again_when_it_ends(context, home):
    (order,) = await charge_now(context, home)
    assert order.energy_wh == []
    await limited(context, (NOW, 5_000), (NOW + HOUR, 7_000), ends_at=NOW + 2 * HOUR)
    (*_, order) = await work_off(context)
    assert (order.energy_wh, order.final_w) == ([1_250] * 4 + [1_750] * 4, 11_040)


async def test_a_car_without_a_plan_hears_of_a_limit_that_changes_nothing_of_its_plan(context, home):
    await charge_now(context, home)
    context.clock.advance_to(NOW + MINUTE)
    late = NOW + 5 * HOUR
    await limited(context, (late, 4_500), ends_at=late + HOUR)
    assert await work_off(context) == [], "by its plan it is full then"
    context.clock.advance_to(context.clock.now() + external_limits.TELL_AFTER)
    (order,) = await work_off(context)
    assert (order.energy_wh[0] > 0, order.energy_wh[-5:]) == (True, [FULL_WH] + [1_125] * 4)
    context.clock.advance_to(context.clock.now() + MINUTE)
    async with context.db.begin() as tx:
        await external_limits.released(tx, HOME_STATION, "EMS", None, context.clock.now())
    context.clock.advance_to(context.clock.now() + external_limits.TELL_AFTER)
    (*_, order) = await work_off(context)
    assert order.energy_wh == [], "it is free again"


async def drew(context, session_id, minutes, power_w):
    """A reading so many minutes after noon; how its station does as it was told, and how often it was told again."""
    context.clock.advance_to(NOW + minutes * MINUTE)
    await read_meter(context.db, session_id, context.clock.now(), 100 * minutes, power_w)
    told = await work_off(context)
    async with context.db.read() as tx:
        return (await sessions.get(tx, session_id)).followed, len(told)


@pytest.mark.parametrize("said_anew", [False, True])
async def test_charge_now_is_held_to_a_limit_by_the_meter_and_free_without_one(context, home, said_anew):
    await charge_now(context, home)
    assert await drew(context, home, 5, 11_040) == (Followed.FOLLOWED, 0)
    assert await drew(context, home, 6, 14_000) == (Followed.FOLLOWED, 0), "told no limit"
    await limited(context, (context.clock.now(), 5_000))
    await work_off(context)
    assert await drew(context, home, 7, 11_040) == (Followed.FOLLOWED, 0), "it has had no time"
    for minute in range(8, 12):
        context.clock.advance_to(NOW + minute * MINUTE)
        if said_anew:
            await limited(context, (context.clock.now(), 5_000))
    assert await drew(context, home, 12, 5_200) == (Followed.FOLLOWED, 0)
    assert await drew(context, home, 13, 11_040) == (Followed.RESENT, 1)
    assert (await drew(context, home, 17, 11_040))[0] is Followed.NOT_FOLLOWED
    async with context.db.begin() as tx:
        await external_limits.released(tx, HOME_STATION, "EMS", None, context.clock.now())
    await work_off(context)
    assert (await drew(context, home, 30, 11_040))[0] is Followed.FOLLOWED


async def test_a_limit_that_is_said_again_and_again_is_planned_with_once(context, home):
    await charge_now(context, home)
    for minute in range(1, 4):
        context.clock.advance_to(NOW + minute * MINUTE)
        await limited(context, (context.clock.now(), 5_000))
        assert bool(await work_off(context)) is (minute == 1)


async def test_who_was_told_since_or_has_left_is_not_told_again(context, home):
    await charge_now(context, home)
    context.clock.advance_to(NOW + MINUTE)
    await limited(context, (NOW, 5_000), ends_at=NOW + HOUR)
    assert len(await work_off(context)) == 1
    context.clock.advance_to(context.clock.now() + external_limits.TELL_AFTER)
    assert await work_off(context) == []
    await limited(context, (NOW, 5_000), ends_at=NOW + 9 * HOUR)
    await unplug(context.db, home, context.clock.now(), 100)
    context.clock.advance_to(context.clock.now() + external_limits.TELL_AFTER)
    assert await work_off(context) == []


async def boots(tx, now):
    await station_flow.boot(tx, HOME_STATION, BootInfo("V", "M"), now)


async def goes(tx, now):
    await station_flow.disconnect(tx, HOME_STATION, "c1", now)


async def comes_back(tx, now):
    await goes(tx, now)
    await station_flow.connect(tx, HOME_STATION, "c2", now)


async def stays(tx, now):
    pass


@pytest.mark.parametrize(("happens", "left"), [(stays, 0), (goes, 1), (comes_back, 1), (boots, 1)])
async def test_a_limit_outlives_a_question_whose_answer_may_be_lost(context, home, happens, left):
    await limited(context, (NOW, 5_000))
    asked_at = NOW + HOUR
    said = msgspec.json.encode(limits.Asked(asked_at)).decode()
    async with context.db.begin() as tx:
        await boots(tx, asked_at - MINUTE)
        await happens(tx, asked_at + MINUTE / 2)
    context.clock.advance_to(asked_at + external_limits.SAID_WITHIN)
    await limits.forget(context, Task(1, external_limits.FORGET, str(HOME_STATION), said, context.clock.now(), 0))
    async with context.db.read() as tx:
        assert len((await stations.get(tx, HOME_STATION)).external_limits or ()) == left


@pytest.mark.parametrize(
    ("says", "asked", "left"), [("error", 3, [1, 1, 0]), ("rejected", 1, [0]), ("timed_out", 1, [1])]
)
async def test_a_station_that_cannot_say_its_limits_this_time_is_asked_again(context, home, says, asked, left):
    questions, known = [], []

    async def ask_limits(station_id):
        questions.append(station_id)
        return Heard(says)

    context.stations.ask_limits = ask_limits
    await limited(context, (NOW, 5_000))
    async with context.db.begin() as tx:
        await boots(tx, NOW + MINUTE)
        await outbox.put_once(tx, external_limits.ASK, str(HOME_STATION), {}, NOW + 2 * MINUTE)
    for minute in range(2, 8):
        context.clock.advance_to(NOW + minute * MINUTE)
        before = len(questions)
        await work_off(context)
        if len(questions) > before:
            async with context.db.read() as tx:
                known.append(len((await stations.get(tx, HOME_STATION)).external_limits or ()))
    assert (len(questions), known) == (asked, left)

"""A car that does not go on after a pause: woken, told, remembered, and not paused again; and one with a timer."""

from datetime import timedelta

import msgspec
import pytest
import small_town
from flow_story import (
    MINUTE,
    QUARTER,
    Accepting,
    asks,
    leave,
    meter,
    plan_of,
    publish_days,
    receipt_of,
    replan,
    session_of,
)
from small_town import ANNA, ANNAS_CAR, BERTS_CAR, BERTS_STATION, HOME, HOME_STATION, NOW, plug_in

from server.core.session import Followed
from server.flows import session_views
from server.storage import outbox, sessions, vehicles
from server.storage import stations as stored
from shared.sessions import CarNote, Delay, Headline


async def car(db, vehicle_id=ANNAS_CAR):
    async with db.read() as tx:
        return await vehicles.get(tx, vehicle_id)


async def told(db, session_id):
    async with db.read() as tx:
        return await session_views.one(tx, await sessions.get(tx, session_id), NOW)


async def happened(db, session_id, kind):
    async with db.read() as tx:
        return [one.detail for one in await sessions.events(tx, session_id) if one.kind == kind]


async def after_the_pause(db, now=NOW):
    """A car that took its floor, slept through the pause, and may go on since 02:00; its session."""
    await publish_days(db)
    session_id = await plug_in(db, now)
    await replan(db, HOME, now)
    await meter(db, session_id, now + 30 * MINUTE, 5_500, 11_000)
    await replan(db, HOME, now + 31 * MINUTE)
    plan = await plan_of(db, session_id)
    assert plan.power_w(now + timedelta(hours=3)) == 0
    for hour in range(1, 7):
        await meter(db, session_id, now + timedelta(hours=hour), 5_500, 0)
    valley = next(at for at in plan.moments(now + timedelta(hours=1)) if plan.power_w(at) > 0)
    return session_id, valley


async def asleep(db, session_id, valley, until=15):
    for minutes in range(5, until + 1, 5):
        await meter(db, session_id, valley + minutes * MINUTE, 5_500, 0)


async def test_one_failed_resume_ends_the_pauses_and_keeps_the_cashback(town):
    session_id, valley = await after_the_pause(town)
    await asleep(town, session_id, valley, 10)
    assert (await session_of(town, session_id)).wakes == 1
    async with town.read() as tx:
        waiting = {task.kind for task in await outbox.due(tx, valley + QUARTER)}
    assert {"resend", "replan"} <= waiting  # woken by its plan said again, and planned anew
    await replan(town, HOME, valley + 11 * MINUTE)
    plan, session = await plan_of(town, session_id), await session_of(town, session_id)
    begun = [slot for slot, energy in enumerate(plan.energy_wh) if energy]
    assert begun == list(range(begun[-1] + 1))  # from now on without a break, whatever the prices
    assert session.delay is Delay.MANAGED
    await meter(town, session_id, valley + 15 * MINUTE, 6_000, 11_000)
    assert await happened(town, session_id, "resumed") == ["woken"]  # the meter says so
    end = valley + timedelta(hours=4)
    await meter(town, session_id, end - QUARTER, 20_000, 11_000)
    await leave(town, session_id, end)
    receipt = await receipt_of(town, session_id, end + QUARTER)
    assert receipt.savings_minor > 0
    assert "PLAN_NOT_ACCEPTED" not in receipt.reasons


async def test_its_driver_is_told_and_the_car_remembered(town):
    session_id, valley = await after_the_pause(town)
    assert (await told(town, session_id)).car_note is None
    await asleep(town, session_id, valley)
    assert (await told(town, session_id)).car_note is CarNote.NO_MORE_PAUSES
    assert await happened(town, session_id, "no_more_pauses") == [""]  # once, though it was woken twice
    assert (await car(town)).failed_resumes == 1
    await leave(town, session_id, valley + timedelta(hours=1))
    following = await plug_in(town, NOW + timedelta(days=1))
    assert (await session_of(town, following)).one_block


async def test_three_cars_of_a_model_speak_for_a_fourth(town):
    async with town.begin() as tx:
        mine = await vehicles.get(tx, ANNAS_CAR)
        for number in range(3):
            one = msgspec.structs.replace(mine, id=small_town.an_id(f"car-{number}"), failed_resumes=1)
            await vehicles.insert(tx, msgspec.structs.replace(one, account_id=ANNA))
        await vehicles.update(tx, BERTS_CAR, name=mine.name)
    session_id = await plug_in(town, NOW, BERTS_STATION, "BERT-CARD")
    assert (await session_of(town, session_id)).one_block


async def test_a_car_that_goes_on_is_as_it_was(town):
    session_id, valley = await after_the_pause(town)
    await meter(town, session_id, valley + 5 * MINUTE, 6_000, 11_000)
    session = await session_of(town, session_id)
    assert (session.wakes, session.one_block) == (0, False)
    assert (await car(town)).failed_resumes == 0
    assert await happened(town, session_id, "resumed") == []


class Remembering(Accepting):
    """The station edge, and the last plan that it was told."""

    last = None

    async def set_plan(self, station_id, order):
        self.last = order
        return await super().set_plan(station_id, order)


async def by_itself(db, day):
    """A night in which a car takes nothing until 03:31 by its own timer: its session before that, and what was told."""
    now, edge = NOW + timedelta(days=day), Remembering()
    session_id = await plug_in(db, now)
    await replan(db, HOME, now, edge)
    await asks(db, now)
    begins = now.replace(hour=2, minute=31) + timedelta(days=1)
    while (now := now + 5 * MINUTE) < begins:
        await meter(db, session_id, now, 0, 0)
        if await asks(db, now):
            await replan(db, HOME, now, edge)
    before = await session_of(db, session_id)
    await meter(db, session_id, begins, 100, 11_000)
    return before, edge.last


async def test_a_car_that_never_took_anything_stays_allowed_where_nobody_else_wants_the_power(town):
    await publish_days(town)
    seen, order = await by_itself(town, 0)
    assert (seen.full, seen.wakes, seen.asleep) == (True, 2, True)
    assert (order.energy_wh, order.final_w) == ([], order.max_w)
    after = await session_of(town, seen.id)
    assert (after.full, after.followed) == (False, Followed.FOLLOWED)  # it draws, so it never was full, and it may
    assert await happened(town, seen.id, "resumed") == ["by_itself 03:31"]


async def test_the_same_time_twice_is_a_timer_and_it_is_named(town):
    await publish_days(town)
    for day in range(2):
        assert (await car(town)).timer_at is None
        async with town.begin() as tx:
            await vehicles.update(tx, ANNAS_CAR, failed_resumes=0)  # as if the driver had asked for breaks again
        session, _ = await by_itself(town, day)
        await meter(town, session.id, NOW + timedelta(days=day, hours=11), 20_000, 11_000)  # or it would want nothing
        await leave(town, session.id, NOW + timedelta(days=day, hours=12))
    assert ((await car(town)).timer_at, await happened(town, session.id, "car_timer")) == ("03:31", ["03:31"])
    async with town.begin() as tx:
        await vehicles.update(tx, ANNAS_CAR, failed_resumes=0)
    third = await plug_in(town, NOW + timedelta(days=2))
    await replan(town, HOME, NOW + timedelta(days=2))
    for minutes in range(5, 30, 5):
        await meter(town, third, NOW + timedelta(days=2, minutes=minutes), 0, 0)
    assert (await told(town, third)).car_note is CarNote.TIMER
    assert (await told(town, third)).car_timer_at == "03:31"
    assert (await told(town, third)).headline is Headline.NOT_DRAWING
    assert (await car(town)).failed_resumes == 0  # waiting for a timer is no sleep


@pytest.mark.parametrize(("power_w", "follows"), [(11_000, True), (None, None)])
async def test_a_station_that_does_what_it_is_told_is_remembered_for_it(town, power_w, follows):
    await publish_days(town)
    session_id = await plug_in(town, NOW)
    await replan(town, HOME, NOW)
    if power_w is not None:
        await meter(town, session_id, NOW + 5 * MINUTE, 900, power_w)
        assert (await session_of(town, session_id)).followed is Followed.FOLLOWED
    async with town.read() as tx:
        assert (await stored.get(tx, HOME_STATION)).follows is follows
        assert (await stored.get(tx, BERTS_STATION)).follows is None

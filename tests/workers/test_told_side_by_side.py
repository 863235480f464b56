"""A slow or dead station delays nobody who need not wait for it: stations are told side by side, less before more."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, plug_in

from server.flows import stations as station_flow
from server.flows import steering
from server.storage import outbox, plans, sessions, tables
from server.workers import replan
from server.workers.ports import Heard
from shared.sessions import SessionUpdate

TIME_OUT = timedelta(seconds=20)
GUARD_S = 10
"""Ends a test that would else wait for ever; nothing is measured with it."""
BOTH = (STREET_STATION_1, STREET_STATION_2)


@pytest.fixture
async def cars(context):
    """Two cars on the street, not told anything yet: all that they can take for two hours, and there is room."""
    found = []
    await limit(context, 32)
    for station, token in zip(BOTH, ("ANNA-CARD", "BERT-CARD"), strict=True):
        async with context.db.begin() as tx:
            await station_flow.connect(tx, station, "c1", NOW)
        found.append(await plug_in(context.db, NOW, station, token))
    for session_id in found:
        await ask(context, session_id, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)
    await plan_again(context)
    return found


@pytest.fixture
async def charging_cars(context, cars, stations):
    """The same, with plans that their stations have accepted."""
    assert await dispatch(context) == "sent:2"
    forget(stations)
    return cars


def forget(stations):
    stations.told.clear()
    while not stations.asked.empty():
        stations.asked.get_nowait()


async def ask(context, session_id, **changes):
    async with context.db.begin() as tx:
        await steering.change(tx, await sessions.get(tx, session_id), SessionUpdate(**changes), NOW)


async def plan_again(context):
    assert await replan.replan(context, outbox.Task(0, "replan", str(STREET), "{}", NOW, 0)) == "planned"


async def dispatch(context):
    return await replan.dispatch(context, outbox.Task(0, "dispatch", str(STREET), "{}", NOW, 0))


async def limit(context, amperes):
    async with context.db.begin() as tx:
        feeders = tables.SQLModel.metadata.tables["feeders"]
        await tx.execute(sa.update(feeders).values(limit_ma=[amperes * 1_000] * 3))


async def lower_the_limit(context):
    """From 32 to 12 A: whoever gets how much of it, both must draw less."""
    await limit(context, 12)
    await plan_again(context)


async def outcomes(context, session_ids):
    async with context.db.read() as tx:
        found = [await sessions.get(tx, session_id) for session_id in session_ids]
        return [(await plans.get(tx, session.plan_id)).outcome for session in found]


async def next_asked(stations, count):
    async with asyncio.timeout(GUARD_S):
        return [await stations.asked.get() for _ in range(count)]


def dead(context, stations, *station_ids):
    """They answer nothing, so that each call ends 20 s after it was made."""
    for station_id in station_ids:
        stations.says[station_id] = Heard("timed_out")
        stations.waits[station_id] = lambda: context.clock.sleep_until(context.clock.now() + TIME_OUT)


async def test_two_dead_stations_cost_one_time_out(context, cars, stations):
    dead(context, stations, *BOTH)
    sending = asyncio.create_task(dispatch(context))
    assert sorted(await next_asked(stations, 2)) == sorted(BOTH)
    context.clock.advance_to(NOW + TIME_OUT)
    assert await asyncio.wait_for(sending, GUARD_S) == "sent:2"
    assert context.clock.now() == NOW + TIME_OUT
    assert await outcomes(context, cars) == ["timed_out", "timed_out"]


async def test_two_that_draw_less_and_are_dead_cost_one_time_out_and_one_new_plan(context, charging_cars, stations):
    await lower_the_limit(context)
    async with context.db.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW)], NOW)
    dead(context, stations, *BOTH)
    sending = asyncio.create_task(dispatch(context))
    assert sorted(await next_asked(stations, 2)) == sorted(BOTH)
    context.clock.advance_to(NOW + TIME_OUT)
    assert await asyncio.wait_for(sending, GUARD_S) == "held_back:timed_out"
    async with context.db.read() as tx:
        again = await outbox.due(tx, NOW + timedelta(hours=1))
    assert [(task.kind, task.due_at) for task in again] == [("replan", NOW + TIME_OUT + replan.SILENT)]


async def test_a_dead_station_keeps_its_plan_from_nobody_else(context, cars, stations):
    dead(context, stations, STREET_STATION_1)
    sending = asyncio.create_task(dispatch(context))
    await next_asked(stations, 2)
    context.clock.advance_to(NOW + TIME_OUT)
    assert await asyncio.wait_for(sending, GUARD_S) == "sent:2"
    assert await outcomes(context, cars) == ["timed_out", "accepted"]


@pytest.mark.parametrize("quicker", [0, 1])
async def test_whoever_answers_first_what_they_said_is_kept_in_one_order(context, charging_cars, stations, quicker):
    await lower_the_limit(context)
    gates = [asyncio.Event(), asyncio.Event()]
    stations.waits = {station: gate.wait for station, gate in zip(BOTH, gates, strict=True)}
    stations.says[STREET_STATION_1] = Heard("rejected")
    sending = asyncio.create_task(dispatch(context))
    assert len(await next_asked(stations, 2)) == 2
    gates[quicker].set()
    await asyncio.sleep(0)
    assert not sending.done()
    gates[1 - quicker].set()
    assert await asyncio.wait_for(sending, GUARD_S) == "held_back:rejected"
    assert await outcomes(context, charging_cars) == ["rejected", "accepted"]
    events = tables.SQLModel.metadata.tables["session_events"]
    async with context.db.read() as tx:
        happened = sa.select(events.c.session_id).where(events.c.kind.startswith("plan_")).order_by(events.c.id)
        by_row = [row.session_id for row in await tx.execute(happened)]
        in_order = [session.id for session in await sessions.open_at(tx, STREET)]
    assert by_row[-2:] == in_order


async def test_who_gets_more_is_not_asked_before_a_slow_one_has_given_way(context, charging_cars, stations):
    _, second = charging_cars
    await limit(context, 25)
    await ask(context, second, energy_wh=22_080)  # all that there is for two hours
    await plan_again(context)
    await dispatch(context)
    forget(stations)
    gate = asyncio.Event()
    stations.waits[STREET_STATION_2] = gate.wait
    await ask(context, second, energy_wh=4_000)
    await plan_again(context)
    sending = asyncio.create_task(dispatch(context))
    assert await next_asked(stations, 1) == [STREET_STATION_2]
    for _ in range(20):
        await asyncio.sleep(0)
    assert [to for _, to, _ in stations.told] == [STREET_STATION_2]
    gate.set()
    assert await asyncio.wait_for(sending, GUARD_S) == "sent:2"
    assert [to for _, to, _ in stations.told] == [STREET_STATION_2, STREET_STATION_1]


async def test_what_was_sent_before_a_crash_is_sent_once_more_and_kept_once(context, cars, stations):
    never = asyncio.Event()
    stations.waits[STREET_STATION_2] = never.wait
    sending = asyncio.create_task(dispatch(context))
    await next_asked(stations, 2)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await outcomes(context, cars) == ["", ""]
    stations.waits.clear()
    assert await dispatch(context) == "sent:2"
    assert await dispatch(context) == "sent:0"
    assert await outcomes(context, cars) == ["accepted", "accepted"]
    async with context.db.read() as tx:
        kinds = [event.kind for event in await sessions.events(tx, cars[0])]
    assert kinds.count("plan_accepted") == 1

"""The outbox: kept with what caused it, done in order, never lost, and once where once is enough."""

import asyncio
from datetime import timedelta

import pytest
from small_town import NOW

from server.storage import outbox
from server.storage.db import Database
from server.storage.outbox import Wanted

MINUTE = timedelta(minutes=1)


async def put(db, kind, key, due_at=NOW, payload=None, *, once=False):
    async with db.begin() as tx:
        await (outbox.put_once if once else outbox.put)(tx, kind, key, payload, due_at)


async def due(db, now=NOW, limit=200):
    async with db.read() as tx:
        return await outbox.due(tx, now, limit)


async def keys(db, now=NOW):
    return [f"{task.kind}:{task.key}" for task in await due(db, now)]


async def test_what_is_due_comes_in_the_order_in_which_it_was_put(db):
    await put(db, "a", "1", NOW)
    await put(db, "b", "1", NOW - MINUTE)
    await put(db, "later", "1", NOW + MINUTE)
    await put(db, "c", "2", NOW)
    assert await keys(db) == ["a:1", "b:1", "c:2"]
    assert [task.kind for task in await due(db, limit=2)] == ["a", "b"]
    assert await keys(db, NOW + MINUTE) == ["a:1", "b:1", "later:1", "c:2"]


async def test_the_next_that_falls_due_whoever_was_put_first(db):
    async with db.read() as tx:
        assert await outbox.next_due(tx) is None
    await put(db, "a", "1", NOW + 2 * MINUTE)
    await put(db, "b", "1", NOW + MINUTE)
    async with db.read() as tx:
        assert await outbox.next_due(tx) == NOW + MINUTE


async def test_what_is_rolled_back_was_never_queued_and_wakes_nobody(town_url):
    heard = []
    db = Database(town_url, lambda announced, queued: heard.append((announced, queued)))
    try:
        async with db.begin() as tx:
            await outbox.put(tx, "a", "1", {"x": 1}, NOW)
            await tx.rollback()
        assert await due(db) == []
        heard.clear()
        await put(db, "a", "1", payload={"x": [1, "é"]})
        assert heard == [([], True)]
        assert [task.payload for task in await due(db)] == ['{"x":[1,"é"]}']
    finally:
        await db.close()


async def test_once_is_once_while_it_waits(db):
    for _ in range(3):
        await put(db, "replan", "1", once=True)
    await put(db, "replan", "2", once=True)
    await put(db, "dispatch", "1", once=True)
    assert await keys(db) == ["replan:1", "replan:2", "dispatch:1"]


async def test_one_that_waits_for_later_is_no_reason_to_wait(db):
    await put(db, "replan", "1", NOW + MINUTE)
    await put(db, "replan", "1", NOW, once=True)
    assert await keys(db) == ["replan:1"]
    await put(db, "replan", "1", NOW + 2 * MINUTE, once=True)
    assert len(await due(db, NOW + 3 * MINUTE)) == 2


async def test_one_that_was_begun_or_is_done_does_not_count(db):
    await put(db, "replan", "1", once=True)
    (first,) = await due(db)
    async with db.begin() as tx:
        await outbox.start(tx, [first.id], NOW)
    await put(db, "replan", "1", once=True)
    second = (await due(db))[-1]
    assert second.id > first.id
    async with db.begin() as tx:
        await outbox.done(tx, [first.id, second.id], NOW)
    await put(db, "replan", "1", once=True)
    assert [task.id > second.id for task in await due(db)] == [True]


async def test_a_server_that_was_killed_finds_what_it_had_begun(db, town_url):
    await put(db, "settle", "1", payload={"n": 1})
    await put(db, "replan", "1")
    before = await due(db)
    async with db.begin() as tx:
        await outbox.start(tx, [task.id for task in before], NOW)
    again = Database(town_url)
    try:
        assert await due(again) == before
        async with again.begin() as tx:
            await outbox.done(tx, [before[0].id], NOW, "settled")
        assert await due(again) == before[1:]
    finally:
        await again.close()


async def test_what_failed_waits_twice_as_long_each_time_and_is_given_up_at_last(db):
    await put(db, "replan", "1")
    waits, now = [], NOW
    for _ in range(outbox.ATTEMPTS_MAX):
        (task,) = await due(db, now)
        async with db.begin() as tx:
            await outbox.start(tx, [task.id], now)
            await outbox.failed(tx, task, now, "x" * 500)
        async with db.read() as tx:
            then = await outbox.next_due(tx)
        if then is not None:
            waits.append((then - now).total_seconds())
            assert await due(db, then - MINUTE / 60) == []
            now = then
    assert waits == [10, 20, 40, 80, 160, 320, 640]
    assert await due(db, now + timedelta(days=9)) == []


async def test_money_is_never_given_up(db):
    await put(db, outbox.NEVER_GIVEN_UP, "1")
    now = NOW
    for attempt in range(outbox.ATTEMPTS_MAX + 3):
        (task,) = await due(db, now)
        assert task.attempts == attempt
        async with db.begin() as tx:
            await outbox.failed(tx, task, now, "OperationalError")
        now += timedelta(hours=1)
    assert len(await due(db, now)) == 1


async def test_what_failed_counts_as_waiting_again(db):
    await put(db, "replan", "1")
    (task,) = await due(db)
    async with db.begin() as tx:
        await outbox.start(tx, [task.id], NOW)
        await outbox.failed(tx, task, NOW, "why")
    await put(db, "replan", "1", NOW + timedelta(hours=1), once=True)
    assert len(await due(db, NOW + timedelta(hours=2))) == 1


@pytest.mark.parametrize("count", [12])
async def test_many_that_put_at_once_lose_nothing(db, count):
    await asyncio.gather(*(put(db, "replan", str(number)) for number in range(count)))
    found = await due(db)
    assert sorted(int(task.key) for task in found) == list(range(count))
    assert [task.id for task in found] == sorted(task.id for task in found)


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_who_begins_a_task_waits_for_whoever_relies_on_it(db, kind):
    """Else it could look before the change is there for which nobody queues a second one."""
    await put(db, "replan", "1")
    (task,) = await due(db)

    async def begin():
        async with db.begin() as tx:
            await outbox.start(tx, [task.id], NOW)

    async with db.begin() as tx:
        await outbox.put_once(tx, "replan", "1", None, NOW)
        beginning = asyncio.create_task(begin())
        done, _ = await asyncio.wait({beginning}, timeout=0.3)
        assert not done
    await asyncio.wait_for(beginning, 30)
    assert len(await due(db)) == 1


async def test_several_kinds_of_one_key_are_queued_each_once_in_their_order(db):
    async def want(*wanted, key="1"):
        async with db.begin() as tx:
            await outbox.put_kinds_once(tx, key, [Wanted(kind, {"why": kind}, due_at) for kind, due_at in wanted])

    await put(db, "replan", "1", NOW)
    await put(db, "replan", "2", NOW)
    await want()
    await want(("replan", NOW), ("dispatch", NOW), ("ask", NOW + MINUTE))
    assert await keys(db, NOW + MINUTE) == ["replan:1", "replan:2", "dispatch:1", "ask:1"]
    await want(("ask", NOW), ("replan", NOW + MINUTE), ("replan", NOW - MINUTE), ("replan", NOW))
    assert await keys(db, NOW + MINUTE) == ["replan:1", "replan:2", "dispatch:1", "ask:1", "ask:1", "replan:1"]
    assert [task.due_at for task in await due(db, NOW + MINUTE)][-2:] == [NOW, NOW - MINUTE]
    await want(("dispatch", NOW), key="2")
    assert (await keys(db, NOW))[-1] == "dispatch:2"


async def test_what_is_being_done_is_queued_once_more_by_kinds_too(db):
    await put(db, "replan", "1", NOW)
    (task,) = await due(db)
    async with db.begin() as tx:
        await outbox.start(tx, [task.id], NOW)
        await outbox.put_kinds_once(tx, "1", [Wanted("replan", None, NOW)])
    assert await keys(db) == ["replan:1", "replan:1"]


async def test_a_time_of_no_zone_is_refused_on_each_database(db):
    with pytest.raises(TypeError):
        await put(db, "replan", "1", NOW.replace(tzinfo=None))
    assert await due(db) == []

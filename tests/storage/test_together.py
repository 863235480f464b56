"""Transactions that many share: answered after the commit, in order, and one that fails takes nobody with it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from small_town import HOME_STATION, NOW, STREET_STATION_1

from server.storage import stations
from server.storage.db import among, listed
from server.storage.together import MOST, WOKEN, Together


def test_few_texts_of_one_statement_exist():
    from server.storage.db import padded

    assert padded([]) == []
    assert padded([1]) == [1]
    assert padded([1, 2, 3]) == [1, 2, 3, 3]
    assert [len(padded(list(range(n)))) for n in (4, 5, 9, 400)] == [4, 8, 16, 512]


async def test_what_comes_while_one_commits_goes_into_the_next(db):
    batches = []

    async def work(_tx, items):
        batches.append(list(items))
        return [item * 10 for item in items]

    shared = Together(db.begin, work)
    assert await asyncio.gather(*(shared.do(number) for number in range(5))) == [0, 10, 20, 30, 40]
    assert batches == [[0, 1, 2, 3, 4]]
    first = asyncio.create_task(shared.do(7))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(shared.do(number)) for number in range(MOST + 1)]
    assert await first == 70
    assert await asyncio.gather(*rest) == [number * 10 for number in range(MOST + 1)]
    assert [len(batch) for batch in batches[1:]] in ([1, MOST, 1], [MOST, 2])


async def test_an_answer_comes_after_the_commit(db):
    async def work(tx, items):
        for station_id in items:
            await stations.update(tx, station_id, vendor="Together")
        return [None] * len(items)

    await Together(db.begin, work).do(HOME_STATION)
    async with db.read() as tx:
        vendor = sa.select(stations.S.vendor).where(stations.S.id == HOME_STATION)
        assert (await tx.execute(vendor)).scalar() == "Together"


async def test_one_that_fails_fails_alone_and_leaves_nothing(db):
    async def work(tx, items):
        for station_id, vendor in items:
            await stations.update(tx, station_id, vendor=vendor)
            if vendor == "Bad":
                raise KeyError(vendor)
        return [vendor for _, vendor in items]

    shared = Together(db.begin, work)
    asked = [(HOME_STATION, "Good"), (STREET_STATION_1, "Bad"), (HOME_STATION, "Better")]
    said = await asyncio.gather(*(shared.do(one) for one in asked), return_exceptions=True)
    assert (said[0], said[2]) == ("Good", "Better")
    assert isinstance(said[1], KeyError)
    async with db.read() as tx:
        rows = await tx.execute(sa.select(stations.S.id, stations.S.vendor))
        vendors = {row.id: row.vendor for row in rows}
    assert (vendors[HOME_STATION], vendors[STREET_STATION_1]) == ("Better", "")


async def test_a_database_that_is_away_is_tried_once_for_all(db):
    tries = []

    async def work(_tx, items):
        tries.append(len(items))
        raise OSError

    shared = Together(db.begin, work)
    said = await asyncio.gather(*(shared.do(number) for number in range(3)), return_exceptions=True)
    assert [type(one) for one in said] == [OSError] * 3
    assert tries == [3]


async def test_it_lingers_for_others_only_after_another_transaction(db):
    batches = []

    async def work(_tx, items):
        batches.append(len(items))
        return list(items)

    shared = Together(db.begin, work, linger_s=0.2)
    await shared.do(1)
    second = asyncio.create_task(shared.do(2))
    await asyncio.sleep(0.02)
    third = asyncio.create_task(shared.do(3))
    await asyncio.gather(second, third)
    assert batches == [1, 2]


async def test_one_parameter_holds_all_that_are_looked_for(db):
    rows = sa.select(stations.S.id).where(among(stations.S.id, "ids", sqlite=db.sqlite))
    async with db.read() as tx:
        for values in ([HOME_STATION, STREET_STATION_1, HOME_STATION], [HOME_STATION], []):
            found = await tx.execute(rows, {"ids": listed(values, sqlite=db.sqlite)})
            assert {row.id for row in found} == set(values)


async def test_stations_that_go_and_come_together_are_where_each_said(db):
    async with db.begin() as tx:
        await stations.update_each(
            tx,
            {
                HOME_STATION: {"online": True, "connection_id": "h", "last_seen_at": NOW},
                STREET_STATION_1: {"online": True, "connection_id": "s", "last_seen_at": NOW},
            },
        )
    async with db.begin() as tx:
        gone = await stations.disconnect_all(tx, {HOME_STATION: "h", STREET_STATION_1: "older"}, NOW)
    assert gone == [HOME_STATION]
    async with db.read() as tx:
        assert not (await stations.get(tx, HOME_STATION)).online
        assert (await stations.get(tx, STREET_STATION_1)).online


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_signs_of_life_are_written_for_all(db, count):
    some = [HOME_STATION, STREET_STATION_1, HOME_STATION][:count]
    async with db.begin() as tx:
        await stations.seen(tx, some, NOW)
    async with db.read() as tx:
        rows = await tx.execute(sa.select(stations.S.id).where(stations.S.last_seen_at == NOW))
        assert {row.id for row in rows} == set(some)


async def test_what_comes_while_it_waits_for_its_turn_comes_along():
    @asynccontextmanager
    async def begin():
        async with turn:
            yield None

    async def noted(_tx, items):
        batches.append(list(items))
        return items

    turn, batches = asyncio.Lock(), []
    together = Together(begin, noted)
    async with turn:
        tasks = [asyncio.create_task(together.do(number)) for number in range(2)]
        await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(together.do(number)) for number in range(2, 4)]
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert batches == [[0, 1, 2, 3]]


async def test_where_its_turn_never_comes_who_waits_hears_so():
    @asynccontextmanager
    async def away():
        raise OSError("the database is away")
        yield

    together = Together(away, None)
    said = await asyncio.gather(together.do(1), together.do(2), return_exceptions=True)
    assert [type(one) for one in said] == [OSError, OSError]


@asynccontextmanager
async def nowhere():
    yield None


async def echo(_tx, items):
    return items


async def test_many_are_woken_in_turns():
    async def one(number):
        said = await together.do(number)
        rounds[said] = turn

    async def turns():
        nonlocal turn
        while len(rounds) < count:
            turn += 1
            await asyncio.sleep(0)

    together, count, turn, rounds = Together(nowhere, echo), 2 * WOKEN + 1, 0, {}
    await asyncio.gather(turns(), *(one(number) for number in range(count)))
    first, second, third = rounds[0], rounds[WOKEN], rounds[2 * WOKEN]
    assert first < second < third
    assert {rounds[number] for number in range(WOKEN)} == {first}


async def test_all_are_woken_where_the_turns_are_cut_off():
    together = Together(nowhere, echo)
    asked = [asyncio.create_task(together.do(number)) for number in range(3 * WOKEN)]
    while not any(one.done() for one in asked):  # noqa: ASYNC110 -- between two of its rounds
        await asyncio.sleep(0)
    together._running.cancel()
    assert await asyncio.wait_for(asyncio.gather(*asked), 5) == list(range(3 * WOKEN))

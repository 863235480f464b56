"""A statement on SQLite: one trip to the connection's thread, and all else as the driver does it."""

import asyncio
import sqlite3

import aiosqlite
import pytest
import sqlalchemy as sa

from server.storage.db import Database

COUNT = sa.text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :top) SELECT count(*) FROM n")


@pytest.fixture
async def db(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'trips.db'}")
    async with opened.begin() as tx:
        await tx.execute(sa.text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
    yield opened
    await opened.close()


@pytest.fixture
def trips(monkeypatch):
    made, travel = [], aiosqlite.Connection._execute

    async def counted(self, function, *args, **kwargs):
        made.append(function)
        return await travel(self, function, *args, **kwargs)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return made


async def names(tx):
    return [row.name for row in await tx.execute(sa.text("SELECT name FROM things ORDER BY id"))]


async def test_a_statement_is_one_trip(db, trips):
    async with db.begin() as tx:
        await tx.connection()
        trips.clear()
        await tx.execute(sa.text("INSERT INTO things (name) VALUES (:name)"), [{"name": "a"}, {"name": "b"}])
        assert len(trips) == 1
        assert await names(tx) == ["a", "b"]
        assert len(trips) == 2
        changed = await tx.execute(sa.text("UPDATE things SET name = name || '!'"))
        assert (changed.rowcount, len(trips)) == (2, 3)


async def test_a_transaction_begins_with_its_first_statement_and_one_that_says_nothing_makes_no_trip(db, trips):
    async with db.begin() as tx:
        await tx.connection()
    async with db.read() as tx:
        await tx.connection()
    assert trips == []
    async with db.begin() as tx:
        await tx.execute(sa.text("INSERT INTO things (name) VALUES ('a')"))
    assert len(trips) == 2  # begun and inserted; committed
    with sqlite3.connect(db.url.database, timeout=0) as other:
        async with db.begin() as tx:
            await tx.execute(sa.text("SELECT 1"))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO things (name) VALUES ('b')")


async def test_what_the_database_refuses_is_rolled_back_and_named(db):
    async def twice():
        async with db.begin() as tx:
            for _ in range(2):
                await tx.execute(sa.text("INSERT INTO things (name) VALUES ('a')"))

    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
        await twice()
    async with db.read() as tx:
        assert await names(tx) == []


async def test_who_is_cancelled_in_a_statement_leaves_a_connection_that_works(db):
    async def slow():
        async with db.begin() as tx:
            await tx.execute(sa.text("INSERT INTO things (name) VALUES ('lost')"))
            counting.set()
            await tx.execute(COUNT, {"top": 5_000_000})

    counting = asyncio.Event()
    task = asyncio.create_task(slow())
    await counting.wait()
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with db.begin() as tx:
        await tx.execute(sa.text("INSERT INTO things (name) VALUES ('kept')"))
        assert await names(tx) == ["kept"]


async def test_the_loop_runs_on_while_a_statement_does(db):
    async def ticks():
        seen = 0
        while True:
            await asyncio.sleep(0)
            seen += 1
            heard.append(seen)

    heard = []
    ticking = asyncio.create_task(ticks())
    async with db.read() as tx:
        found = (await tx.execute(COUNT, {"top": 200_000})).scalar()
    ticking.cancel()
    assert found == 200_000
    assert len(heard) > 10


def later(connection, text, rows):
    connection.sync_connection.connection.dbapi_connection.write_later(text, rows)


async def a_change_of_mind(db):
    async with db.begin() as tx:
        later(await tx.connection(), "INSERT INTO things (name) VALUES (?)", [("e",)])
        raise ValueError("a change of mind")


async def the_same_twice(db):
    async with db.begin() as tx:
        await tx.execute(sa.text("INSERT INTO things (name) VALUES ('a')"))
        later(await tx.connection(), "INSERT INTO things (name) VALUES (?)", [("b",), ("a",)])


async def test_what_is_only_written_goes_along_with_what_is_said_next(db, trips):
    async with db.begin() as tx:
        later(await tx.connection(), "INSERT INTO things (name) VALUES (?)", [("a",), ("b",)])
        later(await tx.connection(), "UPDATE things SET name = name || ? WHERE name = ?", [("!", "b")])
        assert trips == []
        assert await names(tx) == ["a", "b!"]
        assert len(trips) == 1
        later(await tx.connection(), "INSERT INTO things (name) VALUES (?)", [("c",)])
    assert len(trips) == 2
    async with db.begin() as tx:
        later(await tx.connection(), "INSERT INTO things (name) VALUES (?)", [("d",)])
    assert len(trips) == 3
    with pytest.raises(ValueError, match="a change of mind"):
        await a_change_of_mind(db)
    async with db.read() as tx:
        assert await names(tx) == ["a", "b!", "c", "d"]


async def test_what_is_refused_at_the_commit_is_rolled_back_and_named(db):
    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
        await the_same_twice(db)
    async with db.begin() as tx:
        assert await names(tx) == []
        await tx.execute(sa.text("INSERT INTO things (name) VALUES ('b')"))
    async with db.read() as tx:
        assert await names(tx) == ["b"]


async def counting(db):
    async with db.begin() as tx:
        await tx.execute(sa.text("INSERT INTO things (name) VALUES ('z')"))
        many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
        await tx.execute(sa.text(many))


async def test_what_was_refused_at_a_commit_does_not_keep_a_connection_open_that_is_closed(db):
    for _ in range(2):
        with pytest.raises(sa.exc.IntegrityError):
            await the_same_twice(db)
    task = asyncio.create_task(counting(db))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(3), db.begin() as tx:  # SQLite would wait for another writer for five seconds
        assert await names(tx) == []

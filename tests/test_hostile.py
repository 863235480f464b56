"""The hostile machine does what its tests are to bear: it answers late, it stalls, and it loses nothing."""

import asyncio
import time
from contextlib import asynccontextmanager

import hostile
import pytest
import sqlalchemy as sa

from server.storage.db import Database


async def half_written(transaction):
    async with transaction as tx:
        await tx.execute(sa.text("insert into seen values (1)"))
        raise ZeroDivisionError


async def test_a_late_door_is_a_door_all_the_same(tmp_path, monkeypatch):
    waited = []

    async def slept(seconds):
        waited.append(seconds)

    monkeypatch.setattr(hostile.asyncio, "sleep", slept)
    monkeypatch.setattr(hostile, "_wait_s", lambda: 0.05)
    database = Database(f"sqlite:///{tmp_path / 'late.db'}")
    door = hostile.late(hostile.DOORS["begin"])
    async with door(database) as tx:
        assert waited == [0.05], "before, and not yet after"
        await tx.execute(sa.text("create table seen (n integer)"))
    assert waited == [0.05, 0.05]
    with pytest.raises(ZeroDivisionError):
        await half_written(door(database))
    async with database.read() as tx:
        assert (await tx.execute(sa.text("select count(*) from seen"))).scalar() == 0
    await database.close()


async def test_a_test_that_looks_too_early_fails_there():
    written = []

    @asynccontextmanager
    async def door(_database):
        yield written

    async def write():
        async with hostile.late(door)(None) as tx:
            tx.append("row")

    hostile.dice.seed(1)
    seen_at_once = []
    for _ in range(20):
        written.clear()
        task = asyncio.create_task(write())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen_at_once.append(bool(written))
        await task
        assert written
    assert set(seen_at_once) == {True, False}, "some are late, and not always the same"


def test_the_loop_stalls_while_inside_and_not_after(monkeypatch):
    stalls = []
    monkeypatch.setattr(hostile, "BETWEEN_S", (0.001, 0.002))
    monkeypatch.setattr(hostile.dice, "uniform", lambda low, _high: low)
    monkeypatch.setattr(hostile.time, "sleep", stalls.append)
    with hostile.stalling():
        end = time.monotonic() + 30
        while len(stalls) < 3 and time.monotonic() < end:
            pass
    assert len(stalls) >= 3
    seen = len(stalls)
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    assert len(stalls) == seen

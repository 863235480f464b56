"""Who writes on SQLite, when: who has time lets others go first, and nobody's commit brings the log into the file."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.storage import db as stored
from server.storage.db import Database

ROW = sa.text("INSERT INTO things (name) VALUES (:name)")
PAGE = "x" * 4_000


@pytest.fixture
async def db(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'turns.db'}")
    async with opened.begin() as tx:
        await tx.execute(sa.text("CREATE TABLE things (name TEXT)"))
    yield opened
    await opened.close()


async def written(db, pages):
    async with db.begin() as tx:
        await tx.execute(ROW, [{"name": PAGE} for _ in range(pages)])


def size(db, end=""):
    return Path(f"{db.url.database}{end}").stat().st_size


async def test_a_long_log_is_brought_into_the_file_and_begins_anew(db, monkeypatch):
    monkeypatch.setattr(stored, "WAL_PAGES", 50)
    await written(db, 20)
    before = size(db)
    await db.checkpoint()
    assert size(db) == before  # too short
    await written(db, 100)
    await db.checkpoint()
    assert size(db) > before + 100 * len(PAGE)
    length = size(db, "-wal")
    await written(db, 50)
    assert size(db, "-wal") == length  # from its beginning again


async def test_a_commit_leaves_the_log_to_the_checkpoint(db):
    for _ in range(5):
        await written(db, 500)
    assert size(db) < 100 * len(PAGE)
    assert size(db, "-wal") > 2_500 * len(PAGE)


async def test_it_waits_for_no_writer_until_the_log_is_too_long(db, monkeypatch):
    monkeypatch.setattr(stored, "WAL_PAGES", 50)
    await written(db, 100)
    async with db.begin() as tx:
        await tx.execute(ROW, {"name": "a"})
        await asyncio.wait_for(db.checkpoint(), 5)
        monkeypatch.setattr(stored, "WAL_PAGES_MOST", 80)
        waiting = asyncio.create_task(db.checkpoint())
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)
    await written(db, 20)
    await db.checkpoint()
    async with db.read() as tx:
        assert (await tx.execute(sa.text("SELECT count(*) FROM things"))).scalar() == 121


async def test_who_has_time_waits_until_nobody_writes_but_not_for_ever(db):
    await db.lull(5)
    async with db.begin():
        waiting = asyncio.create_task(db.lull(5))
        await db.lull(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)

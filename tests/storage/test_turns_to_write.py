"""Who writes on SQLite, when: who has time lets others go first, and nobody's commit brings the log into the file."""

import asyncio
import sys
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


async def test_the_log_is_brought_into_the_file_and_begins_anew(db):
    before = size(db)
    await written(db, 100)
    await db.checkpoint()
    assert size(db) > before + 100 * len(PAGE)
    length = size(db, "-wal")
    await written(db, 50)
    assert size(db, "-wal") == length  # from its beginning again


async def test_another_process_still_sees_what_is_written_after_it(db):
    """To open one of SQLite's files ourselves ended its locks, and others then read from a log that had begun anew."""
    script = (
        "import sqlite3, sys; other = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for _ in sys.stdin: print(other.execute('SELECT count(*) FROM things').fetchone()[0], flush=True)"
    )
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(db.url.database), **pipes)
    for count in range(1, 6):
        await written(db, 1)
        await db.checkpoint()
        other.stdin.write(b"\n")
        assert int(await other.stdout.readline()) == count
    other.stdin.close()
    assert await other.wait() == 0


async def test_a_commit_leaves_the_log_to_the_checkpoint(db):
    for _ in range(5):
        await written(db, 500)
    assert size(db) < 100 * len(PAGE)
    assert size(db, "-wal") > 2_500 * len(PAGE)


async def test_it_waits_for_no_writer_until_the_log_is_too_long(db, monkeypatch):
    for most, waits in ((8_000, False), (80, True)):
        monkeypatch.setattr(stored, "WAL_PAGES_MOST", most)
        await written(db, 100)
        async with db.begin() as tx:
            await tx.execute(ROW, {"name": "a"})
            looking = asyncio.create_task(db.checkpoint())
            done, _ = await asyncio.wait([looking], timeout=0.2 if waits else 5)
            assert bool(done) is not waits
        await asyncio.wait_for(looking, 5)
    async with db.read() as tx:
        assert (await tx.execute(sa.text("SELECT count(*) FROM things"))).scalar() == 202


async def test_who_has_time_waits_until_nobody_writes_but_not_for_ever(db):
    await db.lull(5)
    async with db.begin():
        waiting = asyncio.create_task(db.lull(5))
        await db.lull(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)

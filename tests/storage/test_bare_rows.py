"""Values past SQLAlchemy: a time and an id are on SQLite what it would have written."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import sqlalchemy as sa

from server.storage import bare_rows
from server.storage.columns import UtcDateTime
from server.storage.db import Database

THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("at", UtcDateTime),
    sa.Column("name", sa.String),
)
ROWS = [
    (UUID(int=1), datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "no fraction"),
    (UUID(int=2), datetime(2026, 3, 29, 3, 30, 59, 7, tzinfo=timezone(timedelta(hours=2))), "elsewhere"),
    (UUID(int=3), datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "before 1970"),
    (UUID(int=4), None, None),
]


@pytest.fixture
async def db(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'bare.db'}")
    async with opened.begin() as tx:
        await tx.execute(sa.schema.CreateTable(THINGS))
    yield opened
    await opened.close()


async def written(db):
    async with db.read() as tx:
        return [tuple(row) for row in await tx.execute(sa.text("SELECT * FROM things ORDER BY id"))]


async def test_rows_are_written_as_sqlalchemy_writes_them(db):
    async with db.begin() as tx:
        await bare_rows.execute(tx, sa.insert(THINGS), ("id", "at", "name"), ROWS)
    ours = await written(db)
    async with db.begin() as tx:
        await tx.execute(sa.delete(THINGS))
        await tx.execute(sa.insert(THINGS), [dict(zip(("id", "at", "name"), row, strict=True)) for row in ROWS])
    assert ours == await written(db)
    assert len(ours) == len(ROWS)


async def test_a_time_of_no_zone_is_refused(db):
    async def write():
        async with db.begin() as tx:
            row = (UUID(int=1), datetime(2026, 3, 29), "naive")  # noqa: DTZ001 -- what is refused
            await bare_rows.execute(tx, sa.insert(THINGS), ("id", "at", "name"), [row])

    with pytest.raises(TypeError):
        await write()
    assert await written(db) == []

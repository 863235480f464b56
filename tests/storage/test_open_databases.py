"""What spares tests the driver's threads leaves two databases on one file room for each other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import open_databases
import pytest
import sqlalchemy as sa
from aiosqlite.core import Connection

from server.storage.db import Database

ADD = sa.text("update counted set number = number + 1")


async def _add(db: Database, held: float = 0.0) -> None:
    async with db.begin() as tx:
        await tx.execute(ADD)
        await asyncio.sleep(held)


@pytest.fixture
def sparing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of this folder."""
    monkeypatch.setattr(Connection, "_execute", open_databases._here)


@pytest.fixture
async def two(tmp_path: Path, sparing: None) -> AsyncIterator[tuple[Database, Database]]:
    """Two databases on one file, which counts."""
    one, other = (Database(f"sqlite:///{tmp_path / 'one.db'}") for _ in range(2))
    async with one.begin() as tx:
        await tx.execute(sa.text("create table counted (number integer)"))
        await tx.execute(sa.text("insert into counted values (0)"))
    yield one, other
    await one.close()
    await other.close()


async def counted(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(sa.text("select number from counted")))


async def test_a_writer_waits_for_another_databases_while_the_loop_goes_on(two: tuple[Database, Database]) -> None:
    await asyncio.gather(*(_add(db, 0.01) for db in (*two, *two)))
    assert await counted(two[1]) == 4


async def test_who_is_cancelled_while_it_waits_leaves_its_connection_whole(two: tuple[Database, Database]) -> None:
    one, other = two
    async with one.begin() as tx:
        await tx.execute(ADD)
        for _ in range(5):
            waiting = asyncio.create_task(_add(other))
            await asyncio.sleep(0.02)
            waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await _add(other)
    assert await counted(one) == 2

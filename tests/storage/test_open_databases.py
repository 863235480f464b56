"""What spares tests the driver's threads leaves two databases on one file room for each other."""

import asyncio
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


@pytest.mark.usefixtures("sparing")
async def test_a_writer_waits_for_another_databases_while_the_loop_goes_on(tmp_path: Path) -> None:
    one, other = (Database(f"sqlite:///{tmp_path / 'one.db'}") for _ in range(2))
    async with one.begin() as tx:
        await tx.execute(sa.text("create table counted (number integer)"))
        await tx.execute(sa.text("insert into counted values (0)"))
    await asyncio.gather(*(_add(db, 0.01) for db in (one, other, one, other)))
    async with other.read() as tx:
        assert await tx.scalar(sa.text("select number from counted")) == 4
    await one.close()
    await other.close()

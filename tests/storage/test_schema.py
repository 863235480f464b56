"""Migrations bring an empty database to what the tables say, and two servers that start at once do not collide."""

import asyncio
import sys
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from small_town import NOW, plug_in

from server.storage import schema, tables


async def names_in(db):
    async with db.engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names()))


async def test_an_empty_database_is_at_no_revision_and_drifts_by_every_table(empty):
    at, wanted = await schema.revisions(empty)
    assert (at, bool(wanted)) == ("", True)
    missing = {item[1].name for item in await schema.drift(empty) if item[0] == "add_table"}
    assert missing == set(tables.SQLModel.metadata.tables)


async def test_migrations_make_exactly_what_the_tables_say(empty):
    reached = await schema.migrate(empty)
    assert await schema.revisions(empty) == (reached, reached)
    assert await schema.drift(empty) == []
    assert await names_in(empty) == {*tables.SQLModel.metadata.tables, "alembic_version"}
    assert await schema.migrate(empty) == reached


async def test_what_somebody_changed_by_hand_is_seen(empty):
    await schema.migrate(empty)
    async with empty.engine.begin() as connection:
        await connection.execute(sa.text("alter table stations add column surprise integer"))
    assert "surprise" in str(await schema.drift(empty))


async def test_the_way_back_leaves_nothing(empty):
    await schema.migrate(empty)
    async with empty.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(schema._config(sync), "base"))
    assert await names_in(empty) == {"alembic_version"}
    await schema.migrate(empty)
    assert await schema.drift(empty) == []


START = """
import asyncio, sys
from server.storage import schema
from server.storage.db import Database
print(asyncio.run(schema.migrate(Database(sys.argv[1]))))
"""


async def test_two_servers_that_start_at_once_both_find_the_schema(empty, empty_url):
    starting = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", START, empty_url, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    said = [(await one.communicate())[0].decode().strip() for one in starting]
    assert [one.returncode for one in starting] == [0, 0]
    assert set(said) == {(await schema.revisions(empty))[1]}
    assert await schema.drift(empty) == []


async def test_a_row_of_nobody_and_a_state_that_there_is_not_are_refused(db):
    nobody = {"uid": "X", "party_id": uuid4(), "account_id": uuid4(), "kind": "rfid", "valid": True}
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await tx.execute(sa.insert(tables.Tokens).values(**nobody))
    await plug_in(db, NOW)
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await tx.execute(sa.update(tables.Sessions).values(state="lost"))

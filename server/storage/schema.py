"""Brings a database to the schema of this version, and says whether it is there."""

import asyncio
from pathlib import Path

import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from server.storage.db import Database


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


async def migrate(db: Database) -> str:
    """Upgrade to the newest revision; returns it. Several servers may do this at once (PostgreSQL: advisory lock)."""
    await asyncio.to_thread(db.check)  # it waits for a writer, who may be of this loop
    async with db.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
        return await connection.run_sync(_current)


async def revisions(db: Database) -> tuple[str, str]:
    """The revision a database is at ("" for an empty one) and the one this version wants."""
    await asyncio.to_thread(db.check)  # it waits for a writer, who may be of this loop
    async with db.engine.connect() as connection:
        return await connection.run_sync(lambda sync: (_current(sync), _head(sync)))


async def drift(db: Database) -> list[object]:
    """What the tables say that the migrations do not: empty when they agree."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_drift)


def _current(connection: sa.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _head(connection: sa.Connection) -> str:
    return ScriptDirectory.from_config(_config(connection)).get_current_head() or ""


def _drift(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"render_as_batch": True})
    return list(autogenerate.compare_metadata(context, SQLModel.metadata))

"""What a test's databases cost less: each test opens one or more and asks it little, a server opens one and asks much.

What SQLAlchemy compiled for one database serves the next of its kind. An empty SQLite file gets the pages of one that
was migrated; tests of storage, and all servers in a process of their own, migrate (`as_in_a_server`).
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Generator, Hashable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from server.storage import db, schema

Key = tuple[Hashable, ...]  # the dialect, then the statement
MIGRATE = schema.migrate


class SharedStatements(dict[Key, Any]):
    """An engine's cache of compiled statements that knows dialects by their class."""

    def get(self, key: Key, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


migrated: list[tuple[sqlite3.Connection, str]] = []
"""A database in memory that has the schema, and its revision: made where the first is wanted."""


async def _laid_out(database: db.Database) -> str:
    """Stands in for `schema.migrate`."""
    if not database.sqlite:
        return await MIGRATE(database)
    await asyncio.to_thread(database.check)
    with closing(sqlite3.connect(str(database.url.database))) as file:
        if file.execute("select count(*) from sqlite_master").fetchone() != (0,):
            return await MIGRATE(database)
        if not migrated:
            migrated.append(await _one_in_memory())
        pages, revision = migrated[0]
        pages.backup(file)
    return revision


async def _one_in_memory() -> tuple[sqlite3.Connection, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        database = db.Database(f"sqlite:///{path}")
        revision = await MIGRATE(database)
        await database.close()
        pages = sqlite3.connect(":memory:", check_same_thread=False)  # a command runs in a thread
        with closing(sqlite3.connect(path)) as file:
            file.backup(pages)
    return pages, revision


def cost_less() -> None:
    """From now on the databases of this process do."""
    statements, made = SharedStatements(), db.create_async_engine

    def create_async_engine(*arguments: Any, **options: Any) -> Any:
        engine = made(*arguments, **options)
        engine.sync_engine._compiled_cache = statements
        return engine

    db.create_async_engine = create_async_engine
    schema.migrate = _laid_out


@contextmanager
def as_in_a_server() -> Generator[None, None, None]:
    """What is empty is migrated."""
    schema.migrate = MIGRATE
    try:
        yield
    finally:
        schema.migrate = _laid_out

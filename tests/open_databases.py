"""What a test's databases cost less: each test opens one or more and asks it little, a server opens one and asks much.

What SQLAlchemy compiled for one database serves the next of its kind. On SQLite a statement runs where it is asked for,
and then others have their turn; the driver has a thread for it, and to go there and back takes longer than most
statements. What may have to wait for another database on the same file, which could not go on meanwhile, stays in that
thread. And an empty SQLite file gets the pages of one that was migrated. Tests of storage, and all servers in a process
of their own, have none of the latter two (`as_in_a_server`).
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Hashable
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiosqlite.core import Connection

from server.storage import db, schema
from server.storage.one_trip import First

Key = tuple[Hashable, ...]  # the dialect, then the statement
THREADED, MIGRATE = Connection._execute, schema.migrate
WAITS = "BEGIN IMMEDIATE"


class SharedStatements(dict[Key, Any]):
    """An engine's cache of compiled statements that knows dialects by their class."""

    def get(self, key: Key, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


async def _here(connection: Connection, do: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Stands in for aiosqlite's `Connection._execute`, which queues for its thread."""
    work, under_way = partial(do, *arguments, **options), connection.__dict__.setdefault("under_way", set())
    waits = any(isinstance(one, First) and one.begin == WAITS for one in arguments)
    if waits or under_way:  # who was cancelled waits no more, but the thread does
        under_way.add(work)
        return await THREADED(connection, _ended, work, under_way)
    if not connection._running or not connection._connection:
        raise ValueError("Connection closed")
    try:
        return work()
    finally:
        await asyncio.sleep(0)


def _ended(work: partial[Any], under_way: set[partial[Any]]) -> Any:
    try:
        return work()
    finally:
        under_way.discard(work)


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
        [(pages, revision)] = migrated
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
    Connection._execute, schema.migrate = _here, _laid_out


@contextmanager
def as_in_a_server() -> Generator[None, None, None]:
    """SQLite's statements run in threads, and what is empty is migrated."""
    Connection._execute, schema.migrate = THREADED, MIGRATE
    try:
        yield
    finally:
        Connection._execute, schema.migrate = _here, _laid_out

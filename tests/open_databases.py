"""What a test's databases cost less: each test opens one or more and asks it little, a server opens one and asks much.

What SQLAlchemy compiled for one database serves the next of its kind. On SQLite a statement runs where it is asked for,
and then others have their turn; the driver has a thread for it, and to go there and back takes longer than most
statements. What may have to wait for another database on the same file, which could not go on meanwhile, stays in that
thread. Tests of storage, and all servers in a process of their own, keep it for everything (`threaded`).
"""

import asyncio
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from typing import Any

from aiosqlite.core import Connection

from server.storage import db

Key = tuple[Hashable, ...]  # the dialect, then the statement
THREADED = Connection._execute
WAITS = "BEGIN IMMEDIATE"


class SharedStatements(dict[Key, Any]):
    """An engine's cache of compiled statements that knows dialects by their class."""

    def get(self, key: Key, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


async def _here(connection: Connection, do: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Stands in for aiosqlite's `Connection._execute`, which queues for its thread."""
    if WAITS in arguments:
        return await THREADED(connection, do, *arguments, **options)
    if not connection._running or not connection._connection:
        raise ValueError("Connection closed")
    try:
        return do(*arguments, **options)
    finally:
        await asyncio.sleep(0)


def cost_less() -> None:
    """From now on the databases of this process do."""
    statements, made = SharedStatements(), db.create_async_engine

    def create_async_engine(*arguments: Any, **options: Any) -> Any:
        engine = made(*arguments, **options)
        engine.sync_engine._compiled_cache = statements
        return engine

    db.create_async_engine = create_async_engine
    Connection._execute = _here


@contextmanager
def threaded() -> Generator[None, None, None]:
    """SQLite's statements run in threads, as in a server."""
    Connection._execute = THREADED
    try:
        yield
    finally:
        Connection._execute = _here

"""SQLite with one trip to its connection's thread for each statement, where SQLAlchemy's cursor makes four.

aiosqlite gives each connection a thread. To make a cursor, execute, fetch and close it are a trip each in SQLAlchemy's
adapter; a trip wakes two threads, and costs more than the statement. Statements run in that thread as before.
"""

from collections import deque
from functools import partial
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor
from sqlalchemy.engine import Dialect


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """A `sqlite3` cursor that executes and fetches in one trip; made and closed without one, for neither reads."""

    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:  # noqa: ANN401 -- the driver's own
        return connection._conn.cursor()  # noqa: SLF001 -- as SQLAlchemy's adapter reaches for it

    def _aenter_cursor(self, cursor: Any) -> Any:  # noqa: ANN401 -- the driver's own
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:  # noqa: ANN401 -- the driver's own
        await self._trip(partial(self._cursor.execute, operation, parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:  # noqa: ANN401 -- likewise
        await self._trip(partial(self._cursor.executemany, operation, seq_of_parameters))

    async def _trip(self, statement: partial[Any]) -> None:
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001 -- the adapter's own
            self._rows = deque(await self._connection._execute(_fetched, statement))  # noqa: SLF001


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors are those."""

    __slots__ = ()
    _cursor_cls = Cursor


def connect(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Connection:
    """For SQLAlchemy's event `do_connect`: a connection of aiosqlite."""
    made: Any = dialect.connect(*arguments, **options)
    return Connection(dialect.dbapi, made.driver_connection)


def _fetched(statement: partial[Any]) -> list[Any]:
    cursor = statement()
    return cursor.fetchall() if cursor.description else []

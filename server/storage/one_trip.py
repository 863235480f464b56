"""SQLite with one trip to its connection's thread for each statement, where SQLAlchemy's cursor makes four.

aiosqlite gives each connection a thread. To make a cursor, execute, fetch and close it are a trip each in SQLAlchemy's
adapter; a trip wakes two threads, and costs more than the statement. Statements run in that thread as before. A
transaction begins in the trip of its first statement: while the loop is busy a trip takes milliseconds.
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
        connection = self._adapt_connection
        assert isinstance(connection, Connection)
        async with connection._execute_mutex:  # noqa: SLF001 -- the adapter's own
            begin, connection.begin, connection.open = connection.begin, "", True
            rows = await self._connection._execute(_fetched, self._cursor, begin, statement)  # noqa: SLF001
            self._rows = deque(rows)


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors are those, which ends no transaction twice (the pool ends it once more).

    `begin`: what begins the transaction, until its first statement has. `open`: something was sent since the last end.
    """

    __slots__ = ("begin", "open")
    _cursor_cls = Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:  # noqa: ANN401 -- the driver's own
        super().__init__(dbapi, connection)
        self.begin, self.open = "", False

    def commit(self) -> None:
        """In one trip, or in none where nothing was said."""
        self.begin = ""
        if self.open:
            super().commit()
            self.open = False

    def rollback(self) -> None:
        """Likewise."""
        self.begin = ""
        if self.open:
            super().rollback()
            self.open = False


def connect(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Connection:
    """For SQLAlchemy's event `do_connect`: a connection of aiosqlite."""
    made: Any = dialect.connect(*arguments, **options)
    return Connection(dialect.dbapi, made.driver_connection)


def _fetched(cursor: Any, begin: str, statement: partial[Any]) -> list[Any]:  # noqa: ANN401 -- the driver's own
    if begin:
        cursor.execute(begin)
    statement()
    return cursor.fetchall() if cursor.description else []

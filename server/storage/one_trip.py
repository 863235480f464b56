"""SQLite with one trip to its connection's thread for each statement, where SQLAlchemy's cursor makes four.

aiosqlite gives each connection a thread. To make a cursor, execute, fetch and close it are a trip each in SQLAlchemy's
adapter; a trip wakes two threads, and costs more than the statement. Statements run in that thread as before. A
transaction begins in the trip of its first statement, and what is only written goes along with the next statement or
the commit: while the loop is busy a trip takes milliseconds.
"""

import sqlite3
from collections import deque
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor
from sqlalchemy.engine import Dialect
from sqlalchemy.util.concurrency import await_

from server.storage.bare_rows import Row


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
            first = connection.first()
            rows = await self._connection._execute(_fetched, self._cursor, first, statement)  # noqa: SLF001
            self._rows = deque(rows)


class Connection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors are those, which ends no transaction twice (the pool ends it once more).

    `begin`: what begins the transaction, until its first statement has. `open`: something was sent since the last end.
    """

    __slots__ = ("begin", "later", "open")
    _cursor_cls = Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:  # noqa: ANN401 -- the driver's own
        super().__init__(dbapi, connection)
        self.begin, self.open = "", False
        self.later: list[tuple[str, list[Row]]] = []

    def write_later(self, statement: str, rows: list[Row]) -> None:
        """Run a statement for each row, in this order, before the next statement or the commit, which fails with it."""
        self.later.append((statement, rows))

    def first(self) -> "First":
        """What the next trip does first."""
        first = First(self.begin, self.later)
        self.begin, self.later, self.open = "", [], True
        return first

    def commit(self) -> None:
        """In one trip with what is written last, or in none where nothing was said."""
        if not self.later:
            self.begin = ""
        if self.open or self.later:
            try:
                await_(self._connection._execute(_committed, self._connection._conn, self.first()))  # noqa: SLF001
            except sqlite3.Error as error:
                self._handle_exception(error)
            self.open = False

    def rollback(self) -> None:
        """Likewise; what was to be written later is not."""
        self.begin, self.later = "", []
        if self.open:
            super().rollback()
            self.open = False


class First(NamedTuple):
    """What a trip does before its statement: begins the transaction, writes what was left for it."""

    begin: str
    later: list[tuple[str, list[Row]]]

    def run(self, cursor: Any) -> None:  # noqa: ANN401 -- the driver's own
        """Do it, in the driver's thread."""
        if self.begin:
            cursor.execute(self.begin)
        for statement, rows in self.later:
            try:
                cursor.executemany(statement, rows)
            except sqlite3.Error as error:
                error.add_note(f"In what was left for this trip: {statement}")
                raise


def connect(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Connection:
    """For SQLAlchemy's event `do_connect`: a connection of aiosqlite."""
    made: Any = dialect.connect(*arguments, **options)
    return Connection(dialect.dbapi, made.driver_connection)


def _fetched(cursor: Any, first: First, statement: partial[Any]) -> list[Any]:  # noqa: ANN401 -- the driver's own
    first.run(cursor)
    statement()
    return cursor.fetchall() if cursor.description else []


def _committed(connection: Any, first: First) -> None:  # noqa: ANN401 -- the driver's own
    with closing(connection.cursor()) as cursor:  # one left open after an error keeps its lock
        first.run(cursor)
    connection.commit()

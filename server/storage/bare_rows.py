"""Rows by one statement of the driver's own, past SQLAlchemy's work on each value: readings, frames, plans, tasks."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

Row = tuple[Any, ...]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def execute(tx: AsyncSession, statement: sa.Insert | sa.Update, names: tuple[str, ...], rows: list[Row]) -> None:
    """Run an INSERT or UPDATE once for each row; `names` says which column or parameter each value is for.

    On SQLite it goes along with the transaction's next statement, or its commit, which raises what is wrong with it.

    Raises:
        TypeError: where a time has no zone; asyncpg would take it for one of this machine's.
    """
    connection = await tx.connection()
    text, places = _compiled(statement, connection.dialect, names)
    if connection.dialect.name != "sqlite":
        if any(type(value) is datetime and value.tzinfo is None for row in rows for value in row):
            raise TypeError("naive datetime")
        await connection.exec_driver_sql(text, [tuple([row[place] for place in places]) for row in rows])
        return
    columns = list(zip(*rows, strict=True))
    written = list(zip(*[texts(columns[place]) for place in places], strict=True))
    driver: Any = connection.sync_connection
    driver.connection.dbapi_connection.write_later(text, written)


@lru_cache(maxsize=64)
def _compiled(statement: sa.Insert | sa.Update, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Sequence[int]]:
    """The statement's text, and which value of a row stands at each of its places."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    return compiled.string, [names.index(name) for name in compiled.positiontup]


def texts(column: Sequence[Any]) -> Sequence[Any]:
    """A column (or a row) as SQLAlchemy writes it on SQLite: an id is 32 hexadecimal digits, a time is naive UTC."""
    kinds = set(map(type, column))
    if kinds.isdisjoint(_CHANGES):
        return column
    known: dict[int, Any] = {}  # by the value's place in memory: to compare two UUIDs takes as long as to write one
    written = []
    for value in column:
        text = known.get(id(value))
        if text is None:
            change = _CHANGES.get(type(value))
            text = known[id(value)] = value if change is None else change(value)
        written.append(text)
    return written


def time_of(said: str | datetime | None) -> datetime | None:
    """A time as the driver has it, read: on SQLite naive UTC in text."""
    return datetime.fromisoformat(said).replace(tzinfo=UTC) if isinstance(said, str) else said


def time_text(value: datetime) -> str:
    """An aware time as SQLAlchemy writes it on SQLite: naive UTC with microseconds."""
    since = value - EPOCH
    return f"{_second(since.days, since.seconds)}.{since.microseconds:06}"


@lru_cache(maxsize=2_000)
def _second(days: int, seconds: int) -> str:
    """A second since 1970. Many readings and frames are of the same few."""
    return (EPOCH + timedelta(days, seconds)).isoformat(" ", "seconds")[:19]


def _id(value: UUID) -> str:
    return value.hex


_CHANGES: dict[type, Callable[[Any], str]] = {datetime: time_text, UUID: _id}

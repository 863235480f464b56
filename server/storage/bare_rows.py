"""Many rows by one statement of the driver's own, past SQLAlchemy's work on each value of each: for readings only."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession

Row = tuple[Any, ...]


async def execute(tx: AsyncSession, statement: sa.Insert | sa.Update, names: tuple[str, ...], rows: list[Row]) -> None:
    """Run an INSERT or UPDATE once for each row; `names` says which column or parameter each value is for."""
    dialect = tx.get_bind().dialect
    text, places = _compiled(statement, dialect, names)
    said = _text if dialect.name == "sqlite" else _same
    ordered = [tuple([said(row[place]) for place in places]) for row in rows]
    connection = await tx.connection()
    await connection.exec_driver_sql(text, ordered)


@lru_cache(maxsize=64)
def _compiled(statement: sa.Insert | sa.Update, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Sequence[int]]:
    """The statement's text, and which value of a row stands at each of its places."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    return compiled.string, [names.index(name) for name in compiled.positiontup]


def _same(value: Any) -> Any:  # noqa: ANN401 -- any value of a column
    return value


def _text(value: Any) -> Any:  # noqa: ANN401 -- any value of a column
    """As SQLAlchemy writes it on SQLite: an id is 32 hexadecimal digits, a time is naive UTC."""
    change = _CHANGES.get(type(value))
    return value if change is None else change(value)


def _time(value: datetime) -> str:
    assert value.tzinfo is not None, "naive datetime"
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _id(value: UUID) -> str:
    return value.hex


_CHANGES: dict[type, Callable[[Any], str]] = {datetime: _time, UUID: _id}

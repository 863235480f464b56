"""Many rows by one statement of the driver's own, past SQLAlchemy's work on each value of each: readings and frames."""

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
    if dialect.name == "sqlite":
        ordered = [tuple([_text(row[place]) for place in places]) for row in rows]
    else:
        ordered = [tuple([row[place] for place in places]) for row in rows]
    connection = await tx.connection()
    await connection.exec_driver_sql(text, ordered)


@lru_cache(maxsize=64)
def _compiled(statement: sa.Insert | sa.Update, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Sequence[int]]:
    """The statement's text, and which value of a row stands at each of its places."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    return compiled.string, [names.index(name) for name in compiled.positiontup]


def _text(value: Any) -> Any:  # noqa: ANN401 -- any value of a column
    """As SQLAlchemy writes it on SQLite: an id is 32 hexadecimal digits, a time is naive UTC."""
    change = _CHANGES.get(type(value))
    return value if change is None else change(value)


@lru_cache(maxsize=2_000)
def time_text(value: datetime) -> str:
    """An aware time as SQLAlchemy writes it on SQLite: naive UTC with microseconds."""
    assert value.tzinfo is not None, "naive datetime"
    at = value if value.tzinfo is UTC else value.astimezone(UTC)
    return at.isoformat(" ", "microseconds")[:26]


@lru_cache(maxsize=20_000)
def _id(value: UUID) -> str:
    return value.hex


_CHANGES: dict[type, Callable[[Any], str]] = {datetime: time_text, UUID: _id}

"""Column types: UTC times that refuse naive values, and typed values kept as JSON text."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on every database; SQLite, which drops zones, gets its naive UTC form."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database; a naive time is a broken assumption."""
        if value is None:
            return None
        assert value.tzinfo is not None, "naive datetime"
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Encoded(TypeDecorator[Any]):
    """A msgspec value of one type, kept as JSON text and checked on the way out."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 -- any type that msgspec decodes
        """`kind`: the type that comes out."""
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401
        """To JSON text."""
        del dialect
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """From JSON text, as `kind`."""
        del dialect
        return None if value is None else msgspec.json.decode(value, type=self.kind)


NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""How constraints are called, so that a migration can name them on every database."""
SQLModel.metadata.naming_convention = NAMES  # before the first table is made: a constraint is named as it is attached

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A counting id: SQLite counts only in an INTEGER."""


def time_field(*, nullable: bool = False, index: bool = False) -> Any:  # noqa: ANN401 -- a Field fits any annotation
    """A column of aware UTC times."""
    return Field(default=None, sa_type=UtcDateTime, nullable=nullable, index=index)


def json_field(kind: Any, *, nullable: bool = False) -> Any:  # noqa: ANN401
    """A column of msgspec values of one kind."""
    return Field(default=None, sa_column=sa.Column(Encoded(kind), nullable=nullable))


def big_field(default: int | None = 0, *, nullable: bool = False) -> Any:  # noqa: ANN401
    """A column of 64-bit integers: Wh, money."""
    return Field(default=default, sa_type=sa.BigInteger, nullable=nullable)


def party_field() -> Any:  # noqa: ANN401
    """Whose row this is."""
    return Field(foreign_key="parties.id", index=True)


def partial_index(name: str, column: str, where: str, *, unique: bool = False) -> sa.Index:
    """An index of the rows that a condition holds for."""
    return sa.Index(name, column, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

"""Column types: UTC times that refuse naive values, and typed values kept as JSON text."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


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


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A counting id: SQLite counts only in an INTEGER."""

"""Ids as SQLite has them, in 32 hexadecimal digits: most were read before, and to parse one takes 2.5 us."""

from collections.abc import Callable
from functools import lru_cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

KEPT = 8_000
"""The last ids that were read: 2 MiB."""

_parsed = lru_cache(KEPT)(UUID)


class Id(sa.Uuid[UUID]):
    """SQLAlchemy's type, whose values are looked up before they are parsed."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], UUID | None]:  # noqa: ARG002 -- as SQLAlchemy has them
        """What makes a column's text an id."""
        return _id


def _id(text: str | None) -> UUID | None:
    return None if text is None else _parsed(text)

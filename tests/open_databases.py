"""What a test's databases cost less: each test opens one or more and asks it little, a server opens one and asks much.

What SQLAlchemy compiled for one database serves the next of its kind.
"""

from collections.abc import Hashable
from typing import Any

from server.storage import db

Key = tuple[Hashable, ...]  # the dialect, then the statement


class SharedStatements(dict[Key, Any]):
    """An engine's cache of compiled statements that knows dialects by their class."""

    def get(self, key: Key, default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


def cost_less() -> None:
    """From now on the databases of this process do."""
    statements, made = SharedStatements(), db.create_async_engine

    def create_async_engine(*arguments: Any, **options: Any) -> Any:
        engine = made(*arguments, **options)
        engine.sync_engine._compiled_cache = statements
        return engine

    db.create_async_engine = create_async_engine

"""The small town on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from small_town import found

from server.storage.db import Database


@pytest.fixture(scope="session")
def founded_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("founded") / "town.db"
    asyncio.run(found(path))
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a small town of this test's own."""
    if request.param == "postgresql":
        url = request.getfixturevalue("fresh_postgres_url")
        asyncio.run(found(url))
        return url
    path = tmp_path / "town.db"
    shutil.copy(request.getfixturevalue("founded_town"), path)
    return f"sqlite:///{path}"


@pytest.fixture
async def town(town_url: str) -> AsyncIterator[Database]:
    """The small town, on SQLite and on PostgreSQL."""
    db = Database(town_url)
    yield db
    await db.close()


@pytest.fixture
async def sqlite_town(founded_town: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """The small town on SQLite alone, where the database is not what matters."""
    shutil.copy(founded_town, tmp_path / "own.db")
    db = Database(f"sqlite:///{tmp_path / 'own.db'}")
    yield db
    await db.close()

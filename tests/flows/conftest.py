"""The small town on both databases."""

import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from server.storage.db import Database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a small town of this test's own."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("lent_postgres_url"))
    path = tmp_path / "town.db"
    shutil.copy(request.getfixturevalue("founded_town"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def twin_url(request: pytest.FixtureRequest, town_url: str, tmp_path: Path) -> Generator[str, None, None]:
    """The URL of another town that is the same as `town`'s."""
    if town_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("founded_town"), tmp_path / "twin.db")
        yield f"sqlite:///{tmp_path / 'twin.db'}"
    else:
        with request.getfixturevalue("lender").town() as url:
            yield url


@pytest.fixture
async def twin(twin_url: str) -> AsyncIterator[Database]:
    """A second town, for what would have happened otherwise."""
    db = Database(twin_url)
    yield db
    await db.close()


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

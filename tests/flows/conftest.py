"""The small town on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from small_town import found

from server.storage.db import Database


@pytest.fixture(scope="session")
def founded_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("founded") / "town.db"
    asyncio.run(found(path))
    return path


@pytest.fixture(scope="session")
def founded_postgres(postgres_url: str) -> str:
    """The name of a database that holds the town and that nobody opens: PostgreSQL copies it in a tenth of a second."""
    name = f"founded_{uuid4().hex}"
    asyncio.run(make_database(postgres_url, name))
    asyncio.run(found(f"{postgres_url.rpartition('/')[0]}/{name}"))
    return name


async def make_database(url: str, name: str, like: str = "template1") -> None:
    """Make a database as a copy of another."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"create database {name} template {like}")
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def town_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a small town of this test's own."""
    if request.param == "postgresql":
        url, name = request.getfixturevalue("postgres_url"), f"test_{uuid4().hex}"
        asyncio.run(make_database(url, name, request.getfixturevalue("founded_postgres")))
        return f"{url.rpartition('/')[0]}/{name}"
    path = tmp_path / "town.db"
    shutil.copy(request.getfixturevalue("founded_town"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def twin_url(town_url: str, tmp_path: Path) -> str:
    """The URL of another town that is the same as `town`'s."""
    if town_url.startswith("sqlite"):
        shutil.copy(tmp_path / "town.db", tmp_path / "twin.db")
        return f"sqlite:///{tmp_path / 'twin.db'}"
    folder, _, name = town_url.rpartition("/")
    asyncio.run(make_database(f"{folder}/postgres", f"{name}_twin", name))
    return f"{town_url}_twin"


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

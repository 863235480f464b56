"""A database of each test's own, empty or with the small town in it, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import open_databases
import pytest

from server.storage.db import Database

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(autouse=True)
def as_in_a_server() -> Generator[None, None, None]:
    """What is tested here migrates."""
    with open_databases.as_in_a_server():
        yield


@pytest.fixture(params=BOTH)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return str(request.param)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if kind == "postgresql":
        return str(request.getfixturevalue("fresh_postgres_url"))
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def town_url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """A small town of this test's own."""
    if kind == "postgresql":
        return str(request.getfixturevalue("lent_postgres_url"))
    path = tmp_path / "town.db"
    shutil.copy(request.getfixturevalue("founded_town"), path)
    return f"sqlite:///{path}"


@pytest.fixture
async def db(town_url: str) -> AsyncIterator[Database]:
    """The small town, open."""
    database = Database(town_url)
    yield database
    await database.close()


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    """An empty database, open."""
    database = Database(empty_url)
    yield database
    await database.close()

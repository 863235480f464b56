"""A database of each test's own, empty or with the small town in it, on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from small_town import found

from server.storage.db import Database

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


async def _run_sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def town_template(postgres_url: str) -> str:
    """The name of a database that PostgreSQL copies for each test."""
    asyncio.run(_run_sql(postgres_url, "create database storage_town"))
    asyncio.run(found(postgres_url.rpartition("/")[0] + "/storage_town"))
    return "storage_town"


@pytest.fixture(scope="session")
def town_original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("storage") / "town.db"
    asyncio.run(found(path))
    return path


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
        server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("town_template")
        name = f"storage_{uuid4().hex}"
        asyncio.run(_run_sql(server, f"create database {name} template {template}"))
        return str(server).rpartition("/")[0] + f"/{name}"
    path = tmp_path / "town.db"
    shutil.copy(request.getfixturevalue("town_original"), path)
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

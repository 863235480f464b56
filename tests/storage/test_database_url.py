"""A database URL as hosts write it: libpq's parameters mean what they mean there, or are refused by name."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from server.storage.database_url import BadDatabaseOption, BadDatabaseUrl, async_url
from server.storage.db import Database

WHERE = "postgresql://u:hush@db.example/x"


def test_parameters_of_libpq_become_the_drivers(tmp_path: Path) -> None:
    root = tmp_path / "root.crt"
    root.touch()
    said = f"sslmode=verify-full&sslrootcert={root}&connect_timeout=7&application_name=a%20b&channel_binding=prefer"
    url, told = async_url(f"{WHERE}?{said}")
    assert url.render_as_string(hide_password=False) == "postgresql+asyncpg://u:hush@db.example/x"
    dsn = f"postgresql://?sslmode=verify-full&sslrootcert={str(root).replace('/', '%2F')}&application_name=a+b"
    assert told == {"dsn": dsn, "timeout": 7.0}


def test_what_is_the_drivers_own_and_where_the_servers_are_stay() -> None:
    url, told = async_url("postgresql://u@/x?host=one:5432&host=two:5433&statement_cache_size=0&connect_timeout=0")
    assert url.query == {"host": ("one:5432", "two:5433")}
    assert told == {"statement_cache_size": 0, "timeout": None}
    assert async_url(f"{WHERE}?fallback_application_name=a")[1] == {"dsn": "postgresql://?application_name=a"}
    assert async_url(WHERE)[1] == {}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("sslmode=on", "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full here"),
        ("sslmod=require", "sslmod is not known here: did you mean sslmode\\?"),
        ("sslrootcert=/nowhere/root.crt", "sslrootcert: there is no file /nowhere/root.crt"),
        ("channel_binding=require", "channel_binding must be one of disable, prefer here"),
        ("connect_timeout=soon", "connect_timeout must be a whole number, 0 or more"),
        ("target_session_attrs=any&service=mine", "service is not known here$"),
    ],
)
def test_what_means_nothing_here_is_refused_by_name(said: str, complaint: str) -> None:
    with pytest.raises(BadDatabaseOption, match=complaint) as refused:
        async_url(f"{WHERE}?{said}")
    assert "hush" not in str(refused.value)


def test_a_file_takes_none_and_a_port_is_a_number() -> None:
    with pytest.raises(BadDatabaseOption, match="takes no parameters: leave out mode"):
        async_url("sqlite:////tmp/a.db?mode=ro")
    with pytest.raises(BadDatabaseUrl, match="non-integer port"):
        async_url("postgresql://u@/x?host=one&port=z")


@pytest.mark.postgres
async def test_the_server_is_told_what_it_was_to_be_told_and_one_without_tls_is_no_secret_one(
    postgres_url: str,
) -> None:
    db = Database(f"{postgres_url}?sslmode=prefer&application_name=dal%20stroom&options=-c%20jit%3Doff")
    async with db.read() as tx:
        assert (await tx.execute(sa.text("show application_name"))).scalar() == "dal stroom"
    await db.close()
    db = Database(f"{postgres_url}?sslmode=require")
    with pytest.raises(ConnectionError, match="rejected SSL upgrade"):
        async with db.read() as tx:
            await tx.execute(sa.text("select 1"))
    await db.close()

"""PostgreSQL databases with the small town in them, lent to one test after another.

To copy a database takes 100 ms of CPU and 500 files that somebody must delete; to put its rows right takes 3 ms, but 25
on a new connection, which must learn all tables: so each database keeps one.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
from postgres import create_database
from small_town import found

T = TypeVar("T")
TABLES = "select tablename from pg_tables where schemaname = 'public' order by tablename"
SEQUENCES = "select sequencename, start_value, last_value from pg_sequences where schemaname = 'public'"
OTHERS_OUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
KEEPS_ITS_SCHEMA = """
    create function founded.refuse() returns event_trigger language plpgsql as
    $$ begin raise exception 'the next test gets this database: to change a schema take fresh_postgres_url'; end $$;
    create event trigger keeps_its_schema on ddl_command_start execute function founded.refuse()
"""


class Lender:
    """Lends databases of a server; one that comes back is put right when it is lent again."""

    def __init__(self, server_url: str) -> None:
        self.server_url = server_url
        self._template = ""
        self._at_home: list[tuple[str, asyncpg.Connection]] = []
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def town(self) -> Generator[str, None, None]:
        """The URL of a small town that nobody else has."""
        url, ours = self._at_home.pop() if self._at_home else self._copied()
        self._done(_put_right(ours))
        yield url
        self._at_home.append((url, ours))

    def close(self) -> None:
        """Let go of all databases."""
        for _, ours in self._at_home:
            self._done(ours.close())
        self._loop.close()

    def _copied(self) -> tuple[str, asyncpg.Connection]:
        if not self._template:
            self._template = f"founded_{uuid4().hex}"
            url = asyncio.run(create_database(self.server_url, self._template))
            asyncio.run(found(url))
            template = self._done(asyncpg.connect(url))
            self._done(_keep_rows(template))
            self._done(template.close())
        url = asyncio.run(create_database(self.server_url, f"lent_{uuid4().hex}", self._template))
        return url, self._done(asyncpg.connect(url))

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


async def _keep_rows(connection: asyncpg.Connection) -> None:
    """Write down, in a schema of its own, what puts the rows right."""
    tables = [row["tablename"] for row in await connection.fetch(TABLES)]
    filled = [table for table in tables if await connection.fetchval(f"select exists (select from {table})")]
    copies = [f"create table founded.{table} as table {table}" for table in filled]
    await connection.execute("; ".join(["create schema founded", *copies]))
    again = [f"delete from {table}" for table in tables]
    again += [f"insert into {table} select * from founded.{table}" for table in filled]
    for name, start, last in await connection.fetch(SEQUENCES):
        again.append(f"perform setval('{name}', {last or start}, {last is not None})")
    body = f"begin {'; '.join(again)}; end"
    # As a replica: without foreign keys and the ledger's guards.
    role = "set session_replication_role = replica"
    await connection.execute(f"create function founded.again() returns void language plpgsql {role} as $${body}$$")
    await connection.execute(KEEPS_ITS_SCHEMA)


async def _put_right(connection: asyncpg.Connection) -> None:
    await connection.execute(OTHERS_OUT)
    await connection.execute("select founded.again()")

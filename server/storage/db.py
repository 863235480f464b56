"""The database: one engine, transactions that announce themselves after commit.

SQLite and PostgreSQL behind the same two doors: `begin()` for a transaction that may write (on SQLite they take turns,
with BEGIN IMMEDIATE), `read()` for one that only reads.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, nullcontext
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import configure_mappers

from server.storage import known_ids, one_trip
from server.storage.database_url import async_url

T = TypeVar("T")
Row = Mapping[str, Any]
ANNOUNCED = "announced"
QUEUED = "queued"
AFTER = "after"
KEPT = "kept"
KEPT_MAX = 10_000
"""Values of rows that never change, the last used ones, by their key."""
BUSY_MS = 5000
LOOK_S = 0.002
WAL_PAGES_MOST = 16_000
"""SQLite's log is brought into the file beside the writers; where it is so long they wait for it."""
WAL_PAGES_ALONE = 25_000
"""Where nobody does that (a command, a test) a writer does, as with SQLite's default of 1000, but later."""
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_MS}",
    f"wal_autocheckpoint={WAL_PAGES_ALONE}",
    "cache_size=-8000",  # KiB a connection: what 500 stations write at once is 1 200 pages of 4 KiB
)


def to_struct(row: sa.Row[*tuple[Any, ...]] | Row, kind: type[T]) -> T:
    """A row as a core struct: enums from their values, unknown columns dropped."""
    values = row._mapping if isinstance(row, sa.Row) else row  # noqa: SLF001 -- the documented accessor
    return msgspec.convert(dict(values), kind, strict=False)


def padded(values: Sequence[T]) -> list[T]:
    """Values for an IN, the last one again up to a power of two: so that few texts of one statement exist."""
    some = list(values)
    return some + some[-1:] * ((1 << max(0, len(some) - 1).bit_length()) - len(some))


def among(column: sa.ColumnElement[Any], name: str, *, sqlite: bool) -> sa.ColumnElement[bool]:
    """A column is one of a parameter's values (`listed`): one parameter, however many they are.

    SQLAlchemy's own IN writes a statement anew for each number of values, and looks at each value.
    """
    if sqlite:
        each = sa.func.json_each(sa.bindparam(name, type_=sa.Text)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.func.any(sa.bindparam(name, type_=postgresql.ARRAY(column.type)))


def listed(values: Sequence[int] | Sequence[UUID], *, sqlite: bool) -> Any:  # noqa: ANN401 -- as the driver has it
    """What `among` takes."""
    if not sqlite:
        return list(values)
    return msgspec.json.encode([one.hex if isinstance(one, UUID) else one for one in values]).decode()


class Transaction(AsyncSession):
    """A session whose statements go straight to its connection: we have no objects that would have to be looked after.

    What SQLAlchemy's session does for those costs as much again as a statement on SQLite.
    """

    _straight: AsyncConnection | None = None

    @cached_property
    def info(self) -> dict[Any, Any]:
        """What belongs to this transaction: every row that is kept asks for it."""
        return self.sync_session.info

    async def connection(self, *arguments: Any, **options: Any) -> AsyncConnection:  # noqa: ANN401 -- as SQLAlchemy has them
        """The connection of this transaction, asked for once."""
        if self._straight is None or self._straight.closed:
            self._straight = await super().connection(*arguments, **options)
        return self._straight

    async def execute(self, statement: Any, params: Any = None, **_options: Any) -> Any:  # noqa: ANN401 -- as SQLAlchemy has them
        """Run one statement, with one set of parameters or many."""
        return await (await self.connection()).execute(statement, params)


class Database:
    """Owns the engine; `on_commit(announcements, queued)` hears of every commit that had something to tell."""

    def __init__(self, url: str, on_commit: Callable[[list[Any], bool], None] | None = None) -> None:
        """`url`: see `async_url`."""
        configure_mappers()  # else the first statement that names a table's class does, and holds the loop up for 70 ms
        self.url, told = async_url(url)
        self.on_commit = on_commit or (lambda _announced, _queued: None)
        self.sqlite = self.url.drivername.startswith("sqlite")
        self._in_file = self.sqlite and self.url.database not in (None, "", ":memory:")
        pool = {"pool_size": 10, "max_overflow": 20, "pool_use_lifo": self.sqlite}
        arguments: dict[str, Any] = {"connect_args": told, **pool}
        if self.sqlite and not self._in_file:
            arguments = {}
        # hide_parameters: an error's message quotes the statement, and must not quote whose row it was
        self.engine: AsyncEngine = create_async_engine(self.url, hide_parameters=True, **arguments)
        if self.sqlite:
            _prepare_sqlite(self.engine)
            self.engine.dialect.colspecs = {**self.engine.dialect.colspecs, sa.Uuid: known_ids.Id}
        self._writer = asyncio.Lock()
        self._written = False  # since the last checkpoint
        kept: dict[str, Any] = {KEPT: OrderedDict()}
        self._writing = async_sessionmaker(self.engine, class_=Transaction, expire_on_commit=False, info=kept)
        reading = self.engine.execution_options(reading=True)
        self._reading = async_sessionmaker(reading, class_=Transaction, expire_on_commit=False, info=kept)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession, None]:
        """One transaction that may write: commits at the end, rolls back on any exception, then announces."""
        async with self._writer if self.sqlite else nullcontext(), self._writing.begin() as tx:
            tx.info[ANNOUNCED], tx.info[QUEUED] = [], False
            acts = tx.info[AFTER] = []
            try:
                yield tx
            finally:
                del tx.info[AFTER]  # they hold the transaction
        self._written = True
        for act in acts:
            act()
        if tx.info[ANNOUNCED] or tx.info[QUEUED]:
            self.on_commit(tx.info[ANNOUNCED], tx.info[QUEUED])

    async def lull(self, most_s: float) -> None:
        """Return once nobody writes, or after so long: for who would hold up others, and has time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        while self._writer.locked() and loop.time() < until:  # noqa: ASYNC110 -- a lock tells nobody that it is free
            await asyncio.sleep(LOOK_S)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession, None]:
        """One transaction that only reads: never waits for a writer."""
        async with self._reading() as tx:
            yield tx

    def check(self) -> None:
        """Open a SQLite file once, to write, without the driver: its thread outlives a loop that ends on such an error.

        Raises:
            sqlite3.OperationalError: where that cannot be.
            sqlite3.DatabaseError: where the file is no database, or a broken one.
        """
        if self.sqlite:
            with closing(sqlite3.connect(self.url.database or "", timeout=BUSY_MS / 1000)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("BEGIN IMMEDIATE")

    async def checkpoint(self) -> None:
        """Bring the log into the SQLite file. Writers go on, where SQLite itself would have one of them do it.

        While they do the log never ends and grows; so now and then they wait for what has come since, some ms.
        """
        if self._in_file and self._written:
            self._written = False
            if await asyncio.to_thread(_checkpoint, str(self.url.database)) > WAL_PAGES_MOST:
                async with self._writer:
                    await asyncio.to_thread(_checkpoint, str(self.url.database))

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


def kept(tx: AsyncSession, key: Any) -> Any:  # noqa: ANN401 -- whatever was kept
    """What was kept of a row that never changes, None where it was not, or long ago."""
    values: OrderedDict[Any, Any] = tx.info[KEPT]
    found = values.get(key)
    if found is not None:
        values.move_to_end(key)
    return found


def keep(tx: AsyncSession, key: Any, value: Any) -> None:  # noqa: ANN401 -- whatever is to be kept
    """Keep the value of a row that never changes once it is written, for the next transaction that needs it."""
    values: OrderedDict[Any, Any] = tx.info[KEPT]
    values[key] = value
    if len(values) > KEPT_MAX:
        values.popitem(last=False)


def forget(tx: AsyncSession, key: Any) -> None:  # noqa: ANN401 -- whatever was kept
    """Keep a value no longer: nobody will ask for it again."""
    tx.info[KEPT].pop(key, None)


def after_commit(tx: AsyncSession, act: Callable[[], None]) -> None:
    """Do something in memory once the transaction is through, and nothing where it is not. It must not fail."""
    tx.info[AFTER].append(act)


def announce(tx: AsyncSession, announcement: object) -> None:
    """Tell `on_commit` of this once the transaction is through; nothing is told of one that is not."""
    tx.info[ANNOUNCED].append(announcement)


def _checkpoint(path: str) -> int:
    """Pages that SQLite's log had. Only SQLite may open its files: to close one ends our locks on it, all of them."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        _busy, length, _done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return int(length)


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """WAL, foreign keys, and transactions that begin when we say so (writers at once, readers deferred)."""

    def connect(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        driver: Any = connection.connection.dbapi_connection
        driver.begin = "BEGIN" if reading else "BEGIN IMMEDIATE"

    sa.event.listen(engine.sync_engine, "do_connect", one_trip.connect)
    sa.event.listen(engine.sync_engine, "connect", connect)
    sa.event.listen(engine.sync_engine, "begin", begin)

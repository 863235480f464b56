"""The outbox: what is to be done after commit, kept with what caused it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import bare_rows
from server.storage.db import QUEUED, padded
from server.storage.tables import Outbox

TABLE = Outbox.__table__  # type: ignore[attr-defined]
T = TABLE.c
# Locked, so that whoever begins it waits until what this transaction changed is there to be seen.
WAITING = (
    sa.select(T.id)
    .where(T.kind == sa.bindparam("kind"), T.key == sa.bindparam("key"), T.due_at <= sa.bindparam("due"))
    .where(T.done_at.is_(None), T.started_at.is_(None))
    .order_by(T.id)
    .limit(1)
    .with_for_update()
)
EACH = (
    sa.select(T.kind, T.key, T.due_at)
    .where(T.kind.in_(sa.bindparam("kinds", expanding=True)), T.key.in_(sa.bindparam("keys", expanding=True)))
    .where(T.due_at <= sa.bindparam("due"), T.done_at.is_(None), T.started_at.is_(None))
    .order_by(T.id)
    .with_for_update()
)
INSERT = sa.insert(TABLE)
COLUMNS = ("kind", "key", "payload", "due_at", "attempts", "outcome")
New = tuple[str, str, object, datetime]
"""A task to be queued: kind, key, payload and when it is due."""
WITHDRAW = (
    sa.update(TABLE)
    .where(T.kind == sa.bindparam("which_kind"), T.key == sa.bindparam("which_key"))
    .where(T.done_at.is_(None), T.started_at.is_(None))
    .values(done_at=sa.bindparam("now"), outcome="withdrawn")
)
THESE = sa.update(TABLE).where(T.id.in_(sa.bindparam("ids", expanding=True)))
START = THESE.where(T.done_at.is_(None)).values(started_at=sa.bindparam("now")).returning(T.id)
DONE = THESE.values(done_at=sa.bindparam("now"), outcome=sa.bindparam("how"))
NEXT = sa.select(T.due_at).where(T.done_at.is_(None)).order_by(T.due_at).limit(1)
NEXT_AFTER = NEXT.where(T.due_at > sa.bindparam("after"))
RETRY_SECONDS = 5
ATTEMPTS_MAX = 8
BATCH = 2_000
NEVER_GIVEN_UP = "settle"
SLOW = (
    "ask_limits",
    "ask_transaction",
    "deliver_certificate",
    "local_list",
    "raise_profile",
    "remedy",
    "renew_key",
    "sign_certificate",
    "tell_cost",
)
"""Kinds that wait for a station, and for which no plan, safety or money waits: all others go first."""
Lane = tuple[bool, str]
"""Whether slow, and the key: what is done in order."""


_LANES: dict[bool | None, tuple[sa.ColumnElement[bool], ...]] = {
    None: (),
    True: (T.kind.in_(SLOW),),
    False: (T.kind.not_in(SLOW),),
}
DUE = {
    slow: sa.select(T.id, T.kind, T.key, T.payload, T.due_at, T.attempts)
    .where(T.done_at.is_(None), T.due_at <= sa.bindparam("now"), *only)
    .order_by(*([T.kind.in_(SLOW)] if slow is None else []), T.id)
    .limit(sa.bindparam("limit"))
    for slow, only in _LANES.items()
}


class Task(msgspec.Struct, frozen=True):
    """A row to be done. Rows of one `key` are done in order; `attempts` counts the failed ones before."""

    id: int
    kind: str
    key: str
    payload: str
    due_at: datetime
    attempts: int

    @property
    def slow(self) -> bool:
        """Whether it waits for the others."""
        return self.kind in SLOW

    @property
    def lane(self) -> Lane:
        """In one lane tasks are done in order."""
        return self.slow, self.key


async def put(tx: AsyncSession, kind: str, key: str, payload: object, due_at: datetime) -> None:
    """Queue a task with this transaction."""
    await _put_all(tx, [(kind, key, payload, due_at)])


async def put_once(tx: AsyncSession, kind: str, key: str, payload: object, due_at: datetime) -> None:
    """Queue a task unless one of this kind and key waits already, not later than this one.

    One that is being done counts for nothing: it may have looked before this transaction changed what it looks at.
    """
    if (await tx.execute(WAITING, {"kind": kind, "key": key, "due": due_at})).first() is None:
        await put(tx, kind, key, payload, due_at)


async def put_each_once(
    tx: AsyncSession, kind: str, payloads: Mapping[str, object], due_at: datetime | Mapping[str, datetime]
) -> None:
    """`put_once` for several keys, each with its payload (and its time), in one statement to look and one to write."""
    due = dict.fromkeys(payloads, due_at) if isinstance(due_at, datetime) else due_at
    await _put_missing(tx, [(kind, key, payload, due[key]) for key, payload in payloads.items()])


class Wanted(NamedTuple):
    """A task that is to be queued unless it waits already."""

    kind: str
    payload: object
    due_at: datetime


async def put_kinds_once(tx: AsyncSession, key: str, wanted: Sequence[Wanted]) -> None:
    """`put_once` for several kinds of one key, in this order, in one statement to look and one to write."""
    await _put_missing(tx, [(one.kind, key, one.payload, one.due_at) for one in wanted])


async def _put_missing(tx: AsyncSession, tasks: Sequence[New]) -> None:
    """Queue those that do not wait already, not later."""
    if not tasks:
        return
    kinds, keys = ({task[at]: None for task in tasks} for at in (0, 1))
    looked = {"kinds": padded(list(kinds)), "keys": padded(list(keys)), "due": max(task[3] for task in tasks)}
    first: dict[tuple[str, str], datetime] = {}
    for row in await tx.execute(EACH, looked):
        first[row.kind, row.key] = min(row.due_at, first.get((row.kind, row.key), row.due_at))
    new = []
    for kind, key, payload, due_at in tasks:
        waits = first.get((kind, key))
        if waits is None or waits > due_at:
            first[kind, key] = due_at
            new.append((kind, key, payload, due_at))
    await _put_all(tx, new)


async def _put_all(tx: AsyncSession, tasks: Sequence[New]) -> None:
    """Queue tasks."""
    if tasks:
        rows = [(kind, key, msgspec.json.encode(said).decode(), due, 0, "") for kind, key, said, due in tasks]
        await bare_rows.execute(tx, INSERT, COLUMNS, rows)
        tx.info[QUEUED] = True


async def withdraw(tx: AsyncSession, kind: str, key: str, now: datetime) -> None:
    """What waits of this kind and key is no longer to be done."""
    await tx.execute(WITHDRAW, {"which_kind": kind, "which_key": key, "now": now})


async def due(tx: AsyncSession, now: datetime, limit: int = 200, *, slow: bool | None = None) -> list[Task]:
    """What is due, `SLOW` kinds last, else oldest first. `slow`: only those of `SLOW`, or only the others."""
    found = await tx.execute(DUE[slow], {"now": now, "limit": limit})
    return [Task(*row) for row in found]


async def next_due(tx: AsyncSession, after: datetime | None = None) -> datetime | None:
    """When the next task falls due, or the next `after` a time; None when nothing waits."""
    found = await (tx.execute(NEXT) if after is None else tx.execute(NEXT_AFTER, {"after": after}))
    return found.scalar()


async def start(tx: AsyncSession, ids: Sequence[int], now: datetime) -> set[int]:
    """Mark tasks as being done; which of them: some may be withdrawn. One that a killed server had begun stays due."""
    if not ids:
        return set()
    return set((await tx.execute(START, {"ids": padded(ids), "now": now})).scalars())


async def done(tx: AsyncSession, ids: Sequence[int], now: datetime, outcome: str = "done") -> None:
    """Mark tasks as done."""
    await tx.execute(DONE, {"ids": padded(ids), "now": now, "how": outcome})


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete what was done before a time, the oldest, at most `BATCH`; returns how many. What was given up stays."""
    old = sa.select(T.id).where(T.done_at < before, T.attempts < ATTEMPTS_MAX).order_by(T.id).limit(BATCH)
    return int((await tx.execute(sa.delete(TABLE).where(T.id.in_(old)))).rowcount)  # type: ignore[attr-defined]


async def failed(tx: AsyncSession, task: Task, now: datetime, why: str) -> None:
    """Try again later, each time twice as late; give up, visibly, after `ATTEMPTS_MAX`. Money is never given up."""
    attempts = task.attempts + 1
    given_up = now if attempts >= ATTEMPTS_MAX and task.kind != NEVER_GIVEN_UP else None
    due_at = now + timedelta(seconds=RETRY_SECONDS * 2 ** min(attempts, ATTEMPTS_MAX))
    values = {"attempts": attempts, "due_at": due_at, "started_at": None, "done_at": given_up, "outcome": why[:200]}
    await tx.execute(sa.update(TABLE).where(T.id == task.id).values(**values))
    tx.info[QUEUED] = True

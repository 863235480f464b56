"""The message log: frames between stations and us, those of one station in the order of their coming.

Frames of several stations stand in that order too, but for seconds where thousands came (`APART`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import bare_rows
from server.storage.bare_rows import Row
from server.storage.db import to_struct
from server.storage.tables import MessageLog, Stations

TABLE = MessageLog.__table__  # type: ignore[attr-defined]
L = TABLE.c
S = Stations.__table__.c  # type: ignore[attr-defined]
SCAN_MAX = 100_000
"""The most frames that one search looks at: 0.1 s and a page that says where to go on, instead of minutes."""
APART = timedelta(seconds=4)
"""So far apart may frames stand the other way round."""
BATCH = 2_000
INSERT = sa.insert(TABLE)


class Message(msgspec.Struct, frozen=True):
    """A frame. `id`: unique, rises with time, but for APART. `odd`: what is not as specified, "" for nothing."""

    id: int
    party_id: UUID
    station_id: UUID
    at: datetime
    direction: str
    kind: str
    action: str
    message_id: str
    raw: str
    asked_by: UUID | None = None
    odd: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """What is looked for: frames of a party that fit all that is said; [since, until)."""

    party_id: UUID
    station_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    direction: str | None = None
    kind: str | None = None
    text: str | None = None
    odd: bool | None = None


async def add(tx: AsyncSession, rows: list[Row]) -> None:
    """Keep some messages, each as the values of a `Message` in their order."""
    await bare_rows.execute(tx, INSERT, Message.__struct_fields__, rows)


async def last_id(tx: AsyncSession) -> int:
    """The newest frame's id, 0 for none."""
    return int((await tx.execute(sa.select(sa.func.max(L.id)))).scalar() or 0)


async def parties_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Party and identity of some stations."""
    rows = await tx.execute(sa.select(S.id, S.party_id, S.identity).where(S.id.in_(station_ids)))
    return {row.id: (row.party_id, row.identity) for row in rows}


async def newest(
    tx: AsyncSession, wanted: Wanted, before: int | None, limit: int
) -> tuple[list[tuple[Message, str]], int | None]:
    """Frames with their station's identity, newest first, and where the next page begins (None: nothing more).

    Looks at `SCAN_MAX` frames at the most: a page may hold fewer than `limit` and still not be the last.
    """
    mine = [L.party_id == wanted.party_id] if wanted.station_id is None else [L.station_id == wanted.station_id]
    upto = await _upto(tx, wanted.until, before)
    within = sa.select(L.id).where(*mine, *([] if upto is None else [L.id < upto])).order_by(L.id.desc())
    edge = (await tx.execute(within.offset(SCAN_MAX - 1).limit(1))).scalar()
    bounds = [*mine, *([] if upto is None else [L.id < upto]), *([] if edge is None else [L.id >= edge])]
    rows = sa.select(TABLE, S.identity).join(Stations, S.id == L.station_id)
    rows = rows.where(*bounds, *_filters(wanted)).order_by(L.id.desc()).limit(limit + 1)
    found = [(to_struct(row, Message), str(row.identity)) for row in await tx.execute(rows)]
    if len(found) > limit:
        return found[:limit], found[limit - 1][0].id
    past = wanted.since is not None and edge is not None and await _at(tx, edge) + APART < wanted.since
    return found, None if past else edge


async def oldest_after(tx: AsyncSession, wanted: Wanted, after: int, limit: int) -> list[tuple[Message, str]]:
    """Frames with their station's identity, oldest first, that came after one."""
    mine = L.party_id == wanted.party_id if wanted.station_id is None else L.station_id == wanted.station_id
    rows = sa.select(TABLE, S.identity).join(Stations, S.id == L.station_id)
    rows = rows.where(mine, L.id > after, *_filters(wanted)).order_by(L.id).limit(limit)
    return [(to_struct(row, Message), str(row.identity)) for row in await tx.execute(rows)]


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete the oldest, at most `BATCH`, as far as they are older than a time. Returns how many."""
    oldest = sa.select(L.id, L.at).order_by(L.id).limit(BATCH)
    old = [row.id for row in await tx.execute(oldest) if row.at < before]
    if old:
        await tx.execute(sa.delete(TABLE).where(L.id <= max(old), L.at < before))
    return len(old)


async def first_at(tx: AsyncSession, moment: datetime) -> int:
    """Where a time begins in the order: an id that all frames from then on have at least."""
    return await _about(tx, moment, APART)


async def _about(tx: AsyncSession, moment: datetime, apart: timedelta) -> int:
    """An id at which the times, moved so far, pass a moment. Bisects, as times rise, but for APART."""
    low, high = (await tx.execute(sa.select(sa.func.min(L.id), sa.func.max(L.id)))).one()
    if low is None:
        return 0
    low, high = int(low), int(high) + 1
    while low < high:
        middle = (low + high) // 2
        row = (await tx.execute(sa.select(L.id, L.at).where(L.id >= middle).order_by(L.id).limit(1))).one()
        if row.at + apart < moment:
            low = int(row.id) + 1
        else:
            high = middle
    return low


async def _upto(tx: AsyncSession, until: datetime | None, before: int | None) -> int | None:
    """An id that all frames before a time, and before an id, are below; None for neither."""
    ends = [] if before is None else [before]
    if until is not None:
        ends.append(await _about(tx, until, -APART))
    return min(ends, default=None)


async def _at(tx: AsyncSession, message_id: int) -> datetime:
    found: datetime = (await tx.execute(sa.select(L.at).where(L.id == message_id))).scalar_one()
    return found


def _filters(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    said = (
        (L.at >= wanted.since) if wanted.since is not None else None,
        (L.at < wanted.until) if wanted.until is not None else None,
        (L.action == wanted.action) if wanted.action else None,
        (L.direction == wanted.direction) if wanted.direction else None,
        (L.kind == wanted.kind) if wanted.kind else None,
        L.raw.icontains(wanted.text, autoescape=True) if wanted.text else None,
        ((L.odd != "") if wanted.odd else (L.odd == "")) if wanted.odd is not None else None,
    )
    return [one for one in said if one is not None]

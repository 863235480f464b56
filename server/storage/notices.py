"""What an operator should know of a station: one notice a station and kind, for as long as it goes on."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import StationNotices, Stations
from shared.ids import derive

TABLE = StationNotices.__table__  # type: ignore[attr-defined]
N = TABLE.c
S = Stations.__table__.c  # type: ignore[attr-defined]


class Notice(msgspec.Struct, frozen=True):
    """`kind` is stable (`downgrade`, `certificate_ends` ...), `severity`: info, warning or critical."""

    id: UUID
    party_id: UUID
    station_id: UUID
    identity: str
    kind: str
    severity: str
    detail: str
    first_at: datetime
    last_at: datetime
    times: int


class Said(msgspec.Struct, frozen=True):
    """What is to be noticed."""

    kind: str
    severity: str
    detail: str = ""


async def raise_one(tx: AsyncSession, station_id: UUID, said: Said, now: datetime) -> None:
    """Notice something, or that it happened again; one that was cleared begins anew."""
    mine = (N.station_id == station_id, N.kind == said.kind)
    again = {"last_at": now, "severity": said.severity, "detail": said.detail, "times": N.times + 1}
    known = await tx.execute(sa.update(TABLE).where(*mine, N.cleared_at.is_(None)).values(**again))
    if known.rowcount:  # type: ignore[attr-defined]
        return
    await tx.execute(sa.delete(TABLE).where(*mine))
    party_id = (await tx.execute(sa.select(S.party_id).where(S.id == station_id))).scalar_one()
    values = {**msgspec.structs.asdict(said), "first_at": now, "last_at": now, "times": 1}
    row = {"id": derive("notice", station_id, said.kind), "party_id": party_id, "station_id": station_id, **values}
    await tx.execute(sa.insert(TABLE).values(**row))


async def clear(tx: AsyncSession, station_id: UUID, kind: str, now: datetime) -> bool:
    """It does not go on any more."""
    mine = (N.station_id == station_id, N.kind == kind, N.cleared_at.is_(None))
    return bool((await tx.execute(sa.update(TABLE).where(*mine).values(cleared_at=now))).rowcount)  # type: ignore[attr-defined]


async def clear_one(tx: AsyncSession, party_id: UUID, notice_id: UUID, now: datetime) -> bool:
    """Somebody of the party has seen to it."""
    mine = (N.id == notice_id, N.party_id == party_id, N.cleared_at.is_(None))
    return bool((await tx.execute(sa.update(TABLE).where(*mine).values(cleared_at=now))).rowcount)  # type: ignore[attr-defined]


async def of_party(tx: AsyncSession, party_id: UUID, limit: int = 200) -> list[Notice]:
    """A party's open notices, the newest first."""
    rows = sa.select(TABLE, S.identity).join(Stations, S.id == N.station_id)
    rows = rows.where(N.party_id == party_id, N.cleared_at.is_(None)).order_by(N.last_at.desc(), N.id).limit(limit)
    return [to_struct(row, Notice) for row in await tx.execute(rows)]

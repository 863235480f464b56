"""What stations told of themselves, as it came."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import StationNotice
from server.storage.db import to_struct
from server.storage.tables import StationEvents

TABLE = StationEvents.__table__  # type: ignore[attr-defined]
E = TABLE.c


TOLD = ("certificate", "diagnostics", "event", "firmware", "log", "security")
"""The kinds of what stations tell; the others are what the watch saw (`storage.watch`)."""


class StationEvent(msgspec.Struct, frozen=True):
    """A notice that was kept; `at`: when it came."""

    id: int
    station_id: UUID
    at: datetime
    said_at: datetime | None
    kind: str
    status: str
    detail: str
    request_no: int | None


async def add(tx: AsyncSession, party_id: UUID, station_id: UUID, notice: StationNotice, at: datetime) -> None:
    """Keep one."""
    values = msgspec.structs.asdict(notice)
    await tx.execute(sa.insert(TABLE).values(party_id=party_id, station_id=station_id, at=at, **values))


async def of_station(tx: AsyncSession, station_id: UUID, before: int | None, limit: int) -> list[StationEvent]:
    """A station's, newest first, from before an id on."""
    rows = sa.select(TABLE).where(E.station_id == station_id, E.kind.in_(TOLD)).order_by(E.id.desc()).limit(limit)
    if before is not None:
        rows = rows.where(E.id < before)
    return [to_struct(row, StationEvent) for row in await tx.execute(rows)]

"""Sessions as the operator of their stations looks for them, and what stations said of sessions that nobody knows."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Session
from server.storage.db import to_struct
from server.storage.tables import OrphanMessages, Sessions, Stations

SESSIONS = Sessions.__table__  # type: ignore[attr-defined]
STATIONS = Stations.__table__  # type: ignore[attr-defined]
ORPHANS = OrphanMessages.__table__  # type: ignore[attr-defined]


class Orphan(msgspec.Struct, frozen=True):
    """A message of a transaction that nobody knows. `payload`: JSON."""

    station_id: UUID
    received_at: datetime
    action: str
    payload: str


async def open_sessions(tx: AsyncSession, party_id: UUID) -> list[Session]:
    """The open sessions at a party's stations, oldest first."""
    mine = sa.select(STATIONS.c.id).where(STATIONS.c.party_id == party_id)
    rows = sa.select(SESSIONS).where(SESSIONS.c.state == "open", SESSIONS.c.station_id.in_(mine))
    return [to_struct(row, Session) for row in await tx.execute(rows.order_by(SESSIONS.c.started_at, SESSIONS.c.id))]


async def orphans(tx: AsyncSession, party_id: UUID, limit: int) -> list[Orphan]:
    """What a party's stations said lately of transactions that nobody knows, newest first."""
    rows = sa.select(ORPHANS).where(ORPHANS.c.party_id == party_id).order_by(ORPHANS.c.id.desc()).limit(limit)
    return [to_struct(row, Orphan) for row in await tx.execute(rows)]

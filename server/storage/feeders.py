"""Shared limits under places, written; read with the stations (`stations.feeders_of`)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import Feeder
from server.storage.tables import Feeders, Locations, Stations

TABLE = Feeders.__table__  # type: ignore[attr-defined]
F = TABLE.c
L = Locations.__table__.c  # type: ignore[attr-defined]
S = Stations.__table__.c  # type: ignore[attr-defined]


async def lock(tx: AsyncSession, location_id: UUID) -> None:
    """Nobody else changes the limits of a place before this transaction ends: two changes could close a ring."""
    await tx.execute(sa.select(L.id).where(L.id == location_id).with_for_update())


async def put(tx: AsyncSession, party_id: UUID, feeder: Feeder, *, new: bool) -> None:
    """Keep a limit, a new one or one that is there."""
    values = {name: _plain(value) for name, value in msgspec.structs.asdict(feeder).items()}
    if new:
        await tx.execute(sa.insert(TABLE).values(**values, party_id=party_id))
    else:
        await tx.execute(sa.update(TABLE).where(F.id == feeder.id).values(**values))


async def hang(tx: AsyncSession, station_ids: Sequence[UUID], feeder_id: UUID | None) -> None:
    """Stations hang on a limit from now on, or on none."""
    if station_ids:
        await tx.execute(sa.update(Stations).where(S.id.in_(list(station_ids))).values(feeder_id=feeder_id))


async def remove(tx: AsyncSession, feeder: Feeder) -> None:
    """Take a limit away; what hung on it hangs where it did."""
    await tx.execute(sa.update(Stations).where(S.feeder_id == feeder.id).values(feeder_id=feeder.parent_id))
    await tx.execute(sa.update(TABLE).where(F.parent_id == feeder.id).values(parent_id=feeder.parent_id))
    await tx.execute(sa.delete(TABLE).where(F.id == feeder.id))


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value

"""Locations."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import Locations, Parties

TABLE = Locations.__table__  # type: ignore[attr-defined]
L = TABLE.c
P = Parties.__table__.c  # type: ignore[attr-defined]


class Location(msgspec.Struct, frozen=True):
    """A place with stations. `zone` is its price zone, `account_id` who lives there (homes)."""

    id: UUID
    party_id: UUID
    name: str
    address: str
    latitude: float
    longitude: float
    time_zone: str
    zone: str
    public: bool
    account_id: UUID | None = None
    tariff_id: UUID | None = None
    planned_version: int = 0


async def get(tx: AsyncSession, location_id: UUID) -> Location | None:
    """A location by id."""
    row = (await tx.execute(sa.select(TABLE).where(L.id == location_id))).first()
    return None if row is None else to_struct(row, Location)


async def public(tx: AsyncSession, limit: int = 200) -> list[Location]:
    """Public locations, by name."""
    rows = sa.select(TABLE).where(L.public.is_(True)).order_by(L.name).limit(limit)
    return [to_struct(row, Location) for row in await tx.execute(rows)]


async def with_prices_of(tx: AsyncSession, zone: str) -> list[UUID]:
    """The locations that are planned on a zone's prices."""
    return [row.id for row in await tx.execute(sa.select(L.id).where(L.zone == zone).order_by(L.id))]


async def zones(tx: AsyncSession) -> list[str]:
    """All price zones in use."""
    return [row.zone for row in await tx.execute(sa.select(L.zone).distinct().order_by(L.zone))]


async def party_names(tx: AsyncSession) -> dict[UUID, str]:
    """Names of the parties on this installation."""
    return {row.id: row.name for row in await tx.execute(sa.select(P.id, P.name))}

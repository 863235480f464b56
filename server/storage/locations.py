"""Locations."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import Station
from server.storage.db import padded, to_struct
from server.storage.tables import Contracts, Locations, Parties, Sessions, Stations

TABLE = Locations.__table__  # type: ignore[attr-defined]
L = TABLE.c
P = Parties.__table__.c  # type: ignore[attr-defined]
C = Contracts.__table__.c  # type: ignore[attr-defined]
S = Sessions.__table__.c  # type: ignore[attr-defined]
T = Stations.__table__.c  # type: ignore[attr-defined]
ONE = sa.select(TABLE).where(L.id == sa.bindparam("location"))
SOME = sa.select(TABLE).where(L.id.in_(sa.bindparam("locations", expanding=True)))


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
    row = (await tx.execute(ONE, {"location": location_id})).first()
    return None if row is None else to_struct(row, Location)


async def some(tx: AsyncSession, location_ids: Sequence[UUID]) -> dict[UUID, Location]:
    """Some locations, by id."""
    found = await tx.execute(SOME, {"locations": padded(sorted(set(location_ids)))})
    return {row.id: to_struct(row, Location) for row in found}


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


async def home_of(tx: AsyncSession, account_id: UUID) -> Location | None:
    """Where an account lives, if it charges there."""
    row = (await tx.execute(sa.select(TABLE).where(L.account_id == account_id).order_by(L.id).limit(1))).first()
    return None if row is None else to_struct(row, Location)


async def visible_to(tx: AsyncSession, account_id: UUID, limit: int = 200) -> list[Location]:
    """Public locations, the account's home and the places of its contracts, by name."""
    rows = sa.select(TABLE).where(_visible(account_id)).order_by(L.name, L.id).limit(limit)
    return [to_struct(row, Location) for row in await tx.execute(rows)]


async def one_visible_to(tx: AsyncSession, location_id: UUID, account_id: UUID) -> Location | None:
    """A location, if the account may see it."""
    row = (await tx.execute(sa.select(TABLE).where(L.id == location_id, _visible(account_id)))).first()
    return None if row is None else to_struct(row, Location)


def _visible(account_id: UUID) -> sa.ColumnElement[bool]:
    signed = sa.select(C.location_id).where(C.account_id == account_id, C.location_id.is_not(None))
    return sa.or_(L.public.is_(True), L.account_id == account_id, L.id.in_(signed))


async def named(tx: AsyncSession, party_id: UUID, name: str) -> Location | None:
    """A party's location by name."""
    rows = sa.select(TABLE).where(L.party_id == party_id, sa.func.lower(L.name) == name.lower()).order_by(L.id)
    row = (await tx.execute(rows.limit(1))).first()
    return None if row is None else to_struct(row, Location)


async def insert(tx: AsyncSession, new: Location) -> None:
    """Keep a new location."""
    await tx.execute(sa.insert(Locations).values(**msgspec.structs.asdict(new)))


async def open_sessions(tx: AsyncSession, location_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many sessions are open, by station, at some locations."""
    rows = sa.select(S.station_id, sa.func.count().label("open"))
    rows = rows.where(S.location_id.in_(list(location_ids)), S.state == "open").group_by(S.station_id)
    return {row.station_id: row.open for row in await tx.execute(rows)}


async def open_session_of(tx: AsyncSession, account_id: UUID) -> dict[UUID, UUID]:
    """The open sessions of an account by EVSE."""
    rows = sa.select(S.evse_id, S.id).where(S.account_id == account_id, S.state == "open").order_by(S.started_at)
    return {row.evse_id: row.id for row in await tx.execute(rows)}


async def online_stations(tx: AsyncSession, location_ids: Sequence[UUID]) -> set[UUID]:
    """The stations of some locations that are connected."""
    rows = sa.select(T.id).where(T.location_id.in_(list(location_ids)), T.online.is_(True))
    return {row.id for row in await tx.execute(rows)}


async def station_taken(tx: AsyncSession, identity: str) -> bool:
    """Whether a station of this identity exists, whoever's it is."""
    return (await tx.execute(sa.select(T.id).where(T.identity == identity))).first() is not None


async def add_station(tx: AsyncSession, station: Station, key_sha256: str) -> None:
    """Keep a new station and the hex SHA-256 of its key."""
    await tx.execute(sa.insert(Stations).values(**msgspec.structs.asdict(station), key_sha256=key_sha256))

"""What stations hold in their lists of tokens, and which tokens belong there."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.local_list import Held, Listed
from server.storage.contracts import Token
from server.storage.db import to_struct
from server.storage.tables import Locations, Sessions, StationLists, StationListTokens, Stations, Tokens

LISTS = StationLists.__table__  # type: ignore[attr-defined]
ROWS = StationListTokens.__table__  # type: ignore[attr-defined]
TOKENS = Tokens.__table__  # type: ignore[attr-defined]
L, R, T = LISTS.c, ROWS.c, TOKENS.c
C = Sessions.__table__.c  # type: ignore[attr-defined]
S = Stations.__table__.c  # type: ignore[attr-defined]
P = Locations.__table__.c  # type: ignore[attr-defined]
HAS = sa.select(R.uid).where(R.station_id == sa.bindparam("station"), sa.func.lower(R.uid) == sa.bindparam("uid"))
HAS = HAS.limit(1)
HELD, UNKNOWN, FAILED, NOT_SUPPORTED = "held", "unknown", "failed", "not_supported"


class StationList(msgspec.Struct, frozen=True):
    """A station's list as we know it. `version`: the last that it was sent."""

    station_id: UUID
    party_id: UUID
    state: str
    version: int = 0
    failures: int = 0
    capacity: int | None = None
    per_message: int | None = None
    firmware: str = ""
    synced_at: datetime | None = None


async def get(tx: AsyncSession, station_id: UUID) -> StationList | None:
    """A station's list, None where it was never sent one."""
    row = (await tx.execute(sa.select(LISTS).where(L.station_id == station_id))).first()
    return None if row is None else to_struct(row, StationList)


async def put(tx: AsyncSession, known: StationList) -> None:
    """Keep what is known of a list; one writer a station (the outbox's key)."""
    values = msgspec.structs.asdict(known)
    done = await tx.execute(sa.update(LISTS).where(L.station_id == known.station_id).values(**values))
    if not done.rowcount:  # type: ignore[attr-defined]
        await tx.execute(sa.insert(LISTS).values(**values))


async def tokens(tx: AsyncSession, station_id: UUID) -> dict[str, Listed]:
    """The tokens of a station's list."""
    rows = sa.select(R.uid, R.status, R.expires_at, R.group, R.card).where(R.station_id == station_id)
    return {row.uid: to_struct(row, Listed) for row in await tx.execute(rows.order_by(R.uid))}


async def hold(tx: AsyncSession, known: StationList, held: Held) -> None:
    """A station holds these tokens now."""
    await put(tx, known)
    await tx.execute(sa.delete(ROWS).where(R.station_id == known.station_id))
    whose = {"station_id": known.station_id, "party_id": known.party_id}
    rows = [whose | msgspec.structs.asdict(one) for one in held.tokens.values()]
    if rows:
        await tx.execute(sa.insert(ROWS), rows)


async def has(tx: AsyncSession, station_id: UUID, uid: str) -> bool:
    """Is the token in the station's list?"""
    return (await tx.execute(HAS, {"station": station_id, "uid": uid.lower()})).first() is not None


async def of_account(tx: AsyncSession, account_id: UUID) -> list[Token]:
    """All tokens of an account."""
    rows = sa.select(TOKENS).where(T.account_id == account_id).order_by(T.uid)
    return [to_struct(row, Token) for row in await tx.execute(rows)]


async def of_party(tx: AsyncSession, party_id: UUID, limit: int) -> list[Token]:
    """Tokens of a party's people."""
    rows = sa.select(TOKENS).where(T.party_id == party_id).order_by(T.uid).limit(limit)
    return [to_struct(row, Token) for row in await tx.execute(rows)]


async def known_at(tx: AsyncSession, location_id: UUID, since: datetime, limit: int) -> list[Token]:
    """Tokens that charged at a location since then, who came last first."""
    last = sa.select(sa.func.lower(C.token_uid).label("uid"), sa.func.max(C.started_at).label("at"))
    last = last.where(C.location_id == location_id, C.started_at >= since, C.account_id.is_not(None))
    seen = last.group_by(sa.func.lower(C.token_uid)).subquery()
    rows = sa.select(TOKENS).join(seen, seen.c.uid == sa.func.lower(T.uid))
    rows = rows.order_by(seen.c.at.desc(), T.uid).limit(limit)
    return [to_struct(row, Token) for row in await tx.execute(rows)]


async def stations_of(tx: AsyncSession, account_id: UUID) -> Sequence[UUID]:
    """The stations whose lists an account's tokens are in, or belong in: its homes."""
    holding = sa.select(R.station_id).join(TOKENS, sa.func.lower(T.uid) == sa.func.lower(R.uid))
    homes = sa.select(S.id).join(Locations, P.id == S.location_id).where(P.account_id == account_id)
    both = sa.union(holding.where(T.account_id == account_id), homes)
    return sorted((await tx.execute(both)).scalars().all())

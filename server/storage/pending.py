"""Stations that nobody has added yet and that wait for approval: bounded in number, gone after a day."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import PendingStations

TABLE = PendingStations.__table__  # type: ignore[attr-defined]
W = TABLE.c


class Waiting(msgspec.Struct, frozen=True):
    """A stranger: who it says it is, from where, with which key (SHA-256, hex), until when, and its pairing code."""

    id: UUID
    party_id: UUID
    identity: str
    key_sha256: str
    address: str
    security_profile: int
    pairing_code: str
    first_seen_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    vendor: str = ""
    model: str = ""


class Crowd(msgspec.Struct, frozen=True):
    """How many wait: in all, from one address, and under one identity."""

    all: int
    address: int
    identity: int


async def forget_expired(tx: AsyncSession, now: datetime) -> None:
    """Who was not taken in in time is a stranger anew."""
    await tx.execute(sa.delete(TABLE).where(W.expires_at <= now))


async def crowd(tx: AsyncSession, address: str, identity: str) -> Crowd:
    """How full it is."""
    count = sa.func.count()
    sums = (
        count.label("all"),
        count.filter(W.address == address).label("address"),
        count.filter(W.identity == identity).label("identity"),
    )
    return to_struct((await tx.execute(sa.select(*sums).select_from(TABLE))).one(), Crowd)


async def insert(tx: AsyncSession, one: Waiting) -> None:
    """Keep a stranger."""
    await tx.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(one)))


async def of_key(tx: AsyncSession, identity: str, key_sha256: str) -> Waiting | None:
    """The stranger of this identity that showed this key."""
    return await _one(tx, W.identity == identity, W.key_sha256 == key_sha256)


async def get(tx: AsyncSession, pending_id: UUID, party_id: UUID) -> Waiting | None:
    """A stranger that a party may take in."""
    return await _one(tx, W.id == pending_id, W.party_id == party_id)


async def of_code(tx: AsyncSession, identity: str, code: str) -> Waiting | None:
    """The stranger of this identity with this pairing code."""
    return await _one(tx, W.identity == identity, W.pairing_code == code)


async def of_party(tx: AsyncSession, party_id: UUID) -> list[Waiting]:
    """Who waits for a party, the newest first."""
    rows = sa.select(TABLE).where(W.party_id == party_id).order_by(W.first_seen_at.desc(), W.id)
    return [to_struct(row, Waiting) for row in await tx.execute(rows)]


async def update(tx: AsyncSession, pending_id: UUID, **values: object) -> None:
    """Write columns of a stranger."""
    await tx.execute(sa.update(TABLE).where(W.id == pending_id).values(**values))


async def forget(tx: AsyncSession, identity: str) -> None:
    """Nobody of this identity waits any more, whatever key it showed."""
    await tx.execute(sa.delete(TABLE).where(W.identity == identity))


async def forget_one(tx: AsyncSession, pending_id: UUID) -> None:
    """This one waits no more."""
    await tx.execute(sa.delete(TABLE).where(W.id == pending_id))


async def _one(tx: AsyncSession, *what: sa.ColumnElement[bool]) -> Waiting | None:
    row = (await tx.execute(sa.select(TABLE).where(*what))).first()
    return None if row is None else to_struct(row, Waiting)

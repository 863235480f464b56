"""EVSEs that are kept free for a driver."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import Reservations

TABLE = Reservations.__table__  # type: ignore[attr-defined]
R = TABLE.c
OPEN = ("asked", "held")
"""It stands, or may: nobody knows what a station did that did not answer."""


class Reservation(msgspec.Struct, frozen=True):
    """An EVSE kept free for an account until a time. `state`: see the table."""

    id: int
    party_id: UUID
    station_id: UUID
    evse_id: UUID
    connector_no: int
    account_id: UUID
    token_uid: str
    made_at: datetime
    expires_at: datetime
    state: str
    word: str = ""
    session_id: UUID | None = None


async def insert(tx: AsyncSession, new: Reservation) -> Reservation:
    """Keep a new one; its id is given here."""
    values = msgspec.structs.asdict(new)
    del values["id"]
    made = await tx.execute(sa.insert(TABLE).values(**values).returning(R.id))
    return msgspec.structs.replace(new, id=int(made.scalar_one()))


async def get(tx: AsyncSession, reservation_id: int) -> Reservation | None:
    """A reservation."""
    row = (await tx.execute(sa.select(TABLE).where(R.id == reservation_id))).first()
    return None if row is None else to_struct(row, Reservation)


async def close(tx: AsyncSession, one: Reservation, state: str, word: str = "", session_id: UUID | None = None) -> None:
    """What became of one."""
    values = {"state": state, "word": word, "session_id": session_id}
    await tx.execute(sa.update(TABLE).where(R.id == one.id).values(**values))


async def standing(tx: AsyncSession, what: sa.ColumnElement[bool], now: datetime) -> list[Reservation]:
    """Those that stand, or may, by a condition, newest first."""
    rows = sa.select(TABLE).where(what, R.state.in_(OPEN), R.expires_at > now).order_by(R.id.desc())
    return [to_struct(row, Reservation) for row in await tx.execute(rows)]


async def of_account(tx: AsyncSession, account_id: UUID, now: datetime) -> list[Reservation]:
    """An account's."""
    return await standing(tx, R.account_id == account_id, now)


async def at_evse(tx: AsyncSession, evse_id: UUID, now: datetime) -> Reservation | None:
    """The one of an EVSE."""
    return next(iter(await standing(tx, R.evse_id == evse_id, now)), None)


async def at_station(tx: AsyncSession, station_id: UUID, now: datetime) -> list[Reservation]:
    """A station's."""
    return await standing(tx, R.station_id == station_id, now)

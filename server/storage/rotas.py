"""Shift rotas: one calendar a driver."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import Rotas

TABLE = Rotas.__table__  # type: ignore[attr-defined]
R = TABLE.c


class RotaRow(msgspec.Struct, frozen=True):
    """A driver's shifts, how long the way to work is, and since when they are known."""

    account_id: UUID
    party_id: UUID
    calendar: str
    travel_minutes: int
    saved_at: datetime


async def get(tx: AsyncSession, account_id: UUID) -> RotaRow | None:
    """The rota of a driver."""
    row = (await tx.execute(sa.select(TABLE).where(R.account_id == account_id))).first()
    return None if row is None else to_struct(row, RotaRow)


async def keep(tx: AsyncSession, new: RotaRow) -> None:
    """A new rota in place of the one before."""
    await drop(tx, new.account_id)
    await tx.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(new)))


async def set_travel(tx: AsyncSession, account_id: UUID, minutes: int) -> bool:
    """Another way to the same shifts; False where there are none or nothing changes."""
    known = sa.update(TABLE).where(R.account_id == account_id, R.travel_minutes != minutes)
    result = await tx.execute(known.values(travel_minutes=minutes))
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def drop(tx: AsyncSession, account_id: UUID) -> bool:
    """Forget a driver's rota; False where there was none."""
    result = await tx.execute(sa.delete(TABLE).where(R.account_id == account_id))
    return bool(result.rowcount)  # type: ignore[attr-defined]

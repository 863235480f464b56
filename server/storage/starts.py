"""What drivers said with a remote start, kept until the session that it starts has opened."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import StartWishes

TABLE = StartWishes.__table__  # type: ignore[attr-defined]
W = TABLE.c
HERE = sa.select(TABLE).where(W.account_id == sa.bindparam("account"), W.evse_id == sa.bindparam("evse"))


class StartWish(msgspec.Struct, frozen=True):
    """A departure that an account stated when it asked an EVSE to start; one for each of both."""

    account_id: UUID
    evse_id: UUID
    party_id: UUID
    stated_at: datetime
    ready_by: datetime


async def keep(tx: AsyncSession, wish: StartWish) -> None:
    """Keep a wish instead of an earlier one; those of anybody whose departure has passed go."""
    await drop(tx, wish.account_id, wish.evse_id)
    await tx.execute(sa.delete(TABLE).where(W.ready_by <= wish.stated_at))
    await tx.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(wish)))


async def drop(tx: AsyncSession, account_id: UUID, evse_id: UUID) -> None:
    """Forget what an account wished for at an EVSE, if anything."""
    await tx.execute(sa.delete(TABLE).where(W.account_id == account_id, W.evse_id == evse_id))


async def wish(tx: AsyncSession, account_id: UUID, evse_id: UUID) -> StartWish | None:
    """What an account wished for at an EVSE."""
    row = (await tx.execute(HERE, {"account": account_id, "evse": evse_id})).first()
    return None if row is None else to_struct(row, StartWish)

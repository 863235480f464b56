"""EVSEs that are kept free for a driver."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
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


async def insert(tx: AsyncSession, new: Reservation) -> Reservation | None:
    """Keep a new one; its id is given here. None where the account or the EVSE has one that stands."""
    over = sa.or_(R.account_id == new.account_id, R.evse_id == new.evse_id), R.expires_at <= new.made_at
    await tx.execute(sa.update(TABLE).where(*over, R.state.in_(OPEN)).values(state="expired"))
    values = msgspec.structs.asdict(new)
    del values["id"]
    insert = sqlite.insert(TABLE) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(TABLE)
    made = (await tx.execute(insert.values(**values).on_conflict_do_nothing().returning(R.id))).scalar()
    return None if made is None else msgspec.structs.replace(new, id=int(made))


async def get(tx: AsyncSession, reservation_id: int) -> Reservation | None:
    """A reservation."""
    row = (await tx.execute(sa.select(TABLE).where(R.id == reservation_id))).first()
    return None if row is None else to_struct(row, Reservation)


async def close(tx: AsyncSession, one: Reservation, state: str, word: str = "") -> bool:
    """What became of one, whatever was read of it before; False where it stands no more."""
    return await _became(tx, one, ("asked",) if state == "held" else OPEN, {"state": state, "word": word})


async def use(tx: AsyncSession, one: Reservation, session_id: UUID) -> bool:
    """A session began on one that stands, or whose time is over: its station may tell of it late."""
    return await _became(tx, one, (*OPEN, "expired"), {"state": "used", "session_id": session_id})


async def _became(tx: AsyncSession, one: Reservation, of: Sequence[str], values: dict[str, object]) -> bool:
    result = await tx.execute(sa.update(TABLE).where(R.id == one.id, R.state.in_(of)).values(**values))
    return bool(result.rowcount)  # type: ignore[attr-defined]


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

"""Transactions that their stations named (OCPP 2.x): which of their events were heard, and what meters signed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import SignedValue, TransactionInfo
from server.storage.tables import SignedValues, TransactionEvents

TABLE = TransactionEvents.__table__  # type: ignore[attr-defined]
T = TABLE.c
SIGNED = SignedValues.__table__  # type: ignore[attr-defined]
V = SIGNED.c
_told = msgspec.json.Decoder(TransactionInfo)


async def hear(tx: AsyncSession, station_id: UUID, info: TransactionInfo, now: datetime, *, whole: bool) -> bool:
    """Keep that an event was told; False where it was before, under whatever message id.

    `whole`: with what it said, because there is no session yet that takes it.
    """
    told = msgspec.json.encode(msgspec.structs.replace(info, signed=())).decode() if whole else None
    values = {
        "station_id": station_id,
        "reference": info.reference,
        "seq_no": info.seq_no,
        "kind": info.kind,
        "received_at": now,
        "told": told,
    }
    insert = sqlite.insert(TABLE) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(TABLE)
    result = await tx.execute(insert.values(**values).on_conflict_do_nothing())
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def told(tx: AsyncSession, station_id: UUID, reference: str) -> list[TransactionInfo]:
    """What was told of a transaction before it had a session, in the order of the events."""
    rows = sa.select(T.told).where(T.station_id == station_id, T.reference == reference, T.told.is_not(None))
    return [_told.decode(row.told) for row in await tx.execute(rows.order_by(T.seq_no))]


async def is_told(tx: AsyncSession, station_id: UUID, reference: str, seq_no: int) -> bool:
    """Whether the event with a number was heard."""
    rows = sa.select(T.seq_no).where(T.station_id == station_id, T.reference == reference, T.seq_no == seq_no)
    return (await tx.execute(rows.limit(1))).first() is not None


async def settled(tx: AsyncSession, station_id: UUID, reference: str) -> None:
    """What was told is in the session: only the numbers of the events are kept."""
    mine = (T.station_id == station_id, T.reference == reference, T.told.is_not(None))
    await tx.execute(sa.update(TABLE).where(*mine).values(told=None))


async def missing(tx: AsyncSession, station_id: UUID, reference: str) -> int:
    """How many events of a transaction were never heard, as far as their numbers tell; no Started is one too."""
    counted = sa.select(sa.func.count(sa.distinct(T.seq_no)), sa.func.min(T.seq_no), sa.func.max(T.seq_no)).where(
        T.station_id == station_id, T.reference == reference
    )
    heard, first, last = (await tx.execute(counted)).one()
    begun = sa.select(T.seq_no).where(T.station_id == station_id, T.reference == reference, T.kind == "Started")
    started = (await tx.execute(begun.limit(1))).first() is not None
    return 0 if heard == 0 else last - first + 1 - heard + (0 if started else 1)


class SignedRow(msgspec.Struct, frozen=True):
    """What a meter signed, and where: in a transaction by its name, or (None) outside of any."""

    party_id: UUID
    station_id: UUID
    connector_no: int | None
    reference: str | None
    received_at: datetime
    at: datetime
    context: str
    data: str


async def keep_signed(tx: AsyncSession, rows: Sequence[SignedRow]) -> None:
    """Keep what meters signed, as it came."""
    if rows:
        await tx.execute(sa.insert(SIGNED), [msgspec.structs.asdict(row) for row in rows])


async def signed(tx: AsyncSession, station_id: UUID, reference: str | None) -> list[SignedValue]:
    """What a station's meter signed in a transaction (None: outside of any), as it came, oldest first."""
    mine = V.reference.is_(None) if reference is None else V.reference == reference
    rows = sa.select(V.at, V.context, V.data).where(V.station_id == station_id, mine).order_by(V.at, V.id)
    return [SignedValue(row.at, row.context, row.data) for row in await tx.execute(rows)]


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete the numbers of events that were heard before a time: no queue repeats them any more."""
    result = await tx.execute(sa.delete(TABLE).where(T.received_at < before))
    return int(result.rowcount)  # type: ignore[attr-defined]


async def forget_one(tx: AsyncSession, station_id: UUID, reference: str) -> None:
    """Delete the numbers of one transaction's events: its name is given anew."""
    await tx.execute(sa.delete(TABLE).where(T.station_id == station_id, T.reference == reference))

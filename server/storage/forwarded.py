"""What another central system has yet to hear of a station, and what it said."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import padded, to_struct
from server.storage.tables import ForwardedCards, ForwardedFrames, ForwardedStations, ForwardedTransactions, Sessions

FRAMES = ForwardedFrames.__table__  # type: ignore[attr-defined]
F = FRAMES.c
TRANSACTIONS = ForwardedTransactions.__table__  # type: ignore[attr-defined]
T = TRANSACTIONS.c
STATIONS = ForwardedStations.__table__  # type: ignore[attr-defined]
W = STATIONS.c
CARDS = ForwardedCards.__table__  # type: ignore[attr-defined]
C = CARDS.c
S = Sessions.__table__.c  # type: ignore[attr-defined]


class Frame(msgspec.Struct, frozen=True):
    """A call that must arrive. `id` rises: us since 1970, or one more than the last.

    `transaction_id` is ours, in 1.6; `payload` as the station said it.
    """

    id: int
    party_id: UUID
    station_id: UUID
    version: str
    action: str
    message_id: str
    transaction_id: int | None
    payload: str


class Numbers(msgspec.Struct):
    """A transaction's number at the other system, None until it has said it; whether its end was told."""

    theirs: int | None = None
    stopped: bool = False


async def add(tx: AsyncSession, frames: Sequence[Frame]) -> None:
    """Keep calls until they are answered; one that is kept already stays as it is."""
    if frames:
        await tx.execute(
            _insert(tx, FRAMES).on_conflict_do_nothing(), [msgspec.structs.asdict(frame) for frame in frames]
        )


async def remove(tx: AsyncSession, ids: Collection[int]) -> None:
    """Calls that were answered, or given up."""
    if ids:
        await tx.execute(sa.delete(FRAMES).where(F.id.in_(padded(sorted(ids)))))


async def page(tx: AsyncSession, station_id: UUID, limit: int) -> list[Frame]:
    """The next calls of a station, in order."""
    rows = sa.select(FRAMES).where(F.station_id == station_id).order_by(F.id).limit(limit)
    return [to_struct(row, Frame) for row in await tx.execute(rows)]


async def last_id(tx: AsyncSession) -> int:
    """The highest number given so far."""
    return int((await tx.execute(sa.select(sa.func.coalesce(sa.func.max(F.id), 0)))).scalar_one())


async def numbers(tx: AsyncSession, station_id: UUID, limit: int) -> dict[int, Numbers]:
    """A station's last transactions by our number, oldest first."""
    rows = sa.select(T.transaction_id, T.theirs, T.stopped).where(T.station_id == station_id)
    found = list(await tx.execute(rows.order_by(T.at.desc(), T.transaction_id.desc()).limit(limit)))
    return {row.transaction_id: Numbers(row.theirs, row.stopped) for row in reversed(found)}


async def told_of(tx: AsyncSession, station_id: UUID, transaction_ids: Collection[int]) -> set[int]:
    """Those of some numbers under which it is kept that a station's transaction was told."""
    wanted = (T.station_id == station_id, T.transaction_id.in_(padded(sorted(transaction_ids))))
    return set((await tx.execute(sa.select(T.transaction_id).where(*wanted))).scalars()) if transaction_ids else set()


class Ended(msgspec.Struct, frozen=True):
    """How a session ended, by its number."""

    transaction_id: int
    ended_at: datetime
    meter_stop_wh: int
    stop_reason: str


async def ended_of(tx: AsyncSession, station_id: UUID, transaction_ids: Collection[int]) -> list[Ended]:
    """Those of a station's transactions that have ended, in order."""
    wanted = (S.station_id == station_id, S.transaction_id.in_(padded(sorted(transaction_ids))))
    rows = sa.select(S.transaction_id, S.ended_at, S.meter_stop_wh, S.stop_reason).where(*wanted, S.state != "open")
    found = await tx.execute(rows.where(S.ended_at.is_not(None)).order_by(S.ended_at))
    return [to_struct(row, Ended) for row in found] if transaction_ids else []


async def put_numbers(
    tx: AsyncSession, station_id: UUID, party_id: UUID, changed: Mapping[int, Numbers], now: datetime
) -> None:
    """Write what is known of transactions. An end that was told stays told, and a number known."""
    for transaction_id, known in changed.items():
        values = {"theirs": known.theirs, "stopped": known.stopped}
        row = {"station_id": station_id, "transaction_id": transaction_id, "party_id": party_id, "at": now, **values}
        insert = _insert(tx, TRANSACTIONS).values(**row)
        kept = {
            "theirs": sa.func.coalesce(insert.excluded.theirs, T.theirs),
            "stopped": sa.or_(T.stopped, insert.excluded.stopped),
        }
        await tx.execute(insert.on_conflict_do_update(index_elements=[T.station_id, T.transaction_id], set_=kept))


async def put_card(tx: AsyncSession, forwarding_id: UUID, party_id: UUID, said: tuple[str, str], now: datetime) -> None:
    """What the other system said of a card: (uid, OCPP's word)."""
    uid, status = said
    values = {"status": status, "at": now}
    row = {"forwarding_id": forwarding_id, "uid": uid.lower(), "party_id": party_id, **values}
    insert = _insert(tx, CARDS).values(**row)
    await tx.execute(insert.on_conflict_do_update(index_elements=[C.forwarding_id, C.uid], set_=values))


async def card(tx: AsyncSession, forwarding_id: UUID, uid: str) -> tuple[str, datetime] | None:
    """What the other system said of a card last, and when."""
    mine = (C.forwarding_id == forwarding_id, C.uid == uid.lower())
    found = (await tx.execute(sa.select(C.status, C.at).where(*mine))).first()
    return None if found is None else (found.status, found.at)


async def take_back(tx: AsyncSession, forwarding_id: UUID, uid: str) -> None:
    """Nothing was said of a card."""
    await tx.execute(sa.delete(CARDS).where(C.forwarding_id == forwarding_id, C.uid == uid.lower()))


async def count(tx: AsyncSession, station_id: UUID, counted: Mapping[str, int]) -> None:
    """So many more were delivered, dropped, and sessions left untold, by these names."""
    more = {name: W[name] + number for name, number in counted.items()}
    await tx.execute(sa.update(STATIONS).where(W.station_id == station_id).values(**more))


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete numbers and cards of before a time, and calls that have waited since then."""
    old = F.id < int(before.timestamp() * 1e6)
    gone = int((await tx.execute(sa.delete(FRAMES).where(old))).rowcount)  # type: ignore[attr-defined]
    for table in (TRANSACTIONS, CARDS):
        gone += (await tx.execute(sa.delete(table).where(table.c.at < before))).rowcount  # type: ignore[attr-defined]
    return gone


def _insert(tx: AsyncSession, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(table)

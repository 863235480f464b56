"""Lists of stations that another central system hears too, and how it is spoken to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import padded, to_struct
from server.storage.tables import (
    Evses,
    ForwardedCards,
    ForwardedFrames,
    ForwardedStations,
    ForwardedTransactions,
    Forwardings,
    Stations,
)

FORWARDINGS = Forwardings.__table__  # type: ignore[attr-defined]
F = FORWARDINGS.c
FORWARDED = ForwardedStations.__table__  # type: ignore[attr-defined]
W = FORWARDED.c
FRAMES = ForwardedFrames.__table__  # type: ignore[attr-defined]
TRANSACTIONS = ForwardedTransactions.__table__  # type: ignore[attr-defined]
CARDS = ForwardedCards.__table__  # type: ignore[attr-defined]
E = Evses.__table__.c  # type: ignore[attr-defined]
S = Stations.__table__.c  # type: ignore[attr-defined]
IS_ON = (W.is_on.is_(True), F.is_on.is_(True))
WHERE_TO = sa.select(F.id, F.their_cards).join(ForwardedStations, W.forwarding_id == F.id)
WHERE_TO = WHERE_TO.where(W.station_id == sa.bindparam("station"), *IS_ON)
FORWARDED_OF = sa.select(W.station_id).join(Forwardings, W.forwarding_id == F.id)
FORWARDED_OF = FORWARDED_OF.where(W.station_id.in_(sa.bindparam("stations", expanding=True)), *IS_ON)

CARD_WORDS = frozenset(["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"])
"""What any version's station understands; another word of the other system's counts as Invalid."""
STARTS_FOR = timedelta(minutes=10)
"""So long a start that the other system asked for lets its card charge, where its cards do not."""


class Forwarding(msgspec.Struct, frozen=True):
    """A list and its other system; of a party, or of the account whose home the station is at."""

    id: UUID
    party_id: UUID
    account_id: UUID | None
    name: str
    url: str
    is_on: bool
    allowed: list[str]
    their_cards: bool
    changed_at: datetime


class Forwarded(msgspec.Struct, frozen=True):
    """A station of a list, with its identity, the subprotocol of its last connection and how many frames wait."""

    station_id: UUID
    identity: str
    ocpp: str
    forwarding_id: UUID
    sealed_key: str
    is_on: bool
    state: str
    state_at: datetime | None
    error: str
    note: str
    delivered: int
    dropped: int
    untold: int
    waiting: int = 0


class Route(msgspec.Struct, frozen=True):
    """All that is needed to speak to the other system for a station."""

    station_id: UUID
    party_id: UUID
    forwarding_id: UUID
    identity: str
    vendor: str
    model: str
    ocpp: str
    url: str
    sealed_key: str
    allowed: list[str]
    their_cards: bool
    at_home: bool
    boot: str | None
    booted: bool
    waiting: int
    takes: str = ""


async def of_owner(tx: AsyncSession, party_id: UUID, account_id: UUID | None) -> list[Forwarding]:
    """The lists of a party, or (`account_id`) those that a driver made, by name."""
    mine = F.account_id.is_(None) if account_id is None else F.account_id == account_id
    rows = sa.select(FORWARDINGS).where(F.party_id == party_id, mine).order_by(F.name, F.id)
    return [to_struct(row, Forwarding) for row in await tx.execute(rows)]


async def get(tx: AsyncSession, forwarding_id: UUID) -> Forwarding | None:
    """A list by id."""
    row = (await tx.execute(sa.select(FORWARDINGS).where(F.id == forwarding_id))).first()
    return None if row is None else to_struct(row, Forwarding)


async def insert(tx: AsyncSession, new: Forwarding) -> None:
    """A new list."""
    await tx.execute(sa.insert(FORWARDINGS).values(**msgspec.structs.asdict(new)))


async def update(tx: AsyncSession, forwarding_id: UUID, now: datetime, **values: object) -> None:
    """Write columns of a list; with none, only that something of it has changed."""
    await tx.execute(sa.update(FORWARDINGS).where(F.id == forwarding_id).values(changed_at=now, **values))


async def delete(tx: AsyncSession, forwarding_id: UUID) -> None:
    """A list goes, with its keys and all that waits; its stations stay."""
    mine = sa.select(W.station_id).where(W.forwarding_id == forwarding_id)
    for table in (FRAMES, TRANSACTIONS):
        await tx.execute(sa.delete(table).where(table.c.station_id.in_(mine)))
    await tx.execute(sa.delete(CARDS).where(CARDS.c.forwarding_id == forwarding_id))
    await tx.execute(sa.delete(FORWARDED).where(W.forwarding_id == forwarding_id))
    await tx.execute(sa.delete(FORWARDINGS).where(F.id == forwarding_id))


async def stations_of(tx: AsyncSession, forwarding_ids: Sequence[UUID]) -> list[Forwarded]:
    """The stations of some lists, by identity."""
    waiting = sa.select(sa.func.count()).where(FRAMES.c.station_id == W.station_id).scalar_subquery()
    rows = sa.select(FORWARDED, S.identity, S.ocpp, waiting.label("waiting")).join(Stations, S.id == W.station_id)
    rows = rows.where(W.forwarding_id.in_(forwarding_ids)).order_by(S.identity)
    return [to_struct(row, Forwarded) for row in await tx.execute(rows)]


async def list_of(tx: AsyncSession, station_id: UUID) -> UUID | None:
    """The list that a station is in."""
    found: UUID | None = (await tx.execute(sa.select(W.forwarding_id).where(W.station_id == station_id))).scalar()
    return found


async def put_station(tx: AsyncSession, forwarding: Forwarding, station_id: UUID, sealed_key: str) -> None:
    """A station is in a list from now on; nothing waits of an earlier one."""
    await tx.execute(sa.delete(FRAMES).where(FRAMES.c.station_id == station_id))
    values = {"party_id": forwarding.party_id, "forwarding_id": forwarding.id, "sealed_key": sealed_key}
    await tx.execute(sa.insert(FORWARDED).values(station_id=station_id, **values))


async def update_station(tx: AsyncSession, station_id: UUID, **values: object) -> None:
    """Write columns of a station of a list."""
    await tx.execute(sa.update(FORWARDED).where(W.station_id == station_id).values(**values))


async def forget_takes(tx: AsyncSession, forwarding_id: UUID) -> None:
    """The list has another system now: nobody knows yet which versions that one takes."""
    await tx.execute(sa.update(FORWARDED).where(W.forwarding_id == forwarding_id).values(takes=""))


async def standing(tx: AsyncSession) -> tuple[int, datetime | None]:
    """Something that is another once any list was made, changed or deleted."""
    count, last = (await tx.execute(sa.select(sa.func.count(), sa.func.max(F.changed_at)))).one()
    return int(count), last


async def routes(tx: AsyncSession) -> list[Route]:
    """Every station that is forwarded."""
    waiting = sa.select(sa.func.count()).where(FRAMES.c.station_id == W.station_id).scalar_subquery()
    columns = (W.station_id, W.party_id, W.forwarding_id, W.sealed_key, W.boot, W.booted, W.takes)
    said = (S.identity, S.vendor, S.model, S.ocpp, F.url, F.allowed, F.their_cards)
    rows = sa.select(*columns, *said, F.account_id.is_not(None).label("at_home"), waiting.label("waiting"))
    rows = rows.join(Stations, S.id == W.station_id).join(Forwardings, F.id == W.forwarding_id)
    on = (W.is_on.is_(True), F.is_on.is_(True))
    return [to_struct(row, Route) for row in await tx.execute(rows.where(*on).order_by(S.identity))]


async def connectors(tx: AsyncSession, station_id: UUID) -> tuple[tuple[int, str], ...]:
    """Number and status of a station's connectors that have said one."""
    said = sa.or_(E.status_at.is_not(None), E.status != "Unavailable")
    rows = sa.select(E.connector_no, E.status).where(E.station_id == station_id, said)
    return tuple((row.connector_no, row.status) for row in await tx.execute(rows.order_by(E.connector_no)))


async def forwarded_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> set[UUID]:
    """Those of some stations that are forwarded to another system now."""
    return set((await tx.execute(FORWARDED_OF, {"stations": padded(sorted(set(station_ids)))})).scalars())


async def said_of_card(tx: AsyncSession, station_id: UUID, uid: str, now: datetime) -> str | None:
    """What counts for a card that we do not know at a forwarded station, in OCPP's words: the other system's last word.

    Before it has said any: Accepted where its cards charge there. None where we decide alone; then only a start that
    it may ask for, and has just asked for, lets a card charge.
    """
    found = (await tx.execute(WHERE_TO, {"station": station_id})).first()
    if found is None:
        return None
    card = [CARDS.c.forwarding_id == found.id, CARDS.c.uid == uid.lower()]
    if not found.their_cards:
        card.append(CARDS.c.at >= now - STARTS_FOR)
    status: str | None = (await tx.execute(sa.select(CARDS.c.status).where(*card))).scalar()
    if status is not None:
        return status if status in CARD_WORDS else "Invalid"
    return "Accepted" if found.their_cards else None


async def sealed_key_of(tx: AsyncSession, station_id: UUID) -> str | None:
    """The sealed key of a station that is in a list."""
    found: str | None = (await tx.execute(sa.select(W.sealed_key).where(W.station_id == station_id))).scalar()
    return found

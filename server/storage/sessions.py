"""Sessions, their readings and what happened in them. Readings are core SQL in batches, never the ORM."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.meter import Reading
from server.core.session import Session
from server.storage import bare_rows
from server.storage.db import to_struct
from server.storage.tables import Evses, OrphanMessages, Readings, SessionEvents, Sessions, Transactions

TABLE = Sessions.__table__  # type: ignore[attr-defined]
S = TABLE.c
READINGS = Readings.__table__  # type: ignore[attr-defined]
R = READINGS.c
E = Evses.__table__.c  # type: ignore[attr-defined]
ORPHAN = ("party_id", "station_id", "received_at", "action", "payload")
ADD_ORPHAN = sa.insert(OrphanMessages).inline()
EVENTS = SessionEvents.__table__  # type: ignore[attr-defined]
V = EVENTS.c
OPEN_HERE = sa.select(TABLE).where(S.location_id == sa.bindparam("location"), S.state == "open")
OPEN_HERE = OPEN_HERE.order_by(S.started_at, S.id)
ANSWERS = ("plan_accepted", "plan_not_accepted")


class SessionEvent(msgspec.Struct, frozen=True):
    """Something that happened in a session: `override`, `override_undone`, `departure`, `target`, `offline`, ..."""

    session_id: UUID
    at: datetime
    kind: str
    detail: str = ""


class SampleRow(msgspec.Struct, frozen=True):
    """A reading to be stored."""

    session_id: UUID
    at: datetime
    register_wh: int
    power_w: int | None
    soc_pct: int | None
    received_at: datetime


async def next_transaction_id(tx: AsyncSession, session_id: UUID) -> int:
    """A positive, unique OCPP 1.6 transaction id for a session."""
    counted = sa.insert(Transactions).values(session_id=session_id).returning(Transactions.__table__.c.id)  # type: ignore[attr-defined]
    result = await tx.execute(counted)
    return int(result.scalar_one())


async def insert(tx: AsyncSession, session: Session) -> None:
    """Keep a new session."""
    await tx.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(session)))


async def save(tx: AsyncSession, before: Session, after: Session) -> None:
    """Write what changed between two values of one session."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed:
        await tx.execute(sa.update(TABLE).where(S.id == before.id).values(**changed))


async def get(tx: AsyncSession, session_id: UUID) -> Session | None:
    """A session by id."""
    row = (await tx.execute(sa.select(TABLE).where(S.id == session_id))).first()
    return None if row is None else to_struct(row, Session)


async def held(tx: AsyncSession, session_id: UUID) -> Session | None:
    """A session that nobody else changes until this transaction ends, as it stands once it is ours."""
    row = (await tx.execute(sa.select(TABLE).where(S.id == session_id).with_for_update(key_share=True))).first()
    return None if row is None else to_struct(row, Session)


async def some_held(tx: AsyncSession, session_ids: Sequence[UUID]) -> dict[UUID, Session]:
    """Sessions by id, held: see `held`. In the order of their ids: of two that hold several neither waits for both."""
    rows = sa.select(TABLE).where(S.id.in_(list(session_ids))).order_by(S.id)
    found = await tx.execute(rows.with_for_update(key_share=True))
    return {row.id: to_struct(row, Session) for row in found}


async def by_transaction(tx: AsyncSession, station_id: UUID, transaction_id: int) -> Session | None:
    """The session of a station's transaction, held: see `held`. What the station says, a worker must not cross."""
    rows = sa.select(TABLE).where(S.transaction_id == transaction_id, S.station_id == station_id)
    row = (await tx.execute(rows.with_for_update(key_share=True))).first()
    return None if row is None else to_struct(row, Session)


async def open_of_token(tx: AsyncSession, token_uid: str, by: datetime) -> list[Session]:
    """Open sessions of a token that began by a moment, at EVSEs that do not say that they are free."""
    rows = sa.select(TABLE).join(Evses, sa.and_(E.id == S.evse_id, E.status != "Available"))
    rows = rows.where(sa.func.lower(S.token_uid) == token_uid.lower(), sa.text("sessions.state = 'open'"))
    return [to_struct(row, Session) for row in await tx.execute(rows.where(S.started_at <= by))]


async def by_reference(tx: AsyncSession, station_id: UUID, reference: str) -> Session | None:
    """The session of a transaction that its station named, held: see `held`."""
    rows = sa.select(TABLE).where(S.transaction_ref == reference, S.station_id == station_id)
    row = (await tx.execute(rows.with_for_update(key_share=True))).first()
    return None if row is None else to_struct(row, Session)


async def open_at(tx: AsyncSession, location_id: UUID) -> list[Session]:
    """The open sessions of a location, oldest first."""
    return [to_struct(row, Session) for row in await tx.execute(OPEN_HERE, {"location": location_id})]


async def open_on(tx: AsyncSession, evse_id: UUID) -> Session | None:
    """The open session of an EVSE, the newest if a station left one behind."""
    rows = sa.select(TABLE).where(S.evse_id == evse_id, S.state == "open").order_by(S.started_at.desc()).limit(1)
    row = (await tx.execute(rows)).first()
    return None if row is None else to_struct(row, Session)


async def all_open_on(tx: AsyncSession, evse_id: UUID) -> list[Session]:
    """Every open session of an EVSE, oldest first: more than one where a station left some behind."""
    rows = sa.select(TABLE).where(S.evse_id == evse_id, S.state == "open").order_by(S.started_at, S.id)
    return [to_struct(row, Session) for row in await tx.execute(rows)]


async def next_start(tx: AsyncSession, session: Session) -> datetime | None:
    """When the session began that followed a session on its EVSE."""
    rows = sa.select(S.started_at).where(S.evse_id == session.evse_id, S.started_at > session.started_at)
    return (await tx.execute(rows.order_by(S.started_at).limit(1))).scalar()


async def ended(tx: AsyncSession) -> list[UUID]:
    """The sessions that have ended and are not settled yet."""
    return [row.id for row in await tx.execute(sa.select(S.id).where(S.state == "ended").order_by(S.ended_at, S.id))]


async def all_open(tx: AsyncSession) -> list[Session]:
    """Every open session, oldest first."""
    rows = sa.select(TABLE).where(S.state == "open").order_by(S.started_at, S.id)
    return [to_struct(row, Session) for row in await tx.execute(rows)]


async def in_order(tx: AsyncSession) -> list[Session]:
    """Every session that a station reported to us, in the order in which they began."""
    rows = sa.select(TABLE).where(S.transaction_id > 0).order_by(S.started_at, S.transaction_id)
    return [to_struct(row, Session) for row in await tx.execute(rows)]


async def current_of(tx: AsyncSession, account_id: UUID) -> list[Session]:
    """A driver's sessions that are not settled, newest first."""
    rows = sa.select(TABLE).where(S.account_id == account_id, S.state != "settled").order_by(S.started_at.desc())
    return [to_struct(row, Session) for row in await tx.execute(rows)]


async def page_of(tx: AsyncSession, account_id: UUID, before: datetime | None, limit: int) -> list[Session]:
    """A driver's sessions, newest first, those that started before a time."""
    rows = sa.select(TABLE).where(S.account_id == account_id)
    if before is not None:
        rows = rows.where(S.started_at < before)
    return [to_struct(row, Session) for row in await tx.execute(rows.order_by(S.started_at.desc()).limit(limit))]


async def last_ended(tx: AsyncSession, evse_id: UUID, token_uid: str) -> Session | None:
    """The last session of a token on an EVSE that has ended."""
    rows = sa.select(TABLE).where(S.evse_id == evse_id, S.token_uid == token_uid, S.ended_at.is_not(None))
    row = (await tx.execute(rows.order_by(S.ended_at.desc()).limit(1))).first()
    return None if row is None else to_struct(row, Session)


async def add_readings(tx: AsyncSession, rows: Sequence[SampleRow]) -> None:
    """Keep readings in one statement; a repeat of a moment keeps the higher register and the higher power.

    A station that reports a change reads twice in one second: before it and after it.
    """
    if not rows:
        return
    values = [msgspec.structs.astuple(row) for row in _distinct(rows)]
    await bare_rows.execute(tx, UPSERTS[tx.get_bind().dialect.name], SampleRow.__struct_fields__, values)


def _higher(larger: Any, other: Any) -> dict[str, Any]:  # noqa: ANN401 -- SQL expressions
    power = larger(sa.func.coalesce(R.power_w, other.power_w), sa.func.coalesce(other.power_w, R.power_w))
    soc = sa.func.coalesce(other.soc_pct, R.soc_pct)
    return {"register_wh": larger(R.register_wh, other.register_wh), "power_w": power, "soc_pct": soc}


def _upserts() -> dict[str, sa.Insert]:
    """By dialect; made once, for to make one takes longer than to run it."""
    lite, full = sqlite.insert(READINGS), postgresql.insert(READINGS)
    moment = ["session_id", "at"]
    return {
        "sqlite": lite.on_conflict_do_update(index_elements=moment, set_=_higher(sa.func.max, lite.excluded)),
        "postgresql": full.on_conflict_do_update(index_elements=moment, set_=_higher(sa.func.greatest, full.excluded)),
    }


UPSERTS = _upserts()


def _distinct(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """One row a moment: PostgreSQL refuses to touch a row twice in one statement."""
    kept: dict[tuple[UUID, datetime], SampleRow] = {}
    for row in rows:
        first = kept.setdefault((row.session_id, row.at), row)
        if first is not row:
            kept[row.session_id, row.at] = _both(first, row)
    return list(kept.values())


def _both(first: SampleRow, row: SampleRow) -> SampleRow:
    powers = [power for power in (first.power_w, row.power_w) if power is not None]
    return msgspec.structs.replace(
        row,
        register_wh=max(first.register_wh, row.register_wh),
        power_w=max(powers, default=None),
        soc_pct=first.soc_pct if row.soc_pct is None else row.soc_pct,
    )


async def readings(tx: AsyncSession, session_id: UUID) -> list[Reading]:
    """The register readings of a session, oldest first."""
    rows = sa.select(R.at, R.register_wh).where(R.session_id == session_id).order_by(R.at)
    return [Reading(at=row.at, register_wh=row.register_wh) for row in await tx.execute(rows)]


async def drew_between(tx: AsyncSession, session_id: UUID, start: datetime, end: datetime) -> bool:
    """Whether the car drew power at a reading in (start, end]."""
    rows = sa.select(R.at).where(R.session_id == session_id, R.at > start, R.at <= end, R.power_w >= 200)
    return (await tx.execute(rows.limit(1))).first() is not None


async def add_event(tx: AsyncSession, session: Session, at: datetime, kind: str, detail: str = "") -> None:
    """Record what happened in a session."""
    values = {"party_id": session.party_id, "session_id": session.id, "at": at, "kind": kind, "detail": detail}
    await tx.execute(sa.insert(EVENTS).values(**values))


async def add_events(tx: AsyncSession, happened: Sequence[tuple[Session, SessionEvent]]) -> None:
    """Record what happened in several sessions, in this order."""
    if happened:
        rows = [{**msgspec.structs.asdict(event), "party_id": session.party_id} for session, event in happened]
        await tx.execute(sa.insert(EVENTS), rows)


async def answers(tx: AsyncSession, session_id: UUID, last: int) -> list[str]:
    """What a station said of the plans that it was sent, the `last` ones, newest first: `accepted`, or why not."""
    said = sa.select(V.kind, V.detail).where(V.session_id == session_id, V.kind.in_(ANSWERS))
    rows = await tx.execute(said.order_by(V.id.desc()).limit(last))
    return ["accepted" if row.kind == ANSWERS[0] else row.detail for row in rows]


async def events(tx: AsyncSession, session_id: UUID) -> list[SessionEvent]:
    """What happened in a session, in order."""
    rows = sa.select(V.session_id, V.at, V.kind, V.detail).where(V.session_id == session_id).order_by(V.id)
    return [to_struct(row, SessionEvent) for row in await tx.execute(rows)]


async def details_of_car(tx: AsyncSession, vehicle_id: UUID, kind: str, limit: int) -> list[str]:
    """What was said with one kind of event in a car's sessions, the newest first."""
    mine = sa.select(S.id).where(S.vehicle_id == vehicle_id)
    rows = sa.select(V.detail).where(V.session_id.in_(mine), V.kind == kind).order_by(V.id.desc()).limit(limit)
    return [row.detail for row in await tx.execute(rows)]


async def add_orphans(tx: AsyncSession, rows: Sequence[tuple[UUID, UUID, datetime, str, str]]) -> None:
    """Keep messages of transactions that we do not know, each as `ORPHAN` has it."""
    await bare_rows.execute(tx, ADD_ORPHAN, ORPHAN, list(rows))

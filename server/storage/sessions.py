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
from server.storage import bare_rows, plans
from server.storage.db import forget, padded, to_struct
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
ANSWERS = ("plan_accepted", "plan_not_accepted")
# Made once: to make a statement takes longer than to run it.
COUNTED = sa.insert(Transactions).returning(Transactions.__table__.c.id)  # type: ignore[attr-defined]
INSERT = sa.insert(TABLE)
CHANGE = sa.update(TABLE).where(S.id == sa.bindparam("which_session"))  # SET is of the values' other names
ONE = sa.select(TABLE).where(S.id == sa.bindparam("session"))
HELD = ONE.with_for_update(key_share=True)
SOME_HELD = sa.select(TABLE).where(S.id.in_(sa.bindparam("sessions", expanding=True))).order_by(S.id)
SOME_HELD = SOME_HELD.with_for_update(key_share=True)
AT_STATION = sa.select(TABLE).where(S.station_id == sa.bindparam("station")).with_for_update(key_share=True)
NUMBERED = AT_STATION.where(S.transaction_id == sa.bindparam("number"))
NAMED = AT_STATION.where(S.transaction_ref == sa.bindparam("reference"))
OPEN_HERE = sa.select(TABLE).where(S.location_id == sa.bindparam("location"), S.state == "open")
OPEN_HERE = OPEN_HERE.order_by(S.started_at, S.id)
ON_EVSE = sa.select(TABLE).where(S.evse_id == sa.bindparam("evse"))
OPEN_ON = ON_EVSE.where(S.state == "open").order_by(S.started_at, S.id)
NEWEST_OPEN_ON = ON_EVSE.where(S.state == "open").order_by(S.started_at.desc()).limit(1)
LAST_ENDED = ON_EVSE.where(S.token_uid == sa.bindparam("token"), S.ended_at.is_not(None))
LAST_ENDED = LAST_ENDED.order_by(S.ended_at.desc()).limit(1)
REGISTERS = sa.select(R.at, R.register_wh).where(R.session_id == sa.bindparam("session")).order_by(R.at)
ADD_EVENT = sa.insert(EVENTS)
SAID_OF_PLANS = sa.select(V.kind, V.detail).where(V.session_id == sa.bindparam("session"), V.kind.in_(ANSWERS))
SAID_OF_PLANS = SAID_OF_PLANS.order_by(V.id.desc()).limit(sa.bindparam("most"))
HAPPENED = sa.select(V.session_id, V.at, V.kind, V.detail).where(V.session_id == sa.bindparam("session")).order_by(V.id)


class SessionEvent(msgspec.Struct, frozen=True):
    """Something that happened in a session: `override`, `override_undone`, `departure`, `target`, `offline`, ..."""

    session_id: UUID
    at: datetime
    kind: str
    detail: str = ""


EVENT = (*SessionEvent.__struct_fields__, "party_id")


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
    return int((await tx.execute(COUNTED, {"session_id": session_id})).scalar_one())


async def insert(tx: AsyncSession, session: Session) -> None:
    """Keep a new session."""
    await tx.execute(INSERT, msgspec.structs.asdict(session))


async def save(tx: AsyncSession, before: Session, after: Session) -> None:
    """Write what changed between two values of one session."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed:
        await tx.execute(CHANGE, {**changed, "which_session": before.id})
    if after.ended_at is not None:
        forget(tx, ("session", after.transaction_id))
        plans.forget_of(tx, after.id)


async def get(tx: AsyncSession, session_id: UUID) -> Session | None:
    """A session by id."""
    row = (await tx.execute(ONE, {"session": session_id})).first()
    return None if row is None else to_struct(row, Session)


async def held(tx: AsyncSession, session_id: UUID) -> Session | None:
    """A session that nobody else changes until this transaction ends, as it stands once it is ours."""
    row = (await tx.execute(HELD, {"session": session_id})).first()
    return None if row is None else to_struct(row, Session)


async def some_held(tx: AsyncSession, session_ids: Sequence[UUID]) -> dict[UUID, Session]:
    """Sessions by id, held: see `held`. In the order of their ids: of two that hold several neither waits for both."""
    found = await tx.execute(SOME_HELD, {"sessions": padded(session_ids)})
    return {row.id: to_struct(row, Session) for row in found}


async def by_transaction(tx: AsyncSession, station_id: UUID, transaction_id: int) -> Session | None:
    """The session of a station's transaction, held: see `held`. What the station says, a worker must not cross."""
    row = (await tx.execute(NUMBERED, {"station": station_id, "number": transaction_id})).first()
    return None if row is None else to_struct(row, Session)


async def open_of_token(tx: AsyncSession, token_uid: str, by: datetime) -> list[Session]:
    """Open sessions of a token that began by a moment, at EVSEs that do not say that they are free."""
    rows = sa.select(TABLE).join(Evses, sa.and_(E.id == S.evse_id, E.status != "Available"))
    rows = rows.where(sa.func.lower(S.token_uid) == token_uid.lower(), sa.text("sessions.state = 'open'"))
    return [to_struct(row, Session) for row in await tx.execute(rows.where(S.started_at <= by))]


async def by_reference(tx: AsyncSession, station_id: UUID, reference: str) -> Session | None:
    """The session of a transaction that its station named, held: see `held`."""
    row = (await tx.execute(NAMED, {"station": station_id, "reference": reference})).first()
    return None if row is None else to_struct(row, Session)


async def open_at(tx: AsyncSession, location_id: UUID) -> list[Session]:
    """The open sessions of a location, oldest first."""
    return [to_struct(row, Session) for row in await tx.execute(OPEN_HERE, {"location": location_id})]


async def open_on(tx: AsyncSession, evse_id: UUID) -> Session | None:
    """The open session of an EVSE, the newest if a station left one behind."""
    row = (await tx.execute(NEWEST_OPEN_ON, {"evse": evse_id})).first()
    return None if row is None else to_struct(row, Session)


async def all_open_on(tx: AsyncSession, evse_id: UUID) -> list[Session]:
    """Every open session of an EVSE, oldest first: more than one where a station left some behind."""
    return [to_struct(row, Session) for row in await tx.execute(OPEN_ON, {"evse": evse_id})]


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
    row = (await tx.execute(LAST_ENDED, {"evse": evse_id, "token": token_uid})).first()
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
    return [Reading(at=at, register_wh=wh) for at, wh in await tx.execute(REGISTERS, {"session": session_id})]


async def drew_between(tx: AsyncSession, session_id: UUID, start: datetime, end: datetime) -> bool:
    """Whether the car drew power at a reading in (start, end]."""
    rows = sa.select(R.at).where(R.session_id == session_id, R.at > start, R.at <= end, R.power_w >= 200)
    return (await tx.execute(rows.limit(1))).first() is not None


async def add_event(tx: AsyncSession, session: Session, at: datetime, kind: str, detail: str = "") -> None:
    """Record what happened in a session."""
    await add_events(tx, [(session, SessionEvent(session.id, at, kind, detail))])


async def add_events(tx: AsyncSession, happened: Sequence[tuple[Session, SessionEvent]]) -> None:
    """Record what happened in several sessions, in this order."""
    if happened:
        rows = [(*msgspec.structs.astuple(event), session.party_id) for session, event in happened]
        await bare_rows.execute(tx, ADD_EVENT, EVENT, rows)


async def answers(tx: AsyncSession, session_id: UUID, last: int) -> list[str]:
    """What a station said of the plans that it was sent, the `last` ones, newest first: `accepted`, or why not."""
    rows = await tx.execute(SAID_OF_PLANS, {"session": session_id, "most": last})
    return ["accepted" if row.kind == ANSWERS[0] else row.detail for row in rows]


async def events(tx: AsyncSession, session_id: UUID) -> list[SessionEvent]:
    """What happened in a session, in order."""
    return [to_struct(row, SessionEvent) for row in await tx.execute(HAPPENED, {"session": session_id})]


async def details_of_car(tx: AsyncSession, vehicle_id: UUID, kind: str, limit: int) -> list[str]:
    """What was said with one kind of event in a car's sessions, the newest first."""
    mine = sa.select(S.id).where(S.vehicle_id == vehicle_id)
    rows = sa.select(V.detail).where(V.session_id.in_(mine), V.kind == kind).order_by(V.id.desc()).limit(limit)
    return [row.detail for row in await tx.execute(rows)]


async def add_orphans(tx: AsyncSession, rows: Sequence[tuple[UUID, UUID, datetime, str, str]]) -> None:
    """Keep messages of transactions that we do not know, each as `ORPHAN` has it."""
    await bare_rows.execute(tx, ADD_ORPHAN, ORPHAN, list(rows))

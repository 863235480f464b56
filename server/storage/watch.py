"""What the watch looks at, page by page, and what it found. Narrow columns: a look is taken every few minutes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.remedy import Finding
from server.core.reports import ReadingsInfo
from server.core.watch import Socket, StationSight, Stray
from server.storage.db import padded, to_struct
from server.storage.inventory import problems_between
from server.storage.tables import (
    Evses,
    Findings,
    OrphanMessages,
    Sessions,
    StationCertificates,
    StationEvents,
    Stations,
)
from shared.health import Remedy

TABLE = Findings.__table__  # type: ignore[attr-defined]
F = TABLE.c
EVENTS = StationEvents.__table__  # type: ignore[attr-defined]
V = EVENTS.c
S = Stations.__table__.c  # type: ignore[attr-defined]
E = Evses.__table__.c  # type: ignore[attr-defined]
C = Sessions.__table__.c  # type: ignore[attr-defined]
O = OrphanMessages.__table__.c  # type: ignore[attr-defined]  # noqa: E741
K = StationCertificates.__table__.c  # type: ignore[attr-defined]
SIGHT = (S.id, S.party_id, S.online, S.last_seen_at, S.status, S.feeder_id)
PAGE = 500
"""Stations at a time: what is read in one go holds the loop for some tens of milliseconds."""
ONLINE, OFFLINE, BOOT, FAULTED, RECOVERED = "online", "offline", "boot", "faulted", "recovered"
RESTARTED, CLOSED = "server_restarted", "closed_by_us"
OURS = (RESTARTED, CLOSED)
"""The details of ends of connections that were ours: they say nothing about a station."""


class OpenSession(msgspec.Struct, frozen=True):
    """The columns of an open session that say how it goes."""

    station_id: UUID
    connector_no: int
    started_at: datetime
    read_at: datetime | None
    power_w: int
    meter_start_wh: int
    register_wh: int
    full: bool
    wakes: int
    idle_since: datetime | None
    followed: str
    not_followed_reason: str | None
    plan_id: UUID | None
    plan_accepted: bool
    account_id: UUID | None


class Seen(msgspec.Struct, frozen=True):
    """A page of stations as they stand: without what their sessions' plans say."""

    sights: dict[UUID, StationSight]
    charging: list[OpenSession]
    open: dict[UUID, list[Finding]]


class Lately(msgspec.Struct, frozen=True):
    """What happened to all stations in the last hours: lost connections, and remedies by kind."""

    dropped: Mapping[UUID, tuple[datetime, ...]]
    used: Mapping[UUID, Mapping[Remedy, int]]


class StationEvent(msgspec.Struct, frozen=True):
    """What happened to a station."""

    station_id: UUID
    at: datetime
    kind: str
    detail: str = ""


async def happened(tx: AsyncSession, event: StationEvent) -> None:
    """Keep what happened to a station, with its party."""
    said = sa.literal(event.at, type_=V.at.type), sa.literal(event.kind), sa.literal(event.detail)
    row = sa.select(S.party_id, S.id, *said).where(S.id == event.station_id)
    await tx.execute(sa.insert(EVENTS).from_select(["party_id", "station_id", "at", "kind", "detail"], row))


async def all_happened(tx: AsyncSession, events: Sequence[StationEvent]) -> None:
    """`happened` for many, in two statements."""
    wanted = sa.select(S.id, S.party_id).where(S.id.in_(padded([one.station_id for one in events])))
    parties = {row.id: row.party_id for row in await tx.execute(wanted)}
    rows = [{"party_id": parties[one.station_id], **msgspec.structs.asdict(one)} for one in events]
    if rows:
        await tx.execute(sa.insert(EVENTS), rows)


async def cut_off(tx: AsyncSession, now: datetime) -> None:
    """Every station that seemed online has lost its connection, because the server that held it is gone."""
    said = sa.literal(now, type_=V.at.type), sa.literal(OFFLINE), sa.literal(RESTARTED)
    row = sa.select(S.party_id, S.id, *said).where(S.online.is_(True))
    await tx.execute(sa.insert(EVENTS).from_select(["party_id", "station_id", "at", "kind", "detail"], row))


async def lately(tx: AsyncSession, dropped_since: datetime, used_since: datetime) -> Lately:
    """Two statements for all stations."""
    dropped: dict[UUID, list[datetime]] = {}
    lost = sa.select(V.station_id, V.at).where(V.kind == OFFLINE, V.at > dropped_since, V.detail.not_in(OURS))
    for row in await tx.execute(lost.order_by(V.at)):
        dropped.setdefault(row.station_id, []).append(row.at)
    used: dict[UUID, dict[Remedy, int]] = {}
    tried = sa.select(V.station_id, V.kind, sa.func.count().label("times"))
    tried = tried.where(V.kind.in_([one.value for one in Remedy]), V.at > used_since)
    for row in await tx.execute(tried.group_by(V.station_id, V.kind)):
        used.setdefault(row.station_id, {})[Remedy(row.kind)] = row.times
    return Lately({key: tuple(values) for key, values in dropped.items()}, used)


async def page(tx: AsyncSession, after: UUID | None, recent: Lately, strays_since: datetime) -> Seen:
    """The next PAGE stations by id, in seven statements."""
    rows = sa.select(*SIGHT).order_by(S.id).limit(PAGE)
    return await _seen(tx, rows if after is None else rows.where(S.id > after), recent, strays_since)


async def one(tx: AsyncSession, station_id: UUID, strays_since: datetime) -> Seen:
    """A station that exists, as a page of its own."""
    rows = sa.select(*SIGHT).where(S.id == station_id)
    return await _seen(tx, rows, Lately({}, {}), strays_since)


async def _seen(tx: AsyncSession, rows: sa.Select[Any], recent: Lately, strays_since: datetime) -> Seen:
    found = (await tx.execute(rows)).all()
    if not found:
        return Seen({}, [], {})
    first, last = found[0].id, found[-1].id
    sockets: dict[UUID, list[Socket]] = {row.id: [Socket(0, row.status)] for row in found if row.status}
    wanted = sa.select(E.station_id, E.connector_no, E.status, E.error_code, E.status_at, E.clock_off_s)
    for row in await tx.execute(wanted.where(E.station_id.between(first, last)).order_by(E.connector_no)):
        sockets.setdefault(row.station_id, []).append(Socket(*row[1:]))
    strays = await _strays(tx, first, last, strays_since)
    until = await _certified_until(tx, first, last)
    problems = await problems_between(tx, first, last)
    sights = {
        row.id: StationSight(
            station_id=row.id,
            party_id=row.party_id,
            online=row.online,
            last_seen_at=row.last_seen_at,
            sockets=tuple(sockets.get(row.id, ())),
            dropped_at=recent.dropped.get(row.id, ()),
            strays=strays.get(row.id, ()),
            certificate_until=until.get(row.id),
            shared=row.feeder_id is not None,
            problems=tuple(problems.get(row.id, ())),
        )
        for row in found
    }
    return Seen(sights, await _charging(tx, first, last), await _open(tx, first, last))


async def _charging(tx: AsyncSession, first: UUID, last: UUID) -> list[OpenSession]:
    columns = [C[name] for name in OpenSession.__struct_fields__]
    rows = sa.select(*columns).where(sa.text("sessions.state = 'open'"), C.station_id.between(first, last))
    return [OpenSession(*row) for row in await tx.execute(rows.order_by(C.started_at, C.id))]


async def _strays(tx: AsyncSession, first: UUID, last: UUID, since: datetime) -> dict[UUID, tuple[Stray, ...]]:
    rows = sa.select(O.station_id, O.payload).where(O.received_at > since, O.action == "MeterValues")
    out: dict[UUID, list[Stray]] = {}
    for row in await tx.execute(rows.where(O.station_id.between(first, last)).order_by(O.id)):
        said = msgspec.json.decode(row.payload, type=ReadingsInfo)
        powers = [Stray(said.connector_no, one.at, one.power_w) for one in said.readings if one.power_w is not None]
        out.setdefault(row.station_id, []).extend(powers)
    return {key: tuple(values) for key, values in out.items()}


async def _certified_until(tx: AsyncSession, first: UUID, last: UUID) -> dict[UUID, datetime]:
    """When the certificate ends that a station signs in with: of several that it holds the last."""
    mine = (K.station_id.between(first, last), K.kind == "station", K.state == "installed", K.not_after.is_not(None))
    rows = sa.select(K.station_id, sa.func.max(K.not_after).label("until")).where(*mine).group_by(K.station_id)
    return {row.station_id: row.until for row in await tx.execute(rows)}


async def _open(tx: AsyncSession, first: UUID, last: UUID) -> dict[UUID, list[Finding]]:
    rows = sa.select(TABLE).where(F.resolved_at.is_(None), F.station_id.between(first, last))
    return _by_station(await tx.execute(rows.order_by(F.station_id, F.since, F.rule)))


def _by_station(rows: Iterable[sa.Row[tuple[object, ...]]]) -> dict[UUID, list[Finding]]:
    out: dict[UUID, list[Finding]] = {}
    for row in rows:
        finding = to_struct(row, Finding)
        out.setdefault(finding.station_id, []).append(finding)
    return out


async def save(tx: AsyncSession, findings: Sequence[Finding], known: frozenset[UUID]) -> None:
    """Keep findings: those in `known` are there already."""
    new = [msgspec.structs.asdict(one) for one in findings if one.id not in known]
    if new:
        await tx.execute(sa.insert(TABLE), new)
    for one in findings:
        if one.id in known:
            await tx.execute(sa.update(TABLE).where(F.id == one.id).values(**msgspec.structs.asdict(one)))


async def get(tx: AsyncSession, finding_id: UUID) -> Finding | None:
    """A finding by id."""
    row = (await tx.execute(sa.select(TABLE).where(F.id == finding_id))).first()
    return None if row is None else to_struct(row, Finding)


async def of_party(tx: AsyncSession, party_id: UUID, since: datetime) -> dict[UUID, list[Finding]]:
    """A party's findings that are open, or were after a moment, by station, the newest first."""
    rows = sa.select(TABLE).where(F.party_id == party_id, sa.or_(F.resolved_at.is_(None), F.resolved_at > since))
    return _by_station(await tx.execute(rows.order_by(F.station_id, F.since.desc(), F.rule)))


async def events_of(tx: AsyncSession, party_id: UUID, since: datetime) -> dict[UUID, list[StationEvent]]:
    """What happened to a party's stations from a moment on, oldest first, by station."""
    rows = sa.select(V.station_id, V.at, V.kind, V.detail).where(V.party_id == party_id, V.at >= since).order_by(V.id)
    out: dict[UUID, list[StationEvent]] = {}
    for row in await tx.execute(rows):
        out.setdefault(row.station_id, []).append(StationEvent(*row))
    return out


async def last_before(tx: AsyncSession, party_id: UUID, before: datetime, kinds: Sequence[str]) -> dict[UUID, str]:
    """Which of some kinds happened last to each station of a party before a moment."""
    newest = sa.select(sa.func.max(V.id)).where(V.party_id == party_id, V.at < before, V.kind.in_(kinds))
    rows = sa.select(V.station_id, V.kind).where(V.id.in_(newest.group_by(V.station_id)))
    return {row.station_id: row.kind for row in await tx.execute(rows)}


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete what happened, and what was found and mended, before a moment; returns how much."""
    events = await tx.execute(sa.delete(EVENTS).where(V.at < before))
    findings = await tx.execute(sa.delete(TABLE).where(F.resolved_at < before))
    return int(events.rowcount) + int(findings.rowcount)  # type: ignore[attr-defined]

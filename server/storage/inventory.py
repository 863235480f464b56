"""What stations reported of themselves, and what they say is wrong with them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.inventory import Parts, Problem, ReportItem, ReportPart
from server.storage.db import padded, to_struct
from server.storage.tables import StationInventory, Stations

TABLE = StationInventory.__table__  # type: ignore[attr-defined]
V = TABLE.c
S = Stations.__table__.c  # type: ignore[attr-defined]
PROBLEM, REPORT, CUSTOMER = "problem", "report", "customer"
FORGET_PROBLEMS = sa.delete(TABLE).where(V.station_id.in_(sa.bindparam("stations", expanding=True)))
FORGET_PROBLEMS = FORGET_PROBLEMS.where(sa.text("kind = 'problem'"))
LINES_MAX = 20_000
"""Of one station: a full inventory has some hundreds."""


class Line(msgspec.Struct, frozen=True):
    """One row: what it is called, what the station said, in answer to which request, when it came."""

    id: int
    kind: str
    name: str
    said: str
    request_no: int | None
    at: datetime


class Said(msgspec.Struct, frozen=True):
    """Lines of one kind that a station said together."""

    station_id: UUID
    kind: str
    items: Sequence[ReportItem]
    request_no: int | None = None


async def put(tx: AsyncSession, said: Said, now: datetime) -> None:
    """Keep lines; what was said before under the same name is gone."""
    if not said.items:
        return
    party_id = (await tx.execute(sa.select(S.party_id).where(S.id == said.station_id))).scalar_one()
    dialect = sqlite if tx.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(TABLE)
    kept = {"said": insert.excluded.said, "request_no": insert.excluded.request_no, "at": insert.excluded.at}
    again = insert.on_conflict_do_update(index_elements=[V.station_id, V.kind, V.name], set_=kept)
    same = {"party_id": party_id, "station_id": said.station_id, "kind": said.kind, "request_no": said.request_no}
    await tx.execute(again, [{**same, "at": now, "name": one.name, "said": one.said} for one in said.items])


async def count(tx: AsyncSession, station_id: UUID) -> int:
    """How many lines a station has."""
    return (await tx.execute(sa.select(sa.func.count()).where(V.station_id == station_id))).scalar_one()


async def parts_of(tx: AsyncSession, station_id: UUID, name: str) -> Parts:
    """Which parts of a report came."""
    mine = (V.station_id == station_id, V.kind == REPORT, V.name == name)
    said = (await tx.execute(sa.select(V.said).where(*mine))).scalar()
    return Parts() if said is None else msgspec.json.decode(said, type=Parts)


async def put_parts(tx: AsyncSession, station_id: UUID, part: ReportPart, parts: Parts, now: datetime) -> None:
    """Write which parts of a report came."""
    item = ReportItem(report_name(part), msgspec.json.encode(parts).decode())
    await put(tx, Said(station_id, REPORT, [item], part.request_no), now)


def report_name(part: ReportPart) -> str:
    """What a report is called: what is in it, and the request that it answers."""
    return f"{part.kind} {part.request_no}"


class Wanted(msgspec.Struct, frozen=True):
    """Which lines of a station: of one `kind`, with the words of `text` in their name or in what is said; None: all."""

    station_id: UUID
    kind: str | None = None
    text: str | None = None


async def of_station(tx: AsyncSession, wanted: Wanted, after: int | None, limit: int) -> list[Line]:
    """A station's lines, in the order in which they were first said, from after an id on."""
    rows = sa.select(TABLE).where(V.station_id == wanted.station_id).order_by(V.id).limit(limit)
    if wanted.kind is not None:
        rows = rows.where(V.kind == wanted.kind)
    if wanted.text:
        rows = rows.where(*(_holds(word) for word in wanted.text.split()))
    if after is not None:
        rows = rows.where(V.id > after)
    return [to_struct(row, Line) for row in await tx.execute(rows)]


def _holds(word: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = V.name.icontains(word, autoescape=True) | V.said.icontains(word, autoescape=True)
    return found


async def monitor_severity(tx: AsyncSession, station_id: UUID, monitor_id: int) -> int | None:
    """How grave what a monitor watches is, where its station reported it."""
    named = V.said.like(f'%"id":{monitor_id},%') | V.said.like(f'%"id":{monitor_id}}}%')
    rows = sa.select(V.said).where(V.station_id == station_id, V.kind == "monitor")
    for said in (await tx.execute(rows.where(named))).scalars():
        for one in msgspec.json.decode(said, type=_Monitored).variable_monitoring:
            if one.id == monitor_id:
                return one.severity
    return None


class _Monitor(msgspec.Struct):
    id: int | None = None
    severity: int | None = None


class _Monitored(msgspec.Struct, rename="camel"):
    variable_monitoring: list[_Monitor] = []


async def problems_between(tx: AsyncSession, first: UUID, last: UUID) -> dict[UUID, list[tuple[datetime, Problem]]]:
    """What the stations of a range of ids say is wrong with them, the oldest first."""
    rows = sa.select(V.station_id, V.at, V.said).where(V.station_id.between(first, last), sa.text("kind = 'problem'"))
    out: dict[UUID, list[tuple[datetime, Problem]]] = {}
    for row in await tx.execute(rows.order_by(V.at, V.id)):
        out.setdefault(row.station_id, []).append((row.at, msgspec.json.decode(row.said, type=Problem)))
    return out


async def has_problem(tx: AsyncSession, station_id: UUID, name: str) -> bool:
    """Whether a problem is open."""
    mine = (V.station_id == station_id, V.kind == PROBLEM, V.name == name)
    return (await tx.execute(sa.select(V.id).where(*mine))).first() is not None


async def over(tx: AsyncSession, station_id: UUID, name: str) -> bool:
    """A problem is over; whether it was open."""
    mine = (V.station_id == station_id, V.kind == PROBLEM, V.name == name)
    return bool((await tx.execute(sa.delete(TABLE).where(*mine))).rowcount)  # type: ignore[attr-defined]


async def forget_problems(tx: AsyncSession, station_ids: Sequence[UUID]) -> None:
    """Stations have started anew: what is still wrong they say again."""
    await tx.execute(FORGET_PROBLEMS, {"stations": padded(station_ids)})


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete what was said of customers, and of which reports came, before a moment; returns how much."""
    old = sa.delete(TABLE).where(V.kind.in_([CUSTOMER, REPORT]), V.at < before)
    return int((await tx.execute(old)).rowcount)  # type: ignore[attr-defined]

"""Stations, EVSEs and feeders."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import ACCEPTED, Feeder, Station
from server.storage import bare_rows
from server.storage.db import keep, kept, padded, to_struct
from server.storage.tables import Evses, Feeders, Stations
from shared.ids import derive

STATIONS = Stations.__table__  # type: ignore[attr-defined]
S = STATIONS.c
EVSES = Evses.__table__  # type: ignore[attr-defined]
E = EVSES.c
FEEDERS = Feeders.__table__  # type: ignore[attr-defined]
F = FEEDERS.c
ONE = sa.select(STATIONS).where(S.id == sa.bindparam("station"))
THESE = S.id.in_(sa.bindparam("stations", expanding=True))
SOME = sa.select(STATIONS).where(THESE)
SEEN = sa.update(STATIONS).where(S.id == sa.bindparam("station")).values(last_seen_at=sa.bindparam("seen_at"))
PARTIES = sa.select(S.id, S.party_id).where(THESE)
HELD = sa.select(S.id, S.admission).where(THESE, S.admission != ACCEPTED)
PLACES = sa.select(S.id, S.location_id).where(THESE)
CONNECTIONS = sa.select(S.id, S.connection_id).where(THESE).order_by(S.id).with_for_update(key_share=True)
OFFLINE = sa.update(STATIONS).where(THESE)
OFFLINE = OFFLINE.values(online=False, connection_id=None, last_seen_at=sa.bindparam("now"))
CHANGE = sa.update(STATIONS).where(S.id == sa.bindparam("which_station"))  # SET is of the values' other names
TODAY = sa.case(
    (S.flash_day == sa.bindparam("day"), S.flash_writes + sa.bindparam("count")), else_=sa.bindparam("count")
)
WROTE = sa.update(STATIONS).where(S.id == sa.bindparam("station"))
WROTE = WROTE.values(flash_writes=TODAY, flash_day=sa.bindparam("day"))
HERE = sa.select(STATIONS).where(S.location_id == sa.bindparam("location")).order_by(S.identity)
EVSES_HERE = sa.select(EVSES).where(E.location_id.in_(sa.bindparam("locations", expanding=True))).order_by(E.label)
EVSE_AT = sa.select(EVSES).where(E.station_id == sa.bindparam("station"), E.connector_no == sa.bindparam("connector"))
EVSE = sa.select(EVSES).where(E.id == sa.bindparam("evse"))
CHANGE_EVSE = sa.update(EVSES).where(E.id == sa.bindparam("which_evse"))
FEEDERS_HERE = sa.select(FEEDERS).where(F.location_id == sa.bindparam("location")).order_by(F.name, F.id)


class Evse(msgspec.Struct, frozen=True):
    """The part that serves one car. `status` is OCPP's ChargePointStatus."""

    id: UUID
    party_id: UUID
    station_id: UUID
    location_id: UUID
    connector_no: int
    label: str
    max_w: int
    phases: int
    status: str
    error_code: str
    status_at: datetime | None = None
    clock_off_s: int = 0
    sockets: dict[int, str] | None = None


async def key_of(tx: AsyncSession, identity: str) -> tuple[UUID, bytes] | None:
    """The station behind an identity and the SHA-256 of its key."""
    row = (await tx.execute(sa.select(S.id, S.key_sha256).where(S.identity == identity))).first()
    return None if row is None else (row.id, bytes.fromhex(row.key_sha256))


async def get(tx: AsyncSession, station_id: UUID) -> Station:
    """A station that exists."""
    return to_struct((await tx.execute(ONE, {"station": station_id})).one(), Station)


async def find(tx: AsyncSession, station_id: UUID) -> Station | None:
    """A station that may not exist."""
    row = (await tx.execute(ONE, {"station": station_id})).first()
    return None if row is None else to_struct(row, Station)


async def parties_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The party of each of some stations, which never changes."""
    known = {one: kept(tx, ("party of", one)) for one in set(station_ids)}
    new = sorted(one for one, party_id in known.items() if party_id is None)
    for row in await tx.execute(PARTIES, {"stations": padded(new)}) if new else ():
        known[row.id] = row.party_id
        keep(tx, ("party of", row.id), row.party_id)
    return known


async def some(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[UUID, Station]:
    """Some stations, by id."""
    found = await tx.execute(SOME, {"stations": padded(sorted(set(station_ids)))})
    return {row.id: to_struct(row, Station) for row in found}


async def named(tx: AsyncSession, identity: str) -> Station | None:
    """A station by its identity."""
    row = (await tx.execute(sa.select(STATIONS).where(S.identity == identity))).first()
    return None if row is None else to_struct(row, Station)


async def at_location(tx: AsyncSession, location_id: UUID) -> list[Station]:
    """The stations of a location, by identity."""
    return [to_struct(row, Station) for row in await tx.execute(HERE, {"location": location_id})]


async def of_party(tx: AsyncSession, party_id: UUID) -> list[Station]:
    """The stations of an operator, by identity."""
    rows = sa.select(Stations.__table__).where(S.party_id == party_id).order_by(S.identity)  # type: ignore[attr-defined]
    return [to_struct(row, Station) for row in await tx.execute(rows)]


async def feeders_of(tx: AsyncSession, location_id: UUID) -> list[Feeder]:
    """The limits under a location by name, none where each station has a limit of its own."""
    return [to_struct(row, Feeder) for row in await tx.execute(FEEDERS_HERE, {"location": location_id})]


async def evse_at(tx: AsyncSession, station_id: UUID, connector_no: int) -> Evse | None:
    """The EVSE behind a connector number."""
    row = (await tx.execute(EVSE_AT, {"station": station_id, "connector": connector_no})).first()
    return None if row is None else to_struct(row, Evse)


async def evse(tx: AsyncSession, evse_id: UUID) -> Evse | None:
    """An EVSE by id."""
    row = (await tx.execute(EVSE, {"evse": evse_id})).first()
    return None if row is None else to_struct(row, Evse)


async def evses_at(tx: AsyncSession, location_ids: Sequence[UUID]) -> list[Evse]:
    """All EVSEs of some locations, by label."""
    return [to_struct(row, Evse) for row in await tx.execute(EVSES_HERE, {"locations": padded(location_ids)})]


async def evses_of(tx: AsyncSession, station_id: UUID) -> list[Evse]:
    """The EVSEs of a station, by number."""
    rows = sa.select(EVSES).where(E.station_id == station_id).order_by(E.connector_no)
    return [to_struct(row, Evse) for row in await tx.execute(rows)]


async def add_evse(tx: AsyncSession, station: Station, connector_no: int) -> Evse:
    """A connector that a station shows and nobody entered: it gets the station's powers."""
    label = f"{station.identity} {connector_no}"
    found = Evse(
        id=derive("evse", station.id, connector_no),
        party_id=station.party_id,
        station_id=station.id,
        location_id=station.location_id,
        connector_no=connector_no,
        label=label,
        max_w=station.max_w,
        phases=station.phases,
        status="Unavailable",
        error_code="NoError",
    )
    await tx.execute(sa.insert(EVSES).values(**msgspec.structs.asdict(found)))
    return found


async def update(tx: AsyncSession, station_id: UUID, **values: object) -> None:
    """Write columns of a station. What is no column SQLAlchemy would leave out unsaid."""
    assert values.keys() <= set(STATIONS.c.keys()), values.keys()
    await tx.execute(CHANGE, {**values, "which_station": station_id})


async def held(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Of these stations those that may not go to work: what their boot is answered."""
    return {row.id: row.admission for row in await tx.execute(HELD, {"stations": padded(station_ids)})}


async def update_each(tx: AsyncSession, rows: Mapping[UUID, Mapping[str, object]]) -> None:
    """Write columns of several stations, the same ones of each; the values are each one's own."""
    if rows:
        await tx.execute(CHANGE, [{**rows[key], "which_station": key} for key in sorted(rows)])


async def seen(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime) -> None:
    """Stations have said something."""
    if station_ids:
        await bare_rows.execute(tx, SEEN, ("station", "seen_at"), [(one, now) for one in sorted(set(station_ids))])


async def places_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The location of each of some stations."""
    return {row.id: row.location_id for row in await tx.execute(PLACES, {"stations": padded(station_ids)})}


async def disconnect_all(tx: AsyncSession, connections: Mapping[UUID, str], now: datetime) -> list[UUID]:
    """Mark stations offline, those of which the connection is still their newest; which they were."""
    newest = await tx.execute(CONNECTIONS, {"stations": padded(sorted(connections))})
    gone = [row.id for row in newest if row.connection_id == connections[row.id]]
    if gone:
        await tx.execute(OFFLINE, {"stations": padded(gone), "now": now})
    return gone


async def wrote(tx: AsyncSession, writes: Mapping[UUID, int], day: date) -> None:
    """Count what stations were sent that goes to flash, on a day."""
    if writes:
        await tx.execute(WROTE, [{"station": key, "count": writes[key], "day": day} for key in sorted(writes)])


async def set_follows(tx: AsyncSession, station_id: UUID, *, follows: bool) -> None:
    """Write whether a station's meter shows what it was told, where that is new."""
    unknown = sa.or_(S.follows.is_(None), S.follows != follows)
    await tx.execute(sa.update(STATIONS).where(S.id == station_id, unknown).values(follows=follows))


async def all_offline(tx: AsyncSession) -> None:
    """A server that starts has no connection yet, whatever the last one believed."""
    await tx.execute(sa.update(STATIONS).values(online=False, connection_id=None))


async def set_status(tx: AsyncSession, evse_id: UUID, status: str, error_code: str, at: datetime) -> None:
    """Write what a connector said of itself."""
    said = {"status": status, "error_code": error_code, "status_at": at}
    await tx.execute(CHANGE_EVSE, {**said, "which_evse": evse_id})


async def set_sockets(tx: AsyncSession, evse_id: UUID, sockets: Mapping[int, str] | None) -> None:
    """Write what the connectors of an EVSE said last (2.x)."""
    await tx.execute(CHANGE_EVSE, {"sockets": sockets, "which_evse": evse_id})


async def set_clock(tx: AsyncSession, evse_id: UUID, off_s: int) -> None:
    """Write how far a station's clock is off, as a connector's status showed, s."""
    await tx.execute(CHANGE_EVSE, {"clock_off_s": off_s, "which_evse": evse_id})

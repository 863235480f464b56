"""An operator's stations with their state and what runs there, and sessions in dispute."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Followed, Session
from server.core.station import Station
from server.storage import locations, operated, stations
from server.storage.stations import Evse
from shared.stations import Dispute, DisputeKind, StationEvse, StationLimit, StationView

ORPHANS_MAX = 50


async def stations_of(tx: AsyncSession, party_id: UUID, now: datetime) -> list[StationView]:
    """The stations of a party, by identity."""
    found = await stations.of_party(tx, party_id)
    place_ids = sorted({station.location_id for station in found})
    names = {place_id: await locations.get(tx, place_id) for place_id in place_ids}
    running = {session.evse_id: session for session in await operated.open_sessions(tx, party_id)}
    evses: dict[UUID, list[Evse]] = {}
    for evse in await stations.evses_at(tx, place_ids):
        evses.setdefault(evse.station_id, []).append(evse)
    views = []
    for station in found:
        place, mine = names[station.location_id], evses.get(station.id, [])
        sessions = [running[one.id] for one in mine if one.id in running]
        read = [one.read_at for one in sessions if one.read_at is not None]
        told = [_evse(one, running.get(one.id)) for one in mine]
        views.append(_view(station, "" if place is None else place.name, told, read, now))
    return views


def _view(
    station: Station, location_name: str, evses: Sequence[StationEvse], read: Sequence[datetime], now: datetime
) -> StationView:
    """A station, last heard by its heartbeats, its connectors, and the readings (`read`) of its sessions."""
    said = [station.last_seen_at, *(one.status_at for one in evses)]
    heard = [one for one in said if one is not None] + list(read)
    return StationView(
        id=station.id,
        identity=station.identity,
        location_id=station.location_id,
        location_name=location_name,
        online=station.online,
        last_seen_at=max(heard, default=None),
        vendor=station.vendor,
        model=station.model,
        firmware=station.firmware,
        connectors=[one.label for one in evses],
        open_sessions=sum(one.session_id is not None for one in evses),
        safe_share_w=station.safe_held_w,
        version=station.ocpp.removeprefix("ocpp"),
        evses=list(evses),
        limits=[
            StationLimit(one.source, one.connector_no, one.at(now), one.ends_at, one.critical)
            for one in station.external_limits or ()
        ],
        admission=station.admission,
    )


def _evse(evse: Evse, session: Session | None) -> StationEvse:
    view = StationEvse(evse.connector_no, evse.label, evse.status, evse.error_code, evse.status_at)
    if session is None:
        return view
    return StationEvse(
        connector_no=evse.connector_no,
        label=evse.label,
        status=evse.status,
        error_code=evse.error_code,
        status_at=evse.status_at,
        session_id=session.id,
        started_at=session.started_at,
        energy_wh=max(0, session.register_wh - session.meter_start_wh),
        power_w=session.power_w,
        followed=session.followed.value,
        not_followed_reason=session.not_followed_reason,
    )


async def disputes(tx: AsyncSession, party_id: UUID) -> list[Dispute]:
    """Open sessions whose plan is not followed, then what was said of sessions that nobody knows, newest first."""
    identities = {station.id: station.identity for station in await stations.of_party(tx, party_id)}
    found = [
        Dispute(
            kind=DisputeKind.NOT_FOLLOWED,
            station=identities[session.station_id],
            at=session.started_at,
            detail=session.not_followed_reason or "",
            session_id=session.id,
        )
        for session in await operated.open_sessions(tx, party_id)
        if session.followed is Followed.NOT_FOLLOWED
    ]
    strays = await operated.orphans(tx, party_id, ORPHANS_MAX)
    return found + [
        Dispute(DisputeKind.ORPHAN, identities[one.station_id], one.received_at, f"{one.action} {one.payload}")
        for one in strays
    ]

"""What stations say of themselves: sign-in, boot, heartbeat, status, coming and going."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import BootAnswer, BootInfo, ConnectorStatus, Credential
from server.core.session import AWAITED
from server.flows.announcements import LocationMoved, SessionMoved
from server.storage import outbox, session_batches, sessions, stations
from server.storage.db import announce
from server.storage.sessions import SessionEvent
from server.storage.stations import Evse

HEARTBEAT_SECONDS = 3600


async def credential(tx: AsyncSession, identity: str) -> Credential | None:
    """The station behind an identity, None for one that nobody added."""
    found = await stations.key_of(tx, identity)
    return None if found is None else Credential(*found)


async def connect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime) -> None:
    """A station's newest connection stands: it gets its profiles again, in case it lost them."""
    await connect_all(tx, {station_id: connection_id}, now)


async def connect_all(tx: AsyncSession, connections: Mapping[UUID, str], now: datetime) -> None:
    """`connect` for many stations, with few statements for all: they come back together when a network does."""
    rows = {key: {"online": True, "connection_id": line, "last_seen_at": now} for key, line in connections.items()}
    await stations.update_each(tx, rows)
    await _configure(tx, list(connections), now)
    await _moved(tx, list(connections), now, "online")


async def disconnect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime) -> None:
    """A connection is gone; only the newest one takes the station offline with it."""
    await disconnect_all(tx, {station_id: connection_id}, now)


async def disconnect_all(tx: AsyncSession, connections: Mapping[UUID, str], now: datetime) -> None:
    """`disconnect` for many stations, with few statements for all: they go together when a network does."""
    gone = await stations.disconnect_all(tx, connections, now)
    if gone:
        await _moved(tx, gone, now, "offline")


async def boot(tx: AsyncSession, station_id: UUID, info: BootInfo, now: datetime) -> BootAnswer:
    """A station started: it may have lost what it held, so it is configured anew."""
    (answer,) = await boot_all(tx, [(station_id, info)], now)
    return answer


async def boot_all(tx: AsyncSession, booted: Sequence[tuple[UUID, BootInfo]], now: datetime) -> list[BootAnswer]:
    """`boot` for many stations, with few statements for all: an answer for each."""
    rows: dict[UUID, dict[str, object]] = {}
    for station_id, info in booted:
        values = {"vendor": info.vendor[:50], "model": info.model[:50], "firmware": info.firmware[:50]}
        rows[station_id] = {**values, "booted_at": now, "last_seen_at": now, "safe_held_w": None}
    await stations.update_each(tx, rows)
    await _configure(tx, list(rows), now)
    return [BootAnswer(status="Accepted", interval_s=HEARTBEAT_SECONDS, now=now) for _ in booted]


async def _configure(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime) -> None:
    await outbox.put_each_once(tx, "configure", {str(one): {"station_id": one} for one in station_ids}, now)


async def heartbeat(tx: AsyncSession, station_id: UUID, now: datetime) -> datetime:
    """A sign of life; the answer is our time."""
    await stations.seen(tx, [station_id], now)
    return now


async def heartbeat_all(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime) -> list[datetime]:
    """Signs of life; the answer to each is our time."""
    await stations.seen(tx, station_ids, now)
    return [now for _ in station_ids]


async def status(tx: AsyncSession, station_id: UUID, info: ConnectorStatus, now: datetime) -> None:
    """What a connector says of itself; connector 0 speaks for the station and moves no EVSE."""
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    if evse is not None and info.status == "Available":
        await _await_end(tx, evse, info.at or now, now)
    if evse is None or (evse.status, evse.error_code) == (info.status, info.error_code):
        return
    await stations.set_status(tx, evse.id, info.status, info.error_code, info.at or now)
    announce(tx, LocationMoved(evse.location_id))


async def _await_end(tx: AsyncSession, evse: Evse, free_at: datetime, now: datetime) -> None:
    """An EVSE is free, so what runs there has ended: its station may still say so, or have forgotten it."""
    session = await sessions.open_on(tx, evse.id)
    if session is not None and session.started_at <= free_at <= now:
        await outbox.put_once(tx, "close", str(session.id), {"free_at": free_at}, now + AWAITED)


async def _moved(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime, kind: str) -> None:
    """Tell of stations that came or went, and plan their locations anew: their shares are reserved or free."""
    places = await stations.places_of(tx, station_ids)
    running = await session_batches.open_of(tx, station_ids)
    for session in running:
        announce(tx, SessionMoved(session.account_id, session.id))
    await sessions.add_events(tx, [(one, SessionEvent(one.id, now, kind)) for one in running])
    locations = dict.fromkeys(places.values())
    await outbox.put_each_once(tx, "replan", {str(place): {"why": kind} for place in locations}, now)
    for place in locations:
        announce(tx, LocationMoved(place))

"""What stations say of themselves: sign-in, boot, heartbeat, status, coming and going."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import evse_status
from server.core.reports import BootAnswer, BootInfo, ConnectorStatus, Credential
from server.core.session import AWAITED
from server.flows.announcements import LocationMoved, SessionMoved
from server.storage import credentials, outbox, sessions, stations
from server.storage.db import announce
from server.storage.stations import Evse

HEARTBEAT_SECONDS = 3600
BOOTED = "booted"
BOOT_TELLS = timedelta(minutes=2)
"""So long a 2.x station that booted has to tell of the transactions that ran before; then it is asked."""


async def credential(tx: AsyncSession, identity: str) -> Credential | None:
    """The station behind an identity, None for one that nobody added."""
    return await credentials.of(tx, identity)


async def connect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime, ocpp: str = "") -> None:
    """A station's newest connection stands: it gets its profiles again, in case it lost them. `ocpp`: its version."""
    await stations.update(tx, station_id, online=True, connection_id=connection_id, last_seen_at=now, ocpp=ocpp)
    await outbox.put_once(tx, "configure", str(station_id), {"station_id": station_id}, now)
    await _moved(tx, station_id, now, "online")


async def disconnect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime) -> None:
    """A connection is gone; only the newest one takes the station offline with it."""
    if await stations.disconnect(tx, station_id, connection_id, now):
        await _moved(tx, station_id, now, "offline")


async def boot(tx: AsyncSession, station_id: UUID, info: BootInfo, now: datetime) -> BootAnswer:
    """A station started: it may have lost what it held, so it is configured anew."""
    values = {"vendor": info.vendor[:50], "model": info.model[:50], "firmware": info.firmware[:50]}
    await stations.update(tx, station_id, **values, booted_at=now, last_seen_at=now, safe_held_w=None)
    await outbox.put_once(tx, "configure", str(station_id), {"station_id": station_id}, now)
    for session in await sessions.open_named(tx, station_id):
        await outbox.put_once(tx, "ask_transaction", str(session.id), {BOOTED: True}, now + BOOT_TELLS)
    return BootAnswer(status="Accepted", interval_s=HEARTBEAT_SECONDS, now=now)


async def heartbeat(tx: AsyncSession, station_id: UUID, now: datetime) -> datetime:
    """A sign of life; the answer is our time."""
    await stations.update(tx, station_id, last_seen_at=now)
    return now


async def status(tx: AsyncSession, station_id: UUID, info: ConnectorStatus, now: datetime) -> None:
    """What a connector says of itself; connector 0 speaks for the station and moves no EVSE."""
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    if evse is not None and info.status == "Available":
        await _await_end(tx, evse, info.at or now, now)
    if evse is None:
        return
    said = evse_status.after(evse.status, info.status)
    if (evse.status, evse.error_code) == (said, info.error_code):
        return
    await stations.set_status(tx, evse.id, said, info.error_code, info.at or now)
    announce(tx, LocationMoved(evse.location_id))


async def _await_end(tx: AsyncSession, evse: Evse, free_at: datetime, now: datetime) -> None:
    """An EVSE is free, so what runs there has ended: its station may still say so, or have forgotten it."""
    session = await sessions.open_on(tx, evse.id)
    if session is not None and session.started_at <= free_at <= now:
        await outbox.put_once(tx, "close", str(session.id), {"free_at": free_at}, now + AWAITED)


async def _moved(tx: AsyncSession, station_id: UUID, now: datetime, kind: str) -> None:
    """Tell of a station that came or went, and plan its location anew: its share is reserved or free."""
    station = await stations.get(tx, station_id)
    for session in await sessions.open_at(tx, station.location_id):
        if session.station_id == station_id:
            await sessions.add_event(tx, session, now, kind)
            announce(tx, SessionMoved(session.account_id, session.id))
    await outbox.put_once(tx, "replan", str(station.location_id), {"why": kind}, now)
    announce(tx, LocationMoved(station.location_id))

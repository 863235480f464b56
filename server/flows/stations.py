"""What stations say of themselves: sign-in, boot, heartbeat, status, coming and going."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import evse_status
from server.core.reports import BootAnswer, BootInfo, ConnectorStatus, Credential
from server.core.session import AWAITED
from server.flows import returning
from server.flows.announcements import LocationMoved, SessionMoved
from server.storage import credentials, inventory, outbox, session_batches, sessions, stations, watch
from server.storage.db import announce
from server.storage.sessions import SessionEvent
from server.storage.stations import Evse
from server.storage.watch import StationEvent

HEARTBEAT_SECONDS = 3600
BOOTED = "booted"
READINGS = "readings"
"""Marks a `configure` that tells a station again what it is to report."""
HELD_SECONDS = 300
BOOT_TELLS = timedelta(minutes=2)
"""So long a 2.x station that booted has to tell of the transactions that ran before; then it is asked."""
FAULTED = "Faulted"
CLOCK_STEP_S = 60
"""A station's clock that has moved by less is where it was."""
QUEUED_S = 30 * 86_400
"""Nothing stays in a queue for longer."""


async def credential(tx: AsyncSession, identity: str) -> Credential | None:
    """The station behind an identity, None for one that nobody added."""
    return (await credentials.of(tx, [identity])).get(identity)


async def credentials_of(tx: AsyncSession, identities: Sequence[str]) -> list[Credential | None]:
    """The station behind each identity, None for one that nobody added."""
    known = await credentials.of(tx, identities)
    return [known.get(identity) for identity in identities]


async def connect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime, ocpp: str = "") -> None:
    """A station's newest connection stands: it gets its profiles again, in case it lost them. `ocpp`: its version."""
    await connect_all(tx, {station_id: (connection_id, ocpp)}, now)


async def connect_all(tx: AsyncSession, lines: Mapping[UUID, tuple[str, str]], now: datetime) -> None:
    """`connect` for many stations (`lines`: connection id and version), with few statements for all.

    They come back together when a network does.
    """
    seen = {"online": True, "connected_at": now, "last_seen_at": now}
    rows = {key: {**seen, "connection_id": line, "ocpp": ocpp} for key, (line, ocpp) in lines.items()}
    await stations.update_each(tx, rows)
    await watch.all_happened(tx, [StationEvent(one, now, watch.ONLINE) for one in lines])
    await _configure(tx, list(lines), now)
    await _moved(tx, list(lines), now, "online")


async def disconnect(tx: AsyncSession, station_id: UUID, connection_id: str, now: datetime) -> None:
    """A connection is lost; only the newest one takes the station offline with it."""
    await disconnect_all(tx, {station_id: connection_id}, now)


async def disconnect_all(
    tx: AsyncSession, connections: Mapping[UUID, str], now: datetime, ours: Collection[UUID] = ()
) -> None:
    """`disconnect` for many stations, with few statements for all: they go together when a network does.

    `ours`: those whose connection we ended ourselves.
    """
    gone = await stations.disconnect_all(tx, connections, now)
    if gone:
        why = {one: watch.CLOSED if one in ours else "" for one in gone}
        await watch.all_happened(tx, [StationEvent(one, now, watch.OFFLINE, why[one]) for one in gone])
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
    await watch.all_happened(tx, [StationEvent(one, now, watch.BOOT, info.firmware[:50]) for one, info in booted])
    await inventory.forget_problems(tx, list(rows))
    held = await stations.held(tx, list(rows))
    await _configure(tx, [one for one in rows if one not in held], now)
    named = {str(one): {BOOTED: True} for one in await session_batches.open_named(tx, list(rows))}
    await outbox.put_each_once(tx, "ask_transaction", named, now + BOOT_TELLS)
    return [_boot_answer(held.get(station_id), now) for station_id, _ in booted]


def _boot_answer(held: str | None, now: datetime) -> BootAnswer:
    """Accepted, or what its operator says instead; one that is held asks again more often than a heart beats."""
    if held is None:
        return BootAnswer(status="Accepted", interval_s=HEARTBEAT_SECONDS, now=now)
    return BootAnswer(status=held, interval_s=HELD_SECONDS, now=now)


async def _configure(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime) -> None:
    """Have stations told what they must hold. Most have nothing to hear but what can wait: in a storm thousands."""
    nothing = await session_batches.nothing_to_hold(tx, station_ids)
    await returning.ask_later(tx, [one for one in nothing if one.manner.auto_configure], now)
    known = {one.id for one in nothing}
    told = {str(one): {"station_id": one} for one in station_ids if one not in known}
    await outbox.put_each_once(tx, "configure", told, now)


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
    if info.connector_no == 0:
        await _whole(tx, station_id, info, now)
        return
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    if evse is None:
        return
    info = await _with_its_other_sockets(tx, evse, info)
    if info.status == "Available":
        await _await_end(tx, evse, info.at or now, now)
    if info.at is not None:
        await _check_clock(tx, evse, info.at, now)
    said = evse_status.after(evse.status, info.status)
    if (evse.status, evse.error_code) == (said, info.error_code):
        return
    await stations.set_status(tx, evse.id, said, info.error_code, info.at or now)
    await _record(tx, station_id, evse.status, info, now)
    announce(tx, LocationMoved(evse.location_id))


async def _with_its_other_sockets(tx: AsyncSession, evse: Evse, info: ConnectorStatus) -> ConnectorStatus:
    """What an EVSE is by the words of all its sockets, of which one spoke: each has its last word kept."""
    sockets = evse_status.heard(evse.sockets, info.socket, info.status)
    if sockets != evse.sockets:
        await stations.set_sockets(tx, evse.id, sockets)
    stands = evse_status.of_sockets(sockets) if sockets and info.socket is not None else info.status
    if stands == info.status:
        return info
    code = evse.error_code if stands == evse.status == FAULTED else "OtherError" if stands == FAULTED else "NoError"
    return msgspec.structs.replace(info, status=stands, error_code=code)


async def ended(tx: AsyncSession, evse_id: UUID, at: datetime, now: datetime) -> None:
    """A 2.x transaction ended: its EVSE charges no longer, unless the next session runs there already."""
    evse = await stations.evse(tx, evse_id)
    if evse is None or await sessions.open_on(tx, evse_id) is not None:
        return
    said = evse_status.after(evse.status, evse_status.ENDED)
    if said != evse.status:
        await stations.set_status(tx, evse.id, said, evse.error_code, min(at, now))
        announce(tx, LocationMoved(evse.location_id))


async def _whole(tx: AsyncSession, station_id: UUID, info: ConnectorStatus, now: datetime) -> None:
    """What a station says of itself as a whole."""
    station = await stations.get(tx, station_id)
    if station.status != info.status:
        await stations.update(tx, station_id, status=info.status)
        await _record(tx, station_id, station.status, info, now)


async def _record(tx: AsyncSession, station_id: UUID, before: str, info: ConnectorStatus, now: datetime) -> None:
    """Keep that a connector broke, or works again."""
    if FAULTED in (before, info.status):
        kind = watch.FAULTED if info.status == FAULTED else watch.RECOVERED
        detail = f"{info.connector_no}:{info.error_code}"[:100]
        await watch.happened(tx, StationEvent(station_id, now, kind, detail))


async def _check_clock(tx: AsyncSession, evse: Evse, said_at: datetime, now: datetime) -> None:
    """How far the station's clock is off, where its word is of now; a status may also be an old one from a queue.

    What was said since it connected is no replay, nor is what lies ahead of us, or a month back.
    """
    off_s = round((said_at - now).total_seconds())
    if abs(off_s - evse.clock_off_s) <= CLOCK_STEP_S:
        return
    if off_s < -CLOCK_STEP_S and off_s > -QUEUED_S:
        station = await stations.get(tx, evse.station_id)
        if station.connected_at is None or said_at < station.connected_at:
            return
    await stations.set_clock(tx, evse.id, off_s)


async def disturb(tx: AsyncSession, station_id: UUID) -> None:
    """An operator is about to change what the station holds: until it confirms it anew, its share is not believed."""
    await stations.update(tx, station_id, safe_held_w=None)


async def disturbed(tx: AsyncSession, station_id: UUID, now: datetime) -> None:
    """An operator changed what the station holds, or what it reports: all is told anew and its location planned.

    Not `put_once`: one that waits already may lack the mark.
    """
    await outbox.put(tx, "configure", str(station_id), {"station_id": station_id, READINGS: True}, now)
    station = await stations.get(tx, station_id)
    await outbox.put_once(tx, "replan", str(station.location_id), {"why": "operator"}, now)


async def _await_end(tx: AsyncSession, evse: Evse, free_at: datetime, now: datetime) -> None:
    """An EVSE is free, so what runs there has ended: its station may still say so, or have forgotten it."""
    session = await sessions.open_on(tx, evse.id)
    if session is not None and session.started_at <= free_at <= now:
        await outbox.put_once(tx, "close", str(session.id), {"free_at": free_at}, now + AWAITED)


async def _moved(tx: AsyncSession, station_ids: Sequence[UUID], now: datetime, kind: str) -> None:
    """Tell of stations that came or went, and plan anew where somebody charges: their shares are reserved or free."""
    places = await stations.places_of(tx, station_ids)
    running = await session_batches.open_of(tx, station_ids)
    for session in running:
        announce(tx, SessionMoved(session.account_id, session.id))
    await sessions.add_events(tx, [(one, SessionEvent(one.id, now, kind)) for one in running])
    locations = list(dict.fromkeys(places.values()))
    charged_at = await session_batches.charged_at(tx, locations)
    await outbox.put_each_once(tx, "replan", {str(place): {"why": kind} for place in charged_at}, now)
    for place in locations:
        announce(tx, LocationMoved(place))

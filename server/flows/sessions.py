"""A session as its station tells it: authorised, opened, read, closed. Each message may come twice, late or never."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.access import master_group
from server.core.reports import UNSAID_WH, StartAnswer, StartInfo, StopInfo, TokenAnswer
from server.core.session import AWAITED, Session
from server.core.station import Station
from server.flows import metered
from server.flows.announcements import LocationMoved, SessionMoved
from server.flows.opening import REPLUGGED, charges_elsewhere, ends_all, new_session, token_group, token_status
from server.storage import contracts, outbox, sessions, stations
from server.storage.db import announce
from server.storage.stations import Evse
from shared.ids import derive
from shared.sessions import SessionState

CONCURRENT = "ConcurrentTx"
WAITS = ("Preparing", "Charging")
CLOCK_SKEW = timedelta(minutes=5)
OLDEST = timedelta(days=60)
"""A start of longer ago comes of a clock that was never set: no station's queue holds a season."""


async def authorize(
    tx: AsyncSession, station_id: UUID, token_uid: str, now: datetime, evse_id: UUID | None = None
) -> TokenAnswer:
    """May this token charge at this station; `evse_id`: where it is about to, or does."""
    station = await stations.get(tx, station_id)
    status = await token_status(tx, station, token_uid, now)
    if status == "Accepted" and await charges_elsewhere(tx, station, token_uid, evse_id, now):
        status = CONCURRENT
    return TokenAnswer(status, await _group(tx, token_uid, status))


async def master(tx: AsyncSession, station_id: UUID, token_uid: str, now: datetime) -> TokenAnswer | None:
    """What a master pass is answered that may end sessions at a station; None for any other token."""
    station = await stations.get(tx, station_id)
    known = ends_all(await contracts.token(tx, token_uid), station, now) if token_uid else False
    return TokenAnswer("Accepted", master_group(station.party_id)) if known else None


async def open_session(tx: AsyncSession, station_id: UUID, info: StartInfo, now: datetime) -> StartAnswer:
    """A transaction began. The same start again, under whatever message id, gets the first answer."""
    station = await stations.get(tx, station_id)
    status = await token_status(tx, station, info.token_uid, now)
    session_id = _id_of(station_id, info)
    status = await _or_concurrent(tx, station, info, status)
    group = await _group(tx, info.token_uid, status)
    known = await sessions.get(tx, session_id) or await _begun_already(tx, station_id, info)
    if known is not None:
        return StartAnswer(known.transaction_id, status, group)
    info = msgspec.structs.replace(info, at=min(info.at, now + CLOCK_SKEW) if info.at >= now - OLDEST else now)
    evse = await _evse_of(tx, station, info.connector_no)
    said = "" if evse.connector_no == info.connector_no else f"connector {info.connector_no}"
    await _supersede(tx, evse, info, now)
    info = msgspec.structs.replace(info, connector_no=evse.connector_no)
    session = await new_session(tx, station, evse, info, now)
    session = msgspec.structs.replace(session, id=session_id)
    if status not in {"Accepted", CONCURRENT}:  # who charges twice pays for both
        session = msgspec.structs.replace(session, account_id=None, contract_id=None, vehicle_id=None)
    transaction_id = await sessions.next_transaction_id(tx, session_id)
    session = msgspec.structs.replace(session, transaction_id=transaction_id)
    await sessions.insert(tx, session)
    await sessions.add_event(tx, session, session.started_at, "plugged_in", said)
    if info.meter_start_wh == UNSAID_WH:
        await sessions.add_event(tx, session, session.started_at, "meter_start_unsaid")
    if session.override_since is not None:
        await sessions.add_event(tx, session, session.override_since, "override", REPLUGGED)
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "plugged_in"}, now)
    _tell(tx, session)
    return StartAnswer(transaction_id, status, group)


async def _or_concurrent(tx: AsyncSession, station: Station, info: StartInfo, status: str) -> str:
    """The status, or that the token charges elsewhere already and should not. The transaction is kept all the same."""
    evse = await stations.evse_at(tx, station.id, info.connector_no) if status == "Accepted" else None
    if evse is not None and await charges_elsewhere(tx, station, info.token_uid, evse.id, info.at):
        return CONCURRENT
    return status


async def _group(tx: AsyncSession, token_uid: str, status: str) -> str:
    """The group of a token that may charge; no other is told of one."""
    return await token_group(tx, token_uid) if status == "Accepted" else ""


def _id_of(station_id: UUID, info: StartInfo) -> UUID:
    """From the facts of the start, or, where the station named the transaction (2.x), from its name and time."""
    if info.reference is not None:
        return derive("session", station_id, info.reference, info.at)
    return derive("session", station_id, info.connector_no, info.token_uid.lower(), info.meter_start_wh, info.at)


async def _begun_already(tx: AsyncSession, station_id: UUID, info: StartInfo) -> Session | None:
    """The open session that a start without a time of its own repeats: the same token, the meter where it was."""
    if not info.at_heard:
        return None
    for evse in await _evses_meant(tx, station_id, info.connector_no):
        found = await sessions.open_on(tx, evse.id)
        same = found is not None and found.token_uid.lower() == info.token_uid.lower()
        if same and found is not None and info.meter_start_wh in (found.meter_start_wh, UNSAID_WH):
            return found
    return None


async def _evse_of(tx: AsyncSession, station: Station, connector_no: int) -> Evse:
    """The EVSE on which a transaction began. What has begun is never refused, whatever its number.

    0 is the station and no connector: its only EVSE is meant; of several that where a car waits, else one that is
    free. A number that nobody entered becomes an EVSE, and the watch speaks of it while a session runs there
    (`watch.unknown_connector`).
    """
    here = await _evses_meant(tx, station.id, connector_no)
    if not here:
        return await stations.add_evse(tx, station, max(connector_no, 1))
    if len(here) == 1:
        return here[0]
    busy = {one.id for one in here if await sessions.open_on(tx, one.id) is not None}
    return min(here, key=lambda one: (one.id in busy, one.status not in WAITS, one.connector_no))


async def _evses_meant(tx: AsyncSession, station_id: UUID, connector_no: int) -> list[Evse]:
    """The EVSE of a connector's number; all of the station's for 0 and below. Empty for a number that is unknown."""
    if connector_no < 1:
        return await stations.evses_of(tx, station_id)
    found = await stations.evse_at(tx, station_id, connector_no)
    return [] if found is None else [found]


async def _supersede(tx: AsyncSession, evse: Evse, info: StartInfo, now: datetime) -> None:
    """A station that starts anew has lost the end of what ran before: it ended where its last reading is."""
    for left in await sessions.all_open_on(tx, evse.id):
        if left.started_at < info.at:
            stop = max(left.register_wh, left.meter_start_wh)
            await _end(tx, left, max(left.read_at or left.started_at, left.started_at), stop, metered.SUPERSEDED)
            await outbox.put(tx, "settle", str(left.id), {"session_id": left.id}, now + AWAITED)


async def close_session(tx: AsyncSession, station_id: UUID, info: StopInfo, now: datetime) -> TokenAnswer | None:
    """A transaction ended. A repeat, or one that we never saw, is acknowledged and changes nothing.

    The end of a session that we took for ended may come after all, out of a station's queue. It counts whenever it
    comes: after the settlement, what was posted is corrected.
    """
    session = await sessions.by_transaction(tx, station_id, info.transaction_id)
    if session is None:
        await metered.keep_orphans(tx, "StopTransaction", [(station_id, info)], now)
        return await _stopped_by(tx, station_id, info, now)
    if session.state is SessionState.OPEN or (
        session.stop_reason in metered.GUESSED and info.reason not in metered.GUESSED
    ):
        await metered.keep(tx, session, info.readings, now)
        ended_at = max(min(info.at, now + CLOCK_SKEW), session.started_at)
        if session.stop_reason == metered.SUPERSEDED:  # the next car was there by then
            ended_at = min(ended_at, await sessions.next_start(tx, session) or ended_at)
        # A stop below the start says nothing (Huawei: one less): the last reading counts.
        known_wh = max(session.register_wh, session.meter_start_wh)
        stop_wh = info.meter_stop_wh if info.meter_stop_wh >= session.meter_start_wh else known_wh
        await _end(tx, session, ended_at, stop_wh, info.reason or "Local")
        await outbox.withdraw(tx, "close", str(session.id), now)
        await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    else:
        await metered.keep_late(tx, session, info.readings, now)
    return await _stopped_by(tx, station_id, info, now)


async def _stopped_by(tx: AsyncSession, station_id: UUID, info: StopInfo, now: datetime) -> TokenAnswer | None:
    """What we think of the token that a transaction was ended with; None where it ended without one."""
    return await authorize(tx, station_id, info.token_uid, now) if info.token_uid else None


async def close_unheard(tx: AsyncSession, session_id: UUID, free_at: datetime, now: datetime) -> str:
    """End a session whose EVSE said a while ago that it is free, though nobody said that the session ended.

    Returns what became of it: `closed`, `ended` (its end was heard meanwhile), `in_use` (the car is there after all).
    """
    session = await sessions.held(tx, session_id)
    if session is None or session.state is not SessionState.OPEN:
        return "ended"
    evse = await stations.evse(tx, session.evse_id)
    read_at = session.read_at or session.started_at
    if evse is None or evse.status != "Available" or read_at > free_at:
        return "in_use"
    await _end(tx, session, free_at, max(session.register_wh, session.meter_start_wh), metered.UNHEARD)
    await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    return "closed"


async def close_lost(tx: AsyncSession, session_id: UUID, now: datetime) -> bool:
    """End a session of which its station says that it is over and that it has no more to tell: at its last reading."""
    session = await sessions.held(tx, session_id)
    if session is None or session.state is not SessionState.OPEN:
        return False
    stop_wh = max(session.register_wh, session.meter_start_wh)
    await _end(tx, session, max(session.read_at or session.started_at, session.started_at), stop_wh, metered.UNHEARD)
    await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    return True


async def _span_unsaid(tx: AsyncSession, session: Session, stop_wh: int, reason: str) -> tuple[int, int]:
    """Registers at start and stop where nobody said the first: it counts from what was read, or came with the end.

    Where we guess the end and nothing was read, neither is known: the station may tell yet.
    """
    known = [one.register_wh for one in await sessions.readings(tx, session.id)]
    if reason in metered.GUESSED and not known:
        return UNSAID_WH, UNSAID_WH
    start_wh = min([max(stop_wh, 0), *known])
    return start_wh, max(stop_wh, start_wh)


async def _end(tx: AsyncSession, session: Session, ended_at: datetime, stop_wh: int, reason: str) -> None:
    start_wh = session.meter_start_wh
    if start_wh == UNSAID_WH:
        start_wh, stop_wh = await _span_unsaid(tx, session, stop_wh, reason)
    after = msgspec.structs.replace(
        session,
        state=SessionState.ENDED,
        ended_at=ended_at,
        meter_start_wh=start_wh,
        meter_stop_wh=stop_wh,
        register_wh=max(session.register_wh, stop_wh),
        stop_reason=reason,
        power_w=0,
    )
    await sessions.save(tx, session, after)
    await sessions.add_event(tx, session, ended_at, "unplugged", reason)
    _tell(tx, after)


def _tell(tx: AsyncSession, session: Session) -> None:
    announce(tx, SessionMoved(session.account_id, session.id))
    announce(tx, LocationMoved(session.location_id))

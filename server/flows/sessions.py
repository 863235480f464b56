"""A session as its station tells it: authorised, opened, read, closed. Each message may come twice, late or never."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import access, cdr
from server.core.meter import p95
from server.core.reports import StartAnswer, StartInfo, StopInfo, TokenAnswer
from server.core.session import AWAITED, Session
from server.core.station import Station, cap_w
from server.flows import metered
from server.flows.announcements import LocationMoved, SessionMoved
from server.storage import contracts, locations, outbox, sessions, stations, vehicles
from server.storage.db import announce
from server.storage.stations import Evse
from shared.ids import derive
from shared.sessions import SessionState

REPLUG = timedelta(minutes=5)
CLOCK_SKEW = timedelta(minutes=5)
OLDEST = timedelta(days=60)
"""A start of longer ago comes of a clock that was never set: no station's queue holds a season."""


async def authorize(tx: AsyncSession, station_id: UUID, token_uid: str, now: datetime) -> TokenAnswer:
    """May this token charge at this station."""
    station = await stations.get(tx, station_id)
    return TokenAnswer(await _token_status(tx, station, token_uid, now))


async def _token_status(tx: AsyncSession, station: Station, token_uid: str, now: datetime) -> str:
    token = await contracts.token(tx, token_uid)
    place = await locations.get(tx, station.location_id)
    assert place is not None
    facts = access.TokenFacts(token.account_id, token.party_id, token.valid, token.expires_at) if token else None
    return access.decide(facts, access.Place(place.party_id, place.public, place.account_id), now)


async def open_session(tx: AsyncSession, station_id: UUID, info: StartInfo, now: datetime) -> StartAnswer:
    """A transaction began. The same start again, under whatever message id, gets the first answer."""
    station = await stations.get(tx, station_id)
    status = await _token_status(tx, station, info.token_uid, now)
    session_id = derive("session", station_id, info.connector_no, info.token_uid.lower(), info.meter_start_wh, info.at)
    known = await sessions.get(tx, session_id) or await _begun_already(tx, station_id, info)
    if known is not None:
        return StartAnswer(known.transaction_id, status)
    info = msgspec.structs.replace(info, at=min(info.at, now + CLOCK_SKEW) if info.at >= now - OLDEST else now)
    evse = await stations.evse_at(tx, station_id, info.connector_no)
    if evse is None:
        evse = await stations.add_evse(tx, station, info.connector_no)
    await _supersede(tx, evse, info, now)
    session = await _new_session(tx, station, evse, info, now)
    session = msgspec.structs.replace(session, id=session_id)
    if status != "Accepted":
        session = msgspec.structs.replace(session, account_id=None, contract_id=None, vehicle_id=None)
    transaction_id = await sessions.next_transaction_id(tx, session_id)
    session = msgspec.structs.replace(session, transaction_id=transaction_id)
    await sessions.insert(tx, session)
    await sessions.add_event(tx, session, session.started_at, "plugged_in")
    if session.override_since is not None:
        await sessions.add_event(tx, session, session.override_since, "override", "replugged")
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "plugged_in"}, now)
    _tell(tx, session)
    return StartAnswer(transaction_id, status)


async def _begun_already(tx: AsyncSession, station_id: UUID, info: StartInfo) -> Session | None:
    """The open session that a start without a time of its own repeats: the same token, the meter where it was."""
    evse = await stations.evse_at(tx, station_id, info.connector_no) if info.at_heard else None
    found = await sessions.open_on(tx, evse.id) if evse is not None else None
    if found is None or found.token_uid.lower() != info.token_uid.lower():
        return None
    return found if found.meter_start_wh == info.meter_start_wh else None


async def _supersede(tx: AsyncSession, evse: Evse, info: StartInfo, now: datetime) -> None:
    """A station that starts anew has lost the end of what ran before: it ended where its last reading is."""
    for left in await sessions.all_open_on(tx, evse.id):
        if left.started_at < info.at:
            stop = max(left.register_wh, left.meter_start_wh)
            await _end(tx, left, max(left.read_at or left.started_at, left.started_at), stop, metered.SUPERSEDED)
            await outbox.put(tx, "settle", str(left.id), {"session_id": left.id}, now + AWAITED)


async def _new_session(tx: AsyncSession, station: Station, evse: Evse, info: StartInfo, now: datetime) -> Session:
    token = await contracts.token(tx, info.token_uid)
    account_id = token.account_id if token else None
    contract = await contracts.contract_at(tx, account_id, station.location_id) if account_id else None
    cars = await vehicles.of(tx, account_id) if account_id else []
    car = cars[0] if cars else None
    past = await sessions.past_powers(tx, car.id) if car else []
    feeder = await stations.feeder_of(tx, station.location_id)
    place = await locations.get(tx, station.location_id)
    there = len(await sessions.open_at(tx, station.location_id))
    cap = cap_w(feeder, info.at, place.time_zone, there + 1) if feeder and place else None
    phases = min(evse.phases, (car.reference_phases if car else None) or evse.phases)
    power, source = cdr.reference_power(
        cdr.usable_w(evse.max_w, evse.phases, phases),
        car.reference_ac_w if car else None,
        phases,
        [p95(values) for values in past],
        cap,
    )
    last = await sessions.last_ended(tx, evse.id, info.token_uid)
    replugged = last is not None and _by_hand(last) and timedelta(0) <= info.at - (last.ended_at or now) <= REPLUG
    return Session(
        id=UUID(int=0),
        party_id=station.party_id,
        station_id=station.id,
        evse_id=evse.id,
        location_id=station.location_id,
        connector_no=info.connector_no,
        transaction_id=0,
        token_uid=info.token_uid,
        started_at=info.at,
        received_at=now,
        meter_start_wh=info.meter_start_wh,
        register_wh=info.meter_start_wh,
        read_at=info.at,
        account_id=account_id,
        contract_id=contract.id if contract else None,
        vehicle_id=car.id if car else None,
        target_pct=car.target_pct if car else None,
        override_since=info.at if replugged else None,
        reference_power_w=power,
        reference_power_source=source,
    )


def _by_hand(session: Session) -> bool:
    """Whether a driver unplugged, and not a station that lost its power or its memory."""
    return session.stop_reason not in ("PowerLoss", "Reboot", "HardReset", "SoftReset", metered.SUPERSEDED)


async def close_session(tx: AsyncSession, station_id: UUID, info: StopInfo, now: datetime) -> TokenAnswer | None:
    """A transaction ended. A repeat, or one that we never saw, is acknowledged and changes nothing.

    The end of a session that we took for ended may come after all, out of a station's queue. It counts whenever it
    comes: after the settlement, what was posted is corrected.
    """
    session = await sessions.by_transaction(tx, station_id, info.transaction_id)
    if session is None:
        await metered.keep_orphan(tx, station_id, "StopTransaction", info, now)
        return None
    if session.state is SessionState.OPEN or (
        session.stop_reason in metered.GUESSED and info.reason not in metered.GUESSED
    ):
        await metered.keep(tx, session, info.readings, now)
        ended_at = max(min(info.at, now + CLOCK_SKEW), session.started_at)
        if session.stop_reason == metered.SUPERSEDED:  # the next car was there by then
            ended_at = min(ended_at, await sessions.next_start(tx, session) or ended_at)
        await _end(tx, session, ended_at, max(info.meter_stop_wh, session.meter_start_wh), info.reason or "Local")
        await outbox.withdraw(tx, "close", str(session.id), now)
        await outbox.put(tx, "settle", str(session.id), {"session_id": session.id}, now)
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "unplugged"}, now)
    else:
        await metered.keep_late(tx, session, info.readings, now)
    return TokenAnswer("Accepted")


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


async def _end(tx: AsyncSession, session: Session, ended_at: datetime, stop_wh: int, reason: str) -> None:
    after = msgspec.structs.replace(
        session,
        state=SessionState.ENDED,
        ended_at=ended_at,
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

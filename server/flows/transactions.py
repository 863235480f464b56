"""A transaction as a 2.x station tells it: events with numbers, which may come twice, late, in any order or never.

What they mean is the same as in every version: a session begins, is read, ends. Here it is said which of that an
event brings, and what it corrects of what was believed before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import SampledReading, SignedValue, StartInfo, TransactionInfo, TransactionStanding
from server.core.session import Session
from server.core.station import Station
from server.flows.announcements import SessionMoved
from server.flows.opening import REPLUGGED, new_session, token_status
from server.storage import contracts, locations, outbox, sessions, stations
from server.storage import transactions as stored
from server.storage.db import announce
from server.storage.transactions import SignedRow
from shared.sessions import SessionState

LATER = timedelta(minutes=1)
"""An event that is missing may be on its way: only then the station is asked."""
ASKED = "transaction_asked"
AUTHORISING = ("Authorized", "RemoteStart")
BEGIN, END = "Transaction.Begin", "Transaction.End"


class Step(msgspec.Struct, frozen=True):
    """What an event brings. `start`: a session begins by it; `readings`: to be taken, those of earlier events too.

    `session`: the one that it belongs to, as corrected by it; `register_wh` its latest register.
    """

    fresh: bool = True
    start: StartInfo | None = None
    session: Session | None = None
    readings: tuple[SampledReading, ...] = ()


async def hear(tx: AsyncSession, station_id: UUID, info: TransactionInfo, now: datetime) -> Step:
    """Keep an event, once, and say what is to be done for it."""
    await _retire(tx, station_id, info)
    session = await sessions.by_reference(tx, station_id, info.reference)
    fresh = await stored.hear(tx, station_id, info, now, whole=session is None)
    if fresh and info.signed:
        station = await stations.get(tx, station_id)
        await stored.keep_signed(tx, [_signed(station, info, one, now) for one in info.signed])
    if not fresh:
        return Step(fresh=False, session=session)
    if session is None:
        return await _begin(tx, station_id, info)
    session = await _correct(tx, session, info, now)
    await _watch_for_gaps(tx, session, info, now)
    return Step(session=session, readings=info.readings)


async def _retire(tx: AsyncSession, station_id: UUID, info: TransactionInfo) -> None:
    """A station that lost its memory may give a name again: the transaction of old keeps what it has, less its name."""
    if info.kind != "Started":
        return
    session = await sessions.by_reference(tx, station_id, info.reference)
    if session is not None and session.ended_at is not None and info.at > session.ended_at:
        await sessions.save(tx, session, msgspec.structs.replace(session, transaction_ref=None))
        await stored.forget_one(tx, station_id, info.reference)


async def _begin(tx: AsyncSession, station_id: UUID, info: TransactionInfo) -> Step:
    """A session begins as soon as we know where: with all that was told of it before."""
    told = await stored.told(tx, station_id, info.reference)
    said = next((one.connector_no for one in told if one.connector_no is not None), None)
    connector_no = said or await _only_evse(tx, station_id)
    if connector_no is None:
        return Step()
    first = min(told, key=lambda one: (one.at, one.seq_no))
    readings = tuple(reading for one in told for reading in one.readings)
    token = next((one.token_uid for one in told if one.token_uid is not None), None)
    start = StartInfo(
        connector_no=connector_no,
        token_uid=await card(tx, station_id, token),
        meter_start_wh=_register_at_begin(readings) or 0,
        at=min([first.at, *(one.at for one in readings if one.context == BEGIN)]),
        reference=info.reference,
    )
    return Step(start=start, readings=readings)


async def begun(tx: AsyncSession, station_id: UUID, info: TransactionInfo, now: datetime) -> Session | None:
    """The session that an event has opened; what was told before it is in it now."""
    session = await sessions.by_reference(tx, station_id, info.reference)
    if session is not None:
        await stored.settled(tx, station_id, info.reference)
        await _watch_for_gaps(tx, session, info, now)
    return session


async def _only_evse(tx: AsyncSession, station_id: UUID) -> int | None:
    """The one EVSE of a station that says nothing of an EVSE; with several, nobody knows which."""
    station = await stations.get(tx, station_id)
    here = [one for one in await stations.evses_at(tx, [station.location_id]) if one.station_id == station_id]
    return here[0].connector_no if len(here) == 1 else None


def _register_at_begin(readings: Sequence[SampledReading]) -> int | None:
    """Where the register stood as the transaction began: by its word, else the first that was read."""
    known = sorted((one for one in readings if one.register_wh is not None), key=lambda one: one.at)
    begun = [one for one in known if one.context == BEGIN]
    return next((one.register_wh for one in [*begun, *known]), None)


async def card(tx: AsyncSession, station_id: UUID, token_uid: str | None) -> str:
    """The token that a session is of: where none is needed at a home, its owner's; "" where nobody said one yet."""
    if token_uid != "":
        return token_uid or ""
    station = await stations.get(tx, station_id)
    place = await locations.get(tx, station.location_id)
    owners = await contracts.token_of(tx, place.account_id) if place and place.account_id else None
    return owners.uid if owners else ""


async def _correct(tx: AsyncSession, session: Session, info: TransactionInfo, now: datetime) -> Session:
    """The session after an event that knows better how it began, or who charges."""
    after = await _began_earlier(tx, session, info)
    if _says_whose(session, info):
        after = await _taken_by(tx, after, await card(tx, session.station_id, info.token_uid), now)
    if after != session:
        await sessions.save(tx, session, after)
        announce(tx, SessionMoved(after.account_id, after.id))
        if session.state is not SessionState.OPEN:
            await outbox.put_once(tx, "settle", str(session.id), {"session_id": session.id}, now + LATER)
        else:
            await outbox.put_once(tx, "replan", str(session.location_id), {"why": "plugged_in"}, now)
    return after


def _says_whose(session: Session, info: TransactionInfo) -> bool:
    """Whether an event brings the token that a session is of: the first one, or one after the first was refused."""
    if info.token_uid is None or not session.token_uid:
        return info.token_uid is not None
    return session.account_id is None and info.trigger in AUTHORISING


async def _began_earlier(tx: AsyncSession, session: Session, info: TransactionInfo) -> Session:
    """An event of before what we took for the start: it began then, and the register stood there."""
    register = _register_at_begin(info.readings)
    at = min([info.at, *(one.at for one in info.readings if one.context == BEGIN)])
    if at < session.started_at:
        meter = session.meter_start_wh if register is None else register
        return msgspec.structs.replace(session, started_at=at, meter_start_wh=meter)
    if register is not None and not session.meter_start_wh and not await sessions.readings(tx, session.id):
        return msgspec.structs.replace(  # nobody had said where the register stood
            session, meter_start_wh=register, register_wh=max(register, session.register_wh)
        )
    return session


async def _taken_by(tx: AsyncSession, session: Session, token_uid: str, now: datetime) -> Session:
    """A car was plugged in before anybody showed a token: now we know whose session it is."""
    station = await stations.get(tx, session.station_id)
    evse = await stations.evse(tx, session.evse_id)
    if not token_uid or evse is None:
        return session
    info = StartInfo(session.connector_no, token_uid, session.meter_start_wh, session.started_at)
    known = await new_session(tx, station, evse, info, now)
    if await token_status(tx, station, token_uid, now) != "Accepted":
        return msgspec.structs.replace(session, token_uid=session.token_uid or token_uid)
    now_since = session.override_since or known.override_since  # out and in again: the cable came first, the card later
    if now_since is not None and session.override_since is None:
        await sessions.add_event(tx, session, now_since, "override", REPLUGGED)
    return msgspec.structs.replace(
        session,
        token_uid=token_uid,
        account_id=known.account_id,
        contract_id=known.contract_id,
        vehicle_id=known.vehicle_id,
        target_pct=known.target_pct,
        override_since=now_since,
        one_block=known.one_block,
        reference_power_w=known.reference_power_w,
        reference_power_source=known.reference_power_source,
    )


async def _watch_for_gaps(tx: AsyncSession, session: Session, info: TransactionInfo, now: datetime) -> None:
    """Where the event before this one is missing, the station is asked a little later, once a transaction."""
    if info.kind == "Started" or info.seq_no <= 0:  # below 0: a station that counts nothing
        return
    if await stored.is_told(tx, session.station_id, info.reference, info.seq_no - 1):
        return
    if not any(event.kind == ASKED for event in await sessions.events(tx, session.id)):
        await outbox.put_once(tx, "ask_transaction", str(session.id), {}, now + LATER)


async def to_ask(tx: AsyncSession, session_id: UUID, now: datetime, *, booted: bool) -> Session | None:
    """The session whose station is to be asked: something is missing, and it was not asked before; or it `booted`."""
    session = await sessions.held(tx, session_id)
    if session is None or session.transaction_ref is None:
        return None
    if booted:
        return session if session.state is SessionState.OPEN else None
    asked = any(event.kind == ASKED for event in await sessions.events(tx, session.id))
    if asked or not await stored.missing(tx, session.station_id, session.transaction_ref):
        return None
    await sessions.add_event(tx, session, now, ASKED)
    return session


def is_lost(session: Session, standing: TransactionStanding) -> bool:
    """Whether a session that we think open is over, and nothing more will be told of it."""
    return session.state is SessionState.OPEN and standing.ongoing is False and not standing.queued


async def keep_signed(
    tx: AsyncSession, station_id: UUID, connector_no: int, values: Sequence[SignedValue], now: datetime
) -> None:
    """Keep what a meter signed outside of transactions."""
    party_id = (await stations.get(tx, station_id)).party_id
    rows = [SignedRow(party_id, station_id, connector_no, None, now, one.at, one.context, one.data) for one in values]
    await stored.keep_signed(tx, rows)


def _signed(station: Station, info: TransactionInfo, one: SignedValue, now: datetime) -> SignedRow:
    where = (station.party_id, station.id, info.connector_no, info.reference)
    return SignedRow(*where, now, one.at, one.context, one.data)

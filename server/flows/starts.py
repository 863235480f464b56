"""Starting and ending a charge from the app: what the station is told, and a departure stated with the start."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import access
from server.core.session import Refused, Session
from server.core.station import ACCEPTED, Station
from server.flows.locations import NOT_THERE, visible_evse
from server.storage import contracts, locations, reservations, sessions, starts, stations
from server.storage.starts import StartWish
from server.storage.stations import Evse
from shared.sessions import RemoteStart, SessionState

FREE = ("Available", "Preparing")
FAR = timedelta(days=14)
WAIT = timedelta(minutes=5)
"""OCPP 1.6 stations give up on a start without a cable after ConnectionTimeOut, commonly one to three minutes."""
CLOCK_SKEW = timedelta(minutes=5)
MAY_START = ("accepted", "timed_out")
READY_BY = Refused("ready_by_out_of_range", "Choose a ready-by time that lies ahead, at most 14 days.")


class StartOrder(msgspec.Struct, frozen=True):
    """What to tell a station so that it starts for a driver."""

    station_id: UUID
    evse_id: UUID
    connector_no: int
    token_uid: str


async def prepare(tx: AsyncSession, account_id: UUID, asked: RemoteStart, now: datetime) -> StartOrder | Refused:
    """What to tell the station of an EVSE so that it starts for a driver, or why it should not.

    A departure that is stated with it is kept before the station hears of the start, so that no session opens without
    it; `withdraw` takes it back where the station does not start.
    """
    if asked.ready_by is not None and not now < asked.ready_by <= now + FAR:
        return READY_BY
    evse = await visible_evse(tx, asked.evse_id, account_id)
    if evse is None:
        return NOT_THERE
    token = await contracts.token_of(tx, account_id)
    place = await locations.get(tx, evse.location_id)
    assert place is not None
    if token is None:
        return Refused("no_token", "Your account has no charging token yet; ask your provider for one.")
    facts = access.TokenFacts(token.account_id, token.party_id, token.valid, token.expires_at)
    status = access.decide(facts, access.Place(place.party_id, place.public, place.account_id), now)
    if status != "Accepted":
        return Refused("token_not_accepted", f"The place answers {status}; ask your provider.")
    station = await stations.get(tx, evse.station_id)
    kept = await reservations.at_evse(tx, evse.id, now)
    refusal = await _why_not(tx, evse, station, account_id, reserved=kept.account_id if kept else None)
    if refusal is not None:
        return refusal
    if asked.ready_by is None:
        await starts.drop(tx, account_id, evse.id)
    else:
        await starts.keep(tx, StartWish(account_id, evse.id, token.party_id, now, asked.ready_by))
    return StartOrder(station.id, evse.id, evse.connector_no, token.uid)


async def _why_not(
    tx: AsyncSession, evse: Evse, station: Station, account_id: UUID, *, reserved: UUID | None
) -> Refused | None:
    running = await sessions.open_on(tx, evse.id)
    if running is not None and running.account_id == account_id:
        return Refused("already_charging", "You charge here already; open that session.")
    if running is not None:
        return Refused("evse_in_use", "Somebody else charges here; choose another one.")
    if not station.online or station.admission != ACCEPTED:
        return Refused("station_offline", "This station is out of reach; choose another one or use your card.")
    if reserved not in {None, account_id}:
        return Refused("evse_reserved", "Somebody else has reserved this one; choose another one.")
    if evse.status not in FREE and (evse.status, reserved) != ("Reserved", account_id):
        return Refused("evse_not_free", f"The station says {evse.status}; choose another one.")
    return None


async def withdraw(tx: AsyncSession, account_id: UUID, evse_id: UUID) -> None:
    """The station does not start: what was stated with the start is forgotten."""
    await starts.drop(tx, account_id, evse_id)


async def fulfil(tx: AsyncSession, station_id: UUID, transaction_id: int, now: datetime) -> None:
    """Let a session that has just opened have the departure that its driver stated with the start, once.

    Its own start says whether it is meant: a session out of a station's queue that began before the wish, or long
    after it, is another one.
    """
    session = await sessions.by_transaction(tx, station_id, transaction_id)
    if session is None or session.account_id is None or session.state is not SessionState.OPEN:
        return
    wish = await starts.wish(tx, session.account_id, session.evse_id)
    if wish is None or not wish.stated_at - CLOCK_SKEW <= session.started_at <= wish.stated_at + WAIT + CLOCK_SKEW:
        return
    await starts.drop(tx, session.account_id, session.evse_id)
    if wish.ready_by > now:
        await sessions.save(tx, session, msgspec.structs.replace(session, stated_ready_by=wish.ready_by))
        await sessions.add_event(tx, session, now, "changed", wish.ready_by.isoformat())


def stoppable(session: Session) -> Refused | None:
    """Why a session cannot be stopped, None where it can."""
    if session.state is SessionState.OPEN:
        return None
    return Refused("session_ended", "This session has ended already.")

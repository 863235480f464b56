"""Reservations: an EVSE in public is kept free for a driver for a while (OCPP 1.6 §5.13, 2.0.1 H)."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import access
from server.core.session import Refused
from server.flows.announcements import LocationMoved
from server.flows.locations import NOT_THERE, visible_evse
from server.flows.opening import token_group
from server.storage import contracts, locations, outbox, sessions, stations
from server.storage import reservations as stored
from server.storage.db import announce
from server.storage.reservations import Reservation
from server.storage.stations import Evse
from shared.reservations import ReservationAsk, ReservationView

END = "reservation_end"
GRACE = timedelta(minutes=1)
AVAILABLE = "Available"
LOST = ("timed_out", "offline")
"""Nobody knows whether it stands (a line may break after it was asked): it is taken to, until it would have ended."""
TAKEN = Refused("evse_not_free", "Somebody is there, or has reserved it; choose another one.")
BECAME = {"Expired": "expired", "Removed": "removed", "NoTransaction": "expired"}


class ReserveOrder(msgspec.Struct, frozen=True):
    """What a station is to keep, and for whom: any token of the `group` may use it."""

    reservation_id: int
    station_id: UUID
    connector_no: int
    token_uid: str
    group: str
    until: datetime
    card: bool


async def prepare(tx: AsyncSession, account_id: UUID, asked: ReservationAsk, now: datetime) -> ReserveOrder | Refused:
    """What to ask a station to keep free, or why it should not; it is written down before the station hears of it."""
    evse = await visible_evse(tx, asked.evse_id, account_id)
    place = None if evse is None else await locations.get(tx, evse.location_id)
    if evse is None or place is None:
        return NOT_THERE
    token = await contracts.token_of(tx, account_id)
    if token is None:
        return Refused("no_token", "Your account has no charging token yet; ask your provider for one.")
    facts = access.TokenFacts(token.account_id, token.party_id, token.valid, token.expires_at)
    status = access.decide(facts, access.Place(place.party_id, place.public, place.account_id), now)
    refusal = await _why_not(tx, evse, account_id, status, now)
    if refusal is not None:
        return refusal
    until = now + timedelta(minutes=asked.minutes)
    party_id = (await stations.get(tx, evse.station_id)).party_id
    where = (evse.station_id, evse.id, evse.connector_no)
    made = await stored.insert(tx, Reservation(0, party_id, *where, account_id, token.uid, now, until, "asked"))
    if made is None:  # somebody was faster, or the same driver elsewhere
        return TAKEN
    await outbox.put(tx, END, str(made.id), {}, until + GRACE)
    group = await token_group(tx, token.uid)
    return ReserveOrder(made.id, evse.station_id, evse.connector_no, token.uid, group, until, token.kind == "rfid")


async def _why_not(tx: AsyncSession, evse: Evse, account_id: UUID, status: str, now: datetime) -> Refused | None:
    if status != "Accepted":
        return Refused("token_not_accepted", f"The place answers {status}; ask your provider.")
    if not (await stations.get(tx, evse.station_id)).online:
        return Refused("station_offline", "This station is out of reach; choose another one.")
    if await stored.of_account(tx, account_id, now):
        return Refused("reserved_already", "You have a reservation; cancel it first, or use it.")
    if evse.status != AVAILABLE or await stored.at_evse(tx, evse.id, now) is not None:
        return TAKEN
    return None


async def answered(tx: AsyncSession, reservation_id: int, status: str, word: str) -> None:
    """What the station said: `status` as commands have it, and its own word."""
    one = await stored.get(tx, reservation_id)
    if one is None or one.state != "asked" or status in LOST:
        return
    if await stored.close(tx, one, "held" if status == "accepted" else "refused", word):
        await _moved(tx, one)


async def own(tx: AsyncSession, account_id: UUID, reservation_id: int, now: datetime) -> Reservation | None:
    """A driver's own that stands."""
    return next((one for one in await stored.of_account(tx, account_id, now) if one.id == reservation_id), None)


async def at_own(tx: AsyncSession, party_id: UUID, reservation_id: int, now: datetime) -> Reservation | None:
    """One that stands at a party's station."""
    one = await stored.get(tx, reservation_id)
    known = one is not None and one.party_id == party_id and one.state in stored.OPEN and one.expires_at > now
    return one if known else None


async def cancelled(tx: AsyncSession, one: Reservation, status: str, word: str) -> bool:
    """What a station said to a cancellation. One that it does not know (rejected) stands no more either."""
    if status not in {"accepted", "rejected"}:
        return False
    if await stored.close(tx, one, "cancelled", word):  # else it was used or ended meanwhile
        await _moved(tx, one)
    return True


async def told(tx: AsyncSession, station_id: UUID, reservation_id: int, word: str) -> None:
    """A 2.x station says what became of one."""
    one = await stored.get(tx, reservation_id)
    if one is None or one.station_id != station_id:
        return
    if await stored.close(tx, one, BECAME.get(word, "removed"), word):
        await _moved(tx, one)


async def used(tx: AsyncSession, station_id: UUID, reservation_id: int, transaction_id: int) -> None:
    """A session began on it, or at its end in the station's queue: it is the driver's, and stands no more."""
    one = await stored.get(tx, reservation_id)
    session = await sessions.by_transaction(tx, station_id, transaction_id)
    if one is not None and session is not None and one.station_id == station_id:
        await stored.use(tx, one, session.id)


async def ended(tx: AsyncSession, reservation_id: int) -> str:
    """Its time is over: 1.6 stations say nothing of it."""
    one = await stored.get(tx, reservation_id)
    if one is None or one.state not in stored.OPEN:
        return "over"
    if not await stored.close(tx, one, "expired", one.word):
        return "over"
    await _moved(tx, one)
    return "expired"


async def mine(tx: AsyncSession, account_id: UUID, now: datetime) -> list[ReservationView]:
    """A driver's that stand, or may."""
    return [await view(tx, one) for one in await stored.of_account(tx, account_id, now)]


async def at_station(tx: AsyncSession, station_id: UUID, now: datetime) -> list[ReservationView]:
    """Those at a station."""
    return [await view(tx, one) for one in await stored.at_station(tx, station_id, now)]


async def view(tx: AsyncSession, one: Reservation) -> ReservationView:
    """One, as its driver or its operator sees it."""
    evse, place = await stations.evse(tx, one.evse_id), None
    if evse is not None:
        place = await locations.get(tx, evse.location_id)
    names = ("" if place is None else place.name, "" if evse is None else evse.label)
    return ReservationView(one.id, one.evse_id, *names, one.made_at, one.expires_at, one.state == "held")


async def by_id(tx: AsyncSession, reservation_id: int) -> Reservation | None:
    """One, whatever became of it."""
    return await stored.get(tx, reservation_id)


async def _moved(tx: AsyncSession, one: Reservation) -> None:
    evse = await stations.evse(tx, one.evse_id)
    if evse is not None:
        announce(tx, LocationMoved(evse.location_id))

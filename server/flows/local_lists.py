"""The lists of tokens that stations keep for when we are away: which tokens, what is sent, what became of it."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import local_list
from server.core.access import MASTER
from server.core.local_list import Held, Listed, Update
from server.core.station import ACCEPTED, Station
from server.flows.opening import group_of, status_at
from server.storage import local_lists as stored
from server.storage import locations, outbox, sessions, stations
from server.storage.contracts import Token
from server.storage.local_lists import FAILED, HELD, NOT_SUPPORTED, UNKNOWN, StationList
from server.storage.locations import Location
from shared.stations import LocalListView

SYNC, WITHOUT = "local_list", "without"
KNOWN_FOR = timedelta(days=90)
"""So long a driver who charged at a public place is known there."""
TOKENS_MAX = 1_000
FAILURES_MAX = 2
V16 = "ocpp1.6"


class Due(msgspec.Struct, frozen=True):
    """A station whose list may have to change; `wanted` in order of who needs it most.

    `writes_left`: of what its flash is to take today (`core/traits.py`).
    """

    known: StationList
    held: Held
    wanted: list[Listed]
    firmware: str
    uid_max: int
    writes_left: int = 0

    def may_write(self) -> bool:
        """Whether its flash is to take one more message today: each is kept there. Who may no longer charge is taken
        off all the same.
        """
        good = {one.uid for one in self.wanted if one.status == "Accepted"}
        gone = any(one.status == "Accepted" and uid not in good for uid, one in self.held.tokens.items())
        return self.writes_left > 0 or gone

    def updates(self, *, whole: bool) -> list[Update]:
        """What it is to be sent. `whole`: nobody knows what it holds."""
        wanted = local_list.fitting(self.wanted, self.known.capacity, self.uid_max)
        held = None if whole else self.held
        return local_list.updates(held, wanted, self.known.version, self.known.per_message)


async def due(tx: AsyncSession, station_id: UUID, now: datetime, without: str = "") -> Due | None:
    """What a station should hold, `without` one token; None for one that is away, keeps no lists, or needs none."""
    station = await stations.find(tx, station_id)
    if station is None or not (station.online and station.manner.auto_configure and station.admission == ACCEPTED):
        return None
    known = await stored.get(tx, station_id) or StationList(station_id, station.party_id, UNKNOWN)
    if known.state == NOT_SUPPORTED and known.firmware == station.firmware:
        return None
    held = Held(known.version, await stored.tokens(tx, station_id))
    wanted = await _wanted(tx, station, now) if keeps_one(station) else []
    wanted = [one for one in wanted if one.uid.casefold() != without.casefold()]
    if not wanted and not held.tokens:
        return None
    uid_max = local_list.UID_MAX_16 if station.ocpp == V16 else local_list.UID_MAX_2
    left = station.manner.flash_writes_a_day - station.writes_on(now.date())
    return Due(known, held, wanted, station.firmware, uid_max, left)


def keeps_one(station: Station) -> bool:
    """Whether a station is to have a list: behind a shared limit nobody starts while it is out of reach."""
    return station.manner.local_list and station.feeder_id is None


async def _wanted(tx: AsyncSession, station: Station, now: datetime) -> list[Listed]:
    place = await locations.get(tx, station.location_id)
    assert place is not None
    if place.account_id is not None:
        found = await stored.of_account(tx, place.account_id)
    elif place.public:
        found = await stored.known_at(tx, place.id, now - KNOWN_FOR, TOKENS_MAX)
    else:
        found = await stored.of_party(tx, place.party_id, TOKENS_MAX)
    return [_listed(place, one, now) for one in found if one.kind != MASTER]


def _listed(place: Location, token: Token, now: datetime) -> Listed:
    """One that may not charge is listed as such: some stations let in offline whom they do not know."""
    status = status_at(token, place, now)
    group = group_of(token) if status == "Accepted" else ""
    expires_at = token.expires_at if status == "Accepted" else None
    return Listed(token.uid, status, expires_at, group, card=token.kind == "rfid")


async def cleared(tx: AsyncSession, station_id: UUID, uid: str, now: datetime) -> None:
    """A station has forgotten a customer: it is told its list without that token (OCPP 2.0.1 N10.FR.02).

    Stations must not change their lists themselves, for the versions would differ. A token that is still known there
    comes back with the list's next change.
    """
    await outbox.put(tx, SYNC, str(station_id), {WITHOUT: uid}, now)


async def measured(tx: AsyncSession, work: Due, capacity: int | None, per_message: int | None) -> Due:
    """A station has said how much it holds."""
    known = msgspec.structs.replace(work.known, capacity=capacity, per_message=per_message)
    await stored.put(tx, known)
    return msgspec.structs.replace(work, known=known)


async def taken(tx: AsyncSession, work: Due, update: Update, now: datetime) -> Due:
    """A station has accepted a message."""
    held = local_list.after(work.held, update)
    seen = {"state": HELD, "version": update.version, "failures": 0, "synced_at": now, "firmware": work.firmware}
    known = msgspec.structs.replace(work.known, **seen)
    await stored.hold(tx, known, held)
    await stations.wrote(tx, {known.station_id: 1}, now.date())
    return msgspec.structs.replace(work, known=known, held=held, writes_left=work.writes_left - 1)


async def tomorrow(tx: AsyncSession, work: Due, now: datetime) -> None:
    """Its flash has taken enough for today: the rest is sent when the next day (UTC) begins."""
    next_day = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    await outbox.put_once(tx, SYNC, str(work.known.station_id), {}, next_day)


async def missed(tx: AsyncSession, work: Due, update: Update | None, *, failed: bool) -> Due:
    """A message was not accepted, or nobody answered: what is there is not known. `failed`: the station said so."""
    failures = work.known.failures + failed
    state = FAILED if failures >= FAILURES_MAX else UNKNOWN
    version = update.version if update is not None else work.known.version
    known = msgspec.structs.replace(work.known, state=state, failures=failures, version=version)
    await stored.put(tx, known)
    return msgspec.structs.replace(work, known=known)


async def not_supported(tx: AsyncSession, work: Due) -> None:
    """A station keeps no lists: it is not asked again before it has another firmware."""
    known = msgspec.structs.replace(work.known, state=NOT_SUPPORTED, firmware=work.firmware, failures=0)
    await stored.hold(tx, known, Held(0, {}))


async def learn(tx: AsyncSession, session_id: UUID, now: datetime) -> None:
    """A session was settled: whoever charged is known there from now on."""
    session = await sessions.get(tx, session_id)
    if session is None or session.account_id is None or not session.token_uid:
        return
    station = await stations.get(tx, session.station_id)
    if keeps_one(station) and not await stored.has(tx, station.id, session.token_uid):
        await outbox.put_once(tx, SYNC, str(station.id), {}, now)


async def view(tx: AsyncSession, station_id: UUID) -> LocalListView:
    """A station's list, as its operator sees it."""
    known = await stored.get(tx, station_id)
    if known is None:
        return LocalListView(station_id, "", 0, None, None, [])
    held = await stored.tokens(tx, station_id) if known.state == HELD else {}
    return LocalListView(station_id, known.state, known.version, known.capacity, known.synced_at, sorted(held))


async def again(tx: AsyncSession, station_id: UUID, now: datetime) -> None:
    """Send a station its whole list once more, whatever was said before."""
    known = await stored.get(tx, station_id)
    if known is not None:
        await stored.put(tx, msgspec.structs.replace(known, state=UNKNOWN, failures=0, capacity=None, per_message=None))
    await outbox.put_once(tx, SYNC, str(station_id), {}, now)

"""Lists of stations whose words go to another central system too: entered, changed, switched off."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import sealed, station_list
from server.core.session import Refused, Session
from server.core.station import Station
from server.core.station_list import Fault, ListedStation
from server.flows.announcements import ForwardingMoved
from server.flows.metered import GUESSED
from server.flows.placing import new_place, put_station
from server.storage import forwarded, forwardings, locations, session_batches, stations
from server.storage.db import announce
from server.storage.forwarded import Ended
from server.storage.forwardings import Forwarded, Forwarding
from server.storage.locations import Location
from shared.forwarding import (
    ForwardedStation,
    ForwardingAdd,
    ForwardingChange,
    ForwardingView,
    HomeForwardingAdd,
)
from shared.ids import derive
from shared.stations import StationAdd

NOT_YOURS = Refused("not_found", "List yours with GET /api/forwardings.")
NOT_YOUR_STATION = Refused("not_found", "Only a station at your own home can be forwarded here.")
TAKEN = Refused("forwarded_already", "This station is forwarded already; end that first.")
STEERED = "A session is steered here, and its plan comes first."
SHARED = "The station stands behind a shared limit, which only one system can keep."


class Owner(msgspec.Struct, frozen=True):
    """Whose lists: a party's, or (`account_id`) those of a driver's own home."""

    party_id: UUID
    account_id: UUID | None = None


class Installation(msgspec.Struct, frozen=True):
    """`secret` seals keys; `ocpp_url` is what identities are appended to where stations connect to us."""

    secret: bytes
    ocpp_url: str


class Entered(msgspec.Struct, frozen=True):
    """A list as it was entered, and what became of each station, by identity."""

    forwarding: Forwarding
    outcomes: dict[str, str]


async def enter(
    tx: AsyncSession, owner: Owner, wanted: ForwardingAdd, here: Installation, now: datetime
) -> Entered | list[Fault]:
    """Enter a list, or say all that is wrong with it; then nothing was changed.

    The same list again changes nothing. Stations that are new are made with the key of their row; one that we have
    keeps its key with us, unless the list brings another one than before.
    """
    faults = _url_faults(wanted.url)
    rows = station_list.read(wanted.stations)
    if isinstance(rows[0], Fault):
        return [*faults, *(one for one in rows if isinstance(one, Fault))]
    listed = [one for one in rows if isinstance(one, ListedStation)]
    forwarding_id = _id(owner, wanted.name)
    known = {one.identity: await stations.named(tx, one.identity) for one in listed}
    for one in listed:
        faults += await _faults(tx, owner, forwarding_id, one.identity, known[one.identity])
    if faults:
        return faults
    forwarding = await _put(tx, owner, forwarding_id, wanted, now)
    outcomes = {}
    places: dict[str, Location] = {}
    for one in listed:
        place = await _place(tx, owner, one.location, places, public=wanted.public)
        outcomes[one.identity] = await _join(tx, forwarding, (place, one), here, now)
    announce(tx, ForwardingMoved(owner.party_id))
    return Entered(forwarding, outcomes)


async def enter_home(
    tx: AsyncSession, owner: Owner, wanted: HomeForwardingAdd, here: Installation, now: datetime
) -> Entered | Refused | list[Fault]:
    """A driver's own station at home is heard by another system too. Its key with us stays as it is."""
    assert owner.account_id is not None
    faults = _url_faults(wanted.url, secure=True)
    if faults:
        return faults
    station = await stations.named(tx, wanted.identity)
    place = None if station is None else await locations.get(tx, station.location_id)
    if station is None or place is None or place.account_id != owner.account_id:
        return NOT_YOUR_STATION
    forwarding_id = _id(owner, wanted.name)
    if await forwardings.list_of(tx, station.id) not in {None, forwarding_id}:
        return TAKEN
    said = ForwardingAdd(wanted.name, wanted.url, "", wanted.allowed, their_cards=False, public=False)
    forwarding = await _put(tx, owner, forwarding_id, said, now)
    outcome = await _put_key(tx, forwarding, station, wanted.key, here)
    announce(tx, ForwardingMoved(owner.party_id))
    return Entered(forwarding, {station.identity: outcome})


async def views(tx: AsyncSession, owner: Owner, here: Installation) -> list[ForwardingView]:
    """All lists of an owner, with their stations."""
    found = await forwardings.of_owner(tx, owner.party_id, owner.account_id)
    listed: dict[UUID, list[Forwarded]] = {one.id: [] for one in found}
    for one in await forwardings.stations_of(tx, list(listed)):
        listed[one.forwarding_id].append(one)
    return [_view(one, listed[one.id], here) for one in found]


async def view(tx: AsyncSession, forwarding: Forwarding, here: Installation) -> ForwardingView:
    """One list, with its stations."""
    return _view(forwarding, await forwardings.stations_of(tx, [forwarding.id]), here)


async def spoken(tx: AsyncSession, forwarding: Forwarding) -> dict[UUID, str]:
    """The subprotocol of each station's last connection, "" where it never had one."""
    return {one.station_id: one.ocpp for one in await forwardings.stations_of(tx, [forwarding.id])}


async def named(tx: AsyncSession, owner: Owner, name: str) -> Forwarding | None:
    """An owner's list by its name."""
    return await forwardings.get(tx, _id(owner, name))


async def own(tx: AsyncSession, owner: Owner, forwarding_id: UUID) -> Forwarding | None:
    """A list of an owner's, None for any other."""
    found = await forwardings.get(tx, forwarding_id)
    if found is None or (found.party_id, found.account_id) != (owner.party_id, owner.account_id):
        return None
    return found


async def change(
    tx: AsyncSession, forwarding: Forwarding, said: ForwardingChange, now: datetime
) -> Forwarding | list[Fault]:
    """Change what is said. A driver's own card rules stay as they are."""
    at_home = forwarding.account_id is not None
    faults = [] if said.url is None else _url_faults(said.url, secure=at_home)
    if faults:
        return faults
    told = {"is_on": said.on, "url": said.url, "allowed": said.allowed}
    told["their_cards"] = None if at_home else said.their_cards
    values = {name: value for name, value in told.items() if value is not None}
    await forwardings.update(tx, forwarding.id, now, **values)
    if said.url not in {None, forwarding.url}:
        await forwardings.forget_takes(tx, forwarding.id)
    if said.on is False:
        for one in await forwardings.stations_of(tx, [forwarding.id]):
            await forwardings.update_station(tx, one.station_id, state="waiting", error="")
    announce(tx, ForwardingMoved(forwarding.party_id))
    changed = await forwardings.get(tx, forwarding.id)
    assert changed is not None
    return changed


async def switch_station(
    tx: AsyncSession, forwarding: Forwarding, station_id: UUID, now: datetime, *, on: bool
) -> bool:
    """Forward one station of a list, or not; False where it is not in the list."""
    if await forwardings.list_of(tx, station_id) != forwarding.id:
        return False
    await forwardings.update_station(tx, station_id, is_on=on, state="waiting", error="")
    await forwardings.update(tx, forwarding.id, now)
    announce(tx, ForwardingMoved(forwarding.party_id))
    return True


async def delete(tx: AsyncSession, forwarding: Forwarding) -> None:
    """A list goes, with its keys and all that waits."""
    await forwardings.delete(tx, forwarding.id)
    announce(tx, ForwardingMoved(forwarding.party_id))


async def untold_ends(tx: AsyncSession, station_id: UUID, transaction_ids: Sequence[int]) -> list[Ended]:
    """How transactions ended, by their station's word, whose end the other system may never have been told.

    A server that dies between its answer to an end and its note of it leaves such, and so does a list that was off.
    """
    ended = await forwarded.ended_of(tx, station_id, transaction_ids)
    return [one for one in ended if one.stop_reason not in GUESSED]


async def running(tx: AsyncSession, station_id: UUID) -> list[Session]:
    """The session that runs at each connector of a station: the newest, where the station left others behind."""
    newest = {one.connector_no: one for one in await session_batches.open_of(tx, [station_id])}
    return list(newest.values())


async def ours_first(tx: AsyncSession, station_id: UUID) -> str:
    """Why another system may set no profiles at a station now, "" where it may."""
    station = await stations.get(tx, station_id)
    if station.feeder_id is not None:
        return SHARED
    running = await session_batches.open_of(tx, [station_id])
    return STEERED if any(one.plan_id is not None for one in running) else ""


def _id(owner: Owner, name: str) -> UUID:
    return derive("forwarding", owner.party_id, owner.account_id, name.strip().casefold())


async def _put(tx: AsyncSession, owner: Owner, forwarding_id: UUID, wanted: ForwardingAdd, now: datetime) -> Forwarding:
    said = {"url": wanted.url.rstrip("/"), "allowed": wanted.allowed, "their_cards": wanted.their_cards}
    known = await forwardings.get(tx, forwarding_id)
    if known is not None:
        await forwardings.update(tx, forwarding_id, now, **said)
        if known.url != said["url"]:
            await forwardings.forget_takes(tx, forwarding_id)
        return msgspec.structs.replace(known, **said, changed_at=now)
    new = Forwarding(
        id=forwarding_id,
        party_id=owner.party_id,
        account_id=owner.account_id,
        name=wanted.name.strip(),
        url=wanted.url.rstrip("/"),
        is_on=True,
        allowed=wanted.allowed,
        their_cards=wanted.their_cards,
        changed_at=now,
    )
    await forwardings.insert(tx, new)
    return new


async def _join(
    tx: AsyncSession, forwarding: Forwarding, row: tuple[Location, ListedStation], here: Installation, now: datetime
) -> str:
    """What became of a row: added, joined (we had the station), changed (another key than before), unchanged."""
    place, one = row
    station = await stations.named(tx, one.identity)
    digest = hashlib.sha256(one.key.encode()).hexdigest()
    if station is None:
        await put_station(tx, place, StationAdd(one.identity, one.location, one.max_w, one.phases), "", now)
        station = await stations.named(tx, one.identity)
        assert station is not None
        await stations.update(tx, station.id, key_sha256=digest)
        await _put_key(tx, forwarding, station, one.key, here)
        return "added"
    outcome = await _put_key(tx, forwarding, station, one.key, here)
    if outcome == "changed":
        await stations.update(tx, station.id, key_sha256=digest)
    return outcome


async def _put_key(tx: AsyncSession, forwarding: Forwarding, station: Station, key: str, here: Installation) -> str:
    sealed_key = sealed.seal(here.secret, key, station.identity)
    known = await forwardings.sealed_key_of(tx, station.id)
    if known is None:
        await forwardings.put_station(tx, forwarding, station.id, sealed_key)
        return "joined"
    if known == sealed_key:
        return "unchanged"
    await forwardings.update_station(tx, station.id, sealed_key=sealed_key)
    return "changed"


async def _place(tx: AsyncSession, owner: Owner, name: str, places: dict[str, Location], *, public: bool) -> Location:
    """A party's place by name; a new one is made."""
    found = places.get(name.casefold()) or await locations.named(tx, owner.party_id, name)
    if found is None:
        found = new_place(owner.party_id, name, public=public)
        await locations.insert(tx, found)
    places[name.casefold()] = found
    return found


async def _faults(
    tx: AsyncSession, owner: Owner, forwarding_id: UUID, identity: str, station: Station | None
) -> list[Fault]:
    """What stands in the way of a station that exists."""
    if station is None:
        return []
    place = await locations.get(tx, station.location_id)
    if station.party_id != owner.party_id or (place is not None and place.account_id is not None):
        return [Fault(f"station {identity}", "another station has this identity; choose another one")]
    if await forwardings.list_of(tx, station.id) not in {None, forwarding_id}:
        return [Fault(f"station {identity}", "it is in another list already")]
    return []


def _url_faults(url: str, *, secure: bool = False) -> list[Fault]:
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return [Fault("url", "this is no URL")]
    if not sound or parts.username is not None or parts.query or parts.fragment:
        return [Fault("url", "a host and a path are wanted, without a name, a query or a fragment")]
    if secure and parts.scheme != "wss":
        return [Fault("url", "from a home only wss:// is forwarded to")]
    return []


def _view(forwarding: Forwarding, listed: Sequence[Forwarded], here: Installation) -> ForwardingView:
    return ForwardingView(
        id=forwarding.id,
        name=forwarding.name,
        url=forwarding.url,
        on=forwarding.is_on,
        allowed=forwarding.allowed,
        their_cards=forwarding.their_cards,
        stations=[_station_view(forwarding, one, here) for one in listed],
    )


def _station_view(forwarding: Forwarding, one: Forwarded, here: Installation) -> ForwardedStation:
    named = quote(one.identity, safe="")
    on = forwarding.is_on and one.is_on
    return ForwardedStation(
        id=one.station_id,
        identity=one.identity,
        on=one.is_on,
        url=f"{here.ocpp_url.rstrip('/')}/{named}",
        back_url=f"{forwarding.url}/{named}",
        state=one.state if on else "off",
        state_at=one.state_at,
        error=one.error,
        note=one.note,
        waiting=one.waiting,
        delivered=one.delivered,
        dropped=one.dropped,
        untold=one.untold,
    )

"""Who comes in: what a connection changes about its station, and strangers that wait to be taken in."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import BootInfo
from server.core.security_event import name_of, severity_of
from server.core.session import Refused
from server.flows.placing import home_place, place_named, put_station
from server.storage import accounts, certificates, credentials, locations, notices, pending, stations
from server.storage.locations import Location
from server.storage.notices import Said
from server.storage.pending import Waiting
from shared.accounts import PartyRole
from shared.stations import Approval, Identity, PendingStation, StationAdd, StationNotice

WAITS = timedelta(hours=24)
WAITING_MAX, WAITING_AT_ADDRESS_MAX, WAITING_AS_IDENTITY_MAX = 500, 20, 3
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ23456789"
"""Without what is misread: I, O, U, 0, 1."""
CODE_LENGTH = 10
DOWNGRADE = Said("downgrade", "critical", "It tried to connect with a lower security profile than before.")
GONE = Refused("not_waiting", "No station waits with this identity and code; let it connect, and read the code anew.")
TAKEN = Refused("identity_taken", "Another station has this identity; choose another one.")


class Arrival(msgspec.Struct, frozen=True):
    """A stranger as it connects."""

    identity: str
    address: str
    key_sha256: bytes
    profile: int


async def admitted(tx: AsyncSession, station_id: UUID, profile: int, new_key: bytes | None, now: datetime) -> None:
    """A station connected: with a higher profile, below which it may not go any more, or with a key that was new."""
    if new_key is not None:
        await credentials.settle_key(tx, station_id, new_key.hex())
        await notices.clear(tx, station_id, "key_unanswered", now)
    if await credentials.raise_profile(tx, station_id, profile):
        for kind in (DOWNGRADE.kind, "profile_refused"):
            await notices.clear(tx, station_id, kind, now)


async def turned_away(tx: AsyncSession, station_id: UUID, now: datetime) -> None:
    """A station with the right key came with a lower profile: its operator should know."""
    await notices.raise_one(tx, station_id, DOWNGRADE, now)


async def hold(tx: AsyncSession, arrival: Arrival, party_name: str, now: datetime) -> bool:
    """May a stranger wait for the party that takes strangers in? Bounded in all, by address and by identity."""
    try:
        msgspec.convert(arrival.identity, Identity)
    except msgspec.ValidationError:
        return False
    await pending.forget_expired(tx, now)
    known = await pending.of_key(tx, arrival.identity, arrival.key_sha256.hex())
    if known is not None:
        await pending.update(tx, known.id, last_seen_at=now, address=arrival.address, security_profile=arrival.profile)
        return True
    crowd = await pending.crowd(tx, arrival.address, arrival.identity)
    full = crowd.all >= WAITING_MAX or crowd.address >= WAITING_AT_ADDRESS_MAX
    party = await _party(tx, party_name)
    if full or crowd.identity >= WAITING_AS_IDENTITY_MAX or party is None:
        return False
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    new = Waiting(
        id=uuid4(),
        party_id=party,
        identity=arrival.identity,
        key_sha256=arrival.key_sha256.hex(),
        address=arrival.address,
        security_profile=arrival.profile,
        pairing_code=code,
        first_seen_at=now,
        last_seen_at=now,
        expires_at=now + WAITS,
    )
    await pending.insert(tx, new)
    return True


async def stranger_boots(tx: AsyncSession, arrival: Arrival, info: BootInfo, now: datetime) -> bool:
    """A stranger says what it is; True where it is none any more, because it was taken in or its time is over."""
    known = await pending.of_key(tx, arrival.identity, arrival.key_sha256.hex())
    if known is None or known.expires_at <= now:
        return True
    await pending.update(tx, known.id, last_seen_at=now, vendor=info.vendor, model=info.model)
    return False


async def waiting(tx: AsyncSession, party_id: UUID, now: datetime) -> list[PendingStation]:
    """Who waits for a party's approval."""
    found = await pending.of_party(tx, party_id)
    return [msgspec.convert(one, PendingStation, from_attributes=True) for one in found if one.expires_at > now]


async def approve(
    tx: AsyncSession, party_id: UUID, pending_id: UUID, wanted: Approval, now: datetime
) -> StationAdd | Refused:
    """An operator takes a stranger in, at a place of its party's; its key stays the one that it showed."""
    one = await pending.get(tx, pending_id, party_id)
    if one is None or one.expires_at <= now:
        return GONE
    said = StationAdd(one.identity, wanted.location_name, wanted.max_w, wanted.phases)
    place = await place_named(tx, party_id, said.location_name)
    return await _take_in(tx, one, place, said, now)


async def redeem(
    tx: AsyncSession, account_id: UUID, said: StationAdd, code: str, now: datetime
) -> StationAdd | Refused:
    """A driver takes a stranger home by the pairing code that its installer or operator told."""
    one = await pending.of_code(tx, said.identity, code.strip().upper().replace("-", "").replace(" ", ""))
    if one is None or one.expires_at <= now:
        return GONE
    owner = await accounts.get(tx, account_id)
    assert owner is not None, "who is signed in has an account"
    place = await home_place(tx, owner, said.location_name, now)
    return await _take_in(tx, one, place, said, now)


async def turn_away(tx: AsyncSession, party_id: UUID, pending_id: UUID) -> bool:
    """An operator does not want a stranger; it may come again."""
    one = await pending.get(tx, pending_id, party_id)
    if one is not None:
        await pending.forget_one(tx, one.id)
    return one is not None


async def noticed(tx: AsyncSession, party_id: UUID) -> list[StationNotice]:
    """What goes on at a party's stations, the newest first."""
    found = await notices.of_party(tx, party_id)
    return [msgspec.convert(one, StationNotice, from_attributes=True) for one in found]


async def seen(tx: AsyncSession, party_id: UUID, notice_id: UUID, now: datetime) -> bool:
    """An operator has seen to a notice of its party's."""
    return await notices.clear_one(tx, party_id, notice_id, now)


async def security_event(tx: AsyncSession, station_id: UUID, kind: str, detail: str, now: datetime) -> None:
    """A station reports an event of the security whitepaper: what an operator should know becomes a notice."""
    severity = severity_of(kind)
    if severity is not None:
        await notices.raise_one(tx, station_id, Said(name_of(kind), severity, detail[:255]), now)


async def revoked(tx: AsyncSession, fingerprint: str) -> bool:
    """Was this certificate revoked?"""
    return await certificates.is_revoked(tx, fingerprint)


async def _take_in(
    tx: AsyncSession, one: Waiting, place: Location, said: StationAdd, now: datetime
) -> StationAdd | Refused:
    if await locations.station_taken(tx, one.identity):
        return TAKEN
    await put_station(tx, place, said, "", now)
    known = await stations.key_of(tx, one.identity)
    assert known is not None
    shown = {"key_sha256": one.key_sha256, "vendor": one.vendor, "model": one.model}
    await stations.update(tx, known[0], **shown, security_profile=one.security_profile)
    await pending.forget(tx, one.identity)
    return msgspec.structs.replace(said, location_name=place.name)


async def _party(tx: AsyncSession, name: str) -> UUID | None:
    for kind in PartyRole:
        for party in await accounts.parties(tx, kind):
            if party.name.casefold() == name.strip().casefold():
                return party.id
    return None

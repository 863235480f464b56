"""New keys and higher security profiles for stations: told, and final once the station has used them."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Refused
from server.flows.stations import credential
from server.storage import certificates, credentials, notices, outbox, stations
from server.storage.notices import Said

RENEW_KEY, RAISE_PROFILE = "renew_key", "raise_profile"
KEY_BYTES = 20
KEYS_OF_ONE = 2
OPEN_MAX = 4
UNANSWERED = Said("key_unanswered", "warning", "It was told a new key and did not say whether it took it.")
REFUSED = Said("key_refused", "warning", "It did not take a new key.")
STILL_OPEN = Refused(
    "keys_open", "Earlier new keys of this station are unresolved: restart it, so that it shows which."
)
NOT_YOURS = Refused("not_found", "List yours with GET /api/stations.")
ONLY_UP = Refused("profile_not_higher", "A security profile only rises; this one is not above the station's.")
NO_CERTIFICATE = Refused("no_certificate", "Profile 3 needs a certificate that the station has installed.")


class NewKey(msgspec.Struct, frozen=True):
    """What a station is told, and the SHA-256 (hex) of what it may show for it."""

    text: str
    digests: tuple[str, ...]


def new_key() -> NewKey:
    """A random key, said in hexadecimal digits.

    OCPP 1.6 stations sign in with the bytes that they stand for, or with the digits themselves (ocpp.md, quirk 9), and
    2.0.1 ones with the digits: whichever it shows first is its key.
    """
    raw = secrets.token_bytes(KEY_BYTES)
    return NewKey(raw.hex(), tuple(hashlib.sha256(shown).hexdigest() for shown in (raw, raw.hex().encode())))


async def wish_key(tx: AsyncSession, station_id: UUID, party_id: UUID, now: datetime) -> Refused | None:
    """An operator wants a new key for a station of its party."""
    if not await _owned(tx, station_id, party_id):
        return NOT_YOURS
    if len(await credentials.new_keys(tx, station_id)) >= OPEN_MAX * KEYS_OF_ONE:
        return STILL_OPEN
    await outbox.put_once(tx, RENEW_KEY, str(station_id), {"station_id": station_id}, now)
    return None


async def offer_key(tx: AsyncSession, station_id: UUID) -> NewKey | None:
    """A new key that the station may use from now on, beside its old one; None where too many are unresolved.

    Kept before it is told: a station that takes it and whose answer is lost must not be locked out.
    """
    offered = await credentials.new_keys(tx, station_id)
    if len(offered) >= OPEN_MAX * KEYS_OF_ONE:
        return None
    fresh = new_key()
    await credentials.set_new_keys(tx, station_id, [*offered, *fresh.digests])
    return fresh


async def key_answered(tx: AsyncSession, station_id: UUID, key: NewKey, status: str, now: datetime) -> None:
    """What the station said: a key that it refused is none; one without an answer may be its key now."""
    if status == "accepted":
        return
    if status in ("rejected", "not_supported"):
        offered = await credentials.new_keys(tx, station_id)
        await credentials.set_new_keys(tx, station_id, [one for one in offered if one not in key.digests])
        await notices.raise_one(tx, station_id, REFUSED, now)
    else:
        await notices.raise_one(tx, station_id, UNANSWERED, now)


async def wish_profile(
    tx: AsyncSession, station_id: UUID, party_id: UUID, profile: int, now: datetime
) -> Refused | None:
    """An operator wants a station to use a higher security profile from now on."""
    if not await _owned(tx, station_id, party_id):
        return NOT_YOURS
    identity = (await stations.get(tx, station_id)).identity
    known = await credential(tx, identity)
    assert known is not None
    if profile <= known.security_profile:
        return ONLY_UP
    if profile == 3 and not await certificates.has_installed(tx, station_id, now):
        return NO_CERTIFICATE
    await outbox.put_once(tx, RAISE_PROFILE, str(station_id), {"station_id": station_id, "profile": profile}, now)
    return None


async def profile_answered(tx: AsyncSession, station_id: UUID, profile: int, status: str, now: datetime) -> None:
    """What the station said. Its profile is only raised when it connects with it: then it has refused nothing."""
    if status != "accepted" and not await credentials.has_profile(tx, station_id, profile):
        said = Said("profile_refused", "warning", f"It was asked to use security profile {profile} and said: {status}.")
        await notices.raise_one(tx, station_id, said, now)


async def _owned(tx: AsyncSession, station_id: UUID, party_id: UUID) -> bool:
    return any(one.id == station_id for one in await stations.of_party(tx, party_id))

"""Who connects: the identity in the path, and what proves it.

Security profiles 1 and 2: a key in the Authorization header (OCPP-J 1.6 §3.1, §6.2); profile 3: a certificate.

An identity that nobody added and a wrong key get the same answer for the same work.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import unquote_to_bytes

import msgspec

from server.core.reports import Credential
from server.gateway.tls import Peer

PREFIX = "/ocpp/"
IDENTITY_MAX = 255
CHALLENGE = 'Basic realm="ocpp"'

_NOBODY = b"\x00" * hashlib.sha256().digest_size


class Basic(msgspec.Struct, frozen=True):
    """What a Basic header says; keys may be any bytes."""

    name: bytes
    key: bytes


def identity(raw_path: str) -> str | None:
    """The identity in a request's undecoded path: its last segment, decoded once. None where the path is not ours.

    Decoding before splitting would tear an identity with %2F in it apart.
    """
    path = raw_path.partition("?")[0]
    if not path.startswith(PREFIX):
        return None
    last = path.rpartition("/")[2].encode("ascii", "surrogateescape")
    return unquote_to_bytes(last).decode("utf-8", "replace") or None


def is_sound(name: str) -> bool:
    """Could this be an identity at all? What databases and logs choke on (NUL, control characters) could not."""
    return len(name) <= IDENTITY_MAX and name.isprintable()


def basic(headers: Sequence[str]) -> Basic | None:
    """The credentials of the only Authorization header, split at its first colon, as bytes."""
    if len(headers) != 1:
        return None
    scheme, _, encoded = headers[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip().encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, key = decoded.partition(b":")
    return Basic(name, key) if colon else None


class Shown(msgspec.Struct, frozen=True):
    """What somebody showed who says that it is station `name`."""

    name: str
    basic: Basic | None
    peer: Peer | None = None
    over_tls: bool = False

    @property
    def profile(self) -> int:
        """The security profile: 1 a key in the clear, 2 a key over TLS, 3 a certificate."""
        if self.peer is not None:
            return 3
        return 2 if self.over_tls else 1


class Why(StrEnum):
    """Why somebody is not let in."""

    UNKNOWN = "unknown"  # nobody added this identity
    WRONG = "wrong"  # no key or certificate, or not this station's
    DOWNGRADE = "downgrade"  # the right one, in a lower profile than the station has used before


class Admitted(msgspec.Struct, frozen=True):
    """Let in. `new_key`: the SHA-256 of the key that it used, where that one was new."""

    credential: Credential
    profile: int
    new_key: bytes | None = None


def judge(credential: Credential | None, shown: Shown, now: float) -> Admitted | Why:
    """Is it the station that it says it is, in a profile that it may use? `now` in seconds since 1970.

    Who shows a certificate is judged by it alone. The same work is done for an identity that nobody added.
    """
    if shown.peer is not None:
        fits, new_key = _certificate_fits(credential, shown.name, shown.peer, now), None
    else:
        fits, new_key = _key_fits(credential, shown.name, shown.basic)
    if credential is None:
        return Why.UNKNOWN
    if not fits:
        return Why.WRONG
    if shown.profile < credential.security_profile:
        return Why.DOWNGRADE
    return Admitted(credential, shown.profile, new_key)


def _certificate_fits(credential: Credential | None, name: str, peer: Peer, now: float) -> bool:
    """Its chain was checked by TLS; a session that TLS resumed may have ended since."""
    owner = "" if credential is None else credential.organization
    owned = not owner or peer.organization.casefold() == owner.casefold()
    return peer.common_name == name and owned and peer.expires_at > now


def _key_fits(credential: Credential | None, name: str, said: Basic | None) -> tuple[bool, bytes | None]:
    if said is None:
        return False, None
    digest = hashlib.sha256(said.key).digest()
    key_fits = hmac.compare_digest(digest, _NOBODY if credential is None else credential.key_sha256)
    new_keys = () if credential is None else credential.new_keys
    new_fits = sum(hmac.compare_digest(digest, new) for new in new_keys) > 0  # all are compared
    name_fits = hmac.compare_digest(said.name, name.encode())
    return name_fits and (key_fits or new_fits), digest if new_fits and not key_fits else None

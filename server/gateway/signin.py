"""Who connects: the identity in the path, the key in the Authorization header (OCPP-J 1.6 §3.1, §6.2).

An identity that nobody added and a wrong key get the same answer for the same work.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import msgspec
from websockets.datastructures import Headers

from server.core.reports import Credential

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


def mend(headers: Headers) -> None:
    """Some stations leave `Connection: Upgrade` out, or say something else there, and mean it (lbbrhzn/ocpp#1984)."""
    said = ",".join(headers.get_all("Connection")).lower()
    if "upgrade" not in said and "Sec-WebSocket-Key" in headers:
        if said:
            del headers["Connection"]
        headers["Connection"] = "Upgrade"


def admits(credential: Credential | None, name: str, said: Basic) -> bool:
    """Is it the station that it says it is? The same work is done for one that nobody added."""
    expected = _NOBODY if credential is None else credential.key_sha256
    # Keys are hex; some stations send the bytes that they stand for (shiv3/ocpp-cp-simulator#260).
    forms = (said.key, said.key.hex().encode(), said.key.hex().upper().encode())
    key_fits = sum(hmac.compare_digest(hashlib.sha256(form).digest(), expected) for form in forms) > 0
    name_fits = hmac.compare_digest(said.name, name.encode())
    return key_fits and name_fits and credential is not None

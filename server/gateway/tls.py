"""TLS for stations (OCPP security profiles 2 and 3): our certificate for all, theirs where it is asked for."""

import hashlib
import ssl
from asyncio import sslproto
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""For TLS 1.2: authenticated encryption with forward secrecy. TLS 1.3 has no others."""
STATIC_RSA = ":AES128-GCM-SHA256:AES256-GCM-SHA384"
"""The security whitepaper's other two, for stations that know no key exchange: without forward secrecy, so off."""
READ_BYTES = 16 * 1024
HANDSHAKE_S = 15.0


class Clients(StrEnum):
    """What a door does about certificates of stations."""

    IGNORED = "ignored"  # profile 2 only
    ASKED = "asked"  # without one profile 2, with one profile 3
    REQUIRED = "required"  # profile 3 only


class Tls(msgspec.Struct, frozen=True):
    """Files in PEM: our certificate with its chain, its key, and the authorities that may sign those of stations."""

    certificate: Path
    key: Path
    charger_ca: Path | None = None
    static_rsa: bool = False


class Peer(msgspec.Struct, frozen=True):
    """A station's certificate whose chain TLS has checked: subject, SHA-256 (hex), end (seconds since 1970)."""

    common_name: str
    organization: str
    fingerprint: str
    expires_at: float


def context(tls: Tls, clients: Clients) -> ssl.SSLContext:
    """A server's context: TLS 1.2 and up, no renegotiation.

    An authority in `charger_ca` is trusted though it is an intermediate one: who named it meant it, and not its root.

    Raises:
        OSError, ssl.SSLError: where a file cannot be read or holds something else.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS + STATIC_RSA if tls.static_rsa else CIPHERS)
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    made.load_cert_chain(tls.certificate, tls.key)
    if clients is Clients.IGNORED or tls.charger_ca is None:
        assert clients is not Clients.REQUIRED, "certificates are required and nobody may sign them"
        return made
    made.load_verify_locations(tls.charger_ca)
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_mode = ssl.CERT_REQUIRED if clients is Clients.REQUIRED else ssl.CERT_OPTIONAL
    return made


def save_memory() -> None:
    """Let asyncio read TLS in pieces of one record (16 KiB) and not of 256 KiB, which it reserves for each connection.

    296 KiB a connection become 55, measured, at the same speed. The size is a class attribute without a documented
    way to set it; uvloop reserves as much, but touches only what it reads (42 KiB a connection).
    """
    sslproto.SSLProtocol.max_size = READ_BYTES


def peer(tls_object: ssl.SSLObject | None) -> Peer | None:
    """The certificate that a station showed, None for a station without one."""
    if tls_object is None:
        return None
    raw = tls_object.getpeercert(binary_form=True)
    said: Any = tls_object.getpeercert()
    if not raw or not said:
        return None
    subject = [pair for part in said.get("subject", ()) for pair in part]
    return Peer(
        common_name=_only(subject, "commonName"),
        organization=_only(subject, "organizationName"),
        fingerprint=hashlib.sha256(raw).hexdigest(),
        expires_at=ssl.cert_time_to_seconds(said["notAfter"]),
    )


def _only(subject: list[tuple[str, str]], name: str) -> str:
    """A subject's field; "" where there is none, or two, which could name two stations."""
    values = [value for field, value in subject if field == name]
    return values[0] if len(values) == 1 else ""

"""Certificates of stations: what may be signed, what a signed chain must be (OCPP security whitepaper §4.1; A02)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from server.core.session import Refused

CSR_MAX = 5_500
CHAIN_MAX = 10_000
RSA_BITS_MIN, RSA_BITS_MAX = 2_048, 8_192
CURVES = ("secp256r1", "secp384r1", "secp521r1")
NOTICE_DAYS = (30, 7)
"""So long before the end of a certificate a warning is due, and it is critical; the watch asks for a new one."""

MALFORMED = Refused("not_a_request", "Send a certificate signing request (PKCS #10) in PEM.")
WEAK = Refused("weak_key", "Use RSA with 2048 to 8192 bits, or the curves P-256, P-384 or P-521, and SHA-2.")
UNSIGNED = Refused("request_not_signed", "The request is not signed by the key in it.")
NOT_A_CHAIN = Refused("not_a_chain", "Paste the station's certificate in PEM, then those that signed it, in order.")


class Subject(msgspec.Struct, frozen=True):
    """Whom a certificate names: a station's identity (CN) and whose it is (O)."""

    identity: str
    organization: str


class Request(msgspec.Struct, frozen=True):
    """A request that may be signed, with the SHA-256 (hex) of its public key."""

    pem: str
    key_sha256: str


class Signed(msgspec.Struct, frozen=True):
    """A signed chain, leaf first, and what its leaf says. `fingerprint`: SHA-256 in hex, `serial` in hex."""

    chain_pem: str
    fingerprint: str
    serial: str
    not_before: datetime
    not_after: datetime
    key_sha256: str


def check_request(pem: str, subject: Subject) -> Request | Refused:
    """A station's request, or why it is not signed.

    Name and organization may be missing (the official test tool leaves them out), but never be others: our own
    authority writes both itself, and what another one signs must have both (`check_chain`).
    """
    try:
        request = x509.load_pem_x509_csr(pem.strip().replace("\r\n", "\n").encode("ascii"))
        key = request.public_key()
        sound, hashed, named = request.is_signature_valid, request.signature_hash_algorithm, request.subject
    except (ValueError, UnsupportedAlgorithm, TypeError, x509.InvalidVersion):
        return MALFORMED
    if len(pem) > CSR_MAX:
        return MALFORMED
    if not _strong(key) or not isinstance(hashed, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        return WEAK
    if not sound:
        return UNSIGNED
    wrong = _other_subject(named, subject, complete=False)
    return wrong or Request(pem.strip().replace("\r\n", "\n") + "\n", _key_sha256(key))


def check_chain(pem: str, request_pem: str, subject: Subject, now: datetime) -> Signed | Refused:
    """What somebody else's authority signed for a request, or why it is not the answer to it."""
    try:
        chain = x509.load_pem_x509_certificates(pem.encode("ascii"))
        for issued, issuer in pairwise(chain):
            issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion):
        return NOT_A_CHAIN
    leaf = chain[0]
    asked = x509.load_pem_x509_csr(request_pem.encode())
    if _key_sha256(leaf.public_key()) != _key_sha256(asked.public_key()):
        return Refused("another_key", "This certificate is for another key than the station's request.")
    if wrong := _other_subject(leaf.subject, subject, complete=True):
        return wrong
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        return Refused("not_valid_now", "This certificate is not valid now.")
    signed = read_chain(chain)
    return signed if len(signed.chain_pem) <= CHAIN_MAX else NOT_A_CHAIN


def read_chain(chain: Sequence[x509.Certificate]) -> Signed:
    """A chain as it is kept."""
    leaf = chain[0]
    text = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain)
    return Signed(
        chain_pem=text,
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        serial=f"{leaf.serial_number:x}",
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        key_sha256=_key_sha256(leaf.public_key()),
    )


def notice_due(not_after: datetime, noticed_days: int | None, now: datetime) -> int | None:
    """The notice that is due for a certificate's end (30 or 7 days), None where it was given or none is due."""
    left = (not_after - now).total_seconds() / 86_400
    due = min((days for days in NOTICE_DAYS if left <= days), default=None)
    return None if due is None or (noticed_days is not None and noticed_days <= due) else due


def _strong(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES


def _other_subject(name: x509.Name, subject: Subject, *, complete: bool) -> Refused | None:
    names = [str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    owners = [str(one.value) for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if names != [subject.identity] and (names or complete):
        return Refused("another_station", "The common name (CN) must be the station's identity.")
    if [one.casefold() for one in owners] != [subject.organization.casefold()] and (owners or complete):
        return Refused("another_organization", "The organization (O) must be the party whose station it is.")
    return None


def _key_sha256(key: object) -> str:
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or hasattr(key, "public_bytes")
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    return digest.finalize().hex()

"""Is a certificate revoked: question and answer (RFC 6960), by the hashes that stations tell (OCPP 2.0.1 M06)."""

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
ANSWER_MAX = 4_125
"""Bytes of an answer: 5500 characters in base64, the most that OCPP 2.0.1 carries."""


class Asked(msgspec.Struct, frozen=True):
    """A certificate: hashes of its issuer's name and key, and its serial number, all in hex; and who knows of it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    responder_url: str


class Standing(msgspec.Struct, frozen=True):
    """A responder's answer as it came (DER), or in a few words why there is none."""

    der: bytes | None
    why: str = ""


def question(asked: Asked) -> bytes | None:
    """What a responder is sent (DER), None where the hashes or the number are none."""
    algorithm = ALGORITHMS.get(asked.hash_algorithm)
    if algorithm is None:
        return None
    try:
        name, key = bytes.fromhex(asked.issuer_name_hash), bytes.fromhex(asked.issuer_key_hash)
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, int(asked.serial_number, 16), algorithm)
    except ValueError:
        return None
    return builder.build().public_bytes(serialization.Encoding.DER)


def judged(asked: Asked, der: bytes) -> Standing:
    """What came from a responder: good only where it is an answer, and to this question.

    Its signature is the station's to check, which has the issuer's certificate; we have hashes.
    """
    if len(der) > ANSWER_MAX:
        return Standing(None, f"the responder's answer is longer than {ANSWER_MAX} bytes")
    try:
        answer = ocsp.load_der_ocsp_response(der)
    except ValueError:
        return Standing(None, "what the responder said is no OCSP answer")
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Standing(None, f"the responder said {answer.response_status.name}")
    if int(asked.serial_number, 16) not in {one.serial_number for one in answer.responses}:
        return Standing(None, "the responder answered about another certificate")
    return Standing(der)

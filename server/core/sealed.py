"""Keys that must be said again, to other systems: kept so that the database alone does not tell them.

AES-SIV under a key from the installation's secret. The same key of the same station seals to the same text.
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV


def seal(secret: bytes, text: str, about: str) -> str:
    """A text that is not empty, sealed, in hex; `about` (a station's identity) must be the same to open it."""
    return _cipher(secret).encrypt(text.encode(), [about.encode()]).hex()


def unseal(secret: bytes, sealed: str, about: str) -> str | None:
    """The text, None where it was sealed with another secret, or about something else."""
    try:
        return _cipher(secret).decrypt(bytes.fromhex(sealed), [about.encode()]).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(hashlib.sha512(b"dalstroom sealed " + secret).digest())

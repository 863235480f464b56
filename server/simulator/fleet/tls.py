"""TLS as stations of security profiles 2 and 3 speak it."""

import asyncio.sslproto
import ssl
from pathlib import Path

READ_BUFFER = 16 << 10


def file_stem(identity: str) -> str:
    """How the files of a station are called: `dalstroom ca issue` writes the same."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in identity)


def files(certificates: Path, identity: str) -> tuple[Path, Path]:
    """A station's certificate and its key."""
    stem = file_stem(identity)
    return certificates / f"{stem}.pem", certificates / f"{stem}.key"


def context(ca: Path | None, certificates: Path | None, identity: str) -> ssl.SSLContext:
    """For one station; without a folder of certificates it shows none (profile 2, where all may share one context).

    `ca`: who signed the server's certificate, None: the authorities that this machine trusts.
    Raises OSError and ssl.SSLError where a file is missing or wrong.
    """
    made = ssl.create_default_context(cafile=None if ca is None else str(ca))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificates is not None:
        made.load_cert_chain(*files(certificates, identity))
    return made


def save_memory() -> None:
    """For the whole process: asyncio reads into 256 KiB a connection, a frame is 1 KiB. uvloop has its own buffers."""
    asyncio.sslproto.SSLProtocol.max_size = READ_BUFFER

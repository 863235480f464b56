"""Certificates for simulated stations, signed by this installation's own authority."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import RealClock
from server.core.certificate import Signed
from server.feeds.charger_ca import FOLDER, OwnCa, write_secret
from server.flows import certificates
from server.settings import BadSetting, home_dir
from server.simulator.fleet.tls import files

SIMULATED = "simulated"


async def issue(tx: AsyncSession, ids: Mapping[str, UUID]) -> Path:
    """A certificate for each station that has none yet; the folder with all of them, in $DALSTROOM_HOME.

    Keys are of P-256: thousands are made in seconds, where RSA takes minutes.
    """
    folder = home_dir() / FOLDER
    if not (folder / "ca.key").exists():
        raise BadSetting("there is no authority that could sign certificates: dalstroom ca init")
    ca, out = OwnCa(folder), home_dir() / SIMULATED
    out.mkdir(mode=0o700, exist_ok=True)
    for identity, station_id in ids.items():
        found = await certificates.subject_of(tx, identity)
        assert found is not None, "it was entered a moment ago"
        path, key_path = files(out, identity)
        if key_path.exists() and _serves(path, ca):
            continue
        key = ec.generate_private_key(ec.SECP256R1())
        request = await asyncio.to_thread(_request, key, identity)
        signed = await ca.sign(request, found[1], RealClock().now())
        assert isinstance(signed, Signed), "our own authority signs at once"
        await certificates.enter(tx, station_id, signed, RealClock().now())
        write_secret(key_path, _pem(key))
        path.write_text(signed.chain_pem)
    return out


def _serves(path: Path, ca: OwnCa) -> bool:
    """Whether a certificate of an earlier run is this authority's and holds for another day."""
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return found.issuer == ca.root.subject and found.not_valid_after_utc > RealClock().now()


def _request(key: ec.EllipticCurvePrivateKey, identity: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, kind, plain)

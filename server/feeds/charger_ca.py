"""A small certificate authority of our own, for the gateway's certificate and those of stations: files in one folder.

The root signs leaves only. Its key never leaves the folder and is its owner's to read.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.core.certificate import Signed, Subject, read_chain

FOLDER = "ca"
ROOT_BITS, LEAF_BITS = 3_072, 2_048
ROOT_LASTS, SERVER_LASTS, STATION_LASTS = timedelta(days=3_650), timedelta(days=397), timedelta(days=730)
RENEW_SERVER = timedelta(days=30)
EARLIER = timedelta(days=1)
"""Valid from a day ago: clocks of stations are wrong."""
NAME_MAX = 64
"""X.520: common name and organization have 64 characters at most."""
Leaf = x509.CertificateSigningRequest | rsa.RSAPrivateKey


class OwnCa:
    """Signs what was checked before. RSA and SHA-256, because every station knows those."""

    def __init__(self, folder: Path) -> None:
        """An authority that is there: `folder` as `create` left it. Raises OSError and ValueError where it is not."""
        self.folder = folder
        self.root_path = folder / "ca.pem"
        self.root = x509.load_pem_x509_certificate(self.root_path.read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key

    async def sign(self, request_pem: str, subject: Subject, now: datetime) -> Signed | None:
        """A station's certificate: name and organization are ours to write, only the key is the request's."""
        return self.issue(x509.load_pem_x509_csr(request_pem.encode()), subject, now)

    def issue(self, asked: Leaf, subject: Subject, now: datetime) -> Signed:
        """A certificate for a client, as which a station connects."""
        return read_chain([self._leaf(asked, subject, STATION_LASTS, now)])

    def make_station(self, subject: Subject, now: datetime) -> tuple[bytes, Signed]:
        """Key (PEM) and certificate for a station that cannot make a request itself."""
        key = rsa.generate_private_key(65_537, LEAF_BITS)
        return _pem(key), self.issue(key, subject, now)

    def server_files(self, hosts: Sequence[str], now: datetime) -> tuple[Path, Path]:
        """The gateway's certificate and key, made anew where it has not these hosts or ends within a month."""
        certificate, key_path = self.folder / "server.pem", self.folder / "server.key"
        if not (certificate.exists() and key_path.exists() and self._serves(certificate, hosts, now)):
            key = rsa.generate_private_key(65_537, LEAF_BITS)
            leaf = self._leaf(key, Subject(hosts[0][:NAME_MAX], _organization(self.root)), SERVER_LASTS, now, hosts)
            write_secret(key_path, _pem(key))
            certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        return certificate, key_path

    def _serves(self, path: Path, hosts: Sequence[str], now: datetime) -> bool:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        same = set(names) == set(_names(hosts)) and found.issuer == self.root.subject
        return same and found.not_valid_after_utc > now + RENEW_SERVER

    def _leaf(
        self, asked: Leaf, subject: Subject, lasts: timedelta, now: datetime, hosts: Sequence[str] = ()
    ) -> x509.Certificate:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        key = asked.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject.identity, subject.organization))
            .issuer_name(self.root.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(min(now + lasts, self.root.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def create(folder: Path, organization: str, now: datetime) -> OwnCa:
    """A new authority. Raises FileExistsError where there is one: its stations would be lost."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / "ca.key").exists():
        raise FileExistsError(17, "there is an authority already", str(folder))
    key = rsa.generate_private_key(65_537, ROOT_BITS)
    name = _name(f"{organization} charger CA"[:NAME_MAX], organization)
    root = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + ROOT_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_secret(folder / "ca.key", _pem(key))
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return OwnCa(folder)


def write_secret(path: Path, content: bytes) -> None:
    """A file that only its owner reads, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common_name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:NAME_MAX]))
    return x509.Name(parts)


def _organization(root: x509.Certificate) -> str:
    return str(root.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Host names and addresses as a certificate says them."""
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_encipherment=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

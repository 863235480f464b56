"""A gateway with TLS ports, an authority of its own, and stations with keys and certificates."""

import asyncio
import functools
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from gateway_town import KEY, MemoryFlows, Town, basic
from websockets.asyncio.client import connect

from server.core.certificate import Subject
from server.feeds.charger_ca import OwnCa, create, write_secret
from server.gateway.door import NoDoorkeeper, StrangerAnswer
from server.gateway.listener import Gateway, GatewaySettings
from server.gateway.tls import Tls

WALL = datetime.now(UTC)
OWNER = "Dalstroom"
PARTY = Subject("CP1", OWNER)
HOSTS = ["127.0.0.1", "localhost"]


class MemoryDoor(NoDoorkeeper):
    """Remembers what it was told."""

    def __init__(self):
        self.entries, self.turned, self.gone, self.held, self.boots = [], [], set(), [], []
        self.holds = self.known = False

    async def admitted(self, station_id, entry):
        self.entries.append((station_id, entry))

    async def turned_away(self, station_id, why, profile):
        self.turned.append((station_id, str(why), profile))

    async def revoked(self, fingerprint):
        return fingerprint in self.gone

    async def hold(self, stranger):
        self.held.append(stranger)
        return self.holds

    async def stranger_boots(self, stranger, info):
        self.boots.append((stranger.identity, info))
        return StrangerAnswer(self.known, 60, WALL)


class SafeFlows(MemoryFlows):
    """Stations that belong to a party, and may have used a higher profile before."""

    def __init__(self):
        super().__init__()
        self.profiles, self.new_keys = {}, {}

    async def credential(self, identity):
        found = await super().credential(identity)
        more = {
            "organization": OWNER,
            "security_profile": self.profiles.get(identity, 1),
            "new_keys": self.new_keys.get(identity, ()),
        }
        return None if found is None else msgspec.structs.replace(found, **more)


class TlsTown(Town):
    """A town whose gateway has the ports that `settings` names."""

    def __init__(self, flows, gateway, ca: OwnCa, folder: Path, door: MemoryDoor):
        super().__init__(flows, gateway)
        self.ca, self.folder, self.door = ca, folder, door

    def paper(self, subject: Subject = PARTY, ca: OwnCa | None = None, now: datetime = WALL) -> tuple[Path, Path]:
        """A station's certificate and key, as files."""
        key, signed = (ca or self.ca).make_station(subject, now)
        name = f"{signed.serial}"
        (self.folder / f"{name}.key").write_bytes(key)
        (self.folder / f"{name}.pem").write_text(signed.chain_pem)
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def client(self, paper: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(self.ca.root_path))
        if paper is not None:
            made.load_cert_chain(*paper)
        return made

    @asynccontextmanager
    async def secure(
        self,
        paper=None,
        identity: str = "CP1",
        port: int | None = None,
        key: bytes | None = KEY,
        subprotocol: str = "ocpp1.6",
    ):
        """A station on a TLS port; without a `key` it sends no password."""
        port = port or self.gateway.tls_port
        headers = basic(identity, key) if key is not None else {}
        options = {
            "additional_headers": headers,
            "compression": None,
            "close_timeout": 1,
            "subprotocols": [subprotocol],
        }
        url = f"wss://127.0.0.1:{port}/ocpp/{identity}"
        async with connect(url, ssl=self.client(paper), **options) as socket:
            yield socket


@functools.cache
def authoritys_files() -> dict[str, bytes]:
    """Made once a process: its keys take a third of a second."""
    with tempfile.TemporaryDirectory() as folder:
        create(Path(folder), OWNER, WALL).server_files(HOSTS, WALL)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def authority(folder: Path) -> OwnCa:
    """The same one for all towns, with the gateway's certificate."""
    folder.mkdir(mode=0o700)
    for name, content in authoritys_files().items():
        write_secret(folder / name, content)
    return OwnCa(folder)


@asynccontextmanager
async def tls_town(folder: Path, **more) -> AsyncIterator[TlsTown]:
    """`more`: settings of the gateway and of its TLS (`static_rsa`)."""
    ca = await asyncio.to_thread(authority, folder / "ca")
    certificate, key = ca.server_files(HOSTS, WALL)
    files = Tls(certificate, key, ca.root_path, static_rsa=more.pop("static_rsa", False))
    flows, door = SafeFlows(), MemoryDoor()
    settings = {"port": 0, "tls_port": 0, "tls": files, "quiet_s": 0.0, **more}
    gateway = Gateway(flows, GatewaySettings(**settings), door)
    await gateway.start()
    try:
        yield TlsTown(flows, gateway, ca, folder, door)
    finally:
        await gateway.stop()


LONG_AGO = WALL - timedelta(days=900)

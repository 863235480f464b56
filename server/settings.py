"""What a server is started with, and where it keeps its things."""

import os
import re
import secrets
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from server.addresses import EVERYWHERE, Network, at_host, is_loopback, own_address

DEFAULT_HOME = "./var"
PORT_MAX = 65_535
HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")


class BadSetting(Exception):
    """A setting that cannot be used; the message is the one line that a person sees."""


class TlsSettings(msgspec.Struct, frozen=True):
    """How stations connect over TLS, where a port says so. Files in PEM; without them our own authority's.

    `charger_ca`: who else may sign certificates of stations; then ours does not. `hosts`: names and addresses in the
    certificate that ours makes for the gateway. `static_rsa`: also ciphers without forward secrecy.
    """

    port: int | None = None
    mtls_port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    charger_ca: Path | None = None
    hosts: tuple[str, ...] = ()
    static_rsa: bool = False

    @property
    def on(self) -> bool:
        """Whether any port speaks TLS."""
        return self.port is not None or self.mtls_port is not None


class PingSettings(msgspec.Struct, frozen=True):
    """How stations' lines are kept open, s of wall time. `every_s` None: no pings.

    `pong_within_s` None: a ping need not be answered, as some stations cannot; else a line without a pong is ended.
    """

    every_s: float | None = 60.0
    pong_within_s: float | None = None


class Settings(msgspec.Struct, frozen=True):
    """Ports of 0 mean: any free one. `database` "" means SQLite in `home`: dalstroom.db, or demo.db for a `demo`, which
    listens on the loopback only.

    `ocpp_port` None: no station connects without TLS. `strangers_of`: the party that may take in stations which
    connect and which nobody has added; "" where those are refused.
    `message_days`: how long the message log is kept. `public_url`: where stations reach the API, "" for host and port.
    `forward_to`: forwarding may call public addresses and these networks; None: any address.
    """

    home: Path
    port: int = 8000
    ocpp_port: int | None = 9000
    host: str = "127.0.0.1"
    database: str = ""
    demo: bool = False
    entsoe_token: str = ""
    online: bool = True
    tls: TlsSettings = TlsSettings()
    pings: PingSettings = PingSettings()
    strangers_of: str = ""
    message_days: int = 14
    public_url: str = ""
    forward_to: tuple[Network, ...] | None = None

    @property
    def named_host(self) -> str:
        """The host by which others reach us, "" where the server listens on all addresses and nobody named one."""
        if self.host not in EVERYWHERE:
            return self.host
        return self.tls.hosts[0] if self.tls.hosts else urlsplit(self.public_url).hostname or ""

    @property
    def reached_at(self) -> str:
        """The host by which others reach us: as it was named, else this machine's address."""
        return self.named_host or own_address()

    @property
    def database_url(self) -> str:
        """Where the truth is kept."""
        return self.database or f"sqlite:///{self.home / ('demo.db' if self.demo else 'dalstroom.db')}"


def home_dir() -> Path:
    """$DALSTROOM_HOME or ./var, made if absent.

    Raises:
        BadSetting: where it cannot be written to.
    """
    home = Path(os.environ.get("DALSTROOM_HOME") or DEFAULT_HOME).expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        said = f"{home}: cannot write there ({error.strerror}); set DALSTROOM_HOME to a folder of yours"
        raise BadSetting(said) from error
    return home


def check_ports(said: Sequence[tuple[str, int | None]]) -> None:
    """Options and the ports that they name: each possible, none named twice. None: not listened on; 0: any free one.

    Raises:
        BadSetting: naming the options.
    """
    named: dict[int, str] = {}
    for option, port in said:
        if port is not None and not 0 <= port <= PORT_MAX:
            raise BadSetting(f"{option} must lie between 0 and {PORT_MAX}, not {port}")
        if port and port in named:
            raise BadSetting(f"{named[port]} and {option} are both {port}: each needs a port of its own")
        if port:
            named[port] = option


def station_base(host: str, port: int, tls_port: int | None) -> str:
    """Where stations connect, less path and identity, for a server that is not asked: over TLS where a port is named.

    Raises:
        BadSetting: for what can be no port or no host.
    """
    option, number = ("--ocpp-port", port) if tls_port is None else ("--ocpps-port", tls_port)
    if not 1 <= number <= PORT_MAX:
        raise BadSetting(f"{option} must lie between 1 and {PORT_MAX}, not {number}")
    if not HOST.fullmatch(host):
        raise BadSetting(f"--host is a name or an address such as charge.example or 192.168.1.20, not {host}")
    return at_host(f"{'ws' if tls_port is None else 'wss'}://:{number}", host)


def message_days() -> int:
    """$DALSTROOM_MESSAGE_DAYS or 14: how many days the message log is kept.

    Raises:
        BadSetting: where it is no number of days.
    """
    said = os.environ.get("DALSTROOM_MESSAGE_DAYS", "") or "14"
    if not said.isdecimal() or not 1 <= int(said) <= 3650:
        raise BadSetting("DALSTROOM_MESSAGE_DAYS is a number of days from 1 to 3650")
    return int(said)


def public_url() -> str:
    """$DALSTROOM_PUBLIC_URL: where stations reach the API, without a slash at its end; "" for host and port.

    Raises:
        BadSetting: where it is no URL.
    """
    said = os.environ.get("DALSTROOM_PUBLIC_URL", "").strip().rstrip("/")
    try:
        parts = urlsplit(said)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        sound = False
    if said and not sound:
        raise BadSetting(f"DALSTROOM_PUBLIC_URL is an address such as https://charge.example, not {said}")
    return said


def forward_to(host: str) -> tuple[Network, ...] | None:
    """$DALSTROOM_FORWARD_TO: "any", or the networks that forwarding may call beside public addresses.

    Where nothing is said: any address on a server that only its own machine reaches, else public ones only.

    Raises:
        BadSetting: where it names no networks.
    """
    said = os.environ.get("DALSTROOM_FORWARD_TO", "").strip()
    if said == "any" or (not said and is_loopback(host)):
        return None
    try:
        return tuple(ip_network(one.strip()) for one in said.split(",") if one.strip() not in ("", "public"))
    except ValueError as error:
        raise BadSetting(f"DALSTROOM_FORWARD_TO is any, public, or networks such as 10.0.0.0/8: {error}") from error


def secret(home: Path) -> bytes:
    """The key that signs access tokens: made once, readable by the owner only."""
    path = home / "secret"
    if not path.exists():
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(32))
        fresh.rename(path)  # whole or not at all, whenever the process is killed
    return path.read_bytes()

"""Where a name that somebody else gave leads: looked at before it is called, for it may lead into our own network.

And where we are ourselves, as others see it.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE = frozenset(["0.0.0.0", "::"])  # noqa: S104 -- to know it, not to listen there
"""All addresses of a machine: where it listens, and nobody's way to it."""
NAME = re.compile(r"[0-9a-z.-]+|[0-9a-f:.]+")
ELSEWHERE = ("192.0.2.1", 9)
"""An address that is nobody's (RFC 5737)."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host: `localhost`, or an address of its loopback."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def opened_at(host: str) -> str:
    """The host by which this machine itself reaches a server that listens at one: nobody can go to all addresses."""
    if host not in EVERYWHERE:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def own_address() -> str:
    """This machine's address on its way to others, else its name. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def asked_host(header: str | None) -> str:
    """The host of a Host header, "" where that tells others nothing: this machine's name for itself, or no host."""
    try:
        name = urlsplit(f"//{header or ''}").hostname or ""
    except ValueError:
        return ""
    known = is_loopback(name) or name in EVERYWHERE or name.endswith(".localhost")
    return name if not known and NAME.fullmatch(name) else ""


def at_host(url: str, host: str) -> str:
    """A URL with another host and the same port and path."""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return parts._replace(netloc=(f"[{host}]" if ":" in host else host) + port).geturl()


async def looked_up(host: str | None, port: int) -> Address:
    """The first address of a name: the one that is looked at is to be the one that is called. Raises OSError."""
    found: list[Any] = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])


def is_open(address: Address, within: Sequence[Network] = ()) -> bool:
    """Whether everybody can reach an address, or it lies in one of some networks."""
    return address.is_global or any(address in network for network in within)

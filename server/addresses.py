"""Where a name that somebody else gave leads: looked at before it is called, for it may lead into our own network."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


async def looked_up(host: str | None, port: int) -> Address:
    """The first address of a name: the one that is looked at is to be the one that is called. Raises OSError."""
    found: list[Any] = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])


def is_open(address: Address, within: Sequence[Network] = ()) -> bool:
    """Whether everybody can reach an address, or it lies in one of some networks."""
    return address.is_global or any(address in network for network in within)

"""Whether somebody is still at the other end: pings that need no answer, and a kernel that counts.

A station's kernel confirms what it gets even where its OCPP client knows no pong, so TCP tells a dead line from a
station that answers no ping.
"""

import asyncio
import os
import socket
from collections.abc import Iterable

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

DEAD_AFTER_S = 300
"""A line on which nothing of ours was confirmed for so long is dead; else Linux goes on for a quarter of an hour."""


class PingedConnection(ServerConnection):
    """Pings as the library does; but where no answer is asked for, none is waited for either."""

    async def keepalive(self) -> None:
        """Ping at intervals. The library would keep every unanswered ping until the connection ends."""
        if self.ping_timeout is not None:
            await super().keepalive()
            return
        assert self.ping_interval is not None
        while True:
            await asyncio.sleep(self.ping_interval)
            _pong = await self.ping()
            self.pending_pings.clear()


def gave_up(connection: Connection) -> bool:
    """Whether it was we who ended the connection, because a pong was asked for and did not come."""
    protocol = connection.protocol
    sent = protocol.close_sent
    return sent is not None and sent.code == CloseCode.INTERNAL_ERROR and not protocol.close_rcvd_then_sent


def notice_the_dead(listening: Iterable[socket.socket]) -> None:
    """Let the kernel end lines that confirm nothing; what is accepted inherits it. Only Linux can."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    for one in listening:
        with socket.socket(fileno=os.dup(one.fileno())) as own:  # uvloop's sockets take no options
            own.setsockopt(socket.IPPROTO_TCP, option, DEAD_AFTER_S * 1000)

"""A listening socket closes without forgetting who stands on the threshold."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from websockets.asyncio.server import Server

TURNS_TO_COME_IN = 2
"""Of the loop: one makes the transport of a connection that was accepted, the next tells its protocol."""


async def take_no_more(servers: Iterable[Server], *, goodbye: bool = False) -> None:
    """Accept nobody from here on; whoever was accepted is a connection of its server, to be closed like the others.

    asyncio's own `Server.close` forgets a connection that was accepted a turn ago: its socket stays open until the
    collector finds it, and its peer waits as long (CPython's issue 109564, open in 3.14). So listening ends first.
    uvloop forgets nobody, but listens until the close itself, which is the library's next turn. Over TLS nobody is
    known before the handshake is done. Open connections are left alone, unless each is to hear a goodbye.
    """
    there, loop = list(servers), asyncio.get_running_loop()
    try:
        for listening in [one for server in there for one in server.sockets]:
            with suppress(NotImplementedError):  # on Windows' own loop
                loop.remove_reader(listening)
        await _turns()
    finally:
        for server in there:
            server.close(close_connections=goodbye)
    await _turns()


async def _turns() -> None:
    for _ in range(TURNS_TO_COME_IN):
        await asyncio.sleep(0)

"""Who dials as a gateway stops is not forgotten on the threshold."""

import asyncio
import gc
import socket
import warnings
from contextlib import suppress

import pytest
from gateway_town import MemoryFlows, until

from server.cli.commands import runner
from server.gateway.listener import Gateway, GatewaySettings

LOOPS = pytest.mark.parametrize("run", [asyncio.run, runner()], ids=["asyncio", "the faster loop"])


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def dial(port: int, late: int) -> socket.socket:
    """Connected after some turns of the loop; not connected where nobody listens any more."""
    await turns(late)
    dialled = socket.socket()
    with suppress(ConnectionRefusedError):
        dialled.connect(("127.0.0.1", port))
    dialled.setblocking(False)
    return dialled


async def hears(dialled: socket.socket) -> bytes:
    with suppress(OSError):  # reset, or never connected
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(dialled, 100), 2)
    return b""


async def stopped_while(dialling: int, stopping: int) -> None:
    """The gateway stops after so many turns, somebody dials after so many."""
    gateway = Gateway(MemoryFlows(), GatewaySettings(port=0))
    await gateway.start()
    task = asyncio.create_task(dial(gateway.port, dialling))
    await turns(stopping)
    await asyncio.wait_for(gateway.stop(), 5)
    with await task as dialled:
        assert not await hears(dialled)


@LOOPS
@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("first", ["who dials", "the gateway"])
def test_whoever_dials_as_it_stops_is_let_go_of(run, number, first):
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        run(stopped_while(*((0, number) if first == "who dials" else (number, 0))))
        gc.collect()
    assert not [str(one.message) for one in unclosed if one.category is ResourceWarning]


@LOOPS
def test_who_hangs_up_before_its_handshake_is_not_held(run):
    async def scan():
        gateway = Gateway(MemoryFlows(), GatewaySettings(port=0))
        await gateway.start()
        (server,) = gateway._servers.values()
        with await dial(gateway.port, 0):
            await until(lambda: server.all_connections)
        await until(lambda: not server.all_connections)
        await gateway.stop()

    run(scan())

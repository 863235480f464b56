"""Who dials as a gateway stops is not forgotten on the threshold."""

import asyncio
import gc
import socket
import warnings
from contextlib import suppress

import pytest

from server.gateway.listener import Gateway, GatewaySettings


@pytest.mark.parametrize("turns", range(6))
async def test_whoever_was_accepted_as_it_stops_is_let_go_of(flows, turns):
    gateway = Gateway(flows, GatewaySettings(port=0))
    await gateway.start()
    with socket.create_connection(("127.0.0.1", gateway.port)) as dialled:
        dialled.setblocking(False)
        for _ in range(turns):  # accepting takes several
            await asyncio.sleep(0)
        with warnings.catch_warnings(record=True) as unclosed:
            warnings.simplefilter("always")
            await gateway.stop()
            with suppress(ConnectionResetError):
                heard = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(dialled, 100), 1)
                assert not heard
            gc.collect()
    assert not unclosed

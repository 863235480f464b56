"""Where many lines break in one moment they are told of in turns; a few at once."""

import asyncio
import json
import socket as sockets
import struct
from contextlib import AsyncExitStack

import pytest
import uvloop
from gateway_town import KEY, MemoryFlows, Town, station_of, until

from server.gateway import farewells
from server.gateway.farewells import AT_ONCE, Farewells
from server.gateway.listener import Gateway, GatewaySettings


async def test_as_many_as_a_round_bears_are_told_of_at_once_and_the_rest_in_its_next_rounds_in_order():
    told, some = [], Farewells()
    for number in range(2 * AT_ONCE + 5):
        some.say(lambda number=number: told.append(number))
    assert told == list(range(AT_ONCE))
    await asyncio.sleep(0)
    assert told == list(range(2 * AT_ONCE))
    some.say(lambda: told.append("late"))
    assert told[-1] != "late", "who came before is told of before"
    await asyncio.sleep(0)
    assert told == [*range(2 * AT_ONCE + 5), "late"]
    await asyncio.sleep(0)
    some.say(lambda: told.append("again"))
    assert told[-1] == "again", "a new round has room"


async def test_stations_whose_lines_break_together_are_all_told_of(town, monkeypatch):
    monkeypatch.setattr(farewells, "AT_ONCE", 1)
    monkeypatch.setattr(town.gateway, "_farewells", Farewells())
    names = [f"CP{number}" for number in range(1, 6)]
    town.flows.keys.update(dict.fromkeys(names, KEY))
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(town.station(name)) for name in names]
        await town.quiet()
        for line in lines:
            line.transport.abort()
        await until(lambda: len(town.flows.told("disconnected")) == len(names))
    assert not any(town.gateway.online(station_of(name)) for name in names)


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_what_came_by_a_broken_line_is_handled_before_its_turn_and_after(run):
    run(_answered_too_late())


async def _answered_too_late():
    """A line breaks while a call is handled and another waits; the answers come while its farewell waits too."""
    flows = MemoryFlows()
    flows.holds = "heartbeat"
    flows.gate.clear()
    gateway = Gateway(flows, GatewaySettings(port=0))
    await gateway.start()
    some, status = gateway._farewells, {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    try:
        async with Town(flows, gateway).station() as socket:
            await socket.send(json.dumps([2, "1", "Heartbeat", {}]))
            await socket.send(json.dumps([2, "2", "StatusNotification", status]))
            await until(lambda: gateway.counts["frames_in"] == 2)
            some._left = 0
            linger = struct.pack("ii", 1, 0)  # an end without a word: RST
            socket.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger)
            socket.transport.abort()
            await until(lambda: some._waiting)
            flows.gate.set()
            await until(lambda: flows.told("heartbeat"))
            await asyncio.sleep(0.02)
            some._go_on()
            await until(lambda: flows.told("disconnected"))
        assert len(flows.told("status")) == 1
        assert gateway.counts["answers_lost"] == 2
    finally:
        some._go_on()
        await gateway.stop()

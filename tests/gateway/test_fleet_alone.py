"""Quirks of `dalstroom simulate` that show only at a server that provokes them, at one written by hand."""

import asyncio
import json

import pytest
from fleet_town import Fleet, FleetFlows, fleet_gateway, url_of
from gateway_town import KEY, until
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.run import simulate

NOW = "2026-11-21T04:05:06Z"
STATION = "SIM-00001"


class Server:
    """Answers what a server must, and does something of its own to each connection first."""

    def __init__(self, does, now=NOW):
        self.does, self.now, self.heads, self.heard = does, now, [], []

    async def __call__(self, socket):
        self.heads.append(socket.request)
        tasks = [asyncio.create_task(self.does(socket, len(self.heads)))]
        try:
            async for raw in socket:
                kind, message_id, *rest = json.loads(raw)
                self.heard.append(rest[0] if kind == 2 else kind)
                if kind == 2:
                    answer = {"status": "Accepted", "currentTime": self.now, "interval": 1, "transactionId": 1}
                    answer["idTagInfo"] = {"status": "Accepted"}
                    await socket.send(json.dumps([3, message_id, answer]))
        except ConnectionClosed:
            return
        finally:
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def boots(self):
        return self.heard.count("BootNotification")


async def nothing(_socket, _number):
    return


async def told_by(server, seconds=0.5, **more):
    """Let one station live at a server by hand, and see what it did."""
    async with serve(server, "127.0.0.1", 0, subprotocols=["ocpp1.6"], ping_interval=None) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ocpp"
        usual = {"stations": 1, "key": "ab", "charging": 1.0, "reading_s": 0.2, "drain_s": 1.0, "back_s": 0.1}
        return await simulate(FleetPlan(url=url, seconds=seconds, **{**usual, **more}))


@pytest.mark.parametrize("quirk", ["", "gone_after_close"])
async def test_who_is_told_goodbye_comes_back_or_not(quirk):
    async def goodbye(socket, number):
        if number == 1:
            await asyncio.sleep(0.1)
            await socket.close()

    server = Server(goodbye)
    await told_by(server, 0.5, quirks=(quirk,) if quirk else ())
    assert len(server.heads) == (1 if quirk else 2)


@pytest.mark.parametrize("quirk", ["", "boots_again"])
async def test_who_is_asked_before_its_boot_is_answered_starts_anew_or_answers(quirk):
    async def asks(socket, number):
        if number == 1:
            await socket.send(json.dumps([2, "x", "GetConfiguration", {}]))

    server = Server(asks)
    await told_by(server, 0.5, quirks=(quirk,) if quirk else ())
    assert len(server.heads) == (2 if quirk else 1)
    assert (3 in server.heard) == (not quirk)


@pytest.mark.parametrize(
    ("now", "boots"), [(NOW, 1), ("2026-11-21T04:05:06.123Z", 2), ("2026-11-21T04:05:06+00:00", 2)]
)
async def test_who_is_strict_about_time_boots_again(now, boots):
    server = Server(nothing, now)
    await told_by(server, 1.3, quirks=("strict_time",))
    assert server.boots >= boots
    assert (server.boots == 1) == (boots == 1)


@pytest.mark.parametrize("quirk", ["", "no_pong"])
async def test_who_answers_no_ping(quirk):
    answered = []

    async def pings(socket, _number):
        waiter = await socket.ping()
        await asyncio.wait({waiter}, timeout=0.2)
        answered.append(waiter.done() and waiter.exception() is None)

    await told_by(Server(pings), 0.4, quirks=(quirk,) if quirk else ())
    assert answered[0] is (not quirk)


async def test_a_handshake_without_upgrade_or_subprotocol_is_what_it_says():
    heads = []

    async def raw(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.close()

    listening = await asyncio.start_server(raw, "127.0.0.1", 0)
    async with listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ocpp"
        for names in ((), ("odd_connection", "no_subprotocol", "odd_identity")):
            await simulate(FleetPlan(1, url, "ab", seconds=0.1, drain_s=0, quirks=names))
    plain, odd = heads[0], heads[-1]
    assert "Connection: Upgrade" in plain
    assert "Sec-WebSocket-Protocol: ocpp1.6" in plain
    assert plain.startswith("GET /ocpp/SIM-00001 ")
    assert "Connection:" not in odd
    assert "Sec-WebSocket-Protocol" not in odd
    assert odd.startswith("GET /ocpp/depot/7/SIM-00001%7C%C3%9F%2F1 ")


@pytest.mark.parametrize(("status", "knocks_again"), [("401 Unauthorized", False), ("503 Busy", True)])
async def test_who_is_refused_goes_and_who_finds_a_busy_server_knocks_again(status, knocks_again):
    heads = []

    async def raw(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(raw, "127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ocpp"
        await simulate(FleetPlan(1, url, "ab", seconds=0.5, back_s=0.05))
    assert (len(heads) > 1) is knocks_again


async def test_offline_events_are_marked_unless_the_quirk_takes_the_mark_away():
    marks = {}
    for quirk in ((), ("offline_as_live",)):
        flows = FleetFlows()
        async with fleet_gateway(flows) as gateway:
            usual = {"version": "2.0.1", "charging": 1.0, "reading_s": 0.1, "back_s": 0.4, "quirks": quirk}
            plan = FleetPlan(1, url_of(gateway), KEY.decode(), **usual)
            running = Fleet(plan)
            await until(lambda told=flows: told.calls(STATION, "TransactionEvent"))
            for connection in set(next(iter(gateway._servers.values())).all_connections):
                connection.transport.abort()
            await until(lambda told=flows: len(told.told("connected")) == 2)
            await until(lambda told=flows: len(told.calls(STATION, "TransactionEvent")) > 8)
            report = await running.ends()
        assert report.figures.reconnected == 1
        marks[quirk] = any(event.get("offline") for event in flows.calls(STATION, "TransactionEvent"))
    assert list(marks.values()) == [True, False]

"""Lines come, break, come back and end."""

import asyncio
import json
import socket as sockets
import time

import pytest
from gateway_town import KEY, MemoryFlows, Town, ask, station_of, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from server.gateway.listener import Gateway, GatewaySettings
from server.gateway.liveness import DEAD_AFTER_S
from server.gateway.v16 import commands as c

CP1 = station_of("CP1")


def kinds(flows: MemoryFlows) -> list[str]:
    return [what for _, what, _ in flows.heard]


async def test_a_station_is_online_from_sign_in_to_the_end_of_its_socket(town):
    async with town.station():
        assert town.gateway.online(CP1)
        await town.quiet()
        assert kinds(town.flows) == ["connected"]
    await town.quiet()
    assert not town.gateway.online(CP1)
    (connected,), (disconnected,) = town.flows.told("connected"), town.flows.told("disconnected")
    assert connected == disconnected


async def test_the_newest_socket_wins_and_the_end_of_the_old_one_is_no_end_of_the_station(town):
    async with town.station() as old:
        await town.quiet()
        async with town.station() as new:
            with pytest.raises(ConnectionClosedError):
                await asyncio.wait_for(old.recv(), 30)
            await town.quiet()
            assert town.gateway.online(CP1)
            assert (await ask(new, "Heartbeat", {}))[0] == 3
            assert kinds(town.flows) == ["connected", "connected", "heartbeat"]
            asked = asyncio.create_task(town.gateway.call(CP1, c.Reset("Soft"), 5))
            call = json.loads(await asyncio.wait_for(new.recv(), 5))
            await new.send(json.dumps([3, call[1], {"status": "Accepted"}]))
            assert (await asked).accepted
    await town.quiet()
    assert kinds(town.flows)[-1] == "disconnected"
    assert town.flows.told("disconnected") == town.flows.told("connected")[1:]


@pytest.mark.parametrize(("who", "ours"), [("station", False), ("dropped", True), ("server", True)])
async def test_whose_end_of_a_connection_it_was_is_told(flows, settings, who, ours):
    gateway = Gateway(flows, settings)
    await gateway.start()
    town = Town(flows, gateway)
    async with town.station() as socket:
        await town.quiet()
        if who == "station":
            socket.transport.abort()
        elif who == "dropped":
            assert gateway.drop(CP1)
        else:
            await gateway.stop()
        await until(lambda: flows.told("disconnected"))
    await gateway.stop()
    assert flows.ended_by_us == [ours]


@pytest.mark.skipif(not hasattr(sockets, "TCP_USER_TIMEOUT"), reason="only Linux counts what is not confirmed")
async def test_the_kernel_ends_lines_on_which_nobody_confirms_anything(town):
    async with town.station():
        await town.quiet()
        (connection,) = next(iter(town.gateway._servers.values())).connections
        accepted = connection.transport.get_extra_info("socket")
        waits = accepted.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT)
    assert waits == DEAD_AFTER_S * 1000


async def test_a_call_on_the_old_socket_ends_when_the_new_one_comes(town):
    async with town.station() as old:
        asked = asyncio.create_task(town.gateway.call(CP1, c.Reset("Soft"), 60))
        await asyncio.wait_for(old.recv(), 30)
        async with town.station():
            assert (await asyncio.wait_for(asked, 2)).status == "offline"


async def test_what_came_by_the_old_socket_is_handled_before_what_comes_by_the_new(town):
    town.flows.holds = "authorize"
    town.flows.gate.clear()
    async with town.station() as old:
        await old.send(json.dumps([2, "1", "Authorize", {"idTag": "TAG"}]))
        await until(lambda: town.gateway.counts["frames_in"] == 1)
        async with town.station() as new:
            beat = asyncio.create_task(ask(new, "Heartbeat", {}, "2"))
            await until(lambda: town.gateway.counts["frames_in"] == 2)
            assert kinds(town.flows) == ["connected"]
            town.flows.gate.set()
            assert (await beat)[:2] == [3, "2"]
    assert kinds(town.flows)[:4] == ["connected", "authorize", "connected", "heartbeat"]


async def test_an_end_still_being_reported_comes_before_the_next_beginning(town):
    town.flows.holds = "disconnected"
    town.flows.gate.clear()
    async with town.station():
        await town.quiet()
    await until(lambda: not town.gateway.online(CP1))
    assert (town.gateway.pending(), town.gateway.idle) == (1, False)
    async with town.station():
        await until(lambda: town.gateway.online(CP1))
        assert kinds(town.flows) == ["connected"]
        town.flows.gate.set()
        await town.quiet()
        assert kinds(town.flows) == ["connected", "disconnected", "connected"]


async def test_a_station_whose_coming_cannot_be_kept_is_let_go_and_may_try_again(town):
    town.flows.fails = lambda what: what == "connected"
    async with town.station() as socket:
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(socket.recv(), 30)
    await town.quiet()
    assert not town.gateway.online(CP1)
    town.flows.fails = lambda _what: False
    async with town.station() as socket:
        assert (await ask(socket, "Heartbeat", {}))[0] == 3


@pytest.mark.parametrize("kind", ["authorize", "connected", "status"])
async def test_pending_is_not_over_while_a_flow_works(town, kind):
    town.flows.holds = kind
    town.flows.gate.clear()
    async with town.station() as socket:
        await socket.send(json.dumps([2, "1", "Authorize", {"idTag": "TAG"}]))
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await socket.send(json.dumps([2, "2", "StatusNotification", status]))
        before = ["connected", "authorize", "status"].index(kind)
        await until(lambda: town.gateway.counts["frames_in"] == 2 and len(town.flows.heard) == before)
        assert (town.gateway.pending(), town.gateway.idle) == (3 - before, False)
        town.flows.gate.set()
        await town.quiet()
        assert (town.gateway.pending(), town.gateway.idle) == (0, True)
        assert kinds(town.flows) == ["connected", "authorize", "status"]


async def test_pending_counts_a_sign_in(town):
    hold = asyncio.Event()
    find = town.flows.credential

    async def slowly(identity):
        await hold.wait()
        return await find(identity)

    town.flows.credential = slowly
    coming = asyncio.create_task(_stay(town))
    await until(lambda: town.gateway.pending() == 1)
    assert not town.gateway.idle
    hold.set()
    await coming


async def _stay(town: Town) -> None:
    async with town.station():
        await town.quiet()


@pytest.fixture
async def lone() -> Town:
    flows = MemoryFlows()
    return Town(flows, Gateway(flows, GatewaySettings(port=0, quiet_s=0.0)))


async def test_stopping_lets_go_of_the_sockets_without_a_closing_handshake(lone):
    await lone.gateway.start()
    async with lone.station() as socket:
        await lone.quiet()
        began = time.monotonic()
        await lone.gateway.stop()
        assert time.monotonic() - began < 1
        with pytest.raises(ConnectionClosedError) as caught:
            await asyncio.wait_for(socket.recv(), 30)
    assert caught.value.rcvd is None
    assert kinds(lone.flows) == ["connected", "disconnected"]
    assert lone.gateway.pending() == 0


async def test_stopping_may_say_goodbye_where_that_is_wanted():
    flows = MemoryFlows()
    lone = Town(flows, Gateway(flows, GatewaySettings(port=0, drop_on_stop=False)))
    await lone.gateway.start()
    async with lone.station() as socket:
        await lone.quiet()
        stopping = asyncio.create_task(lone.gateway.stop())
        with pytest.raises((ConnectionClosedError, ConnectionClosedOK)) as caught:
            await asyncio.wait_for(socket.recv(), 30)
        await stopping
    assert caught.value.rcvd.code == 1012


async def test_stopping_lets_the_call_in_hand_finish(lone):
    await lone.gateway.start()
    lone.flows.holds = "authorize"
    lone.flows.gate.clear()
    async with lone.station() as socket:
        asked = asyncio.create_task(ask(socket, "Authorize", {"idTag": "TAG"}))
        await until(lambda: lone.gateway.counts["frames_in"] == 1)
        stopping = asyncio.create_task(lone.gateway.stop())
        await asyncio.sleep(0.05)
        lone.flows.gate.set()
        assert (await asked)[0] == 3
        await stopping


async def test_stopping_takes_no_longer_than_two_seconds_whatever_hangs(lone):
    await lone.gateway.start()
    lone.flows.holds = "authorize"
    lone.flows.gate.clear()
    _, silent = await asyncio.open_connection("127.0.0.1", lone.gateway.port)
    async with lone.station() as socket:
        await socket.send(json.dumps([2, "1", "Authorize", {"idTag": "TAG"}]))
        await socket.send("[")
        asked = asyncio.create_task(lone.gateway.call(CP1, c.Reset("Soft"), 60))
        await until(lambda: lone.gateway.pending() == 3)
        began = time.monotonic()
        await lone.gateway.stop()
        assert time.monotonic() - began < 2
        assert (await asked).status == "offline"
    silent.close()


async def test_stopping_twice_or_before_the_start_is_nothing(lone):
    await lone.gateway.stop()
    await lone.gateway.start()
    await lone.gateway.stop()
    await lone.gateway.stop()


async def test_a_port_in_use_is_an_os_error(town):
    with pytest.raises(OSError, match="address already in use"):
        await Gateway(town.flows, GatewaySettings(port=town.gateway.port)).start()


async def test_while_it_stops_nobody_gets_in(lone):
    await lone.gateway.start()
    url = lone.url("CP1")
    await lone.gateway.stop()
    with pytest.raises((OSError, InvalidStatus)):
        async with connect(url):
            pass


async def test_a_station_that_breaks_off_in_the_middle_of_a_frame_leaves_nothing_behind(town):
    async with town.station() as socket:
        await town.quiet()
        raw = socket.transport.get_extra_info("socket")
        assert isinstance(raw.family, sockets.AddressFamily)
        socket.transport.write(b"\x81\xfe\x10\x00\x00\x00\x00\x00half")
        await asyncio.sleep(0.02)
        socket.transport.abort()
    await town.quiet()
    assert not town.gateway.online(CP1)
    assert kinds(town.flows) == ["connected", "disconnected"]


STATIONS = 200


async def _shift(town: Town, identity: str) -> list:
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-21T04:00:00Z"}
    async with town.station(identity) as socket:
        said = [await ask(socket, "BootNotification", {"chargePointVendor": "V", "chargePointModel": identity}, "1")]
        said.append(await ask(socket, "StartTransaction", start, "2"))
        asked = asyncio.create_task(town.gateway.call(station_of(identity), c.UnlockConnector(1), 20))
        call = json.loads(await asyncio.wait_for(socket.recv(), 20))
        await socket.send(json.dumps([3, call[1], {"status": "Unlocked"}]))
        assert (await asked).answer == c.StatusAnswer("Unlocked")
        sampled = {"timestamp": "2026-11-21T04:15:00Z", "sampledValue": [{"value": "100"}]}
        for number in range(5):
            values = {"connectorId": 1, "transactionId": 1, "meterValue": [sampled]}
            said.append(await ask(socket, "MeterValues", values, f"m{number}"))
    return said


async def test_two_hundred_stations_at_once_twice_over(town):
    names = [f"CP-{number}" for number in range(STATIONS)]
    town.flows.keys = dict.fromkeys(names, KEY)
    for _ in range(2):
        async with asyncio.timeout(60):
            said = await asyncio.gather(*(_shift(town, name) for name in names))
        assert all(answer[0] == 3 for answers in said for answer in answers)
        await town.quiet()
        assert not any(town.gateway.online(station_of(name)) for name in names)
    assert len(town.flows.told("readings")) == 2 * 5 * STATIONS
    assert len(town.flows.told("connected")) == len(town.flows.told("disconnected")) == 2 * STATIONS


async def test_a_storm_of_stations_that_drop_and_come_back_ends_with_each_on_its_newest_line(town):
    names = [f"CP-{number}" for number in range(50)]
    town.flows.keys = dict.fromkeys(names, KEY)
    async with asyncio.timeout(30):
        await asyncio.gather(*(_storm(town, name) for name in names))
        await town.quiet()
    by_station = {name: [kind for who, kind, _ in town.flows.heard if who == station_of(name)] for name in names}
    assert all(kinds_of[-1] == "disconnected" for kinds_of in by_station.values())
    assert town.gateway.counts["handler_failures"] == 0


async def _storm(town: Town, name: str) -> None:
    for _ in range(3):
        async with town.station(name) as one, town.station(name) as two:
            assert (await ask(two, "Heartbeat", {}))[0] == 3
            one.transport.abort()
            two.transport.abort()

"""Stations that nobody added: refused, or held until somebody takes them in."""

import asyncio
import hashlib
import json
import time

import pytest
from gateway_town import KEY, ask, basic
from test_signin import refused
from tls_town import tls_town
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.core.reports import BootInfo
from server.gateway import reception, strangers

BOOT_16 = {"chargePointVendor": "Maker", "chargePointModel": "Box"}
BOOT_201 = {"reason": "PowerUp", "chargingStation": {"vendorName": "Maker", "model": "Box"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(strangers, "PACE_S", 0.0)


@pytest.fixture
async def town(tmp_path):
    async with tls_town(tmp_path) as made:
        made.door.holds = True
        yield made


def stranger(town, identity="NEW-1", key=KEY):
    return connect(
        town.url(identity), additional_headers=basic(identity, key), subprotocols=["ocpp1.6"], close_timeout=1
    )


async def test_a_stranger_is_refused_where_nobody_takes_any_in_as_before(town):
    town.door.holds = False
    assert (await refused(town.url("NEW-1"), basic("NEW-1"))).status_code == 401
    assert town.gateway.counts["sign_ins_refused"] == 1


@pytest.mark.parametrize("boot", [BOOT_16, BOOT_201])
async def test_a_held_stranger_hears_pending_and_nothing_of_it_reaches_the_flows_b_02(town, boot):
    async with stranger(town) as socket:
        answer = await ask(socket, "BootNotification", boot)
        assert (answer[0], answer[2]["status"], answer[2]["interval"]) == (3, "Pending", 60)
        assert answer[2]["currentTime"].endswith("Z")
        for action in ("Heartbeat", "Authorize", "StartTransaction", "TransactionEvent"):
            assert (await ask(socket, action, {"idTag": "CARD"}))[:3] == [4, "1", "SecurityError"]
    assert town.flows.heard == []
    assert town.door.boots == [("NEW-1", BootInfo("Maker", "Box"))]
    (held,) = town.door.held
    assert (held.identity, held.address, held.profile) == ("NEW-1", "127.0.0.1", 1)
    assert held.key_sha256 == hashlib.sha256(KEY).digest()


async def test_once_taken_in_its_next_boot_sends_it_away_to_come_back_as_a_station(town):
    async with stranger(town) as socket:
        town.door.known = True
        await socket.send(json.dumps([2, "1", "BootNotification", BOOT_16]))
        assert json.loads(await socket.recv())[2]["status"] == "Pending"
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 30)


@pytest.mark.parametrize("headers", [{}, basic("OTHER"), basic("NEW-1", b"")])
async def test_who_shows_no_key_or_another_name_is_refused(town, headers):
    assert (await refused(town.url("NEW-1"), headers)).status_code == 401
    assert town.door.held == []


async def test_a_known_stations_wrong_key_is_never_held(town):
    assert (await refused(town.url("CP1"), basic("CP1", b"wrong"))).status_code == 401
    assert town.door.held == []


async def test_a_stranger_that_talks_without_end_or_too_big_is_let_go(town, monkeypatch):
    monkeypatch.setattr(strangers, "FRAMES_MAX", 5)
    async with stranger(town) as socket:
        for _ in range(5):
            assert (await ask(socket, "Heartbeat", {}))[0] == 4
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 30)
    async with stranger(town) as socket:
        await socket.send("x" * 100_000)
        await socket.send(json.dumps([2, "1", "BootNotification", {"chargePointVendor": "v" * 900}]))
        assert json.loads(await socket.recv())[0] == 3
    assert len(town.door.boots[-1][1].vendor) == strangers.TEXT_MAX


async def test_only_so_many_strangers_are_held_at_a_time(town, monkeypatch):
    monkeypatch.setattr(strangers, "HELD_MAX", 1)
    async with stranger(town) as first:
        await ask(first, "BootNotification", BOOT_16)
        async with stranger(town, "NEW-2") as second:
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(second.recv(), 5)
        assert caught.value.rcvd.code == 1013
    async with stranger(town, "NEW-2") as third:
        assert (await ask(third, "BootNotification", BOOT_16))[0] == 3


async def test_from_one_address_only_so_many_strangers_are_written_down(town, monkeypatch):
    monkeypatch.setattr(reception, "STRANGERS_OF_ADDRESS", 2)
    for number in (1, 2):
        async with stranger(town, f"NEW-{number}") as socket:
            await ask(socket, "BootNotification", BOOT_16)
    assert (await refused(town.url("NEW-3"), basic("NEW-3"))).status_code == 401
    assert [one.identity for one in town.door.held] == ["NEW-1", "NEW-2"]
    async with town.station("CP1"):
        pass


async def test_a_stranger_that_talks_fast_is_heard_slowly(town, monkeypatch):
    monkeypatch.setattr(strangers, "PACE_S", 0.1)
    async with stranger(town) as socket:
        for number in range(4):
            await socket.send(json.dumps([2, str(number), "BootNotification", BOOT_16]))
        began = time.monotonic()
        for _ in range(4):
            await socket.recv()
    assert time.monotonic() - began > 0.25

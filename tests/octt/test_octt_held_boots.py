"""A station that its operator holds: Pending and Rejected boots, in 1.6 and 2.0.1 (TC_B_02, TC_B_30, TC_B_31)."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from gateway_town import basic
from small_town import HOME_STATION, NOW, STATION_KEY
from websockets.asyncio.client import connect

from server.flows import admission, operating
from server.main.station_port import GatewayStations
from server.storage import outbox, sessions, stations
from server.storage.outbox import Task
from server.workers import admission as worker
from server.workers import replan

BOOTS = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "ocpp2.0.1": {"chargingStation": {"model": "M", "vendorName": "V"}, "reason": "PowerUp"},
}
BOTH = pytest.mark.parametrize("version", BOOTS)
START = {"connectorId": 1, "idTag": "ANNA-CARD", "meterStart": 0, "timestamp": "2025-01-15T18:00:00Z"}
ALARM = {"type": "SettingSystemTime", "timestamp": "2025-01-15T18:00:00Z"}


class Line:
    """A station that says one thing and hears the answer."""

    def __init__(self, socket, version) -> None:
        self.socket, self.version, self.count = socket, version, 0

    async def says(self, action, payload) -> list:
        self.count += 1
        await self.socket.send(json.dumps([2, str(self.count), action, payload]))
        return json.loads(await asyncio.wait_for(self.socket.recv(), 30))

    async def boots(self) -> dict:
        return (await self.says("BootNotification", BOOTS[self.version]))[2]

    async def is_triggered(self, work, status="Accepted"):
        """It is asked to say something, and answers this; what it was asked, and what we made of it."""
        asked = asyncio.create_task(work)
        _, message_id, action, payload = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        await self.socket.send(json.dumps([3, message_id, {"status": status}]))
        return action, payload, await asked


@asynccontextmanager
async def line(case, version):
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/HOME-1"
    headers = basic("HOME-1", STATION_KEY.encode())
    async with connect(url, additional_headers=headers, subprotocols=[version]) as socket:
        yield Line(socket, version)


async def hold(case, status):
    async with case.db.begin() as tx:
        await admission.set_to(tx, await stations.get(tx, HOME_STATION), status, NOW)


async def due(case, kind):
    async with case.db.read() as tx:
        return [task for task in await outbox.due(tx, NOW) if task.kind == kind]


def context(case):
    return SimpleNamespace(stations=GatewayStations(case.gateway), db=case.db, clock=case.clock)


@BOTH
@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_a_station_that_is_held_serves_nobody_until_it_is_accepted(case, version, status):
    await hold(case, status)
    async with line(case, version) as station:
        said = await station.boots()
        assert (said["status"], said["interval"]) == (status, 300)
        for action, payload in (("Heartbeat", {}), ("StartTransaction", START)):
            assert (await station.says(action, payload))[:3] == [4, str(station.count), "SecurityError"]
        assert (await station.says("SecurityEventNotification", ALARM))[0] == 3  # alarms are heard
        assert await due(case, "ask_transaction") == []
        assert await replan.configure(context(case), Task(1, "configure", str(HOME_STATION), "{}", NOW, 0)) == "held"
        await hold(case, "Accepted")
        (task,) = await due(case, "ask_boot")
        action, payload, became = await station.is_triggered(worker.ask_boot(context(case), task))
        assert (action, payload, became) == ("TriggerMessage", {"requestedMessage": "BootNotification"}, "accepted")
        assert (await station.boots())["status"] == "Accepted"
        assert (await station.says("Heartbeat", {}))[0] == 3
    async with case.db.read() as tx:
        assert await sessions.in_order(tx) == []
        seen = [
            one.admission
            for one in await operating.stations_of(tx, (await stations.get(tx, HOME_STATION)).party_id, NOW)
        ]
    assert set(seen) == {"Accepted"}
    assert len(await due(case, "configure")) == 1


@BOTH
async def test_while_it_waits_it_may_say_what_it_was_asked_to_say(case, version):
    await hold(case, "Pending")
    async with line(case, version) as station:
        await station.boots()
        work = GatewayStations(case.gateway).trigger(HOME_STATION, "Heartbeat")
        assert (await station.is_triggered(work))[2].accepted
        assert (await station.says("Heartbeat", {}))[0] == 3
        assert (await station.says("StatusNotification", {}))[2] == "SecurityError"


@BOTH
async def test_one_that_comes_back_without_a_boot_is_held_too(case, version):
    await hold(case, "Pending")
    async with line(case, version) as station:
        assert (await station.says("Heartbeat", {}))[2] == "SecurityError"


async def test_one_that_works_is_asked_to_boot_and_is_held_from_then_on(case):
    async with line(case, "ocpp1.6") as station:
        assert (await station.boots())["status"] == "Accepted"
        await hold(case, "Pending")
        (task,) = await due(case, "ask_boot")
        _, _, became = await station.is_triggered(worker.ask_boot(context(case), task), "Rejected")
        assert became == "rejected"
        assert (await station.says("Heartbeat", {}))[0] == 3  # it goes on until it connects anew
        await station.is_triggered(worker.ask_boot(context(case), task))
        assert (await station.boots())["status"] == "Pending"
        assert (await station.says("Heartbeat", {}))[2] == "SecurityError"

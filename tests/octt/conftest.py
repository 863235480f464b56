"""The official cases of OCPP 2.0.1 (OCTT, CSMS): a gateway on a real socket, the small town's database behind it."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
from gateway_town import MemoryFlows, Town, basic
from operators_line import Desk, operated
from small_town import NOW, STATION_KEY
from v2_station import judge_result
from websockets.asyncio.client import connect

from server.clock import SteppedClock
from server.gateway.listener import Gateway, GatewaySettings
from server.main.gateway_flows import GatewayFlows
from server.storage.db import Database

VERSION = "ocpp2.0.1"
MINUTE = timedelta(minutes=1)


class Teller:
    """One 2.0.1 station of the small town: a minute passes with all that it tells, and each answer is judged."""

    def __init__(self, socket, clock: SteppedClock) -> None:
        self.socket, self.clock, self.seq_no, self.count = socket, clock, 0, 0
        self.register_wh = 100_000

    def now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def tell(self, action: str, **payload) -> dict:
        self.count += 1
        await self.socket.send(json.dumps([2, str(self.count), action, payload]))
        kind, message_id, answer = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        assert (kind, message_id) == (3, str(self.count)), answer
        judge_result(VERSION, action, answer)
        return answer

    async def status(self, said: str, connector: int = 1) -> None:
        said_of = {"evseId": 1, "connectorId": connector}
        await self.tell("StatusNotification", timestamp=self.now(), connectorStatus=said, **said_of)

    async def event(self, kind: str, trigger: str, state: str | None = None, **more) -> dict:
        """A TransactionEvent of transaction T-1; `card` is a token, `where` whether it names the EVSE."""
        self.clock.advance_to(self.clock.now() + MINUTE)
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        sample = {"value": self.register_wh, "context": context} | more.pop("sample", {})
        info = {"transactionId": "T-1"} | ({"chargingState": state} if state else {})
        info |= {"stoppedReason": more.pop("reason")} if "reason" in more else {}
        info |= {"remoteStartId": more.pop("remote")} if "remote" in more else {}
        said = {"meterValue": [{"timestamp": self.now(), "sampledValue": [sample]}]}
        if card := more.pop("card", None):
            said["idToken"] = {"idToken": card, "type": "ISO14443"}
        if more.pop("where", kind == "Started"):
            said["evse"] = {"id": 1, "connectorId": 1}
        head = {"eventType": kind, "timestamp": self.now(), "triggerReason": trigger, "seqNo": self.seq_no}
        self.seq_no += 1
        return await self.tell("TransactionEvent", **head, transactionInfo=info, **said, **more)

    async def charge(self, energy_wh: int = 1_000) -> None:
        self.register_wh += energy_wh
        await self.event("Updated", "MeterValuePeriodic", "Charging")


class Case:
    """The gateway, the database behind it, and one station on its socket."""

    def __init__(self, db: Database, clock: SteppedClock, gateway: Gateway) -> None:
        self.db, self.clock, self.gateway = db, clock, gateway

    @asynccontextmanager
    async def station(self, identity: str = "HOME-1") -> AsyncIterator[Teller]:
        url = f"ws://127.0.0.1:{self.gateway.port}/ocpp/{identity}"
        headers = basic(unquote(identity), STATION_KEY.encode())
        async with connect(url, additional_headers=headers, subprotocols=[VERSION]) as socket:
            yield Teller(socket, self.clock)


@pytest.fixture
async def case(founded_town: Path, tmp_path: Path) -> AsyncIterator[Case]:
    path = tmp_path / "town.db"
    shutil.copy(founded_town, path)
    db, clock = Database(f"sqlite:///{path}"), SteppedClock(NOW)
    gateway = Gateway(GatewayFlows(db, clock), GatewaySettings(port=0, quiet_s=0.0))
    await gateway.start()
    yield Case(db, clock, gateway)
    await gateway.stop()
    await db.close()


@pytest.fixture
async def edge() -> AsyncIterator[Town]:
    """A gateway whose flows are in memory: for what is about the conversation alone."""
    flows = MemoryFlows()
    gateway = Gateway(flows, GatewaySettings(port=0, quiet_s=0.0))
    await gateway.start()
    yield Town(flows, gateway)
    await gateway.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(founded_town: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The server behind an operator's desk, one for all tests of a module."""
    async with operated(founded_town, tmp_path_factory.mktemp("desk")) as desk:
        yield desk

"""OCTT 2.0.1, CSMS: a customer whom a station is told to forget leaves its list of tokens too (TC_N_46)."""

import asyncio
import json

import pytest
from api_edge import InlineSolver
from cases_201 import CARD, HASH, OTHER, STARTED, TOKEN, Ask, event
from operators_line import judge, line

from server.main.lists_port import GatewayLists
from server.main.station_port import GatewayStations
from server.storage import local_lists, outbox
from server.workers import local_lists as worker
from server.workers.context import WorkContext

pytestmark = pytest.mark.asyncio(loop_scope="module")
SYNC = "local_list"


class Box:
    """A station that keeps a list, and the worker that keeps it in step."""

    def __init__(self, station) -> None:
        self.station, self.version, self.sent = station, 0, []
        context = station.desk.context
        edge = {"stations": GatewayStations(station.desk.gateway), "lists": GatewayLists(station.desk.gateway)}
        self.context = WorkContext(context.db, context.clock, solver=InlineSolver(), **edge)

    async def due(self) -> list:
        async with self.context.db.begin() as tx:
            found = await outbox.due(tx, self.context.clock.now())
            mine = [one for one in found if (one.kind, one.key) == (SYNC, str(self.station.station_id))]
            await outbox.done(tx, [one.id for one in mine], self.context.clock.now())
        return mine

    async def sync(self, task) -> str:
        doing = asyncio.create_task(worker.sync(self.context, task))
        while not doing.done():
            hearing = asyncio.create_task(self.station.socket.recv())
            await asyncio.wait({doing, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                hearing.cancel()
                continue
            _, message_id, action, payload = json.loads(hearing.result())
            judge("2.0.1", 2, action, payload)
            await self.station.socket.send(json.dumps([3, message_id, self.answer(action, payload)]))
        return await doing

    def answer(self, action, payload) -> dict:
        if action == "GetLocalListVersion":
            return {"versionNumber": self.version}
        if action == "SendLocalList":
            self.version = payload["versionNumber"]
            self.sent.append(payload)
        return {"status": "Accepted"} if action == "SendLocalList" else {"getVariableResult": []}

    async def held(self) -> set[str]:
        async with self.context.db.read() as tx:
            return set(await local_lists.tokens(tx, self.station.station_id))


def forget(**more) -> Ask:
    return Ask("CustomerInformation", {"requestId": 1, "report": False, "clear": True} | more)


async def test_tc_n_46_csms_the_station_is_told_its_list_without_the_customer(desk):
    async with line(desk, "TC_N_46_CSMS", "2.0.1") as station:
        await station.says(STARTED)
        await station.says(event("Ended", "EVDeparted", "Idle", 1))
        box = Box(station)
        async with box.context.db.begin() as tx:
            await outbox.put_once(tx, SYNC, str(station.station_id), {}, box.context.clock.now())
        assert [await box.sync(task) for task in await box.due()] == ["sent:1"]
        assert await box.held() == {CARD}
        await station.is_asked(forget(idToken=TOKEN))
        assert [await box.sync(task) for task in await box.due()] == ["sent:1"]
        gone = box.sent[-1]
        assert (gone["updateType"], gone["localAuthorizationList"]) == ("Differential", [{"idToken": TOKEN}])
        assert await box.held() == set()


@pytest.mark.parametrize(
    "ask",
    [
        Ask("CustomerInformation", {"requestId": 1, "report": True, "clear": False, "idToken": OTHER}),
        forget(customerIdentifier="somebody"),
        forget(customerCertificate=HASH),
        Ask(
            "CustomerInformation",
            {"requestId": 1, "report": False, "clear": True, "idToken": OTHER},
            {"status": "Rejected"},
        ),
    ],
)
async def test_what_names_no_token_or_is_refused_changes_no_list(desk, ask, request):
    async with line(desk, request.node.callspec.id, "2.0.1") as station:
        before = await Box(station).due()
        outcome = await station.is_asked(ask)
        assert outcome["status"] == "answered"
        assert [one.payload for one in await Box(station).due() if one not in before] == []

"""What an operator asks over the API, on the wire and back, for the rows of `cases_16` and `cases_201`.

One server for all rows of a module, a station of its own for each row. Then everything that was said must be held: who
asked and every frame in the message log, notices among the station's events, sessions and statuses in the database.
"""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import ocpp.messages
from api_edge import SETTINGS, FakeStations, InlineSolver
from cases_16 import RUNNING
from cases_201 import Ask, Hear
from operators_desk import OPERATOR, Desk, opened
from small_town import ANNA, NOW, OLGA
from small_town import OPERATOR as OPERATOR_PARTY
from websockets.asyncio.client import ClientConnection, connect

from server.api.app import ApiContext
from server.bus import LocalBus
from server.clock import SteppedClock
from server.flows.placing import new_place
from server.storage import locations, sessions, stations
from server.storage.db import Database
from shared.sessions import SessionState

KEY = "AuthorizationKey"
YARD = "Yard"
"""A public place of the operator's, where Anna's card may charge."""
NOTICES = {
    "DiagnosticsStatusNotification": "diagnostics",
    "FirmwareStatusNotification": "firmware",
    "LogStatusNotification": "log",
    "SecurityEventNotification": "security",
    "SignedFirmwareStatusNotification": "firmware",
}
BEGINS, ENDS = ("StartTransaction", "Started"), ("StopTransaction", "Ended")
Steps = Sequence[Ask | Hear]


def judge(version: str, kind: int, action: str, payload: dict) -> None:
    """Raises where the official schema of a call (2) or a result (3) refuses what was said."""
    said = ocpp.messages.Call("1", action, payload) if kind == 2 else ocpp.messages.CallResult("1", payload, action)
    ocpp.messages._validate_payload(said, version)


def inside(part: Any, whole: Any) -> bool:
    """Is all of `part` in `whole`, at any depth?"""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and inside(one, whole[name]) for name, one in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(inside, part, whole))
    return part == whole


def running(said: Any, number: int) -> Any:
    """The same with the running transaction's number."""
    if isinstance(said, dict):
        return {name: running(one, number) for name, one in said.items()}
    if isinstance(said, list):
        return [running(one, number) for one in said]
    return number if said == RUNNING and not isinstance(said, bool) else said


@asynccontextmanager
async def operated(founded: Path, folder: Path) -> AsyncIterator[Desk]:
    """A server with the small town: API, gateway, message log."""
    path = folder / "town.db"
    shutil.copy(founded, path)
    db = Database(f"sqlite:///{path}")
    async with db.begin() as tx:
        await locations.insert(tx, new_place(OPERATOR_PARTY, YARD, public=True))
    context = ApiContext(db, SteppedClock(NOW), LocalBus(), InlineSolver(), FakeStations(), SETTINGS)
    async with opened(context) as desk:
        yield desk
    await db.close()


@asynccontextmanager
async def line(desk: Desk, identity: str, version: str) -> AsyncIterator["Line"]:
    """A new station of the operator's, connected with its key."""
    new = {"identity": identity, "location_name": YARD}
    key = (await desk.api.post("/api/stations", json=new, headers=OPERATOR)).json()["key"]
    async with desk.context.db.read() as tx:
        station_id = (await stations.named(tx, identity)).id
    signed = base64.b64encode(f"{identity}:{key}".encode()).decode()
    url = f"ws://127.0.0.1:{desk.gateway.port}/ocpp/{quote(identity, safe='')}"
    more = {"additional_headers": {"Authorization": f"Basic {signed}"}, "compression": None, "close_timeout": 1}
    async with connect(url, subprotocols=[f"ocpp{version}"], **more) as socket:
        yield Line(desk, socket, (identity, station_id), version)


class Line:
    """A station's end of the socket, and its operator's desk."""

    def __init__(self, desk: Desk, socket: ClientConnection, who: tuple[str, UUID], version: str) -> None:
        self.desk, self.socket, self.version = desk, socket, version
        self.identity, self.station_id = who
        self.count = self.transaction_id = 0
        self.frames: list[tuple[str, str, str, str | None, object]] = []

    async def go(self, steps: Steps) -> None:
        """Each step in turn, and what is held of them afterwards."""
        for step in steps:
            await (self.is_asked(step) if isinstance(step, Ask) else self.says(step))
        await self.frames_are_logged()
        await self.notices_are_listed(steps)
        await self.statuses_are_known(steps)
        await self.sessions_are_known(steps)

    async def is_asked(self, step: Ask, error: str = "") -> dict:
        """The operator asks over the API; what reaches the wire is that, and what the station says is the answer.

        `error`: the station answers with this CALLERROR instead. The API's outcome.
        """
        body = running(step.body, self.transaction_id)
        path = f"/api/stations/{quote(self.identity, safe='')}/commands/{step.action}"
        asked = asyncio.create_task(self.desk.api.post(path, json=body, headers=OPERATOR))
        heard = asyncio.create_task(self.socket.recv())
        await asyncio.wait({asked, heard}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert heard.done(), asked.result().text if asked.done() else "nothing reached the wire"
        kind, message_id, action, payload = json.loads(heard.result())
        assert (kind, action, payload) == (2, step.action, body)
        judge(self.version, 2, action, payload)
        judge(self.version, 3, action, step.answer)  # the station of the case is a proper one
        await self.socket.send(json.dumps([4, message_id, error, "so", {}] if error else [3, message_id, step.answer]))
        self.frames.append(("out", "call", action, str(OLGA), body))
        self.frames.append(("in", "error" if error else "result", action, None, {} if error else step.answer))
        outcome = (await asked).json()
        wanted = ("refused", error, None) if error else ("answered", "", step.answer)
        assert (outcome["status"], outcome["error_code"], outcome["answer"]) == wanted, outcome
        assert outcome["complaints"] == []
        return outcome

    async def says(self, step: Hear) -> dict:
        """The station says something, and hears what it must."""
        self.count += 1
        payload = running(step.payload, self.transaction_id)
        judge(self.version, 2, step.action, payload)
        await self.socket.send(json.dumps([2, f"s{self.count}", step.action, payload]))
        kind, message_id, answer = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        assert (kind, message_id) == (3, f"s{self.count}"), answer
        judge(self.version, 3, step.action, answer)
        assert inside(step.hears, answer), answer
        self.frames.append(("in", "call", step.action, None, payload))
        self.frames.append(("out", "result", step.action, None, answer))
        self.transaction_id = answer.get("transactionId", self.transaction_id)
        return answer

    async def frames_are_logged(self) -> None:
        """Each call with its answer, word for word but for keys, and who asked for the operator's own."""
        found = (await self.desk.frames(station=self.identity, limit=100))[::-1]
        for one, wanted in zip(found, self.frames, strict=True):
            said = json.loads(one["frame"])[-1]
            assert (one["direction"], one["kind"], one["action"], one["asked_by"]) == wanted[:4]
            assert said == wanted[4] or (KEY in one["frame"] and wanted[4]["value"] not in one["frame"])

    async def notices_are_listed(self, steps: Steps) -> None:
        """What it told of firmware, logs and security, in order, by its own words."""
        told = [step for step in steps if step.action in NOTICES]
        if not told:
            return
        wanted = [
            (NOTICES[one.action], one.payload.get("status") or one.payload["type"], one.payload.get("requestId"))
            for one in told
        ]
        path = f"/api/stations/{quote(self.identity, safe='')}/events"
        found = (await self.desk.api.get(path, headers=OPERATOR)).json()["items"][::-1]
        assert [(one["kind"], one["status"], one["request_no"]) for one in found] == wanted

    async def statuses_are_known(self, steps: Steps) -> None:
        """What it said last of its socket."""
        said = [
            step.payload.get("status") or step.payload["connectorStatus"]
            for step in steps
            if step.action == "StatusNotification" and step.payload["connectorId"]
        ]
        if not said:
            return
        async with self.desk.context.db.read() as tx:
            evse = await stations.evse_at(tx, self.station_id, 1)
        assert evse.status == {"Occupied": "Preparing"}.get(said[-1], said[-1])

    async def sessions_are_known(self, steps: Steps) -> None:
        """A session for each transaction that it told of, over or not, and whose it is."""
        told = [step.payload.get("eventType", step.action) for step in steps if isinstance(step, Hear)]
        if not told:
            return
        async with self.desk.context.db.read() as tx:
            found = [one for one in await sessions.in_order(tx) if one.station_id == self.station_id]
        assert len(found) == sum(one in BEGINS for one in told)
        if found:
            over = any(one in ENDS for one in told)
            assert found[0].state is (SessionState.ENDED if over else SessionState.OPEN)
            assert found[0].account_id == ANNA

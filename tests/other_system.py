"""Another central system, which nobody here wrote: the `ocpp` package's, in 1.6 and 2.0.1, with odd moods."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import ocpp.messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call_result as r16
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call_result as r201
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from server.gateway.closing import take_no_more

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).isoformat()
ACCEPTED = {"status": "Accepted"}


class Billing:
    """What it heard, by station; `mood` is asked before each answer and may raise, wait, or (True) say nothing."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        self.stations: dict[str, Any] = {}
        self.connections = 0
        self.next_number = 7001
        self.cards: dict[str, str] = {}
        self.mood: Callable[[str], Any] = lambda _action: None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/central"

    def told(self, action: str, identity: str | None = None) -> list[dict[str, Any]]:
        """The payloads of an action, in order."""
        return [said for name, what, said in self.heard if what == action and identity in {None, name}]

    def actions(self) -> list[str]:
        return [what for _, what, _ in self.heard]

    def number(self) -> int:
        self.next_number += 1
        return self.next_number - 1

    def card(self, uid: str) -> dict[str, str]:
        return {"status": self.cards.get(uid, "Accepted")}

    def admits(self, connection, request):
        """401 for a wrong key, before the upgrade."""
        identity = unquote(request.path.rpartition("/")[2])
        shown = request.headers.get("Authorization", "").removeprefix("Basic ")
        right = base64.b64encode(f"{identity}:{self.keys.get(identity)}".encode()).decode()
        return None if shown == right else connection.respond(401, "who are you\n")

    async def serve(self, connection) -> None:
        identity = unquote(connection.request.path.rpartition("/")[2])
        kind = In16 if connection.subprotocol == "ocpp1.6" else In201
        station = kind(identity, connection)
        station.billing = self
        self.stations[identity] = station
        self.connections += 1
        try:
            await station.start()
        except ConnectionClosed:
            pass
        finally:
            if self.stations.get(identity) is station:
                del self.stations[identity]

    @asynccontextmanager
    async def listening(self, port: int = 0, versions=("ocpp1.6", "ocpp2.0.1")) -> AsyncIterator["Billing"]:
        """There from here on; the same port again after it was away."""
        options = {"subprotocols": list(versions), "process_request": self.admits, "close_timeout": 0.2}
        async with serve(self.serve, "127.0.0.1", port or self.port, **options) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:  # whoever dials just now is let go of too
                await take_no_more([server], goodbye=True)


class _Heard:
    """Keeps each call before it is answered, and answers to its own; the official schemas judge a call."""

    billing: Billing
    version = "1.6"

    async def route_message(self, raw_msg):
        frame = json.loads(raw_msg)
        if frame[0] == 2:
            ocpp.messages._validate_payload(ocpp.messages.Call(*frame[1:]), self.version)
            self.billing.heard.append((self.id, frame[2], frame[3]))
            said = self.billing.mood(frame[2])
            if asyncio.iscoroutine(said):
                said = await said
            if said is True:
                return
            if isinstance(said, list):
                await self._connection.send(json.dumps([said[0], frame[1], *said[1:]]))
                return
        elif frame[1] == "theirs":
            self.asked.set_result(frame)
            return
        await super().route_message(raw_msg)

    async def asks(self, action: str, payload: dict) -> list:
        """A call of its own, raw, and the whole frame that answers it."""
        self.asked = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps([2, "theirs", action, payload]))
        return await asyncio.wait_for(self.asked, 5)


class In16(_Heard, Station16):
    @on("BootNotification")
    def on_boot(self, **_):
        return r16.BootNotification(NOW, 300, "Accepted")

    @on("Heartbeat")
    def on_beat(self):
        return r16.Heartbeat(NOW)

    @on("StatusNotification")
    def on_status(self, **_):
        return r16.StatusNotification()

    @on("Authorize")
    def on_authorize(self, id_tag):
        return r16.Authorize(self.billing.card(id_tag))

    @on("StartTransaction")
    def on_start(self, id_tag, **_):
        return r16.StartTransaction(self.billing.number(), self.billing.card(id_tag))

    @on("MeterValues")
    def on_meter(self, **_):
        return r16.MeterValues()

    @on("StopTransaction")
    def on_stop(self, **_):
        return r16.StopTransaction()


class In201(_Heard, Station201):
    version = "2.0.1"

    @on("BootNotification")
    def on_boot(self, **_):
        return r201.BootNotification(NOW, 300, "Accepted")

    @on("Heartbeat")
    def on_beat(self):
        return r201.Heartbeat(NOW)

    @on("StatusNotification")
    def on_status(self, **_):
        return r201.StatusNotification()

    @on("TransactionEvent")
    def on_event(self, id_token=None, **_):
        known = None if id_token is None else self.billing.card(id_token["id_token"])
        return r201.TransactionEvent(id_token_info=known)

"""An operator's desk over the small town: the API, a gateway on a real socket, the message log, stations by hand."""

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote

import httpx
from api_edge import SETTINGS, access_token, asking
from small_town import OLGA, STATION_KEY
from websockets.asyncio.client import ClientConnection, connect

from server.api.app import ApiContext
from server.gateway.listener import Gateway, GatewaySettings
from server.main.gateway_flows import GatewayFlows
from server.main.hands import GatewayHands
from server.main.message_log import MessageLog

COMMANDS = "/api/stations/LOOTS%2F1/commands"
A_DAY = dataclasses.replace(SETTINGS, access_token_s=24 * 3600)  # a whole test run may come before its last test
OPERATOR = {"Authorization": f"Bearer {access_token(OLGA, A_DAY)}"}


class Desk:
    def __init__(self, context: ApiContext, api: httpx.AsyncClient, gateway: Gateway, log: MessageLog) -> None:
        self.context, self.api, self.gateway, self.log = context, api, gateway, log

    @asynccontextmanager
    async def station(self, identity="LOOTS/1", answers=None, versions=("ocpp1.6",)) -> AsyncIterator["Box"]:
        """A station that answers our calls from `answers`, by action: a payload, or a whole frame without its id."""
        key = base64.b64encode(f"{identity}:{STATION_KEY}".encode()).decode()
        url = f"ws://127.0.0.1:{self.gateway.port}/ocpp/{quote(identity, safe='')}"
        headers = {"Authorization": f"Basic {key}"}
        async with connect(url, subprotocols=versions, additional_headers=headers, compression=None) as socket:
            box = Box(socket, answers or {})
            working = asyncio.create_task(box.work())
            try:
                yield box
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working

    async def command(self, action: str, body: object, headers=OPERATOR, path=COMMANDS, **query) -> httpx.Response:
        return await self.api.post(f"{path}/{action}", json=body, headers=headers, params=query)

    async def frames(self, headers=OPERATOR, **query) -> list[dict]:
        """The message log's first page, once all is written."""
        await self.log.flush()
        answer = await self.api.get("/api/messages", headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]


class Box:
    """A station's end of the socket."""

    def __init__(self, socket: ClientConnection, answers: dict) -> None:
        self.socket, self.answers = socket, answers
        self.heard: list[tuple[str, object]] = []
        self.results: dict[str, asyncio.Future] = {}

    async def ask(self, action: str, payload: object, message_id: str = "1") -> list:
        """A call of the station's, and its answer."""
        self.results[message_id] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps([2, message_id, action, payload]))
        return await asyncio.wait_for(self.results[message_id], 10)

    async def work(self) -> None:
        async for raw in self.socket:
            frame = json.loads(raw)
            if frame[0] != 2:
                self.results[frame[1]].set_result(frame)
                continue
            self.heard.append((frame[2], frame[3]))
            answer = self.answers.get(frame[2])
            if answer is None:
                continue  # a station that says nothing
            if callable(answer):
                answer = answer(frame[3])
            said = [3, frame[1], answer] if isinstance(answer, dict) else [answer[0], frame[1], *answer[1:]]
            await self.socket.send(json.dumps(said))


@asynccontextmanager
async def opened(context: ApiContext) -> AsyncIterator[Desk]:
    log = MessageLog(context.db, context.clock, context.bus)
    flows = GatewayFlows(context.db, context.clock, log.put)
    gateway = Gateway(flows, GatewaySettings(port=0, quiet_s=0.0))
    await gateway.start()
    whole = dataclasses.replace(context, hands=GatewayHands(gateway))
    try:
        async with asking(whole) as api:
            yield Desk(whole, api, gateway, log)
    finally:
        await gateway.stop()

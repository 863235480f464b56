"""A 1.6 station of the small town that tells a session, a minute at a time; the official schemas judge what we say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import unquote

from gateway_town import basic
from ocpp.messages import Call, CallResult, _validate_payload
from small_town import STATION_KEY
from websockets.asyncio.client import connect

from server.clock import SteppedClock

MINUTE = timedelta(minutes=1)


def judge(kind: int, action: str, payload: dict) -> None:
    """Raises where the official schema of a call (2) or a result (3) refuses what was said."""
    said = Call("1", action, payload) if kind == 2 else CallResult("1", payload, action)
    _validate_payload(said, "1.6")


class Teller16:
    """One station: a minute passes with all that it tells of a session, and each answer is judged."""

    def __init__(self, socket, clock: SteppedClock) -> None:
        self.socket, self.clock, self.count = socket, clock, 0
        self.register_wh, self.transaction_id = 100_000, 0

    def now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def tell(self, action: str, **payload) -> dict:
        self.count += 1
        judge(2, action, payload)
        await self.socket.send(json.dumps([2, str(self.count), action, payload]))
        kind, message_id, answer = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        assert (kind, message_id) == (3, str(self.count)), answer
        judge(3, action, answer)
        return answer

    async def boot(self) -> dict:
        return await self.tell("BootNotification", chargePointVendor="V", chargePointModel="M")

    async def status(self, said: str, error: str = "NoError", connector: int = 1) -> None:
        self.clock.advance_to(self.clock.now() + MINUTE)
        more = {"connectorId": connector, "status": said, "errorCode": error, "timestamp": self.now()}
        await self.tell("StatusNotification", **more)

    async def authorize(self, card: str) -> str:
        return (await self.tell("Authorize", idTag=card))["idTagInfo"]["status"]

    async def start(self, card: str, **more) -> str:
        """A StartTransaction; the status of its token."""
        said = {"connectorId": 1, "idTag": card, "meterStart": self.register_wh, "timestamp": self.now()} | more
        answer = await self.tell("StartTransaction", **said)
        self.transaction_id = answer["transactionId"]
        return answer["idTagInfo"]["status"]

    async def charge(self, energy_wh: int = 1_000) -> None:
        self.clock.advance_to(self.clock.now() + MINUTE)
        self.register_wh += energy_wh
        value = {"timestamp": self.now(), "sampledValue": [{"value": str(self.register_wh)}]}
        await self.tell("MeterValues", connectorId=1, transactionId=self.transaction_id, meterValue=[value])

    async def stop(self, reason: str, **more) -> dict:
        self.clock.advance_to(self.clock.now() + MINUTE)
        said = {"transactionId": self.transaction_id, "meterStop": self.register_wh, "timestamp": self.now()}
        return await self.tell("StopTransaction", **said, reason=reason, **more)

    async def asked(self, answer: dict, action: str) -> dict:
        """Our next call, which must be this action, is answered; its payload."""
        kind, message_id, name, payload = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        assert (kind, name) == (2, action)
        judge(2, name, payload)
        judge(3, name, answer)
        await self.socket.send(json.dumps([3, message_id, answer]))
        return payload


@asynccontextmanager
async def station_16(case, identity: str = "HOME-1") -> AsyncIterator[Teller16]:
    """A station of the town on the case's gateway."""
    headers = basic(unquote(identity), STATION_KEY.encode())
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/{identity}"
    async with connect(url, additional_headers=headers, subprotocols=["ocpp1.6"]) as socket:
        yield Teller16(socket, case.clock)

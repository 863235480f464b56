"""The small town's gateway and API with a forwarder, and another central system on a socket of its own."""

import asyncio
import dataclasses
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import httpx
from api_edge import SETTINGS, asking, bearer, eventually
from operators_desk import Desk
from other_system import Billing
from small_town import OLGA, STATION_KEY

from server.flows.announcements import ForwardingMoved
from server.gateway.forwarding.outgoing import Patience
from server.gateway.listener import Gateway, GatewaySettings
from server.main.forwarder import Forwarder
from server.main.gateway_flows import GatewayFlows
from server.main.hands import GatewayHands
from server.main.message_log import MessageLog

QUICK = Patience(first_s=0.02, most_s=0.1, answer_s=1.0, hello_s=2.0, look_s=0.1)
LIST = "/api/forwardings"
AT = "2025-01-15T18:00:{:02}Z"


class Office(Desk):
    """A desk that forwards."""

    forwarder: Forwarder
    running: "asyncio.Task[None]"

    async def upload(self, billing: Billing, headers=None, **more) -> httpx.Response:
        """LOOTS/1 is forwarded from here on, unless `stations` says otherwise."""
        billing.keys.setdefault("LOOTS/1", STATION_KEY)
        rows = f"identity,key,location\nLOOTS/1,{STATION_KEY},Lootsstraat\n"
        wanted = {"name": "Ours", "url": billing.url, "stations": rows} | more
        answer = await self.api.post(LIST, json=wanted, headers=headers or bearer(OLGA))
        if answer.is_success:  # the forwarder has seen it
            await eventually(lambda: self.forwarder._standing is not None and self.forwarder._lines)
        return answer

    async def lists(self, who: UUID = OLGA) -> list[dict]:
        return (await self.api.get(LIST, headers=bearer(who))).json()

    async def listed(self, identity: str = "LOOTS/1") -> dict:
        """A station as its operator sees it."""
        return next(one for one in (await self.lists())[0]["stations"] if one["identity"] == identity)

    async def until_listed(self, identity: str = "LOOTS/1", **wanted) -> dict:
        """A station once it is as wanted."""
        assert wanted, "nothing to wait for: what the forwarder does is written a moment later"
        async with asyncio.timeout(30):
            while True:
                found = await self.listed(identity)
                if all(found[name] == value for name, value in wanted.items()):
                    return found
                await asyncio.sleep(0.02)

    def employ(self) -> None:
        """A forwarder at work."""
        self.forwarder = Forwarder(self.context.db, self.context.clock, SETTINGS.secret, QUICK)
        self.forwarder.gateway = self.gateway
        self.running = asyncio.create_task(self.forwarder.run())

    async def kill(self) -> None:
        """As kill -9 would: whatever it had not written is gone."""

        async def lost() -> bool:
            return True

        self.forwarder.keeper.flush = lost
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running


@asynccontextmanager
async def opened(context):
    log = MessageLog(context.db, context.clock, context.bus)

    def said(station_id, frame):
        log.put(station_id, frame)
        office.forwarder.hear(station_id, frame)

    gateway = Gateway(GatewayFlows(context.db, context.clock, said), GatewaySettings(port=0, quiet_s=0.0))
    announced = context.db.on_commit

    def committed(told, queued):
        announced(told, queued)
        if any(isinstance(one, ForwardingMoved) for one in told):
            office.forwarder.wake()

    context.db.on_commit = committed
    await gateway.start()
    whole = dataclasses.replace(context, hands=GatewayHands(gateway))
    try:
        async with asking(whole) as api:
            office = Office(whole, api, gateway, log)
            office.employ()
            yield office
    finally:
        office.running.cancel()
        await asyncio.gather(office.running, return_exceptions=True)
        await gateway.stop()


async def boot(box) -> None:
    """A station starts and says how it is."""
    await box.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, "boot")
    await box.ask("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}, "status")


async def start(box, card="ANNA-CARD", message_id="start", second=0) -> tuple[int, str]:
    """A transaction begins: our number, and our word on the card."""
    said = {"connectorId": 1, "idTag": card, "meterStart": 1_000, "timestamp": AT.format(second)}
    answer = (await box.ask("StartTransaction", said, message_id))[2]
    return answer["transactionId"], answer["idTagInfo"]["status"]


async def read(box, number: int, wh: int, message_id="read") -> None:
    """A reading of a transaction."""
    sample = {"timestamp": AT.format(wh % 60), "sampledValue": [{"value": str(wh), "unit": "Wh"}]}
    assert (
        await box.ask("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [sample]}, message_id)
    )[0] == 3


async def stop(box, number: int, message_id="stop") -> None:
    """A transaction ends."""
    said = {"transactionId": number, "meterStop": 2_000, "timestamp": AT.format(50)}
    assert (await box.ask("StopTransaction", said, message_id))[0] == 3

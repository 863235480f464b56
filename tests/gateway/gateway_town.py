"""A gateway on a real socket, and flows that keep everything in memory."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect

from server.core.ocsp import Standing
from server.core.reports import (
    BootAnswer,
    BootInfo,
    ConnectorStatus,
    Credential,
    ReadingsInfo,
    StartAnswer,
    StartInfo,
    StopInfo,
    TokenAnswer,
    TransactionAnswer,
    TransactionInfo,
)
from server.gateway.listener import Gateway
from server.gateway.ports import Said
from shared.ids import derive

NOW = datetime(2026, 11, 21, 4, 5, 6, 789_000, tzinfo=UTC)
KEY = b"a-long-station-key"


class MemoryFlows:
    """The flows' side of the port: knows stations by identity, hears everything, answers like a server that agrees."""

    def __init__(self) -> None:
        self.quirks: dict[str, tuple[str, ...]] = {}
        self.keys: dict[str, bytes] = {"CP1": KEY}
        self.heard: list[tuple[UUID, str, object]] = []
        self.frames: list[tuple[str, str]] = []
        self.said: list[Said] = []
        self.transactions: dict[StartInfo, int] = {}
        self.gate = asyncio.Event()  # closed: the flow that `holds` names waits
        self.gate.set()
        self.holds = ""
        self.fails: Callable[[str], bool] = lambda _what: False
        self.versions: dict[UUID, str] = {}
        self.boots = "Accepted"
        self.ended_by_us: list[bool] = []

    async def _hear(self, station_id: UUID, what: str, info: object = None) -> None:
        if what == self.holds:
            await self.gate.wait()
        if self.fails(what):
            raise RuntimeError(f"the database is away: {info}")
        self.heard.append((station_id, what, info))

    def told(self, what: str) -> list:
        return [info for _, kind, info in self.heard if kind == what]

    async def credential(self, identity):
        key = self.keys.get(identity)
        if key is None:
            return None
        return Credential(station_of(identity), hashlib.sha256(key).digest(), self.quirks.get(identity, ()))

    async def connected(self, station_id: UUID, connection_id: str, version: str) -> None:
        self.versions[station_id] = version
        await self._hear(station_id, "connected", connection_id)

    async def disconnected(self, station_id: UUID, connection_id: str, *, ours: bool) -> None:
        self.ended_by_us.append(ours)
        await self._hear(station_id, "disconnected", connection_id)

    async def boot(self, station_id: UUID, info: BootInfo) -> BootAnswer:
        await self._hear(station_id, "boot", info)
        return BootAnswer(self.boots, 900, NOW)

    async def heartbeat(self, station_id: UUID) -> datetime:
        await self._hear(station_id, "heartbeat")
        return NOW

    async def status(self, station_id: UUID, info: ConnectorStatus) -> None:
        await self._hear(station_id, "status", info)

    async def authorize(self, station_id: UUID, token_uid: str) -> TokenAnswer:
        await self._hear(station_id, "authorize", token_uid)
        return TokenAnswer("Accepted" if token_uid != "STRANGER" else "Invalid")

    async def start(self, station_id: UUID, info: StartInfo) -> StartAnswer:
        await self._hear(station_id, "start", info)
        return StartAnswer(self.transactions.setdefault(info, len(self.transactions) + 1), "Accepted")

    async def stop(self, station_id: UUID, info: StopInfo) -> TokenAnswer | None:
        await self._hear(station_id, "stop", info)
        return TokenAnswer("Accepted") if info.token_uid else None

    async def readings(self, station_id: UUID, info: ReadingsInfo) -> None:
        await self._hear(station_id, "readings", info)

    async def transaction(self, station_id: UUID, info: TransactionInfo) -> TransactionAnswer:
        await self._hear(station_id, "transaction", info)
        if info.token_uid is None:
            return TransactionAnswer()
        return TransactionAnswer(TokenAnswer("Accepted" if info.token_uid != "STRANGER" else "Invalid"))

    async def signed(self, station_id: UUID, connector_no: int, values) -> None:
        await self._hear(station_id, "signed", (connector_no, *values))

    async def needs(self, station_id: UUID, connector_no: int, said) -> str:
        await self._hear(station_id, "needs", said)
        return "Accepted" if connector_no == 1 else "Rejected"

    async def intends(self, station_id: UUID, schedule) -> bool:
        await self._hear(station_id, "intends", schedule)
        return schedule.connector_no == 1

    async def limited(self, station_id: UUID, told) -> None:
        await self._hear(station_id, "limited", told)

    async def released(self, station_id: UUID, source: str, connector_no: int | None) -> None:
        await self._hear(station_id, "released", (source, connector_no))

    async def reserved(self, station_id: UUID, reservation_id: int, word: str) -> None:
        await self._hear(station_id, "reserved", (reservation_id, word))

    async def parts_told(self, station_id: UUID, events) -> None:
        await self._hear(station_id, "parts_told", tuple(events))

    async def reported(self, station_id: UUID, part) -> None:
        await self._hear(station_id, "reported", part)

    async def sign_certificate(self, station_id: UUID, request_pem: str, kind: str = "station") -> bool:
        await self._hear(station_id, "sign", (request_pem, kind))
        return "CERTIFICATE REQUEST" in request_pem

    async def certificate_status(self, station_id: UUID, asked) -> Standing:
        await self._hear(station_id, "certificate_status", asked)
        return Standing(None, "nobody is asked here")

    async def notice(self, station_id: UUID, notice) -> None:
        await self._hear(station_id, "notice", notice)

    async def shown(self, station_id: UUID, quirk: str) -> None:
        await self._hear(station_id, "shown", quirk)

    def message(self, station_id: UUID, said: Said) -> None:
        self.said.append(said)
        self.frames.append((said.direction, said.raw.decode("utf-8", "replace")))


def station_of(identity: str) -> UUID:
    return derive("station", identity)


def basic(name: str, key: bytes = KEY) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(name.encode() + b":" + key).decode()}


class Town:
    """One gateway, its flows, and stations that connect to it."""

    def __init__(self, flows: MemoryFlows, gateway: Gateway) -> None:
        self.flows, self.gateway = flows, gateway

    def url(self, identity: str) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/ocpp/{quote(identity, safe='')}"

    @asynccontextmanager
    async def station(self, identity: str = "CP1", subprotocols=("ocpp1.6",)) -> AsyncIterator[ClientConnection]:
        headers = basic(identity, self.flows.keys.get(identity, KEY))
        protocols = list(subprotocols) or None
        options = {"additional_headers": headers, "compression": None, "close_timeout": 1}
        async with connect(self.url(identity), subprotocols=protocols, **options) as socket:
            yield socket

    async def quiet(self) -> None:
        """Until nothing is under way at the gateway."""
        async with asyncio.timeout(5):
            calm = 0
            while calm < 3:
                await asyncio.sleep(0.005)
                calm = calm + 1 if self.gateway.pending() == 0 else 0


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must come, however slow the machine is."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- a test looks in from outside
            await asyncio.sleep(0.005)


async def ask(socket: ClientConnection, action: str, payload: object, message_id: str = "1") -> list:
    """A station's call, and the answer that comes next."""
    await socket.send(json.dumps([2, message_id, action, payload]))
    return json.loads(await asyncio.wait_for(socket.recv(), 30))

"""Flows as the gateway calls them: one message, one transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from server.clock import Clock
from server.core.reports import (
    BootAnswer,
    BootInfo,
    ConnectorStatus,
    Credential,
    ReadingsInfo,
    SignedValue,
    StartAnswer,
    StartInfo,
    StopInfo,
    TokenAnswer,
    TransactionAnswer,
    TransactionInfo,
)
from server.flows import certificates, entering, sessions, starts, stations, transactions
from server.gateway.ports import Direction
from server.main import transaction_flow
from server.storage.db import Database

log = structlog.get_logger("gateway")


class GatewayFlows:
    """Opens the transaction, takes the time, calls one flow."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Both belong to the server."""
        self._db, self._clock = db, clock

    async def credential(self, identity: str) -> Credential | None:
        """The station behind an identity."""
        async with self._db.read() as tx:
            return await stations.credential(tx, identity)

    async def connected(self, station_id: UUID, connection_id: str, version: str) -> None:
        """A station's newest connection stands."""
        async with self._db.begin() as tx:
            await stations.connect(tx, station_id, connection_id, self._clock.now(), version)

    async def disconnected(self, station_id: UUID, connection_id: str) -> None:
        """A station's connection is gone."""
        async with self._db.begin() as tx:
            await stations.disconnect(tx, station_id, connection_id, self._clock.now())

    async def boot(self, station_id: UUID, info: BootInfo) -> BootAnswer:
        """A station started."""
        async with self._db.begin() as tx:
            return await stations.boot(tx, station_id, info, self._clock.now())

    async def heartbeat(self, station_id: UUID) -> datetime:
        """A sign of life."""
        async with self._db.begin() as tx:
            return await stations.heartbeat(tx, station_id, self._clock.now())

    async def status(self, station_id: UUID, info: ConnectorStatus) -> None:
        """What a connector says of itself."""
        async with self._db.begin() as tx:
            await stations.status(tx, station_id, info, self._clock.now())

    async def authorize(self, station_id: UUID, token_uid: str) -> TokenAnswer:
        """May this token charge here."""
        async with self._db.read() as tx:
            card = await transactions.card(tx, station_id, token_uid)
            return await sessions.authorize(tx, station_id, card, self._clock.now())

    async def start(self, station_id: UUID, info: StartInfo) -> StartAnswer:
        """A transaction began."""
        async with self._db.begin() as tx:
            now = self._clock.now()
            answer = await sessions.open_session(tx, station_id, info, now)
            await starts.fulfil(tx, station_id, answer.transaction_id, now)
            return answer

    async def stop(self, station_id: UUID, info: StopInfo) -> TokenAnswer | None:
        """A transaction ended."""
        async with self._db.begin() as tx:
            return await sessions.close_session(tx, station_id, info, self._clock.now())

    async def readings(self, station_id: UUID, info: ReadingsInfo) -> None:
        """Meter values."""
        async with self._db.begin() as tx:
            await sessions.take_readings(tx, station_id, info, self._clock.now())

    async def sign_certificate(self, station_id: UUID, request_pem: str, kind: str = "station") -> bool:
        """A station wants its request signed."""
        async with self._db.begin() as tx:
            refusal = await certificates.request(tx, station_id, request_pem, kind, self._clock.now())
        if refusal is not None:
            log.info("request_not_signed", station=str(station_id), why=refusal.code)
        return refusal is None

    async def security_event(self, station_id: UUID, kind: str, detail: str) -> None:
        """Something happened that concerns a station's security."""
        async with self._db.begin() as tx:
            await entering.security_event(tx, station_id, kind, detail, self._clock.now())

    async def transaction(self, station_id: UUID, info: TransactionInfo) -> TransactionAnswer:
        """An event of a transaction that the station named."""
        async with self._db.begin() as tx:
            return await transaction_flow.take(tx, station_id, info, self._clock.now())

    async def signed(self, station_id: UUID, connector_no: int, values: Sequence[SignedValue]) -> None:
        """What a meter signed outside of transactions."""
        async with self._db.begin() as tx:
            await transactions.keep_signed(tx, station_id, connector_no, values, self._clock.now())

    async def needs(self, station_id: UUID, connector_no: int) -> bool:
        """A car said what it needs."""
        async with self._db.begin() as tx:
            return await transactions.needs(tx, station_id, connector_no, self._clock.now())

    async def message(self, station_id: UUID, direction: Direction, raw: str) -> None:
        """The message log is kept by whoever asks for one; by default nobody does."""

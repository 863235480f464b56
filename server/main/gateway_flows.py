"""Flows as the gateway calls them: one message, one transaction."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from server.clock import Clock
from server.core.reports import (
    BootAnswer,
    BootInfo,
    ConnectorStatus,
    Credential,
    ReadingsInfo,
    StartAnswer,
    StartInfo,
    StationNotice,
    StopInfo,
    TokenAnswer,
)
from server.flows import sessions, starts, station_events, stations
from server.gateway.ports import Said
from server.storage.db import Database


class GatewayFlows:
    """Opens the transaction, takes the time, calls one flow."""

    def __init__(self, db: Database, clock: Clock, keep: Callable[[UUID, Said], None] | None = None) -> None:
        """All belong to the server; `keep` takes every frame for the message log."""
        self._db, self._clock, self._keep = db, clock, keep

    async def credential(self, identity: str) -> Credential | None:
        """The station behind an identity."""
        async with self._db.read() as tx:
            return await stations.credential(tx, identity)

    async def connected(self, station_id: UUID, connection_id: str) -> None:
        """A station's newest connection stands."""
        async with self._db.begin() as tx:
            await stations.connect(tx, station_id, connection_id, self._clock.now())

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
            return await sessions.authorize(tx, station_id, token_uid, self._clock.now())

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

    async def notice(self, station_id: UUID, notice: StationNotice) -> None:
        """What a station tells of itself."""
        async with self._db.begin() as tx:
            await station_events.keep(tx, station_id, notice, self._clock.now())

    async def sign_certificate(self, station_id: UUID, csr: str) -> bool:
        """No certificates are signed here: the request is kept, so that its operator sees it."""
        said = StationNotice("certificate", "Rejected", detail=f"a request of {len(csr)} characters")
        await self.notice(station_id, said)
        return False

    def message(self, station_id: UUID, said: Said) -> None:
        """The message log."""
        if self._keep is not None:
            self._keep(station_id, said)

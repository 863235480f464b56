"""Flows as the gateway calls them: one message, one transaction, or many messages that share one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import Clock
from server.core.car_needs import CarNeeds
from server.core.external_limit import ToldLimit
from server.core.inventory import PartEvent, ReportPart
from server.core.ocsp import Asked, Standing
from server.core.reports import (
    BootAnswer,
    BootInfo,
    CarSchedule,
    ConnectorStatus,
    Credential,
    ReadingsInfo,
    SignedValue,
    StartAnswer,
    StartInfo,
    StationNotice,
    StopInfo,
    TokenAnswer,
    TransactionAnswer,
    TransactionInfo,
)
from server.feeds.null import NoResponders
from server.feeds.ports import Responders
from server.flows import (
    authorizing,
    car_needs,
    certificates,
    entering,
    external_limits,
    inventory,
    readings,
    reservations,
    sessions,
    starts,
    station_events,
    stations,
    traits,
    transactions,
)
from server.flows.readings import Came
from server.gateway.ports import Said
from server.main import transaction_flow
from server.storage.db import Database
from server.storage.together import Together

SECURITY = "security"

log = structlog.get_logger("gateway")


class GatewayFlows:
    """Takes the time, opens the transaction, calls one flow.

    What comes often, or from all stations at once, shares its transaction with what comes meanwhile; each message is
    answered after the commit all the same.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keep: Callable[[UUID, Said], None] | None = None,
        linger_s: float = 0.0,
        *,
        responders: Responders | None = None,
    ) -> None:
        """Database and clock belong to the server; `keep` takes every frame for the message log.

        `linger_s`: how long meter values wait for others, at the most. `responders`: none are asked without.
        """
        self._db, self._clock, self._keep = db, clock, keep
        self._responders = responders or NoResponders()
        self._credentials = Together(db.read, self._credentials_of)
        self._tokens = Together(db.read, self._authorize)
        self._coming = Together(db.begin, self._connect)
        self._going = Together(db.begin, self._disconnect)
        self._boots = Together(db.begin, self._boot)
        self._heartbeats = Together(db.begin, self._heartbeat)
        self._statuses = Together(db.begin, self._status)
        self._reports = Together(db.begin, self._take, linger_s)

    async def credential(self, identity: str) -> Credential | None:
        """The station behind an identity."""
        return await self._credentials.do(identity)

    async def _credentials_of(self, tx: AsyncSession, identities: Sequence[str]) -> list[Credential | None]:
        return await stations.credentials_of(tx, identities)

    async def connected(self, station_id: UUID, connection_id: str, version: str) -> None:
        """A station's newest connection stands."""
        await self._coming.do((station_id, (connection_id, version)))

    async def _connect(self, tx: AsyncSession, came: Sequence[tuple[UUID, tuple[str, str]]]) -> list[None]:
        await stations.connect_all(tx, dict(came), self._clock.now())
        return [None] * len(came)

    async def disconnected(self, station_id: UUID, connection_id: str, *, ours: bool) -> None:
        """A station's connection is gone."""
        await self._going.do((station_id, connection_id, ours))

    async def _disconnect(self, tx: AsyncSession, gone: Sequence[tuple[UUID, str, bool]]) -> list[None]:
        lines = {station_id: line for station_id, line, _ in gone}
        ours = {station_id for station_id, _, closed in gone if closed}
        await stations.disconnect_all(tx, lines, self._clock.now(), ours)
        return [None] * len(gone)

    async def boot(self, station_id: UUID, info: BootInfo) -> BootAnswer:
        """A station started."""
        return await self._boots.do((station_id, info))

    async def _boot(self, tx: AsyncSession, booted: Sequence[tuple[UUID, BootInfo]]) -> list[BootAnswer]:
        return await stations.boot_all(tx, booted, self._clock.now())

    async def heartbeat(self, station_id: UUID) -> datetime:
        """A sign of life."""
        return await self._heartbeats.do(station_id)

    async def _heartbeat(self, tx: AsyncSession, station_ids: Sequence[UUID]) -> list[datetime]:
        return await stations.heartbeat_all(tx, station_ids, self._clock.now())

    async def status(self, station_id: UUID, info: ConnectorStatus) -> None:
        """What a connector says of itself."""
        await self._statuses.do((station_id, info))

    async def _status(self, tx: AsyncSession, said: Sequence[tuple[UUID, ConnectorStatus]]) -> list[None]:
        now = self._clock.now()
        for station_id, info in said:
            await stations.status(tx, station_id, info, now)
        return [None] * len(said)

    async def authorize(self, station_id: UUID, token_uid: str) -> TokenAnswer:
        """May this token charge here."""
        return await self._tokens.do((station_id, token_uid))

    async def _authorize(self, tx: AsyncSession, asked: Sequence[tuple[UUID, str]]) -> list[TokenAnswer]:
        return await authorizing.authorize_all(tx, asked, self._clock.now())

    async def start(self, station_id: UUID, info: StartInfo) -> StartAnswer:
        """A transaction began."""
        async with self._db.begin() as tx:
            now = self._clock.now()
            answer = await sessions.open_session(tx, station_id, info, now)
            await starts.fulfil(tx, station_id, answer.transaction_id, now)
            if info.reservation_id is not None:
                await reservations.used(tx, station_id, info.reservation_id, answer.transaction_id)
            return answer

    async def stop(self, station_id: UUID, info: StopInfo) -> TokenAnswer | None:
        """A transaction ended."""
        async with self._db.begin() as tx:
            return await sessions.close_session(tx, station_id, info, self._clock.now())

    async def readings(self, station_id: UUID, info: ReadingsInfo) -> None:
        """Meter values."""
        await self._reports.do(Came(station_id, info))

    async def _take(self, tx: AsyncSession, came: Sequence[Came]) -> list[None]:
        await readings.take_all(tx, came, self._clock.now())
        return [None] * len(came)

    async def transaction(self, station_id: UUID, info: TransactionInfo) -> TransactionAnswer:
        """An event of a transaction that the station named."""
        async with self._db.begin() as tx:
            return await transaction_flow.take(tx, station_id, info, self._clock.now())

    async def signed(self, station_id: UUID, connector_no: int, values: Sequence[SignedValue]) -> None:
        """What a meter signed outside of transactions."""
        async with self._db.begin() as tx:
            await transactions.keep_signed(tx, station_id, connector_no, values, self._clock.now())

    async def needs(self, station_id: UUID, connector_no: int, said: CarNeeds) -> str:
        """A car said what it needs."""
        async with self._db.begin() as tx:
            return await car_needs.heard(tx, station_id, connector_no, said, self._clock.now())

    async def intends(self, station_id: UUID, schedule: CarSchedule) -> bool:
        """What a car means to draw."""
        async with self._db.begin() as tx:
            return await car_needs.intends(tx, station_id, schedule, self._clock.now())

    async def limited(self, station_id: UUID, told: ToldLimit) -> None:
        """A station has a limit from elsewhere."""
        async with self._db.begin() as tx:
            await external_limits.limited(tx, station_id, told, self._clock.now())

    async def released(self, station_id: UUID, source: str, connector_no: int | None) -> None:
        """It is gone."""
        async with self._db.begin() as tx:
            await external_limits.released(tx, station_id, source, connector_no, self._clock.now())

    async def reserved(self, station_id: UUID, reservation_id: int, word: str) -> None:
        """What became of a reservation."""
        async with self._db.begin() as tx:
            await reservations.told(tx, station_id, reservation_id, word)

    async def sign_certificate(self, station_id: UUID, request_pem: str, kind: str = "station") -> bool:
        """A station wants its request signed; that it did is kept with what it told."""
        async with self._db.begin() as tx:
            now = self._clock.now()
            refusal = await certificates.request(tx, station_id, request_pem, kind, now)
            said = ("Accepted", kind) if refusal is None else ("Rejected", f"{kind}: {refusal.code}")
            await station_events.keep(tx, station_id, StationNotice("certificate", *said), now)
        if refusal is not None:
            log.info("request_not_signed", station=str(station_id), why=refusal.code)
        return refusal is None

    async def certificate_status(self, station_id: UUID, asked: Asked) -> Standing:
        """What the responder says that the station names; the database has no part in it."""
        said = await self._responders.ask(asked)
        if said.der is None:
            log.info("certificate_status_unknown", station=str(station_id), why=said.why)
        return said

    async def notice(self, station_id: UUID, notice: StationNotice) -> None:
        """What a station tells of itself; what concerns its security is weighed too."""
        async with self._db.begin() as tx:
            now = self._clock.now()
            await station_events.keep(tx, station_id, notice, now)
            if notice.kind == SECURITY:
                said = station_events.storable(notice)
                await entering.security_event(tx, station_id, said.status, said.detail, now)

    async def parts_told(self, station_id: UUID, events: Sequence[PartEvent]) -> None:
        """What a station notices of its parts."""
        async with self._db.begin() as tx:
            await inventory.weigh(tx, station_id, events, self._clock.now())

    async def reported(self, station_id: UUID, part: ReportPart) -> None:
        """A part of a report."""
        async with self._db.begin() as tx:
            await inventory.keep(tx, station_id, part, self._clock.now())

    async def shown(self, station_id: UUID, quirk: str) -> None:
        """A station has shown a quirk."""
        async with self._db.begin() as tx:
            await traits.shown(tx, station_id, quirk)

    def message(self, station_id: UUID, said: Said) -> None:
        """The message log."""
        if self._keep is not None:
            self._keep(station_id, said)

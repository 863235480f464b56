"""What the gateway asks of the rest of the server: one call a message, one transaction a call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

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

Direction = Literal["in", "out"]


class Said(msgspec.Struct, frozen=True, gc=False):
    """A frame as it came ("in") or goes ("out").

    `kind`: call, result, error, malformed; `action` of an answer is that of the call it answers, "" where nobody knows.
    `by`: the account that asked for a call of ours, None where the server did. `version`: the subprotocol, "" unknown.
    """

    direction: Direction
    kind: str
    action: str
    message_id: str
    raw: bytes
    by: UUID | None = None
    version: str = ""


class Flows(Protocol):
    """The intents behind the messages. Repeats are theirs to see through: they know what a message says, not its id.

    What raises here is answered to the station as InternalError, so that it says it again later.
    """

    async def credential(self, identity: str) -> Credential | None:
        """The station behind an identity, None for one that nobody added."""

    async def connected(self, station_id: UUID, connection_id: str, version: str) -> None:
        """A station's newest connection stands; `version` is its subprotocol."""

    async def disconnected(self, station_id: UUID, connection_id: str, *, ours: bool) -> None:
        """A station's connection is gone and no newer one stands; `ours`: we closed it, it was not lost."""

    async def boot(self, station_id: UUID, info: BootInfo) -> BootAnswer:
        """A station started."""

    async def heartbeat(self, station_id: UUID) -> datetime:
        """A sign of life; the answer is our time, aware UTC."""

    async def status(self, station_id: UUID, info: ConnectorStatus) -> None:
        """What a connector says of itself."""

    async def authorize(self, station_id: UUID, token_uid: str) -> TokenAnswer:
        """May this token charge here?"""

    async def start(self, station_id: UUID, info: StartInfo) -> StartAnswer:
        """A transaction began; a repeat gets the first answer."""

    async def stop(self, station_id: UUID, info: StopInfo) -> TokenAnswer | None:
        """A transaction ended, known to us or not."""

    async def readings(self, station_id: UUID, info: ReadingsInfo) -> None:
        """Meter values of a transaction, or of a connector."""

    async def transaction(self, station_id: UUID, info: TransactionInfo) -> TransactionAnswer:
        """An event of a transaction that the station named (2.x); repeats get the same answer."""
        ...

    async def signed(self, station_id: UUID, connector_no: int, values: Sequence[SignedValue]) -> None:
        """Meter values that a meter has signed, of no transaction: kept as they came."""

    async def needs(self, station_id: UUID, connector_no: int, said: CarNeeds) -> str:
        """A car said what it needs (ISO 15118): Accepted (its plan comes), Processing (it is made) or Rejected."""
        ...

    async def intends(self, station_id: UUID, schedule: CarSchedule) -> bool:
        """What a car means to draw: whether that is within its plan; where not, it is told that once more."""
        ...

    async def limited(self, station_id: UUID, told: ToldLimit) -> None:
        """A station has a limit from elsewhere: an energy manager, the grid operator."""

    async def released(self, station_id: UUID, source: str, connector_no: int | None) -> None:
        """A source's limit is gone, on an EVSE or (None) everywhere."""

    async def reserved(self, station_id: UUID, reservation_id: int, word: str) -> None:
        """What became of a reservation, in the station's word."""

    async def sign_certificate(self, station_id: UUID, request_pem: str, kind: str = "station") -> bool:
        """Its request is to be signed (`kind`: station, v2g or both); whether it may be. The answer comes later."""

    async def certificate_status(self, station_id: UUID, asked: Asked) -> Standing:
        """Is a certificate of a car or a charger revoked (OCSP)?"""
        ...

    async def notice(self, station_id: UUID, notice: StationNotice) -> None:
        """What a station tells of its firmware, diagnostics, logs and security."""

    async def parts_told(self, station_id: UUID, events: Sequence[PartEvent]) -> None:
        """What a station notices of its parts (2.x), but where its connectors stand."""

    async def reported(self, station_id: UUID, part: ReportPart) -> None:
        """A part of a report that a station was asked for (2.x)."""

    async def shown(self, station_id: UUID, quirk: str) -> None:
        """A station has shown a quirk, by its name (core/makes.py), that nobody had told us of."""

    def message(self, station_id: UUID, said: Said) -> None:
        """The message log: every frame, before it is handled or sent. Returns at once and never fails."""

"""What stations report, in our words: the gateway translates every protocol version into these."""

from datetime import datetime
from uuid import UUID

import msgspec


class Credential(msgspec.Struct, frozen=True):
    """The station behind an identity, the SHA-256 of its key, and its quirks by name (server/gateway/quirks.py)."""

    station_id: UUID
    key_sha256: bytes
    quirks: tuple[str, ...] = ()


class BootInfo(msgspec.Struct, frozen=True):
    """Who a station says it is."""

    vendor: str
    model: str
    firmware: str = ""
    serial: str = ""


class BootAnswer(msgspec.Struct, frozen=True):
    """`status`: Accepted, Pending, Rejected; heartbeat every `interval_s`; our time."""

    status: str
    interval_s: int
    now: datetime


class ConnectorStatus(msgspec.Struct, frozen=True):
    """What a connector says of itself; connector 0 is the whole station."""

    connector_no: int
    status: str
    error_code: str
    at: datetime | None = None
    info: str = ""


class TokenAnswer(msgspec.Struct, frozen=True):
    """OCPP's AuthorizationStatus: Accepted, Blocked, Expired, Invalid, ConcurrentTx."""

    status: str


class SampledReading(msgspec.Struct, frozen=True):
    """One moment of a meter: register Wh, power W, current mA on the busiest phase and on each (L1, L2, L3), SoC %."""

    at: datetime
    register_wh: int | None = None
    power_w: int | None = None
    soc_pct: int | None = None
    current_ma: int | None = None
    context: str = "Sample.Periodic"
    phase_current_ma: tuple[int, ...] = ()


class StartInfo(msgspec.Struct, frozen=True):
    """A transaction began. `at_heard`: nobody can read when, so `at` is when we heard of it, each time anew."""

    connector_no: int
    token_uid: str
    meter_start_wh: int
    at: datetime
    at_heard: bool = False


class StartAnswer(msgspec.Struct, frozen=True):
    """The transaction's id and whether its token may charge."""

    transaction_id: int
    status: str


class StopInfo(msgspec.Struct, frozen=True):
    """A transaction ended; `readings` is the transaction data sent with it."""

    transaction_id: int
    meter_stop_wh: int
    at: datetime
    token_uid: str | None = None
    reason: str | None = None
    readings: tuple[SampledReading, ...] = ()


class ReadingsInfo(msgspec.Struct, frozen=True):
    """Meter values; without a transaction id they are the connector's."""

    connector_no: int
    transaction_id: int | None
    readings: tuple[SampledReading, ...]


class StationNotice(msgspec.Struct, frozen=True):
    """Something that a station tells of itself. `kind`: diagnostics, firmware, log, security; `status`: its own word.

    `said_at`: when, by its clock, None where it does not say; `raw`: the payload as it was read, JSON.
    """

    kind: str
    status: str
    detail: str = ""
    request_no: int | None = None
    said_at: datetime | None = None
    raw: str = "{}"

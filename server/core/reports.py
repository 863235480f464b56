"""What stations report, in our words: the gateway translates every protocol version into these."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.core.car_needs import CarStep


class Credential(msgspec.Struct, frozen=True):
    """The station behind an identity, the SHA-256 of its key, its make and its quirks by name (gateway/quirks.py).

    `new_keys`: SHA-256 of keys that it was told and has not used yet; `security_profile`: the highest that it ever
    connected with; `organization`: whose it is, "" where certificates need not say. `admission`: what its boot is
    answered, which holds for a connection on which it does not boot.
    """

    station_id: UUID
    key_sha256: bytes
    quirks: tuple[str, ...] = ()
    new_keys: tuple[bytes, ...] = ()
    security_profile: int = 1
    organization: str = ""
    vendor: str = ""
    model: str = ""
    admission: str = "Accepted"


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
    """What a connector says of itself; connector 0 is the whole station.

    `socket`: the connector of an EVSE that speaks (2.x, where `connector_no` is the EVSE); None: the EVSE as a whole.
    """

    connector_no: int
    status: str
    error_code: str
    at: datetime | None = None
    info: str = ""
    socket: int | None = None


class TokenAnswer(msgspec.Struct, frozen=True):
    """OCPP's AuthorizationStatus: Accepted, Blocked, Expired, Invalid, ConcurrentTx.

    `group`: tokens of one group may end each other's sessions; "" for a token of none.
    """

    status: str
    group: str = ""


class SampledReading(msgspec.Struct, frozen=True, gc=False):
    """One moment of a meter: register Wh, power W, current mA on the busiest phase and on each (L1, L2, L3), SoC %."""

    at: datetime
    register_wh: int | None = None
    power_w: int | None = None
    soc_pct: int | None = None
    current_ma: int | None = None
    context: str = "Sample.Periodic"
    phase_current_ma: tuple[int, ...] = ()


UNSAID_WH = -1
"""A register that nobody said."""


class StartInfo(msgspec.Struct, frozen=True):
    """A transaction began. `meter_start_wh`: UNSAID_WH where the station did not say it. `at_heard`: nobody can read
    when, so `at` is when we heard of it, each time anew.

    `reference`: the name that the station gave to it (2.x).
    """

    connector_no: int
    token_uid: str
    meter_start_wh: int
    at: datetime
    at_heard: bool = False
    reference: str | None = None
    reservation_id: int | None = None


class StartAnswer(msgspec.Struct, frozen=True):
    """The transaction's id and whether its token may charge; `group` as in TokenAnswer."""

    transaction_id: int
    status: str
    group: str = ""


class StopInfo(msgspec.Struct, frozen=True):
    """A transaction ended; `readings` is the transaction data sent with it. `meter_stop_wh` -1: nobody said it."""

    transaction_id: int
    meter_stop_wh: int
    at: datetime
    token_uid: str | None = None
    reason: str | None = None
    readings: tuple[SampledReading, ...] = ()


class ReadingsInfo(msgspec.Struct, frozen=True):
    """Meter values; without a transaction id they are the connector's. Not `live`: out of a station's queue."""

    connector_no: int
    transaction_id: int | None
    readings: tuple[SampledReading, ...]
    live: bool = True


class SignedValue(msgspec.Struct, frozen=True):
    """What a meter signed, as JSON, exactly as the station said it."""

    at: datetime
    context: str
    data: str


class TransactionInfo(msgspec.Struct, frozen=True):
    """One event of a transaction that the station named itself (OCPP 2.0.1 E): `kind` Started, Updated or Ended.

    What is not said is None; `token_uid` "" says that nobody had to show one. `state` is the chargingState, `offline`
    that it comes out of a queue. `seq_no` below 0: the station gave the event none.
    """

    reference: str
    kind: str
    seq_no: int
    at: datetime
    trigger: str = ""
    offline: bool = False
    connector_no: int | None = None
    token_uid: str | None = None
    state: str | None = None
    reason: str | None = None
    readings: tuple[SampledReading, ...] = ()
    signed: tuple[SignedValue, ...] = ()
    reservation_id: int | None = None


class TransactionAnswer(msgspec.Struct, frozen=True):
    """What we say to an event: of its token, where it said one, and what the session cost, where it ended in public."""

    token: TokenAnswer | None = None
    total_cost_minor: int | None = None


class TransactionStanding(msgspec.Struct, frozen=True):
    """What a station says of a transaction: does it go on (None: not said), do messages wait in its queue."""

    ongoing: bool | None
    queued: bool


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


class CarSchedule(msgspec.Struct, frozen=True):
    """What a car means to draw (ISO 15118): `steps` ascend, the last holds until `until`."""

    connector_no: int
    steps: tuple[CarStep, ...]
    until: datetime

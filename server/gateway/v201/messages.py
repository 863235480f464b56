"""What OCPP 2.0.1 and 2.1 stations say and hear back: strict in shape, tolerant in what real stations overdo.

Only what is acted on has fields here. Strings may be too long, enums may hold words of the maker's own, optional fields
may be null, and fields that nobody knows (customData among them) are passed over.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

No = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Name = Annotated[str, Meta(max_length=64)]  # the standard says 36


class Message(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A payload: camel case on the wire, what is not said left out."""


class Evse(Message, frozen=True):
    """An EVSE of a station, from 1; 0 is all of it."""

    id: No
    connector_id: No | None = None


class IdToken(Message, frozen=True):
    """A token. `type` NoAuthorization: nobody had to show one, and `id_token` is empty."""

    id_token: Name
    type: str


class IdTokenInfo(Message, frozen=True):
    """What we say of a token: an AuthorizationStatus, and the group whose tokens may end its sessions."""

    status: str
    group_id_token: IdToken | None = None
    cache_expiry_date_time: str | None = None


class Modem(Message, frozen=True):
    """A station's SIM card."""

    iccid: str | None = None
    imsi: str | None = None


class ChargingStation(Message, frozen=True):
    """Who a station says it is."""

    model: str
    vendor_name: str
    serial_number: str | None = None
    firmware_version: str | None = None
    modem: Modem | None = None


class BootNotification(Message, frozen=True):
    """A station started."""

    charging_station: ChargingStation
    reason: str


class BootNotificationAnswer(Message, frozen=True):
    """Whether it may go on, our time, and its heartbeat in seconds."""

    current_time: str
    interval: int
    status: str


class Heartbeat(Message, frozen=True):
    """A sign of life."""


class HeartbeatAnswer(Message, frozen=True):
    """Our time."""

    current_time: str


class StatusNotification(Message, frozen=True):
    """What a connector says of itself."""

    timestamp: str
    connector_status: str
    evse_id: No
    connector_id: No


class Authorize(Message, frozen=True):
    """May this token charge? A contract certificate comes with it where a car signs in (ISO 15118)."""

    id_token: IdToken
    certificate: str | None = None
    hashes: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="iso15118CertificateHashData")


class AuthorizeAnswer(Message, frozen=True):
    """What we say of the token, and of the certificate where one came."""

    id_token_info: IdTokenInfo
    certificate_status: str | None = None


class UnitOfMeasure(Message, frozen=True, gc=False):
    """Wh where nothing is said; the value is times ten to the `multiplier`."""

    unit: str | None = None
    multiplier: int | None = None


class SampledValue(Message, frozen=True, gc=False):
    """One number of a meter; what is not said has the standard's default."""

    value: str | int | float | None = None
    context: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    signed_meter_value: msgspec.Raw = msgspec.Raw(b"null")
    unit_of_measure: UnitOfMeasure | None = None


class MeterValue(Message, frozen=True, gc=False):
    """Samples of one moment."""

    timestamp: str | None = None
    sampled_value: list[SampledValue] | None = None


class MeterValues(Message, frozen=True, gc=False):
    """Meter values of an EVSE (0: of the whole station), outside transactions."""

    evse_id: No
    meter_value: list[MeterValue]


class Transaction(Message, frozen=True):
    """A transaction by the name that its station gave to it."""

    transaction_id: Name
    charging_state: str | None = None
    stopped_reason: str | None = None
    remote_start_id: int | None = None


class TransactionEvent(Message, frozen=True):
    """What happened in a transaction. EVSE and token are said once, with the event that brings them."""

    event_type: str
    timestamp: str
    trigger_reason: str
    seq_no: No
    transaction_info: Transaction
    offline: bool | None = None
    evse: Evse | None = None
    id_token: IdToken | None = None
    meter_value: list[MeterValue] | None = None
    reservation_id: int | None = None


class ReservationStatusUpdate(Message, frozen=True):
    """What became of a reservation: Expired, Removed."""

    reservation_id: int
    reservation_update_status: str


class TransactionEventAnswer(Message, frozen=True):
    """What we say of the token, where one was said, and what the session cost, in the currency of the place."""

    id_token_info: IdTokenInfo | None = None
    total_cost: float | None = None


class NotifyEVChargingNeeds(Message, frozen=True):
    """A car says what it needs (ISO 15118); what exactly is in the message log."""

    evse_id: No


class Anything(Message, frozen=True):
    """A message that nobody acts on: it is in the message log as it came."""


class Empty(Message, frozen=True):
    """An answer that says: received."""


class Status(Message, frozen=True):
    """An answer of one word."""

    status: str


class EvCertificateAnswer(Message, frozen=True):
    """An answer to a car that asks for a contract certificate: `exi_response` is its own language."""

    status: str
    exi_response: str


class ChainStatusAnswer(Message, frozen=True):
    """What we know of certificates of a chain (2.1): one each that was asked for."""

    certificate_status: list[msgspec.Raw]


class VatNumber(Message, frozen=True):
    """Somebody entered a VAT number at the station (2.1)."""

    vat_number: str
    evse_id: No | None = None


class VatNumberAnswer(Message, frozen=True):
    """Whether it is one, as far as we can tell (2.1)."""

    vat_number: str
    status: str
    evse_id: No | None = None


class CertificateInfo(Message, frozen=True):
    """One certificate whose standing a station asks for (2.1)."""

    certificate_hash_data: msgspec.Raw


class ChainStatus(Message, frozen=True):
    """The certificates whose standing a station asks for (2.1)."""

    certificate_status_requests: list[CertificateInfo]


class CertificateStatus(Message, frozen=True):
    """What we know of one (2.1)."""

    certificate_hash_data: msgspec.Raw
    source: str
    status: str
    next_update: str


class UpkeepStatus(Message, frozen=True):
    """How far an update, or an upload of a log, is."""

    status: str
    request_id: int | None = None

"""What OCPP 1.6 stations say and hear back (OCPP 1.6 §4, §6): strict in shape, tolerant in what real stations overdo.

Strings may be too long, enums may hold words of the maker's own, optional fields may be null, and fields that nobody
knows are passed over; a missing field or a wrong type is read once more, laxly (`server/gateway/lax.py`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from server.gateway.shapes import Payload

ConnectorNo = Annotated[int, Meta(ge=0, le=2**31 - 1)]
IdTag = Annotated[str, Meta(max_length=255)]  # the standard says 20; some give back 22 of them corrupted (Ocular)


class Message(Payload, frozen=True):
    """A payload of OCPP 1.6."""


class BootNotification(Message, frozen=True):
    """A station started."""

    if_missing: ClassVar[Mapping[str, Any]] = {"charge_point_vendor": "", "charge_point_model": ""}
    charge_point_vendor: str
    charge_point_model: str
    charge_point_serial_number: str | None = None
    charge_box_serial_number: str | None = None
    firmware_version: str | None = None


class BootNotificationAnswer(Message, frozen=True):
    """Whether it may go on, our time, and its heartbeat in seconds."""

    status: str
    current_time: str
    interval: int


class Heartbeat(Message, frozen=True):
    """A sign of life."""


class HeartbeatAnswer(Message, frozen=True):
    """Our time."""

    current_time: str


class StatusNotification(Message, frozen=True):
    """What a connector says of itself."""

    if_missing: ClassVar[Mapping[str, Any]] = {"connector_id": 0, "error_code": "NoError"}
    connector_id: ConnectorNo
    error_code: str
    status: str
    info: str | None = None
    timestamp: str | None = None


class Empty(Message, frozen=True):
    """An answer that says: received."""


class Authorize(Message, frozen=True):
    """May this token charge?"""

    id_tag: IdTag


class IdTagInfo(Message, frozen=True):
    """What we say of a token: an AuthorizationStatus. Tokens of one parent may end each other's sessions."""

    status: str
    expiry_date: str | None = None
    parent_id_tag: str | None = None


class AuthorizeAnswer(Message, frozen=True):
    """What we say of the token."""

    id_tag_info: IdTagInfo


class StartTransaction(Message, frozen=True):
    """A transaction began; `meter_start` in Wh, None where nobody said it."""

    if_missing: ClassVar[Mapping[str, Any]] = {"connector_id": 0, "id_tag": "", "meter_start": None, "timestamp": ""}
    connector_id: ConnectorNo
    id_tag: IdTag
    meter_start: int | float | None
    timestamp: str
    reservation_id: int | None = None


class StartTransactionAnswer(Message, frozen=True):
    """The transaction's id, and what we say of its token."""

    transaction_id: int
    id_tag_info: IdTagInfo


class SampledValue(Message, frozen=True, gc=False):
    """One number of a meter; what is not said has the standard's default (OCPP 1.6 §7.43)."""

    value: str | int | float | None = None
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class MeterValue(Message, frozen=True, gc=False):
    """Samples of one moment."""

    timestamp: str | None = None
    sampled_value: list[SampledValue] | None = None


class MeterValues(Message, frozen=True, gc=False):
    """Meter values, of a transaction where it is said."""

    if_missing: ClassVar[Mapping[str, Any]] = {"connector_id": 0, "meter_value": ()}
    connector_id: ConnectorNo
    meter_value: list[MeterValue]
    transaction_id: int | None = None


class StopTransaction(Message, frozen=True):
    """A transaction ended; `meter_stop` in Wh, below 0 where nobody said it."""

    if_missing: ClassVar[Mapping[str, Any]] = {"transaction_id": 0, "meter_stop": -1, "timestamp": ""}
    transaction_id: int
    meter_stop: int | float
    timestamp: str
    id_tag: IdTag | None = None
    reason: str | None = None
    transaction_data: list[MeterValue] | None = None


class StopTransactionAnswer(Message, frozen=True):
    """What we say of the token that stopped it, if one did."""

    id_tag_info: IdTagInfo | None = None


class DataTransfer(Message, frozen=True):
    """Something in a maker's own words."""

    vendor_id: str


class DataTransferAnswer(Message, frozen=True):
    """What became of it."""

    status: str

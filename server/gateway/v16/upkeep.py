"""What operators ask of OCPP 1.6 stations besides charging: lists, reservations, firmware, diagnostics, logs (§5, and
the security whitepaper's §5). The struct's name is the action's.
"""

from typing import Any

from server.gateway.v16.messages import IdTagInfo, Message


class ClearCache(Message, frozen=True):
    """Forget every token that was let in."""


class GetLocalListVersion(Message, frozen=True):
    """The version of the list of tokens that a station holds; 0: none, -1: it keeps no lists."""


class ListedTag(Message, frozen=True):
    """A token of the list; in a differential update one without an info is taken out of it."""

    id_tag: str
    id_tag_info: IdTagInfo | None = None


class SendLocalList(Message, frozen=True):
    """Who may charge while we are away. `update_type`: Full or Differential."""

    list_version: int
    update_type: str
    local_authorization_list: tuple[ListedTag, ...] | None = None


class ReserveNow(Message, frozen=True):
    """Keep a connector (0: any) free for a token until a time."""

    connector_id: int
    expiry_date: str
    id_tag: str
    reservation_id: int
    parent_id_tag: str | None = None


class CancelReservation(Message, frozen=True):
    """Keep it free no longer."""

    reservation_id: int


class GetDiagnostics(Message, frozen=True):
    """Upload diagnostics to a URL."""

    location: str
    retries: int | None = None
    retry_interval: int | None = None
    start_time: str | None = None
    stop_time: str | None = None


class UpdateFirmware(Message, frozen=True):
    """Fetch and install firmware that nobody signed."""

    location: str
    retrieve_date: str
    retries: int | None = None
    retry_interval: int | None = None


class LogParameters(Message, frozen=True):
    """Where a log goes, and of what time."""

    remote_location: str
    oldest_timestamp: str | None = None
    latest_timestamp: str | None = None


class GetLog(Message, frozen=True):
    """Upload a log. `log_type`: DiagnosticsLog or SecurityLog."""

    log: LogParameters
    log_type: str
    request_id: int
    retries: int | None = None
    retry_interval: int | None = None


class Firmware(Message, frozen=True):
    """Where it is, when it is fetched and installed, and who signed it."""

    location: str
    retrieve_date_time: str
    signing_certificate: str
    signature: str
    install_date_time: str | None = None


class SignedUpdateFirmware(Message, frozen=True):
    """Fetch and install signed firmware."""

    request_id: int
    firmware: Firmware
    retries: int | None = None
    retry_interval: int | None = None


class DataTransfer(Message, frozen=True):
    """Something in a maker's own words."""

    vendor_id: str
    message_id: str | None = None
    data: Any = None


class UpkeepAnswer(Message, frozen=True):
    """What a station says to it; some have no status: then it is empty."""

    status: str = ""
    list_version: int | None = None
    file_name: str | None = None
    filename: str | None = None


Upkeep = (
    ClearCache
    | GetLocalListVersion
    | SendLocalList
    | ReserveNow
    | CancelReservation
    | GetDiagnostics
    | UpdateFirmware
    | GetLog
    | SignedUpdateFirmware
    | DataTransfer
)

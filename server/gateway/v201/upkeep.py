"""What operators ask of 2.0.1 and 2.1 stations besides charging: reports, lists, reservations, firmware, certificates,
monitoring, messages on the display. The struct's name is the action's.
"""

from typing import Any

from server.gateway.v201.messages import IdToken, IdTokenInfo, Message

Json = dict[str, Any]
"""A part that we only pass on, in camel case, as the official schema has it."""


class GetBaseReport(Message, frozen=True):
    """`report_base`: ConfigurationInventory, FullInventory or SummaryInventory; it comes as NotifyReport."""

    request_id: int
    report_base: str


class GetReport(Message, frozen=True):
    """A report of some components and variables, or of those in a condition (Active, Problem ...)."""

    request_id: int
    component_variable: tuple[Json, ...] | None = None
    component_criteria: tuple[str, ...] | None = None


class ClearCache(Message, frozen=True):
    """Forget every token that was let in."""


class GetLocalListVersion(Message, frozen=True):
    """The version of the list of tokens that a station holds; 0: none."""


class ListedToken(Message, frozen=True):
    """A token of the list; without an info it is taken out of it."""

    id_token: IdToken
    id_token_info: IdTokenInfo | None = None


class SendLocalList(Message, frozen=True):
    """Who may charge while we are away. `update_type`: Full or Differential."""

    version_number: int
    update_type: str
    local_authorization_list: tuple[ListedToken, ...] | None = None


class ReserveNow(Message, frozen=True):
    """Keep an EVSE (or any) free for a token until a time."""

    id: int
    expiry_date_time: str
    id_token: IdToken
    evse_id: int | None = None
    connector_type: str | None = None
    group_id_token: IdToken | None = None


class CancelReservation(Message, frozen=True):
    """Keep it free no longer."""

    reservation_id: int


class LogParameters(Message, frozen=True):
    """Where the log goes, and of what time."""

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
    install_date_time: str | None = None
    signing_certificate: str | None = None
    signature: str | None = None


class UpdateFirmware(Message, frozen=True):
    """Fetch and install firmware."""

    request_id: int
    firmware: Firmware
    retries: int | None = None
    retry_interval: int | None = None


class PublishFirmware(Message, frozen=True):
    """Let a local controller offer firmware to its stations."""

    location: str
    checksum: str
    request_id: int
    retries: int | None = None
    retry_interval: int | None = None


class UnpublishFirmware(Message, frozen=True):
    """Offer it no longer."""

    checksum: str


class CertificateSigned(Message, frozen=True):
    """The certificate that a station asked for, with its chain, PEM."""

    certificate_chain: str
    certificate_type: str | None = None


class InstallCertificate(Message, frozen=True):
    """A root that the station is to trust, PEM."""

    certificate_type: str
    certificate: str


class HashData(Message, frozen=True):
    """A certificate by its hashes."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class DeleteCertificate(Message, frozen=True):
    """Trust it no longer."""

    certificate_hash_data: HashData


class GetInstalledCertificateIds(Message, frozen=True):
    """The certificates of some types, or all."""

    certificate_type: tuple[str, ...] | None = None


class SetNetworkProfile(Message, frozen=True):
    """How the station reaches us, in one of its slots."""

    configuration_slot: int
    connection_data: Json


class GetMonitoringReport(Message, frozen=True):
    """The monitors of some components and variables, or of some kinds."""

    request_id: int
    component_variable: tuple[Json, ...] | None = None
    monitoring_criteria: tuple[str, ...] | None = None


class SetMonitoringBase(Message, frozen=True):
    """`monitoring_base`: All, FactoryDefault or HardWiredOnly."""

    monitoring_base: str


class SetMonitoringLevel(Message, frozen=True):
    """Report events up to this severity, 0 (danger) to 9."""

    severity: int


class SetVariableMonitoring(Message, frozen=True):
    """Report a variable that passes a threshold, or periodically."""

    set_monitoring_data: tuple[Json, ...]


class ClearVariableMonitoring(Message, frozen=True):
    """Monitors that are no longer wanted."""

    id: tuple[int, ...]


class CustomerInformation(Message, frozen=True):
    """What the station knows of a customer: report it, clear it, or both."""

    request_id: int
    report: bool
    clear: bool
    customer_certificate: HashData | None = None
    id_token: IdToken | None = None
    customer_identifier: str | None = None


class SetDisplayMessage(Message, frozen=True):
    """Show a message."""

    message: Json


class GetDisplayMessages(Message, frozen=True):
    """Which messages are there: they come as NotifyDisplayMessages."""

    request_id: int
    id: tuple[int, ...] | None = None
    priority: str | None = None
    state: str | None = None


class ClearDisplayMessage(Message, frozen=True):
    """Take a message down."""

    id: int


class CostUpdated(Message, frozen=True):
    """What a running session costs so far, in the currency of the place."""

    total_cost: float
    transaction_id: str


class DataTransfer(Message, frozen=True):
    """Something in a maker's own words."""

    vendor_id: str
    message_id: str | None = None
    data: Any = None


Upkeep = (
    GetBaseReport
    | GetReport
    | ClearCache
    | GetLocalListVersion
    | SendLocalList
    | ReserveNow
    | CancelReservation
    | GetLog
    | UpdateFirmware
    | PublishFirmware
    | UnpublishFirmware
    | CertificateSigned
    | InstallCertificate
    | DeleteCertificate
    | GetInstalledCertificateIds
    | SetNetworkProfile
    | GetMonitoringReport
    | SetMonitoringBase
    | SetMonitoringLevel
    | SetVariableMonitoring
    | ClearVariableMonitoring
    | CustomerInformation
    | SetDisplayMessage
    | GetDisplayMessages
    | ClearDisplayMessage
    | CostUpdated
    | DataTransfer
)

"""Certificates, keys and profiles in 2.0.1 and 2.1 (OCPP 2.0.1 A01, A02, A05), and what stations say of security."""

from base64 import b64encode

import msgspec

from server.core.ocsp import Asked
from server.core.reports import StationNotice
from server.gateway import moments
from server.gateway.caller import Answer, Caller
from server.gateway.v201 import commands as c
from server.gateway.v201.messages import Empty, Message, Status
from server.gateway.v201.upkeep import CertificateSigned, Json, SetNetworkProfile

TEXT_MAX = 255
STATION, V2G, BOTH = "station", "v2g", "both"
TYPES = {STATION: "ChargingStationCertificate", V2G: "V2GCertificate"}
"""By kind; a certificate for both uses has none, as the request for it (OCPP 2.0.1 CertificateSignedRequest)."""
SLOT = 2
"""Where a new way to us is written: stations refuse changes to the one in use, which is the first in most."""


class SignCertificate(Message, frozen=True):
    """A station's request for a certificate (PEM); without a type one for both uses."""

    csr: str
    certificate_type: str | None = None


class SecurityEventNotification(Message, frozen=True):
    """Something happened; `type` is a word of the standard's, or of the maker's own."""

    type: str
    timestamp: str | None = None
    tech_info: str | None = None


async def sign_certificate(caller: Caller, request: SignCertificate) -> Answer:
    """A station wants its request signed: Accepted means that it will hear more (CertificateSigned)."""
    kinds = {None: BOTH, TYPES[V2G]: V2G}
    kind = kinds.get(request.certificate_type, STATION)
    accepted = await caller.flows.sign_certificate(caller.station_id, request.csr, kind)
    return Status("Accepted" if accepted else "Rejected")


class OcspRequestData(Message, frozen=True):
    """A certificate by its hashes (hex), and who knows of it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    responder_url: str = msgspec.field(name="responderURL")


class GetCertificateStatus(Message, frozen=True):
    """Is a certificate revoked (M06)?"""

    ocsp_request_data: OcspRequestData


class StatusInfo(Message, frozen=True):
    """Why: a word, and more."""

    reason_code: str
    additional_info: str


class CertificateStatusAnswer(Message, frozen=True):
    """Accepted with the responder's answer (DER in base64), or Failed and why."""

    status: str
    ocsp_result: str | None = None
    status_info: StatusInfo | None = None


async def certificate_status(caller: Caller, request: GetCertificateStatus) -> Answer:
    """Whether a certificate is revoked: the responder is asked that the station names."""
    said = await caller.flows.certificate_status(
        caller.station_id, Asked(**msgspec.structs.asdict(request.ocsp_request_data))
    )
    if said.der is None:
        return CertificateStatusAnswer("Failed", status_info=StatusInfo("NoOcspAnswer", said.why[:TEXT_MAX]))
    return CertificateStatusAnswer("Accepted", b64encode(said.der).decode())


async def security_event(caller: Caller, request: SecurityEventNotification) -> Answer:
    """What a station says of its security: always heard."""
    notice = StationNotice(
        "security",
        request.type[:TEXT_MAX],
        detail=(request.tech_info or "")[:TEXT_MAX],
        said_at=moments.read(request.timestamp, caller.quirks.clock),
        raw=msgspec.json.encode(request).decode(),
    )
    await caller.flows.notice(caller.station_id, notice)
    return Empty()


def set_key(key: str) -> c.SetVariables:
    """A new password; it is shown from the next connection on (A01)."""
    return _set("SecurityCtrlr", "BasicAuthPassword", key)


def send_certificate(chain_pem: str, kind: str) -> CertificateSigned:
    """The answer to a request (A02)."""
    return CertificateSigned(chain_pem, TYPES.get(kind))


def ask_for_request() -> c.TriggerMessage:
    """Ask for a SignCertificate (A02, F06)."""
    return c.TriggerMessage("SignChargingStationCertificate")


def raise_profile(url: str, profile: int) -> tuple[c.Command, ...]:
    """What a station is told, one after the other, to connect to `url` with a higher profile (A05, B09, B10)."""
    data: Json = {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": url,
        "messageTimeout": 30,
        "securityProfile": profile,
        "ocppInterface": "Wired0",
    }
    first = _set("OCPPCommCtrlr", "NetworkConfigurationPriority", f"{SLOT},1")
    return SetNetworkProfile(SLOT, data), first, c.Reset("OnIdle")


def _set(component: str, variable: str, value: str) -> c.SetVariables:
    return c.SetVariables((c.SetVariableData(value, c.Component(component), c.Variable(variable)),))

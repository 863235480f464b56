"""What stations tell of firmware, diagnostics, logs and security: kept, and always answered (OCPP 1.6 §4, whitepaper).

Words may be the maker's own, and come before the boot is accepted (libocpp#983): who tells of a danger is heard.
"""

from typing import Protocol
from uuid import UUID

import msgspec

from server.core.reports import StationNotice
from server.gateway.ports import Flows
from server.gateway.quirks import Quirks
from server.gateway.v16 import moments
from server.gateway.v16.messages import Empty, Message

TEXT_MAX = 255


class Caller(Protocol):
    """The station that speaks, and who listens."""

    @property
    def flows(self) -> Flows:
        """Who listens."""

    @property
    def station_id(self) -> UUID:
        """Who speaks."""

    @property
    def quirks(self) -> Quirks:
        """How it is understood."""


class DiagnosticsStatusNotification(Message, frozen=True):
    """How far an upload of diagnostics is."""

    status: str


class FirmwareStatusNotification(Message, frozen=True):
    """How far an update is."""

    status: str


class LogStatusNotification(Message, frozen=True):
    """How far an upload of a log is; `request_id` of the GetLog, none where it was triggered."""

    status: str
    request_id: int | None = None


class SignedFirmwareStatusNotification(Message, frozen=True):
    """How far an update with signed firmware is."""

    status: str
    request_id: int | None = None


class SecurityEventNotification(Message, frozen=True):
    """Something that bears on security."""

    type: str
    timestamp: str | None = None
    tech_info: str | None = None


class SignCertificate(Message, frozen=True):
    """A request to sign a certificate: PEM."""

    csr: str


class SignCertificateAnswer(Message, frozen=True):
    """Accepted: a CertificateSigned follows; or Rejected."""

    status: str


async def diagnostics_status(caller: Caller, request: DiagnosticsStatusNotification) -> Empty:
    """How far an upload of diagnostics is."""
    return await _keep(caller, StationNotice("diagnostics", request.status[:TEXT_MAX], raw=_raw(request)))


async def firmware_status(caller: Caller, request: FirmwareStatusNotification) -> Empty:
    """How far an update is; the order is not to be relied on."""
    return await _keep(caller, StationNotice("firmware", request.status[:TEXT_MAX], raw=_raw(request)))


async def log_status(caller: Caller, request: LogStatusNotification) -> Empty:
    """How far an upload of a log is."""
    notice = StationNotice("log", request.status[:TEXT_MAX], request_no=request.request_id, raw=_raw(request))
    return await _keep(caller, notice)


async def signed_firmware_status(caller: Caller, request: SignedFirmwareStatusNotification) -> Empty:
    """How far an update with signed firmware is; InvalidSignature is one of its words."""
    notice = StationNotice("firmware", request.status[:TEXT_MAX], request_no=request.request_id, raw=_raw(request))
    return await _keep(caller, notice)


async def security_event(caller: Caller, request: SecurityEventNotification) -> Empty:
    """Something that bears on security."""
    notice = StationNotice(
        "security",
        request.type[:TEXT_MAX],
        detail=(request.tech_info or "")[:TEXT_MAX],
        said_at=moments.read(request.timestamp, caller.quirks.clock),
        raw=_raw(request),
    )
    return await _keep(caller, notice)


async def sign_certificate(caller: Caller, request: SignCertificate) -> SignCertificateAnswer:
    """Whether we will sign; the certificate itself follows in a call of ours."""
    taken = await caller.flows.sign_certificate(caller.station_id, request.csr)
    return SignCertificateAnswer("Accepted" if taken else "Rejected")


async def _keep(caller: Caller, notice: StationNotice) -> Empty:
    await caller.flows.notice(caller.station_id, notice)
    return Empty()


def _raw(request: Message) -> str:
    return msgspec.json.encode(request).decode()

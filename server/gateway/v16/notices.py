"""What stations tell of firmware, diagnostics, logs and security: kept, and always answered (OCPP 1.6 §4, whitepaper).

Words may be the maker's own, and come before the boot is accepted (libocpp#983): who tells of a danger is heard.
"""

import msgspec

from server.core.reports import StationNotice
from server.gateway import moments
from server.gateway.caller import Caller
from server.gateway.v16.messages import Empty, Message
from server.gateway.v16.security import SecurityEventNotification

TEXT_MAX = 255


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


async def _keep(caller: Caller, notice: StationNotice) -> Empty:
    await caller.flows.notice(caller.station_id, notice)
    return Empty()


def _raw(request: Message) -> str:
    return msgspec.json.encode(request).decode()

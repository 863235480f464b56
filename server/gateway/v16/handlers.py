"""What stations say, handed to the flows, and the flows' answers said back: one function an action."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.core.reports import (
    UNSAID_WH,
    BootInfo,
    ConnectorStatus,
    ReadingsInfo,
    SampledReading,
    StartInfo,
    StopInfo,
    TokenAnswer,
)
from server.gateway import meter_values, moments, rpc
from server.gateway.caller import ACCEPTED, Action, Answer, Caller, action, answer
from server.gateway.rpc import ErrorCode, Refusal
from server.gateway.shapes import by_small_letters, word_of
from server.gateway.v16 import messages as m
from server.gateway.v16 import notices, security

TEXT_MAX = 255
TRANSACTION_MAX = 2**31 - 1
METER_MAX_WH = 10**15
BEFORE_ACCEPTED = frozenset(["BootNotification", "SecurityEventNotification"])


async def handle(caller: Caller, call: rpc.Call) -> Answer:
    """The answer to a call: the action's, or why there is none (NotImplemented: unknown; NotSupported: not served).

    Until a boot was accepted nothing else is heard but alarms and what we asked for (OCPP 1.6 §4.2).
    """
    standing = caller.standing
    if standing.boot != ACCEPTED and call.action not in BEFORE_ACCEPTED and call.action not in standing.triggered:
        return Refusal(ErrorCode.SECURITY, f"The answer to the boot of this station was {standing.boot}.")
    served = ACTIONS.get(call.action)
    if served is None and call.action in KNOWN:
        return Refusal(ErrorCode.NOT_SUPPORTED, "This action is not served here.")
    if served is None:
        return Refusal(ErrorCode.NOT_IMPLEMENTED, "This action is not known.")
    return await answer(caller, served, call)


async def boot_notification(caller: Caller, request: m.BootNotification) -> Answer:
    """A station started: it hears whether it may go on, our time and its heartbeat."""
    info = BootInfo(
        vendor=request.charge_point_vendor[:TEXT_MAX],
        model=request.charge_point_model[:TEXT_MAX],
        firmware=(request.firmware_version or "")[:TEXT_MAX],
        serial=(request.charge_point_serial_number or request.charge_box_serial_number or "")[:TEXT_MAX],
    )
    said = await caller.flows.boot(caller.station_id, info)
    caller.standing.boot = said.status
    caller.standing.triggered.clear()
    return m.BootNotificationAnswer(said.status, moments.write(said.now), said.interval_s)


async def heartbeat(caller: Caller, _request: m.Heartbeat) -> Answer:
    """A sign of life: it hears our time."""
    return m.HeartbeatAnswer(moments.write(await caller.flows.heartbeat(caller.station_id)))


async def status_notification(caller: Caller, request: m.StatusNotification) -> Answer:
    """A connector's status; an error code may be a word of the maker's own (Legrand)."""
    status = word_of(request.status, STATUSES)
    if status is None:  # it is in the message log, and nothing follows from it
        return m.Empty()
    info = ConnectorStatus(
        connector_no=request.connector_id,
        status=status,
        error_code=request.error_code[:TEXT_MAX],
        at=moments.read(request.timestamp, caller.quirks.clock),
        info=(request.info or "")[:TEXT_MAX],
    )
    await caller.flows.status(caller.station_id, info)
    return m.Empty()


async def authorize(caller: Caller, request: m.Authorize) -> Answer:
    """May this token charge here?"""
    said = await caller.flows.authorize(caller.station_id, request.id_tag)
    return m.AuthorizeAnswer(_token_info(said))


async def start_transaction(caller: Caller, request: m.StartTransaction) -> Answer:
    """A transaction began: always a result, whatever we think of its token (OCPP 1.6 §4.8)."""
    said = moments.read(request.timestamp, caller.quirks.clock)
    info = StartInfo(
        connector_no=request.connector_id,
        token_uid=request.id_tag,
        meter_start_wh=UNSAID_WH if request.meter_start is None else _register(request.meter_start),
        at=said or await caller.flows.heartbeat(caller.station_id),
        at_heard=said is None,
        reservation_id=request.reservation_id,
    )
    begun = await caller.flows.start(caller.station_id, info)
    return m.StartTransactionAnswer(begun.transaction_id, _token_info(TokenAnswer(begun.status, begun.group)))


async def stop_transaction(caller: Caller, request: m.StopTransaction) -> Answer:
    """A transaction ended: always a result, for one that nobody knows too, or it would be said for ever."""
    readings = await _readings(caller, request.transaction_data or ())
    info = StopInfo(
        transaction_id=_transaction(request.transaction_id) or 0,
        meter_stop_wh=_register(request.meter_stop) if request.meter_stop >= 0 else _last_register(readings),
        at=await _moment(caller, request.timestamp),
        token_uid=request.id_tag,
        reason=request.reason[:TEXT_MAX] if request.reason else None,
        readings=readings,
    )
    ended = await caller.flows.stop(caller.station_id, info)
    return m.StopTransactionAnswer(None if ended is None else _token_info(ended))


async def take_meter_values(caller: Caller, request: m.MeterValues) -> Answer:
    """Meter values: always a result, also for those that say nothing."""
    readings = await _readings(caller, request.meter_value)
    info = ReadingsInfo(request.connector_id, _transaction(request.transaction_id), readings)
    del request  # as in `caller.answer`
    if readings:
        await caller.flows.readings(caller.station_id, info)
    return m.Empty()


async def data_transfer(_caller: Caller, _request: m.DataTransfer) -> Answer:
    """No maker's words are understood here, which is a result and no error (OCPP 1.6 §4.3)."""
    return m.DataTransferAnswer("UnknownVendorId")


async def sign_certificate(caller: Caller, request: security.SignCertificate) -> Answer:
    """A station wants its request signed: Accepted means that it will hear more (CertificateSigned)."""
    accepted = await caller.flows.sign_certificate(caller.station_id, request.csr, "station")
    return security.SignCertificateAnswer("Accepted" if accepted else "Rejected")


async def _moment(caller: Caller, text: str | None) -> datetime:
    """When it happened by the station's word, or, where that cannot be read ("0", 1970), when we heard of it."""
    return moments.read(text, caller.quirks.clock) or await caller.flows.heartbeat(caller.station_id)


async def _readings(caller: Caller, values: Sequence[m.MeterValue]) -> tuple[SampledReading, ...]:
    said = [(value.timestamp, value.sampled_value) for value in values if value.sampled_value]
    clock = caller.quirks.clock
    timed = [(moments.read(at, clock) or await caller.flows.heartbeat(caller.station_id), some) for at, some in said]
    return meter_values.readings(timed, kwh_as_wh=caller.quirks.kwh_as_wh)


def _token_info(said: TokenAnswer) -> m.IdTagInfo:
    """What we say of a token, with the group that may end what it began (OCPP 1.6 §3.5.2)."""
    return m.IdTagInfo(said.status, parent_id_tag=said.group or None)


def _transaction(transaction_id: int | None) -> int | None:
    """Stations without a transaction say 0, -1 or 2^63-1 (go-e, libocpp, Etrel)."""
    return transaction_id if transaction_id is not None and 0 < transaction_id <= TRANSACTION_MAX else None


def _register(meter: float) -> int:
    """A register in whole Wh, within what a meter can show."""
    return max(0, min(METER_MAX_WH, round(meter)))


def _last_register(readings: Sequence[SampledReading]) -> int:
    """The highest register of transaction data, -1 where there is none: then the last that we know counts."""
    return max((one.register_wh for one in readings if one.register_wh is not None), default=-1)


STATUSES = by_small_letters(
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)
NO_TRANSACTION = m.StartTransactionAnswer(0, m.IdTagInfo("Invalid"))
"""To a start that says nothing at all."""


ACTIONS: dict[str, Action[Any]] = {
    "Authorize": action(m.Authorize, authorize),
    "BootNotification": action(m.BootNotification, boot_notification),
    "DataTransfer": action(m.DataTransfer, data_transfer),
    "DiagnosticsStatusNotification": action(notices.DiagnosticsStatusNotification, notices.diagnostics_status),
    "FirmwareStatusNotification": action(notices.FirmwareStatusNotification, notices.firmware_status),
    "Heartbeat": action(m.Heartbeat, heartbeat),
    "LogStatusNotification": action(notices.LogStatusNotification, notices.log_status),
    "MeterValues": action(m.MeterValues, take_meter_values, m.Empty()),
    "SecurityEventNotification": action(security.SecurityEventNotification, notices.security_event),
    "SignCertificate": action(security.SignCertificate, sign_certificate),
    "SignedFirmwareStatusNotification": action(
        notices.SignedFirmwareStatusNotification, notices.signed_firmware_status
    ),
    "StartTransaction": action(m.StartTransaction, start_transaction, NO_TRANSACTION),
    "StatusNotification": action(m.StatusNotification, status_notification, m.Empty()),
    "StopTransaction": action(m.StopTransaction, stop_transaction, m.Empty()),
}

# Known by OCPP 1.6 and its security whitepaper, and not ours to serve: only stations serve them.
KNOWN = frozenset(
    [
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDiagnostics",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "TriggerMessage",
        "UnlockConnector",
        "UpdateFirmware",
    ]
)

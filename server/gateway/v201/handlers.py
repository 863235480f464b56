"""What 2.0.1 and 2.1 stations say, handed to the flows, and the flows' answers said back: one function an action."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from server.core.evse_status import of_charging_state
from server.core.reports import BootInfo, ConnectorStatus, ReadingsInfo, StationNotice, TokenAnswer, TransactionInfo
from server.gateway import moments, rpc
from server.gateway.caller import ACCEPTED, Action, Answer, Caller, action, answer
from server.gateway.rpc import ErrorCode, Refusal
from server.gateway.shapes import by_small_letters, word_of
from server.gateway.v201 import car, external, meter_values, security, told
from server.gateway.v201 import messages as m
from server.gateway.v201.names import BEFORE_ACCEPTED, IN_21, KNOWN, KNOWN_21, RECEIVED, RECEIVED_21
from server.gateway.versions import Version

TEXT_MAX = 255
STATUSES = by_small_letters("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
EVENTS = by_small_letters("Started", "Updated", "Ended")
NO_AUTHORIZATION = "NoAuthorization"


async def handle(caller: Caller, call: rpc.Call) -> Answer:
    """The answer to a call: the action's, or why there is none (NotImplemented: unknown; NotSupported: not served).

    Until a boot was accepted nothing else is heard but what we asked for (OCPP 2.0.1 B02.FR.09, B03.FR.08).
    """
    standing = caller.standing
    if standing.boot != ACCEPTED and call.action not in BEFORE_ACCEPTED and call.action not in standing.triggered:
        return Refusal(ErrorCode.SECURITY, f"The answer to the boot of this station was {standing.boot}.")
    served = ACTIONS.get(call.action)
    known = KNOWN
    if caller.version is Version.V21:
        served, known = served or ACTIONS_21.get(call.action), KNOWN_21
    if served is not None:
        return await answer(caller, served, call)
    if call.action in known:
        return Refusal(ErrorCode.NOT_SUPPORTED, "This action is not served here.")
    return Refusal(ErrorCode.NOT_IMPLEMENTED, "This action is not known.")


async def boot_notification(caller: Caller, request: m.BootNotification) -> Answer:
    """A station started: it hears whether it may go on, our time and its heartbeat."""
    station = request.charging_station
    info = BootInfo(
        vendor=station.vendor_name[:TEXT_MAX],
        model=station.model[:TEXT_MAX],
        firmware=(station.firmware_version or "")[:TEXT_MAX],
        serial=(station.serial_number or "")[:TEXT_MAX],
    )
    said = await caller.flows.boot(caller.station_id, info)
    caller.standing.boot = said.status
    caller.standing.triggered.clear()
    return m.BootNotificationAnswer(moments.write(said.now), said.interval_s, said.status)


async def heartbeat(caller: Caller, _request: m.Heartbeat) -> Answer:
    """A sign of life: it hears our time."""
    return m.HeartbeatAnswer(moments.write(await caller.flows.heartbeat(caller.station_id)))


async def status_notification(caller: Caller, request: m.StatusNotification) -> Answer:
    """A connector's status: the flows make the EVSE's of those of all its connectors."""
    status = word_of(request.connector_status, STATUSES)
    if status is None:  # it is in the message log, and nothing follows from it
        return m.Empty()
    info = ConnectorStatus(
        connector_no=request.evse_id,
        status=status,
        error_code="NoError" if status != "Faulted" else "OtherError",
        at=moments.read(request.timestamp, caller.quirks.clock),
        socket=request.connector_id if request.connector_id > 0 else None,
    )
    await caller.flows.status(caller.station_id, info)
    return m.Empty()


async def authorize(caller: Caller, request: m.Authorize) -> Answer:
    """May this token charge here? Of a certificate nobody here can say that it is good."""
    said = await caller.flows.authorize(caller.station_id, token_uid(request.id_token))
    asked = request.certificate is not None or bytes(request.hashes) != b"null"
    return m.AuthorizeAnswer(token_info(said), "NoCertificateAvailable" if asked else None)


async def transaction_event(caller: Caller, request: m.TransactionEvent) -> Answer:
    """Something happened in a transaction: always a result, whatever we think of it (OCPP 2.0.1 E)."""
    kind = word_of(request.event_type, EVENTS)
    if kind is None or not request.transaction_info.transaction_id:
        return m.TransactionEventAnswer()  # nobody knows of what, or that something began or ended
    timed = await _timed(caller, request.meter_value or ())
    transaction = request.transaction_info
    info = TransactionInfo(
        reference=transaction.transaction_id,
        kind=kind,
        seq_no=request.seq_no if request.seq_no >= 0 else _number_of(request),
        at=await _moment(caller, request.timestamp),
        trigger=request.trigger_reason[:TEXT_MAX],
        offline=bool(request.offline),
        connector_no=(request.evse.id or None) if request.evse else None,
        token_uid=token_uid(request.id_token) if said_a_token(request.id_token) else None,
        state=of_charging_state(transaction.charging_state, kind),
        reason=(transaction.stopped_reason or "")[:TEXT_MAX] or None,
        readings=meter_values.readings(timed, kwh_as_wh=caller.quirks.kwh_as_wh),
        signed=meter_values.signed(timed),
        reservation_id=request.reservation_id,
    )
    said = await caller.flows.transaction(caller.station_id, info)
    cost = None if said.total_cost_minor is None else said.total_cost_minor / 100
    return m.TransactionEventAnswer(None if said.token is None else token_info(said.token), cost)


async def take_meter_values(caller: Caller, request: m.MeterValues) -> Answer:
    """Meter values outside transactions: always a result, also for those that say nothing."""
    timed = await _timed(caller, request.meter_value)
    readings = meter_values.readings(timed, kwh_as_wh=caller.quirks.kwh_as_wh)
    if readings:
        await caller.flows.readings(caller.station_id, ReadingsInfo(request.evse_id, None, readings))
    if signed := meter_values.signed(timed):
        await caller.flows.signed(caller.station_id, request.evse_id, signed)
    return m.Empty()


async def reservation_status(caller: Caller, request: m.ReservationStatusUpdate) -> Answer:
    """What became of a reservation."""
    status = request.reservation_update_status[:TEXT_MAX]
    await caller.flows.reserved(caller.station_id, request.reservation_id, status)
    return m.Empty()


async def received(_caller: Caller, _request: m.Anything) -> Answer:
    """Received; the message log keeps what it said."""
    return m.Empty()


async def refused(_caller: Caller, _request: m.Anything) -> Answer:
    """We do not do this."""
    return m.Status("Rejected")


async def firmware_status(caller: Caller, request: m.UpkeepStatus) -> Answer:
    """How far an update is."""
    said = StationNotice("firmware", request.status[:TEXT_MAX], request_no=request.request_id, raw=_raw(request))
    return await _notice(caller, said)


async def log_status(caller: Caller, request: m.UpkeepStatus) -> Answer:
    """How far an upload of a log is."""
    said = StationNotice("log", request.status[:TEXT_MAX], request_no=request.request_id, raw=_raw(request))
    return await _notice(caller, said)


async def _notice(caller: Caller, notice: StationNotice) -> Answer:
    await caller.flows.notice(caller.station_id, notice)
    return m.Empty()


def _raw(request: m.Message) -> str:
    return msgspec.json.encode(request).decode()


async def data_transfer(_caller: Caller, _request: m.Anything) -> Answer:
    """No maker's words are understood here, which is a result and no error (OCPP 2.0.1 P02)."""
    return m.Status("UnknownVendorId")


async def ev_certificate(_caller: Caller, _request: m.Anything) -> Answer:
    """We have no contract certificates for cars."""
    return m.EvCertificateAnswer("Failed", "")


async def chain_status(caller: Caller, request: m.ChainStatus) -> Answer:
    """The standing of certificates: we cannot tell of any (2.1)."""
    now = moments.write(await caller.flows.heartbeat(caller.station_id))
    asked = [one.certificate_hash_data for one in request.certificate_status_requests]
    known = [m.CertificateStatus(data, "OCSP", "Failed", now) for data in asked]
    return m.ChainStatusAnswer([msgspec.Raw(msgspec.json.encode(one)) for one in known])


async def vat_number(_caller: Caller, request: m.VatNumber) -> Answer:
    """We check no VAT numbers (2.1)."""
    return m.VatNumberAnswer(request.vat_number[:20], "Rejected", request.evse_id)


def token_info(said: TokenAnswer) -> m.IdTokenInfo:
    """What we say of a token (OCPP 2.0.1 C09: with its group)."""
    return m.IdTokenInfo(said.status, m.IdToken(said.group, "Central") if said.group else None)


def _number_of(request: m.TransactionEvent) -> int:
    """For an event without a number: below 0, the same when it comes again."""
    return -1 - (zlib.crc32(msgspec.json.encode(request)) >> 1)


def token_uid(token: m.IdToken | None) -> str:
    """A token by its name; "" where nobody had to show one."""
    return "" if token is None or token.type == NO_AUTHORIZATION else token.id_token.strip()


def said_a_token(token: m.IdToken | None) -> bool:
    """Whether an event says who charges: a token, or that nobody needs one. An empty one says nothing."""
    return token is not None and (token.type == NO_AUTHORIZATION or bool(token.id_token.strip()))


async def _moment(caller: Caller, text: str | None) -> datetime:
    """When it happened by the station's word, or, where that cannot be read, when we heard of it."""
    return moments.read(text, caller.quirks.clock) or await caller.flows.heartbeat(caller.station_id)


async def _timed(caller: Caller, values: Sequence[m.MeterValue]) -> meter_values.Timed:
    said = [(value.timestamp, value.sampled_value) for value in values if value.sampled_value]
    return [(await _moment(caller, timestamp), samples) for timestamp, samples in said]


ACTIONS: dict[str, Action[Any]] = {
    "Authorize": action(m.Authorize, authorize),
    "BootNotification": action(m.BootNotification, boot_notification),
    "ClearedChargingLimit": action(external.ClearedChargingLimit, external.released),
    "DataTransfer": action(m.Anything, data_transfer),
    "FirmwareStatusNotification": action(m.UpkeepStatus, firmware_status),
    "Get15118EVCertificate": action(m.Anything, ev_certificate),
    "GetCertificateStatus": action(security.GetCertificateStatus, security.certificate_status),
    "Heartbeat": action(m.Heartbeat, heartbeat),
    "LogStatusNotification": action(m.UpkeepStatus, log_status),
    "MeterValues": action(m.MeterValues, take_meter_values, m.Empty()),
    "NotifyChargingLimit": action(external.NotifyChargingLimit, external.limited),
    "NotifyEVChargingNeeds": action(car.NotifyEVChargingNeeds, car.needs),
    "NotifyEVChargingSchedule": action(car.NotifyEVChargingSchedule, car.schedule),
    "ReportChargingProfiles": action(external.ReportChargingProfiles, external.reported),
    "ReservationStatusUpdate": action(m.ReservationStatusUpdate, reservation_status),
    "SecurityEventNotification": action(security.SecurityEventNotification, security.security_event),
    "SignCertificate": action(security.SignCertificate, security.sign_certificate),
    "StatusNotification": action(m.StatusNotification, status_notification, m.Empty()),
    "TransactionEvent": action(m.TransactionEvent, transaction_event, m.TransactionEventAnswer()),
    "NotifyCustomerInformation": action(told.Part, told.customer),
    "NotifyDisplayMessages": action(told.Part, told.messages),
    "NotifyEvent": action(told.NotifyEvent, told.happened),
    "NotifyMonitoringReport": action(told.Part, told.monitors),
    "NotifyReport": action(told.Part, told.variables),
    **{name: action(m.Anything, received) for name in RECEIVED},
}

ACTIONS_21: dict[str, Action[Any]] = {
    "GetCertificateChainStatus": action(m.ChainStatus, chain_status),
    "OpenPeriodicEventStream": action(m.Anything, refused),
    "PullDynamicScheduleUpdate": action(m.Anything, refused),
    "VatNumberValidation": action(m.VatNumber, vat_number),
    **{name: action(m.Anything, received) for name in RECEIVED_21},
}
assert ACTIONS_21.keys() <= IN_21, "what only 2.1 knows"

"""What the official cases of OCPP 2.0.1 (OCTT, CSMS) ask of a conversation: our request, its answer, what follows.

A row is the case's id and its steps, in order: `Ask` (an operator asks over the API, the station answers) and `Hear`
(the station says something, `hears` is in our answer). What is then held of it is looked up by `operators_line`.
"""

from typing import Any

import msgspec

SAID = "2025-01-15T17:55:00Z"
LATER = "2025-01-16T18:00:00Z"
CARD = "ANNA-CARD"
TOKEN = {"idToken": CARD, "type": "ISO14443"}
OTHER = {"idToken": "OTHER", "type": "ISO14443"}
GROUP = {"idToken": "FAMILY", "type": "Central"}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
PEM = "-----BEGIN CERTIFICATE-----"
OK = {"status": "Accepted"}


class Ask(msgspec.Struct, frozen=True):
    """An operator asks: the action, the request as it is given and as it must reach the wire, the station's answer."""

    action: str
    body: dict
    answer: dict = msgspec.field(default_factory=lambda: dict(OK))


class Hear(msgspec.Struct, frozen=True):
    """The station says something: what our answer says among other things."""

    action: str
    payload: dict
    hears: dict = msgspec.field(default_factory=dict)


def refused(action: str, body: dict, status: str, **more: Any) -> Ask:
    """We ask and are told no."""
    return Ask(action, body, {"status": status} | more)


def connector(status: str) -> Hear:
    return Hear("StatusNotification", {"timestamp": SAID, "connectorStatus": status, "evseId": 1, "connectorId": 1})


def happened(component: str, variable: str, value: str, trigger: str = "Delta", **more: Any) -> Hear:
    data = {
        "eventId": 1,
        "timestamp": SAID,
        "trigger": trigger,
        "actualValue": value,
        "component": {"name": component, "evse": {"id": 1}},
        "variable": {"name": variable},
        "eventNotificationType": more.pop("kind", "CustomMonitor"),
    }
    return Hear("NotifyEvent", {"generatedAt": SAID, "seqNo": 0, "eventData": [data | more]})


def event(kind: str, trigger: str, state: str, seq_no: int = 0) -> Hear:
    info = {"transactionId": "T-1", "chargingState": state}
    said = {"eventType": kind, "timestamp": SAID, "triggerReason": trigger, "seqNo": seq_no, "transactionInfo": info}
    return Hear("TransactionEvent", said | {"evse": {"id": 1, "connectorId": 1}, "idToken": TOKEN})


BOOT = {"chargingStation": {"model": "M", "vendorName": "V"}}


def boot(reason: str) -> Hear:
    return Hear("BootNotification", BOOT | {"reason": reason}, {"status": "Accepted", "interval": 3600})


def firmware(*statuses: str) -> list[Hear]:
    return [Hear("FirmwareStatusNotification", {"status": status, "requestId": 1}) for status in statuses]


def published(*statuses: str) -> list[Hear]:
    more = {"Published": {"location": ["https://x/f"]}}
    said = [{"status": status, "requestId": 1} | more.get(status, {}) for status in statuses]
    return [Hear("PublishFirmwareStatusNotification", payload) for payload in said]


def log(*statuses: str, request_id: int = 1) -> list[Hear]:
    return [Hear("LogStatusNotification", {"status": status, "requestId": request_id}) for status in statuses]


def report(action: str = "NotifyReport", **more: Any) -> Hear:
    return Hear(action, {"requestId": 1, "generatedAt": SAID, "seqNo": 0} | more)


HEARTBEAT = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
OFFLINE = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
AUTHORIZE = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "AuthorizeRemoteStart"}}


def got(*parts: dict) -> dict:
    return {"getVariableResult": [part | {"attributeStatus": "Accepted", "attributeValue": "1"} for part in parts]}


def had(*parts: dict) -> dict:
    return {"setVariableResult": [part | {"attributeStatus": "Accepted"} for part in parts]}


def get(*parts: dict) -> Ask:
    return Ask("GetVariables", {"getVariableData": list(parts)}, got(*parts))


def put(*parts: dict) -> Ask:
    return Ask("SetVariables", {"setVariableData": [part | {"attributeValue": "300"} for part in parts]}, had(*parts))


PERIOD = {"startPeriod": 0, "limit": 6.0}
RATES = {"chargingRateUnit": "A", "chargingSchedulePeriod": [PERIOD]}


def profile(purpose: str, evse_id: int, kind: str = "Absolute", profile_id: int = 1, **more: Any) -> dict:
    """A SetChargingProfile of 6 A; `duration` is the schedule's."""
    schedule = RATES | {"id": 1} | ({} if kind == "Relative" else {"startSchedule": SAID})
    schedule |= {"duration": more.pop("duration")} if "duration" in more else {}
    head = {"id": profile_id, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": kind}
    return {"evseId": evse_id, "chargingProfile": head | {"chargingSchedule": [schedule]} | more}


def charge(*said: Any, **more: Any) -> Ask:
    """A SetChargingProfile that is accepted."""
    return Ask("SetChargingProfile", profile(*said, **more))


def composite(evse_id: int) -> Ask:
    schedule = RATES | {"evseId": evse_id, "duration": 300, "scheduleStart": SAID}
    return Ask("GetCompositeSchedule", {"duration": 300, "evseId": evse_id}, OK | {"schedule": schedule})


FOUND = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [RATES | {"id": 1}],
}


def reported(**more: Any) -> Hear:
    said = {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [FOUND]}
    return Hear("ReportChargingProfiles", said | more)


def profiles(evse_id: int | None, **criteria: Any) -> Ask:
    where = {} if evse_id is None else {"evseId": evse_id}
    return Ask("GetChargingProfiles", {"requestId": 1, "chargingProfile": criteria} | where)


SHOWN = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Hello"}}


def shown(status: str = "Accepted", **more: Any) -> Ask:
    return Ask("SetDisplayMessage", {"message": SHOWN | more}, {"status": status})


def displayed(status: str = "Accepted", **asked: Any) -> list[Any]:
    ask = Ask("GetDisplayMessages", {"requestId": 1} | asked, {"status": status})
    follows = [Hear("NotifyDisplayMessages", {"requestId": 1, "messageInfo": [SHOWN]})]
    return [ask, *(follows if status == "Accepted" else [])]


def reserve(status: str = "Accepted", evse_id: int | None = 1, **more: Any) -> Ask:
    where = {"evseId": evse_id} if evse_id else {}
    return Ask("ReserveNow", {"id": 1, "expiryDateTime": LATER, "idToken": TOKEN} | where | more, {"status": status})


def reset(kind: str, evse_id: int | None, status: str = "Accepted") -> Ask:
    return Ask("Reset", {"type": kind} | ({"evseId": evse_id} if evse_id else {}), {"status": status})


EVSE = {"id": 1}
SOCKET = {"id": 1, "connectorId": 1}


def available(status: str, evse: dict | None, answer: str = "Accepted") -> Ask:
    body = {"operationalStatus": status} | ({"evse": evse} if evse else {})
    return Ask("ChangeAvailability", body, {"status": answer})


def trigger(message: str, evse: dict | None = None, status: str = "Accepted") -> Ask:
    return Ask("TriggerMessage", {"requestedMessage": message} | ({"evse": evse} if evse else {}), {"status": status})


def update(status: str = "Accepted", request_id: int = 1, **when: Any) -> Ask:
    fetched = {"location": "https://x/f", "retrieveDateTime": SAID, "signingCertificate": PEM, "signature": "c2ln"}
    return Ask("UpdateFirmware", {"requestId": request_id, "firmware": fetched | when}, {"status": status})


def publish(checksum: str = "md5") -> Ask:
    return Ask("PublishFirmware", {"location": "https://x/f", "checksum": checksum, "requestId": 1})


def unpublish(status: str) -> Ask:
    return Ask("UnpublishFirmware", {"checksum": "md5"}, {"status": status})


def install(kind: str, status: str = "Accepted") -> list[Ask]:
    return [Ask("InstallCertificate", {"certificateType": kind, "certificate": PEM}, {"status": status})]


def installed(*kinds: str, status: str = "Accepted", found: str | None = None) -> list[Ask]:
    chain = [{"certificateType": found or kinds[0], "certificateHashData": HASH}] if status == "Accepted" else []
    answer = {"status": status} | ({"certificateHashDataChain": chain} if chain else {})
    return [Ask("GetInstalledCertificateIds", {"certificateType": list(kinds)} if kinds else {}, answer)]


PART = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}}
MONITOR = PART | {"value": 10.0, "type": "UpperThreshold", "severity": 5}
MONITORED = {"status": "Accepted", "type": "UpperThreshold", "severity": 5, "id": 1} | PART


def monitor(*rows: dict, **answer: Any) -> Ask:
    answers = [MONITORED | answer for _ in rows]
    return Ask("SetVariableMonitoring", {"setMonitoringData": list(rows)}, {"setMonitoringResult": answers})


def cleared(*ids: int, status: str = "Accepted") -> Ask:
    results = [{"id": one, "status": status} for one in ids]
    return Ask("ClearVariableMonitoring", {"id": list(ids)}, {"clearMonitoringResult": results})


def monitors(**asked: Any) -> list[Any]:
    return [Ask("GetMonitoringReport", {"requestId": 1} | asked), report("NotifyMonitoringReport")]


def customer(
    status: str = "Accepted", *, data: str | None = None, report: bool = True, clear: bool = False, **who: Any
) -> list[Any]:
    body = {"requestId": 1, "report": report, "clear": clear} | (who or {"idToken": TOKEN})
    ask = Ask("CustomerInformation", body, {"status": status})
    if data is None:
        return [ask]
    said = {"requestId": 1, "generatedAt": SAID, "seqNo": 0, "data": data}
    return [ask, Hear("NotifyCustomerInformation", said)]


def get_log(kind: str, request_id: int = 1, status: str = "Accepted") -> Ask:
    body = {"log": {"remoteLocation": "https://x/logs"}, "logType": kind, "requestId": request_id}
    return Ask("GetLog", body, {"status": status, "filename": "log.gz"})


def version(number: int) -> Ask:
    return Ask("GetLocalListVersion", {}, {"versionNumber": number})


def send_list(number: int, kind: str, *rows: dict) -> list[Any]:
    body = {"versionNumber": number, "updateType": kind} | ({"localAuthorizationList": list(rows)} if rows else {})
    return [Ask("SendLocalList", body), version(number)]


def limit(**more: Any) -> Hear:
    return Hear(
        "NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": False}} | more
    )


RELEASED = Hear("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
TX = charge("TxProfile", 1, transactionId="T-1")
STARTED = event("Started", "Authorized", "Charging")


def alarm(kind: str) -> Hear:
    """A security event, by its name in the standard's appendix 1."""
    return Hear("SecurityEventNotification", {"type": kind, "timestamp": SAID})


SLOT = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://x/ocpp",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}
ALLOWED = {"status": "Accepted"}
LISTED = {"idToken": TOKEN, "idTokenInfo": ALLOWED}
IN_GROUP = {"idToken": OTHER, "idTokenInfo": ALLOWED | {"groupIdToken": GROUP}}
INVALID = {"idToken": OTHER, "idTokenInfo": {"status": "Invalid", "groupIdToken": GROUP}}
DOWNLOADED = ("Downloading", "Downloaded", "SignatureVerified")

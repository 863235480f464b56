"""What the official cases of OCPP 2.0.1 (OCTT, CSMS) ask of a conversation: our request, its answer, what follows.

A row of `CASES` is the case's id and its steps, in order: `Ask` (we ask, `says` is in the frame, the station answers)
and `Hear` (the station says something, `hears` is in our answer).
"""

from typing import Any

import msgspec

from server.gateway.v201 import commands as c
from server.gateway.v201 import upkeep as u
from server.gateway.v201.messages import Evse, IdToken, IdTokenInfo

SAID = "2026-11-21T04:00:00Z"
LATER = "2026-11-22T04:00:00Z"
TOKEN = IdToken("TAG", "ISO14443")
OTHER = IdToken("OTHER", "ISO14443")
GROUP = IdToken("FAMILY", "Central")
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
HASHED = u.HashData("SHA256", "a", "b", "1")
PEM = "-----BEGIN CERTIFICATE-----"
OK = {"status": "Accepted"}


class Ask(msgspec.Struct, frozen=True):
    """We ask: what the frame says among other things, what the station answers, and the status that we read."""

    command: Any
    says: dict = msgspec.field(default_factory=dict)
    answer: dict = msgspec.field(default_factory=lambda: dict(OK))
    status: str | None = None  # None: that of the answer


class Hear(msgspec.Struct, frozen=True):
    """The station says something: what our answer says among other things."""

    action: str
    payload: dict
    hears: dict = msgspec.field(default_factory=dict)


def refused(command: Any, status: str, says: dict | None = None, **more: Any) -> Ask:
    """We ask and are told no."""
    return Ask(command, says or {}, {"status": status} | more)


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
    return Hear("TransactionEvent", said | {"evse": {"id": 1, "connectorId": 1}})


BOOT = {"chargingStation": {"model": "M", "vendorName": "V"}}


def boot(reason: str) -> Hear:
    return Hear("BootNotification", BOOT | {"reason": reason}, {"status": "Accepted", "interval": 900})


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


def get(*parts: dict) -> c.GetVariables:
    data = [c.GetVariableData(c.Component(p["component"]["name"]), c.Variable(p["variable"]["name"])) for p in parts]
    return c.GetVariables(tuple(data))


def put(*parts: dict) -> c.SetVariables:
    return c.SetVariables(
        tuple(
            c.SetVariableData("300", c.Component(p["component"]["name"]), c.Variable(p["variable"]["name"]))
            for p in parts
        )
    )


def profile(
    purpose: str, evse_id: int, kind: str = "Absolute", profile_id: int = 1, **more: Any
) -> c.SetChargingProfile:
    start = None if kind == "Relative" else SAID
    schedule = c.ChargingSchedule(1, "A", (c.SchedulePeriod(0, 6.0),), start, more.pop("duration", None))
    return c.SetChargingProfile(evse_id, c.ChargingProfile(profile_id, 0, purpose, kind, (schedule,), **more))


PERIOD = {"startPeriod": 0, "limit": 6.0}
RATES = {"chargingRateUnit": "A", "chargingSchedulePeriod": [PERIOD]}
COMPOSITE = OK | {"schedule": RATES | {"evseId": 1, "duration": 300, "scheduleStart": SAID}}
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
    command = c.GetChargingProfiles(1, c.ReportCriteria(**criteria), evse_id)
    says = {} if evse_id is None else {"evseId": evse_id}
    return Ask(command, {"requestId": 1} | says)


SHOWN = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Hello"}}


def shown(status: str = "Accepted", **more: Any) -> Ask:
    return Ask(u.SetDisplayMessage(SHOWN | more), {"message": SHOWN | more}, {"status": status})


def displayed(status: str = "Accepted", **asked: Any) -> list[Any]:
    ask = Ask(u.GetDisplayMessages(1, **asked), {"requestId": 1}, {"status": status})
    return (
        [ask, Hear("NotifyDisplayMessages", {"requestId": 1, "messageInfo": [SHOWN]})]
        if status == "Accepted"
        else [ask]
    )


def reserve(status: str = "Accepted", evse_id: int | None = 1, **more: Any) -> Ask:
    says = {"id": 1, "expiryDateTime": LATER} | ({"evseId": evse_id} if evse_id else {})
    return Ask(u.ReserveNow(1, LATER, TOKEN, evse_id, **more), says, {"status": status})


def reset(kind: str, evse_id: int | None, status: str = "Accepted") -> Ask:
    says = {"type": kind} | ({"evseId": evse_id} if evse_id else {})
    return Ask(c.Reset(kind, evse_id), says, {"status": status})


def available(status: str, evse: Evse | None, answer: str = "Accepted") -> Ask:
    said = None if evse is None else {"id": evse.id} | ({"connectorId": 1} if evse.connector_id else {})
    return Ask(
        c.ChangeAvailability(status, evse),
        {"operationalStatus": status} | ({"evse": said} if said else {}),
        {"status": answer},
    )


def trigger(message: str, evse: Evse | None = None, status: str = "Accepted") -> Ask:
    return Ask(c.TriggerMessage(message, evse), {"requestedMessage": message}, {"status": status})


def update(**more: Any) -> u.UpdateFirmware:
    return u.UpdateFirmware(1, u.Firmware("https://x/f", SAID, more.get("install"), PEM, "c2ln"))


def install(kind: str, status: str = "Accepted") -> list[Ask]:
    return [Ask(u.InstallCertificate(kind, PEM), {"certificateType": kind, "certificate": PEM}, {"status": status})]


def installed(*kinds: str, status: str = "Accepted", found: str | None = None) -> list[Ask]:
    chain = [{"certificateType": found or kinds[0], "certificateHashData": HASH}] if status == "Accepted" else []
    answer = {"status": status} | ({"certificateHashDataChain": chain} if chain else {})
    says = {"certificateType": list(kinds)} if kinds else {}
    return [Ask(u.GetInstalledCertificateIds(kinds or None), says, answer)]


PART = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}}
MONITOR = PART | {"value": 10.0, "type": "UpperThreshold", "severity": 5}
MONITORED = {"status": "Accepted", "type": "UpperThreshold", "severity": 5, "id": 1} | PART


def monitor(*rows: dict, **answer: Any) -> Ask:
    answers = [MONITORED | answer for _ in rows]
    return Ask(u.SetVariableMonitoring(rows), {"setMonitoringData": list(rows)}, {"setMonitoringResult": answers}, "")


def cleared(*ids: int, status: str = "Accepted") -> Ask:
    results = [{"id": one, "status": status} for one in ids]
    return Ask(u.ClearVariableMonitoring(ids), {"id": list(ids)}, {"clearMonitoringResult": results}, "")


def monitors(**asked: Any) -> list[Any]:
    return [Ask(u.GetMonitoringReport(1, **asked), {"requestId": 1}), report("NotifyMonitoringReport")]


def customer(
    status: str = "Accepted", *, data: str | None = None, report: bool = True, clear: bool = False, **who: Any
) -> list[Any]:
    who = who or {"id_token": TOKEN}
    ask = Ask(u.CustomerInformation(1, report, clear, **who), {"report": report, "clear": clear}, {"status": status})
    if data is None:
        return [ask]
    said = {"requestId": 1, "generatedAt": SAID, "seqNo": 0, "data": data}
    return [ask, Hear("NotifyCustomerInformation", said)]


def get_log(kind: str, request_id: int = 1, status: str = "Accepted") -> Ask:
    where = u.LogParameters("https://x/logs")
    return Ask(u.GetLog(where, kind, request_id), {"logType": kind}, {"status": status, "filename": "log.gz"})


def send_list(version: int, kind: str, *rows: u.ListedToken) -> list[Any]:
    return [
        Ask(u.SendLocalList(version, kind, rows or None), {"versionNumber": version, "updateType": kind}),
        Ask(u.GetLocalListVersion(), {}, {"versionNumber": version}, ""),
    ]


def limit(**more: Any) -> Hear:
    return Hear(
        "NotifyChargingLimit", {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": False}} | more
    )


RELEASED = Hear("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
NEEDS = Hear(
    "NotifyEVChargingNeeds",
    {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}},
    {"status": "Accepted"},
)
EV_SCHEDULE = Hear(
    "NotifyEVChargingSchedule",
    {"timeBase": SAID, "evseId": 1, "chargingSchedule": RATES | {"id": 1}},
    {"status": "Accepted"},
)
TX = profile("TxProfile", 1, transaction_id="T-1")
HLC = [NEEDS, Ask(TX, {"evseId": 1}), EV_SCHEDULE, event("Updated", "ChargingRateChanged", "Charging", 3)]
STARTED = event("Started", "Authorized", "Charging")
SECURITY = Hear("SecurityEventNotification", {"type": "InvalidFirmwareSignature", "timestamp": SAID})
SLOT = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://x/ocpp",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}
LISTED = u.ListedToken(TOKEN, IdTokenInfo("Accepted"))
IN_GROUP = u.ListedToken(OTHER, IdTokenInfo("Accepted", GROUP))
INVALID = u.ListedToken(OTHER, IdTokenInfo("Invalid", GROUP))
DOWNLOADED = ("Downloading", "Downloaded", "SignatureVerified")

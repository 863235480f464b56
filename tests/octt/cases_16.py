"""What the official cases of OCPP 1.6 (CSMS) ask of a conversation: our request, its answer, what follows.

Read with `cases_201`, whose `Ask` and `Hear` they are made of. What touches a session is in `test_octt_16_sessions`.
"""

from cases_201 import CARD, HASH, LATER, OK, PEM, SAID, Ask, Hear, refused

TAG = {"idTag": CARD, "idTagInfo": {"status": "Accepted"}}
OTHER = {"idTag": "OTHER", "idTagInfo": {"status": "Accepted", "expiryDate": LATER, "parentIdTag": "FAMILY"}}
RUNNING = 999_999_999
"""The number of the transaction that runs, wherever it stands in a row: the server gives it."""


def status(said: str, connector: int = 1, error: str = "NoError") -> Hear:
    return Hear("StatusNotification", {"connectorId": connector, "status": said, "errorCode": error})


BOOT = Hear(
    "BootNotification",
    {"chargePointVendor": "V", "chargePointModel": "M"},
    {"status": "Accepted", "interval": 3600, "currentTime": "2025-01-15T18:00:00Z"},
)
HEARTBEAT = Hear("Heartbeat", {}, {"currentTime": "2025-01-15T18:00:00Z"})
START = Hear(
    "StartTransaction",
    {"connectorId": 1, "idTag": CARD, "meterStart": 0, "timestamp": SAID},
    {"idTagInfo": {"status": "Accepted"}},
)
VALUES = Hear(
    "MeterValues",
    {"connectorId": 1, "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": "1", "context": "Trigger"}]}]},
)


def stop(reason: str, **more: object) -> Hear:
    said = {"transactionId": RUNNING, "meterStop": 9, "timestamp": SAID, "reason": reason}
    return Hear("StopTransaction", said | more)


def reset(kind: str) -> list[Ask | Hear]:
    reason = f"{kind}Reset"
    return [START, Ask("Reset", {"type": kind}), stop(reason), BOOT, status("Available", 0), status("Available")]


def told(action: str, *statuses: str, **more: object) -> list[Hear]:
    return [Hear(action, {"status": said} | more) for said in statuses]


def version(number: int) -> Ask:
    return Ask("GetLocalListVersion", {}, {"listVersion": number})


def local_list(number: int, kind: str, *tags: dict) -> dict:
    return {"listVersion": number, "updateType": kind} | ({"localAuthorizationList": list(tags)} if tags else {})


def listed(number: int, kind: str, *tags: dict) -> list[Ask]:
    """A list is sent, and its version read back."""
    return [Ask("SendLocalList", local_list(number, kind, *tags)), version(number)]


def reserve(answer: str = "Accepted", connector: int = 1) -> Ask:
    says = {"connectorId": connector, "reservationId": 1, "expiryDate": LATER, "idTag": CARD}
    return Ask("ReserveNow", says, {"status": answer})


def trigger(message: str, *follows: Hear, connector: int | None = None) -> list[Ask | Hear]:
    says = {"requestedMessage": message} | ({"connectorId": connector} if connector else {})
    return [Ask("TriggerMessage", says), *follows]


def get(*keys: str) -> Ask:
    found = [{"key": key, "readonly": False, "value": "1"} for key in keys or ("HeartbeatInterval",)]
    return Ask("GetConfiguration", {"key": list(keys)} if keys else {}, {"configurationKey": found})


def put(key: str, value: str, answer: str = "Accepted") -> Ask:
    return Ask("ChangeConfiguration", {"key": key, "value": value}, {"status": answer})


UNLOCKED = Ask("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"})
PERIODS = [{"startPeriod": 0, "limit": 6.0}, {"startPeriod": 900, "limit": 16.0}]
SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS}
PROFILE = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfileKind": "Relative", "chargingSchedule": SCHEDULE}
DEFAULT = {"connectorId": 0, "csChargingProfiles": PROFILE | {"chargingProfilePurpose": "TxDefaultProfile"}}
OF_TX = PROFILE | {"chargingProfileId": 2, "stackLevel": 1, "chargingProfilePurpose": "TxProfile"}
COMPOSITE = OK | {
    "connectorId": 1,
    "scheduleStart": SAID,
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]},
}
FETCHED = ("Downloading", "Downloaded")
UPDATE = Ask("UpdateFirmware", {"location": "https://x/f", "retrieveDate": SAID}, {})
FIRMWARE_SIGNED = {"location": "https://x/f", "retrieveDateTime": SAID, "signature": "c2ln", "signingCertificate": PEM}
SIGNED = Ask("SignedUpdateFirmware", {"requestId": 7, "firmware": FIRMWARE_SIGNED})

STATION = {
    "TC_001": [BOOT, status("Available", 0), status("Available"), HEARTBEAT],
    "TC_013": reset("Hard"),
    "TC_014": reset("Soft"),
    "TC_017_1": [UNLOCKED],
    "TC_017_2": [refused("UnlockConnector", {"connectorId": 1}, "NotSupported")],
    "TC_018_1": [
        START,
        UNLOCKED,
        stop("UnlockCommand"),
        status("Finishing"),
        status("Available"),
    ],
    "TC_019_1": [get()],
    "TC_019_2": [get("SupportedFeatureProfiles")],
    "TC_021": [put("MeterValueSampleInterval", "60")],
    "TC_030": [refused("UnlockConnector", {"connectorId": 1}, "UnlockFailed")],
    "TC_031": [refused("UnlockConnector", {"connectorId": 9}, "NotSupported")],
    "TC_040_1": [put("Nonsense", "1", "NotSupported")],
    "TC_040_2": [put("MeterValueSampleInterval", "-1", "Rejected")],
    "TC_061": [Ask("ClearCache", {})],
    "TC_064": [
        Hear("DataTransfer", {"vendorId": "nobody", "messageId": "x", "data": "y"}, {"status": "UnknownVendorId"})
    ],
}
LISTS = {
    "TC_042_1": [version(-1)],
    "TC_042_2": [version(0)],
    "TC_043_1": [refused("SendLocalList", local_list(1, "Full", TAG), "NotSupported")],
    "TC_043_3": [refused("SendLocalList", local_list(1, "Full", TAG), "Failed")],
    "TC_043_4": listed(1, "Full", TAG, OTHER),
    "TC_043_5": listed(2, "Differential", {"idTag": CARD}),
}
FIRMWARE = {
    "TC_044_1": [
        UPDATE,
        *told("FirmwareStatusNotification", *FETCHED, "Installing"),
        BOOT,
        *told("FirmwareStatusNotification", "Installed"),
    ],
    "TC_044_2": [
        UPDATE,
        *told("FirmwareStatusNotification", "Downloading", "DownloadFailed"),
    ],
    "TC_044_3": [
        UPDATE,
        *told("FirmwareStatusNotification", *FETCHED, "Installing", "InstallationFailed"),
    ],
    "TC_045_1": [
        Ask("GetDiagnostics", {"location": "https://x/d"}, {"fileName": "diagnostics.zip"}),
        *told("DiagnosticsStatusNotification", "Uploading", "Uploaded"),
    ],
    "TC_079": [
        Ask(
            "GetLog",
            {"logType": "SecurityLog", "requestId": 7, "log": {"remoteLocation": "https://x/l"}},
            OK | {"filename": "security.log"},
        ),
        *told("LogStatusNotification", "Uploading", "Uploaded", requestId=7),
    ],
    "TC_080": [
        SIGNED,
        *told("SignedFirmwareStatusNotification", *FETCHED, "SignatureVerified", "Installing", requestId=7),
        BOOT,
        *told("SignedFirmwareStatusNotification", "Installed", requestId=7),
    ],
    "TC_081": [
        SIGNED,
        *told("SignedFirmwareStatusNotification", *FETCHED, "InvalidSignature", requestId=7),
        Hear("SecurityEventNotification", {"type": "InvalidFirmwareSignature", "timestamp": SAID}),
    ],
}
RESERVATION = {
    "TC_046": [reserve(), status("Reserved"), START, status("Charging")],
    "TC_047": [reserve(), status("Reserved"), status("Available")],
    "TC_048_1": [reserve("Faulted")],
    "TC_048_2": [reserve("Occupied")],
    "TC_048_3": [reserve("Unavailable")],
    "TC_048_4": [reserve("Rejected")],
    "TC_049": [reserve(connector=0), START, status("Charging")],
    "TC_051": [
        reserve(),
        status("Reserved"),
        Ask("CancelReservation", {"reservationId": 1}),
        status("Available"),
    ],
    "TC_052": [refused("CancelReservation", {"reservationId": 9}, "Rejected")],
}
TRIGGERS = {
    "TC_054": [
        *trigger("MeterValues", VALUES, connector=1),
        *trigger("Heartbeat", HEARTBEAT),
        *trigger("StatusNotification", status("Available"), connector=1),
        *trigger("DiagnosticsStatusNotification", *told("DiagnosticsStatusNotification", "Idle")),
        *trigger("FirmwareStatusNotification", *told("FirmwareStatusNotification", "Idle")),
        *trigger("BootNotification", BOOT),
    ],
    "TC_055": [refused("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 9}, "Rejected")],
}
PROFILES = {
    "TC_056": [Ask("SetChargingProfile", DEFAULT)],
    "TC_057": [
        START,
        Ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": OF_TX | {"transactionId": RUNNING}}),
    ],
    "TC_059": [
        Ask("RemoteStartTransaction", {"idTag": CARD, "connectorId": 1, "chargingProfile": OF_TX}),
        START,
        status("Charging"),
    ],
    "TC_066": [Ask("GetCompositeSchedule", {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"}, COMPOSITE)],
    "TC_067": [
        Ask("SetChargingProfile", DEFAULT),
        Ask("ClearChargingProfile", {"id": 1}),
        Ask(
            "ClearChargingProfile",
            {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
        ),
    ],
}
CERTIFICATES = {
    "TC_075_1": [
        Ask(
            "InstallCertificate",
            {"certificateType": "ManufacturerRootCertificate", "certificate": PEM},
        ),
        Ask(
            "GetInstalledCertificateIds",
            {"certificateType": "ManufacturerRootCertificate"},
            OK | {"certificateHashData": [HASH]},
        ),
    ],
    "TC_075_2": [
        Ask(
            "InstallCertificate",
            {"certificateType": "CentralSystemRootCertificate", "certificate": PEM},
        )
    ],
    "TC_076": [
        Ask(
            "GetInstalledCertificateIds",
            {"certificateType": "CentralSystemRootCertificate"},
            OK | {"certificateHashData": [HASH]},
        ),
        Ask("DeleteCertificate", {"certificateHashData": HASH}),
    ],
    "TC_077": [Hear("SecurityEventNotification", {"type": "InvalidChargePointCertificate", "timestamp": SAID})],
    "TC_078": [Hear("SecurityEventNotification", {"type": "InvalidCentralSystemCertificate", "timestamp": SAID})],
    "TC_073": [put("AuthorizationKey", "ab" * 20)],
    "TC_083": [put("SecurityProfile", "2")],
}
BLOCKS = (STATION, LISTS, FIRMWARE, RESERVATION, TRIGGERS, PROFILES, CERTIFICATES)
CASES = {name: steps for block in BLOCKS for name, steps in block.items()}

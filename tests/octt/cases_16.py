"""What the official cases of OCPP 1.6 (CSMS) ask of a conversation: our request, its answer, what follows.

Read with `cases_201`, whose `Ask` and `Hear` they are made of. What touches a session is in `test_octt_16_sessions`.
"""

from cases_201 import OK, SAID, Ask, Hear, refused

from server.gateway.v16 import commands as c
from server.gateway.v16 import security as s
from server.gateway.v16 import translate as t
from server.gateway.v16 import upkeep as u
from server.gateway.v16.messages import IdTagInfo

LATER = "2026-11-22T04:00:00Z"
PEM = "-----BEGIN CERTIFICATE-----"
TAG = u.ListedTag("TAG", IdTagInfo("Accepted"))
OTHER = u.ListedTag("OTHER", IdTagInfo("Accepted", LATER, "FAMILY"))
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}


def status(said: str, connector: int = 1, error: str = "NoError") -> Hear:
    return Hear("StatusNotification", {"connectorId": connector, "status": said, "errorCode": error})


BOOT = Hear(
    "BootNotification",
    {"chargePointVendor": "V", "chargePointModel": "M"},
    {"status": "Accepted", "interval": 900, "currentTime": "2026-11-21T04:05:06Z"},
)
HEARTBEAT = Hear("Heartbeat", {}, {"currentTime": "2026-11-21T04:05:06Z"})
START = Hear(
    "StartTransaction",
    {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": SAID},
    {"transactionId": 1, "idTagInfo": {"status": "Accepted"}},
)
VALUES = Hear(
    "MeterValues",
    {"connectorId": 1, "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": "1", "context": "Trigger"}]}]},
)


def stop(reason: str, **more: object) -> Hear:
    said = {"transactionId": 1, "meterStop": 9, "timestamp": SAID, "reason": reason}
    return Hear("StopTransaction", said | more)


def reset(kind: str) -> list[Ask | Hear]:
    reason = f"{kind}Reset"
    return [START, Ask(c.Reset(kind), {"type": kind}), stop(reason), BOOT, status("Available", 0), status("Available")]


def told(action: str, *statuses: str, **more: object) -> list[Hear]:
    return [Hear(action, {"status": said} | more) for said in statuses]


def listed(version: int, kind: str, *tags: u.ListedTag) -> list[Ask]:
    """A list is sent, and its version read back."""
    return [
        Ask(u.SendLocalList(version, kind, tags or None), {"listVersion": version, "updateType": kind}),
        Ask(u.GetLocalListVersion(), {}, {"listVersion": version}, ""),
    ]


def reserve(answer: str = "Accepted", connector: int = 1) -> Ask:
    says = {"connectorId": connector, "reservationId": 1, "expiryDate": LATER, "idTag": "TAG"}
    return Ask(u.ReserveNow(connector, LATER, "TAG", 1), says, {"status": answer})


def trigger(message: str, *follows: Hear, connector: int | None = None) -> list[Ask | Hear]:
    says = {"requestedMessage": message} | ({"connectorId": connector} if connector else {})
    return [Ask(c.TriggerMessage(message, connector), says), *follows]


def get(*keys: str) -> Ask:
    found = [{"key": key, "readonly": False, "value": "1"} for key in keys or ("HeartbeatInterval",)]
    return Ask(c.GetConfiguration(keys or None), {"key": list(keys)} if keys else {}, {"configurationKey": found}, "")


def put(key: str, value: str, answer: str = "Accepted") -> Ask:
    return Ask(c.ChangeConfiguration(key, value), {"key": key, "value": value}, {"status": answer})


STEPS = [(0, 6.0), (900, 16.0)]
DEFAULT = t.default_profile(1, STEPS, "A")
ANY_TX = c.ChargingProfile(2, 1, "TxProfile", "Relative", DEFAULT.cs_charging_profiles.charging_schedule)
TX = c.SetChargingProfile(1, c.ChargingProfile(2, 1, "TxProfile", "Relative", ANY_TX.charging_schedule, 1))
COMPOSITE = OK | {
    "connectorId": 1,
    "scheduleStart": SAID,
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]},
}
FETCHED = ("Downloading", "Downloaded")
SIGNED = u.SignedUpdateFirmware(7, u.Firmware("https://x/f", SAID, PEM, "c2ln"))
SIGNED_SAYS = {"requestId": 7, "firmware": {"location": "https://x/f", "signature": "c2ln", "signingCertificate": PEM}}

STATION = {
    "TC_001": [BOOT, status("Available", 0), status("Available"), HEARTBEAT],
    "TC_013": reset("Hard"),
    "TC_014": reset("Soft"),
    "TC_017_1": [Ask(c.UnlockConnector(1), {"connectorId": 1}, {"status": "Unlocked"})],
    "TC_017_2": [refused(c.UnlockConnector(1), "NotSupported", {"connectorId": 1})],
    "TC_018_1": [
        START,
        Ask(c.UnlockConnector(1), {"connectorId": 1}, {"status": "Unlocked"}),
        stop("UnlockCommand"),
        status("Finishing"),
        status("Available"),
    ],
    "TC_019_1": [get()],
    "TC_019_2": [get("SupportedFeatureProfiles")],
    "TC_021": [put("MeterValueSampleInterval", "60")],
    "TC_030": [refused(c.UnlockConnector(1), "UnlockFailed")],
    "TC_031": [refused(c.UnlockConnector(9), "NotSupported", {"connectorId": 9})],
    "TC_040_1": [put("Nonsense", "1", "NotSupported")],
    "TC_040_2": [put("MeterValueSampleInterval", "-1", "Rejected")],
    "TC_061": [Ask(u.ClearCache())],
    "TC_064": [
        Hear("DataTransfer", {"vendorId": "nobody", "messageId": "x", "data": "y"}, {"status": "UnknownVendorId"})
    ],
}
LISTS = {
    "TC_042_1": [Ask(u.GetLocalListVersion(), {}, {"listVersion": -1}, "")],
    "TC_042_2": [Ask(u.GetLocalListVersion(), {}, {"listVersion": 0}, "")],
    "TC_043_1": [refused(u.SendLocalList(1, "Full", (TAG,)), "NotSupported")],
    "TC_043_3": [refused(u.SendLocalList(1, "Full", (TAG,)), "Failed")],
    "TC_043_4": listed(1, "Full", TAG, OTHER),
    "TC_043_5": listed(2, "Differential", u.ListedTag("TAG")),
}
FIRMWARE = {
    "TC_044_1": [
        Ask(u.UpdateFirmware("https://x/f", SAID), {"location": "https://x/f", "retrieveDate": SAID}, {}, ""),
        *told("FirmwareStatusNotification", *FETCHED, "Installing"),
        BOOT,
        *told("FirmwareStatusNotification", "Installed"),
    ],
    "TC_044_2": [
        Ask(u.UpdateFirmware("https://x/f", SAID), {}, {}, ""),
        *told("FirmwareStatusNotification", "Downloading", "DownloadFailed"),
    ],
    "TC_044_3": [
        Ask(u.UpdateFirmware("https://x/f", SAID), {}, {}, ""),
        *told("FirmwareStatusNotification", *FETCHED, "Installing", "InstallationFailed"),
    ],
    "TC_045_1": [
        Ask(u.GetDiagnostics("https://x/d"), {"location": "https://x/d"}, {"fileName": "diagnostics.zip"}, ""),
        *told("DiagnosticsStatusNotification", "Uploading", "Uploaded"),
    ],
    "TC_079": [
        Ask(
            u.GetLog(u.LogParameters("https://x/l"), "SecurityLog", 7),
            {"logType": "SecurityLog", "requestId": 7, "log": {"remoteLocation": "https://x/l"}},
            OK | {"filename": "security.log"},
        ),
        *told("LogStatusNotification", "Uploading", "Uploaded", requestId=7),
    ],
    "TC_080": [
        Ask(SIGNED, SIGNED_SAYS),
        *told("SignedFirmwareStatusNotification", *FETCHED, "SignatureVerified", "Installing", requestId=7),
        BOOT,
        *told("SignedFirmwareStatusNotification", "Installed", requestId=7),
    ],
    "TC_081": [
        Ask(SIGNED, SIGNED_SAYS),
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
        Ask(u.CancelReservation(1), {"reservationId": 1}),
        status("Available"),
    ],
    "TC_052": [refused(u.CancelReservation(9), "Rejected", {"reservationId": 9})],
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
    "TC_055": [refused(c.TriggerMessage("MeterValues", 9), "Rejected", {"connectorId": 9})],
}
PROFILES = {
    "TC_056": [
        Ask(
            DEFAULT,
            {
                "connectorId": 0,
                "csChargingProfiles": {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
            },
        )
    ],
    "TC_057": [
        START,
        Ask(TX, {"connectorId": 1, "csChargingProfiles": {"chargingProfilePurpose": "TxProfile", "transactionId": 1}}),
    ],
    "TC_059": [
        Ask(
            c.RemoteStartTransaction("TAG", 1, ANY_TX),
            {"idTag": "TAG", "connectorId": 1, "chargingProfile": {"chargingProfilePurpose": "TxProfile"}},
        ),
        START,
        status("Charging"),
    ],
    "TC_066": [Ask(c.GetCompositeSchedule(1, 300, "A"), {"connectorId": 1, "duration": 300}, COMPOSITE)],
    "TC_067": [
        Ask(DEFAULT),
        Ask(c.ClearChargingProfile(id=1), {"id": 1}),
        Ask(
            c.ClearChargingProfile(None, 1, "TxDefaultProfile", 0),
            {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0},
        ),
    ],
}
CERTIFICATES = {
    "TC_074": [
        Ask(s.ExtendedTriggerMessage(s.REQUEST), {"requestedMessage": "SignChargePointCertificate"}),
        Hear("SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}, OK),
        Ask(s.CertificateSigned(PEM), {"certificateChain": PEM}),
    ],
    "TC_075_1": [
        Ask(
            s.InstallCertificate("ManufacturerRootCertificate", PEM),
            {"certificateType": "ManufacturerRootCertificate", "certificate": PEM},
        ),
        Ask(
            s.GetInstalledCertificateIds("ManufacturerRootCertificate"),
            {"certificateType": "ManufacturerRootCertificate"},
            OK | {"certificateHashData": [HASH]},
        ),
    ],
    "TC_075_2": [
        Ask(
            s.InstallCertificate("CentralSystemRootCertificate", PEM),
            {"certificateType": "CentralSystemRootCertificate", "certificate": PEM},
        )
    ],
    "TC_076": [
        Ask(s.GetInstalledCertificateIds("CentralSystemRootCertificate"), {}, OK | {"certificateHashData": [HASH]}),
        Ask(s.DeleteCertificate(s.HashData("SHA256", "a", "b", "1")), {"certificateHashData": HASH}),
    ],
    "TC_077": [Hear("SecurityEventNotification", {"type": "InvalidChargePointCertificate", "timestamp": SAID})],
    "TC_078": [Hear("SecurityEventNotification", {"type": "InvalidCentralSystemCertificate", "timestamp": SAID})],
    "TC_073": [put(s.AUTHORIZATION_KEY, "ab" * 20)],
    "TC_083": [put(s.SECURITY_PROFILE, "2")],
}
BLOCKS = (STATION, LISTS, FIRMWARE, RESERVATION, TRIGGERS, PROFILES, CERTIFICATES)
CASES = {name: steps for block in BLOCKS for name, steps in block.items()}

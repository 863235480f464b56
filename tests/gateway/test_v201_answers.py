"""Every message of a 2.0.1 or 2.1 station is answered as its official schema asks for, and nothing kills the line."""

import json

import pytest
from gateway_town import ask, station_of
from v2_station import BOOT, BOTH, SAID, event, heard, judge_result, meter

from server.core.reports import TokenAnswer

CP1 = station_of("CP1")
TOKEN = {"idToken": "TAG", "type": "ISO14443"}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
SIGNED = {"signedMeterData": "OCMF|{}", "signingMethod": "ECDSA", "encodingMethod": "OCMF", "publicKey": "k"}
LIMIT = {"chargingLimitSource": "EMS", "isGridCritical": False}
NEEDS = {"requestedEnergyTransfer": "AC_three_phase"}
SCHEDULE = {
    "id": 1,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
}
REPORT = {"requestId": 1, "generatedAt": SAID, "seqNo": 0}
EVENT_DATA = {
    "eventId": 1,
    "timestamp": SAID,
    "trigger": "Alerting",
    "actualValue": "1",
    "component": {"name": "Connector"},
    "variable": {"name": "AvailabilityState"},
    "eventNotificationType": "HardWiredMonitor",
}
# What stations say, and the ids of the official cases (OCTT 2.0.1, CSMS) whose message it is.
EVERY_MESSAGE = [
    pytest.param("BootNotification", BOOT, id="TC_B_01 BootNotification"),
    pytest.param("Heartbeat", {}, id="TC_F_20 Heartbeat"),
    *[
        pytest.param(
            "StatusNotification",
            {"timestamp": SAID, "connectorStatus": status, "evseId": 1, "connectorId": 1},
            id=f"{case} StatusNotification {status}",
        )
        for case, status in (
            ("TC_F_23", "Available"),
            ("TC_F_24", "Occupied"),
            ("TC_H_01", "Reserved"),
            ("TC_G_03", "Unavailable"),
            ("TC_H_20", "Faulted"),
        )
    ],
    pytest.param("Authorize", {"idToken": TOKEN}, id="TC_C_08 Authorize"),
    pytest.param("Authorize", {"idToken": {"idToken": "STRANGER", "type": "ISO14443"}}, id="TC_C_02 Authorize"),
    pytest.param("Authorize", {"idToken": TOKEN, "certificate": "PEM"}, id="Authorize with a contract certificate"),
    pytest.param("TransactionEvent", event("Started", 0, idToken=TOKEN, evse={"id": 1}), id="TC_E_03 Started"),
    pytest.param("TransactionEvent", event("Updated", 1, meterValue=[meter(10)]), id="TC_J_09 Updated"),
    pytest.param("TransactionEvent", event("Ended", 2, stoppedReason="EVDisconnected"), id="TC_E_20 Ended"),
    pytest.param("MeterValues", {"evseId": 1, "meterValue": [meter(10, "Sample.Clock")]}, id="TC_J_01 MeterValues"),
    pytest.param(
        "MeterValues",
        {"evseId": 0, "meterValue": [meter(10, "Sample.Clock", signedMeterValue=SIGNED)]},
        id="TC_J_04 MeterValues signed",
    ),
    pytest.param("NotifyReport", REPORT, id="TC_B_12 NotifyReport"),
    pytest.param("NotifyMonitoringReport", REPORT, id="TC_N_01 NotifyMonitoringReport"),
    pytest.param(
        "NotifyEvent",
        {"generatedAt": SAID, "seqNo": 0, "eventData": [EVENT_DATA]},
        id="TC_N_21 TC_G_20 NotifyEvent",
    ),
    pytest.param("SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": SAID}, id="SecurityEvent"),
    pytest.param("FirmwareStatusNotification", {"status": "Idle"}, id="TC_F_18 FirmwareStatusNotification"),
    pytest.param("PublishFirmwareStatusNotification", {"status": "Idle"}, id="TC_L_17 PublishFirmwareStatus"),
    pytest.param("LogStatusNotification", {"status": "Idle"}, id="TC_F_15 LogStatusNotification"),
    pytest.param("NotifyChargingLimit", {"chargingLimit": LIMIT, "evseId": 1}, id="TC_K_48 NotifyChargingLimit"),
    pytest.param("ClearedChargingLimit", {"chargingLimitSource": "EMS"}, id="TC_K_50 TC_K_51 ClearedChargingLimit"),
    pytest.param("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": NEEDS}, id="TC_K_53 NotifyEVChargingNeeds"),
    pytest.param("NotifyEVChargingNeeds", {"evseId": 2, "chargingNeeds": NEEDS}, id="NotifyEVChargingNeeds, nobody"),
    pytest.param(
        "NotifyEVChargingSchedule",
        {"timeBase": SAID, "evseId": 1, "chargingSchedule": SCHEDULE},
        id="TC_K_55 TC_K_57 NotifyEVChargingSchedule",
    ),
    pytest.param(
        "ReportChargingProfiles",
        {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": []},
        id="TC_K_29 TC_K_52 ReportChargingProfiles",
    ),
    pytest.param(
        "ReservationStatusUpdate",
        {"reservationId": 1, "reservationUpdateStatus": "Expired"},
        id="TC_H_07 ReservationStatusUpdate",
    ),
    pytest.param("NotifyCustomerInformation", REPORT | {"data": ""}, id="TC_N_27 TC_N_28 NotifyCustomerInformation"),
    pytest.param("NotifyDisplayMessages", {"requestId": 1}, id="TC_O_02 NotifyDisplayMessages"),
    pytest.param("SignCertificate", {"csr": "PEM"}, id="SignCertificate"),
    pytest.param("GetCertificateStatus", {"ocspRequestData": HASH | {"responderURL": "x"}}, id="GetCertificateStatus"),
    pytest.param(
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "2", "action": "Install", "exiRequest": "x"},
        id="Get15118EVCertificate",
    ),
    pytest.param("DataTransfer", {"vendorId": "nobody"}, id="TC_P_02 DataTransfer"),
]
ONLY_21 = [
    ("BatterySwap", {"batteryData": [], "eventType": "BatteryIn", "idToken": TOKEN, "requestId": 1}),
    ("ClosePeriodicEventStream", {"id": 1}),
    (
        "GetCertificateChainStatus",
        {"certificateStatusRequests": [{"certificateHashData": HASH, "source": "OCSP", "urls": ["x"]}]},
    ),
    ("NotifyDERAlarm", {"controlType": "EnterService", "timestamp": SAID}),
    ("NotifyDERStartStop", {"controlId": "1", "started": True, "timestamp": SAID}),
    ("NotifyPriorityCharging", {"transactionId": "T-1", "activated": True}),
    ("NotifySettlement", {"pspRef": "x", "status": "Settled", "settlementAmount": 1.0, "settlementTime": SAID}),
    ("NotifyWebPaymentStarted", {"evseId": 1, "timeout": 10}),
    ("OpenPeriodicEventStream", {"constantStreamData": {"id": 1, "params": {}, "variableMonitoringId": 1}}),
    ("PullDynamicScheduleUpdate", {"chargingProfileId": 1}),
    ("ReportDERControl", {"requestId": 1}),
    ("VatNumberValidation", {"vatNumber": "NL123456789B01", "evseId": 1}),
]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(("action", "payload"), EVERY_MESSAGE)
async def test_every_message_gets_the_answer_that_the_official_schema_asks_for(town, version, action, payload):
    async with town.station("CP1", [version]) as socket:
        kind, message_id, answer = await ask(socket, action, payload)
        assert (kind, message_id) == (3, "1")
        judge_result(version, action, answer)


@pytest.mark.parametrize(("action", "payload"), ONLY_21, ids=lambda one: one if isinstance(one, str) else "")
async def test_what_only_2_1_stations_say_is_answered_to_them_alone(town, action, payload):
    async with town.station("CP1", ["ocpp2.1"]) as socket:
        answer = await ask(socket, action, payload)
        assert answer[0] == 3
        judge_result("ocpp2.1", action, answer[2])
        assert any(action in frame for way, frame in town.flows.frames if way == "in")  # the message log has it
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert (await ask(socket, action, payload))[:3] == [4, "1", "NotImplemented"]


async def test_a_token_is_answered_with_its_group(town):
    """TC_C_39, TC_C_40."""

    async def authorize(_station_id, _uid):
        return TokenAnswer("Accepted", "FAMILY")

    town.flows.authorize = authorize
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        answer = (await ask(socket, "Authorize", {"idToken": TOKEN}))[2]
    judge_result("ocpp2.0.1", "Authorize", answer)
    group = {"idToken": "FAMILY", "type": "Central"}
    assert answer == {"idTokenInfo": {"status": "Accepted", "groupIdToken": group}}


async def test_words_are_heard_as_we_say_them(town):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        await ask(socket, "BootNotification", BOOT)
        boot = await ask(socket, "BootNotification", BOOT, "2")
        assert boot[2] == {"currentTime": "2026-11-21T04:05:06Z", "interval": 900, "status": "Accepted"}
        assert (await ask(socket, "Authorize", {"idToken": TOKEN}, "3"))[2] == {"idTokenInfo": {"status": "Accepted"}}
        stranger = {"idToken": {"idToken": "STRANGER", "type": "Central"}}
        assert (await ask(socket, "Authorize", stranger, "4"))[2] == {"idTokenInfo": {"status": "Invalid"}}
        nobody = {"idToken": {"idToken": "", "type": "NoAuthorization"}}
        assert (await ask(socket, "Authorize", nobody, "5"))[0] == 3
        status = {"timestamp": SAID, "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1}
        assert (await ask(socket, "StatusNotification", status, "6"))[2] == {}
        assert (await ask(socket, "DataTransfer", {"vendorId": "x"}, "7"))[2] == {"status": "UnknownVendorId"}
    assert town.flows.told("authorize") == ["TAG", "STRANGER", ""]
    (said,) = town.flows.told("status")
    assert (said.connector_no, said.status, said.error_code) == (2, "Occupied", "NoError")


async def test_an_event_is_heard_with_all_that_it_says(town):
    """TC_J_07, TC_J_11: sampled values in kWh with a multiplier, and signed ones exactly as they came."""
    signed = '{"signedMeterData": "OCMF|{}|{\\"SD\\":\\"3045\\"}", "signingMethod":"",  "publicKey":""}'
    values = [
        {"value": 12.5, "context": "Transaction.Begin", "unitOfMeasure": {"unit": "kWh"}},
        {"value": 1104, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 1}},
        {"value": 41, "measurand": "SoC", "location": "EV"},
        {"value": 3, "context": "Transaction.Begin", "signedMeterValue": "HERE", "measurand": "Voltage"},
    ]
    said = event(
        "Started",
        3,
        evse={"id": 2, "connectorId": 1},
        idToken=TOKEN,
        meterValue=[{"timestamp": SAID, "sampledValue": values}],
        chargingState="SuspendedEVSE",
        offline=True,
        customData={"vendorId": "X", "anything": 1},
    )
    frame = json.dumps([2, "1", "TransactionEvent", said]).replace('"HERE"', signed)
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        await socket.send(frame)
        assert await heard(socket) == [3, "1", {"idTokenInfo": {"status": "Accepted"}}]
    (info,) = town.flows.told("transaction")
    assert (info.reference, info.kind, info.seq_no, info.connector_no) == ("T-1", "Started", 3, 2)
    assert (info.token_uid, info.offline, info.state) == ("TAG", True, "SuspendedEVSE")
    (reading,) = info.readings
    assert (reading.register_wh, reading.power_w, reading.soc_pct) == (12_500, 11_040, 41)
    assert reading.context == "Transaction.Begin"
    (kept,) = info.signed
    assert (kept.context, kept.data) == ("Transaction.Begin", signed)


@pytest.mark.parametrize(
    ("token", "uid"),
    [
        ({"idToken": "", "type": "NoAuthorization"}, ""),
        ({"idToken": "", "type": "ISO14443"}, None),
        (None, None),
        ({"idToken": " TAG ", "type": "ISO14443"}, "TAG"),
    ],
)
async def test_no_token_and_no_need_of_one_are_told_apart(town, token, uid):
    said = event("Started", 0, **({} if token is None else {"idToken": token}))
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        answer = await ask(socket, "TransactionEvent", said)
    assert ("idTokenInfo" in answer[2]) == (uid is not None)
    (info,) = town.flows.told("transaction")
    assert (info.token_uid, info.connector_no, info.offline) == (uid, None, False)


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_before_its_boot_is_accepted_a_station_hears_security_error(town, status):
    """TC_B_02, TC_B_30, TC_B_31: and what we asked it to say is heard all the same."""
    town.flows.boots = status
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert (await ask(socket, "BootNotification", BOOT))[2]["status"] == status
        security = {"type": "StartupOfTheDevice", "timestamp": SAID}
        for action, payload in (("Heartbeat", {}), ("TransactionEvent", event("Started", 0))):
            refused = await ask(socket, action, payload, action)
            assert refused[:3] == [4, action, "SecurityError"]
        assert await ask(socket, "SecurityEventNotification", security, "4") == [3, "4", {}]
        town.flows.boots = "Accepted"
        assert (await ask(socket, "BootNotification", BOOT, "5"))[2]["status"] == "Accepted"
        assert (await ask(socket, "Heartbeat", {}, "6"))[0] == 3
    assert town.flows.told("transaction") == []

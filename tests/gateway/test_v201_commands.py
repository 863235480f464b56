"""What we ask of 2.0.1 and 2.1 stations: each command as the official schema has it, and what comes of it."""

import asyncio
import json
from datetime import UTC, datetime

import msgspec
import pytest
from gateway_town import ask, station_of
from v2_station import BOOT, BOTH, SAID, heard, judge_call, plugged

from server.core.reports import TransactionStanding
from server.gateway.v201 import commands as c
from server.gateway.v201 import translate
from server.gateway.v201 import upkeep as u
from server.gateway.v201.messages import Evse, IdToken, IdTokenInfo
from server.main.station_port import GatewayStations
from server.workers.ports import AT_ONCE, Heard, Order

CP1 = station_of("CP1")
AT = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
PLACE = translate.Place(evse_id=1, transaction_id="T-1", profile_id=11)
STEPS = [(0, 0.0), (900, 7.25), (1800, 16.1), (2700, 6.0)]
PLAN = translate.tx_profile(PLACE, AT, STEPS, "A")
TOKEN = IdToken("TAG", "ISO14443")
BOOT_NOTIFICATION = c.Component("OCPPCommCtrlr"), c.Variable("HeartbeatInterval")
SLOT = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://x",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}


def profile(purpose, **more):
    """A profile of another purpose, for EVSE 0."""
    schedule = c.ChargingSchedule(1, "A", (c.SchedulePeriod(0, 16.0),), "2026-11-21T17:00:00Z")
    return c.SetChargingProfile(0, c.ChargingProfile(5, 0, purpose, "Absolute", (schedule,), **more))


# Every request that we make ourselves, and the ids of the official cases (OCTT 2.0.1, CSMS) that are about it.
EVERY_COMMAND = {
    "TC_F_01 RequestStartTransaction": c.RequestStartTransaction(TOKEN, 7, 1),
    "TC_K_37 RequestStartTransaction with a profile": c.RequestStartTransaction(
        TOKEN,
        7,
        1,
        charging_profile=c.ChargingProfile(
            9, 1, "TxProfile", "Relative", (c.ChargingSchedule(1, "A", (c.SchedulePeriod(0, 6.0),)),)
        ),
    ),
    "TC_E_21 RequestStopTransaction": c.RequestStopTransaction("T-1"),
    "TC_E_29 GetTransactionStatus": c.GetTransactionStatus("T-1"),
    "TC_E_33 TC_E_34 GetTransactionStatus of any": c.GetTransactionStatus(),
    "TC_K_60 SetChargingProfile TxProfile": PLAN,
    "TC_K_10 SetChargingProfile TxDefaultProfile": translate.default_profile(1, [(0, 0.0), (420, 6.3)], "A"),
    "TC_K_10 SetChargingProfile TxDefaultProfile at once": translate.default_profile(1, [(0, 6.3)], "W", AT),
    "TC_K_03 SetChargingProfile ChargingStationMaxProfile": profile("ChargingStationMaxProfile"),
    "TC_K_19 SetChargingProfile recurring": profile("TxDefaultProfile", recurrency_kind="Daily"),
    "TC_K_05 ClearChargingProfile by id": c.ClearChargingProfile(3),
    "TC_K_06 ClearChargingProfile that match": c.ClearChargingProfile(
        charging_profile_criteria=c.ProfileCriteria(1, "TxProfile", 1)
    ),
    "TC_K_29 GetChargingProfiles": c.GetChargingProfiles(1, c.ReportCriteria("TxProfile"), 0),
    "TC_K_33 GetChargingProfiles stack level": c.GetChargingProfiles(1, c.ReportCriteria(stack_level=1), 1),
    "TC_K_32 GetChargingProfiles by id": c.GetChargingProfiles(1, c.ReportCriteria(charging_profile_id=(3,))),
    "TC_K_34 GetChargingProfiles by source": c.GetChargingProfiles(
        1, c.ReportCriteria(charging_limit_source=("EMS",)), 1
    ),
    "TC_K_43 GetCompositeSchedule": c.GetCompositeSchedule(3600, 1, "A"),
    "TC_K_44 GetCompositeSchedule of the station": c.GetCompositeSchedule(3600, 0),
    "TC_B_06 GetVariables": c.GetVariables((c.GetVariableData(*BOOT_NOTIFICATION),)),
    "TC_B_07 GetVariables": c.GetVariables((c.GetVariableData(*BOOT_NOTIFICATION, "Target"),) * 2),
    "TC_B_09 SetVariables": c.SetVariables((c.SetVariableData("300", *BOOT_NOTIFICATION),)),
    "TC_F_13 TriggerMessage": c.TriggerMessage("TransactionEvent", Evse(1)),
    "TC_F_20 TriggerMessage": c.TriggerMessage("Heartbeat"),
    "TC_G_03 ChangeAvailability EVSE": c.ChangeAvailability("Inoperative", Evse(1)),
    "TC_G_05 ChangeAvailability station": c.ChangeAvailability("Operative"),
    "TC_G_07 ChangeAvailability connector": c.ChangeAvailability("Inoperative", Evse(1, 1)),
    "TC_B_20 Reset": c.Reset("OnIdle"),
    "TC_B_25 Reset EVSE": c.Reset("Immediate", 1),
    "TC_F_06 UnlockConnector": c.UnlockConnector(1, 1),
    "TC_D_08 GetLocalListVersion": u.GetLocalListVersion(),
    "TC_D_01 SendLocalList full": u.SendLocalList(1, "Full", (u.ListedToken(TOKEN, IdTokenInfo("Accepted")),)),
    "TC_D_03 SendLocalList remove": u.SendLocalList(2, "Differential", (u.ListedToken(TOKEN),)),
    "TC_D_04 SendLocalList empty": u.SendLocalList(3, "Full"),
    "TC_H_01 ReserveNow": u.ReserveNow(1, SAID, TOKEN, 1),
    "TC_H_08 ReserveNow any": u.ReserveNow(1, SAID, TOKEN),
    "TC_H_15 ReserveNow type": u.ReserveNow(1, SAID, TOKEN, None, "cType2"),
    "TC_H_17 CancelReservation": u.CancelReservation(1),
    "TC_A_11 CertificateSigned": u.CertificateSigned("PEM", "ChargingStationCertificate"),
    "TC_B_42 SetNetworkProfile": u.SetNetworkProfile(1, SLOT),
    "TC_I_01 CostUpdated": u.CostUpdated(3.31, "T-1"),
}


async def answered(socket, payload: object) -> list:
    call = await heard(socket)
    await socket.send(json.dumps([3, call[1], payload]))
    return call


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("command", EVERY_COMMAND.values(), ids=EVERY_COMMAND.keys())
async def test_every_command_goes_out_as_the_official_schema_has_it(town, command, version):
    answer = {"status": "Accepted", "messagesInQueue": False}
    answer |= {"getVariableResult": [], "setVariableResult": [{"attributeStatus": "Accepted"}]}
    async with town.station("CP1", [version]) as socket:
        asked = asyncio.create_task(town.gateway.call(CP1, command, 5))
        kind, message_id, action, payload = await heard(socket)
        await socket.send(json.dumps([3, message_id, answer]))
        outcome = await asked
    assert (kind, action) == (2, type(command).__name__)
    judge_call(version, action, payload)
    assert outcome.status == "answered"


def test_a_plan_says_exactly_this():
    profile = json.loads(msgspec.json.encode(PLAN))
    assert profile == {
        "evseId": 1,
        "chargingProfile": {
            "id": 11,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "transactionId": "T-1",
            "chargingSchedule": [
                {
                    "id": 11,
                    "chargingRateUnit": "A",
                    "startSchedule": "2026-11-21T17:00:00Z",
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": 0.0},
                        {"startPeriod": 900, "limit": 7.2},
                        {"startPeriod": 1800, "limit": 16.1},
                        {"startPeriod": 2700, "limit": 6.0},
                    ],
                }
            ],
        },
    }


ORDER = Order(
    transaction_id=7,
    connector_no=1,
    start=AT,
    slot_seconds=900,
    elapsed_s=0,
    energy_wh=[0, 2_760, 2_760],
    max_w=11_040,
    final_w=4_140,
    phases=3,
    unit="A",
    reference="T-1",
)


async def test_workers_and_drivers_are_understood_by_a_station_that_we_did_not_write(town):
    """TC_K_60, TC_F_01, TC_E_21, TC_B_09, TC_B_06, TC_E_29."""
    stations = GatewayStations(town.gateway)
    async with plugged(town) as station:
        assert await stations.set_plan(CP1, ORDER) == Heard("accepted")
        assert await stations.set_safe_share(CP1, 4_140, "A", 3) == Heard("accepted")
        for key in ("LocalAuthorizeOffline", "MeterValueSampleInterval", "MeterValuesSampledData"):
            assert await stations.set_option(CP1, key, "x") == Heard("accepted")
        key = "ChargingScheduleAllowedChargingRateUnit"
        assert await stations.get_options(CP1, [key, "VendorsOwn"]) == {key: "Current,Power"}
        assert (await stations.start(CP1, 1, "TAG")).status == "accepted"
        assert (await stations.stop(CP1, 7, "T-1")).status == "accepted"
        assert await stations.transaction_standing(CP1, "T-1") == TransactionStanding(ongoing=False, queued=False)
        composite = await town.gateway.call(CP1, c.GetCompositeSchedule(3600, 1), 5)
        assert composite.answer.schedule.charging_schedule_period[0].limit == 6.0
        told = station.told
    plan, share = (payload for action, payload in told if action == "SetChargingProfile")
    (schedule,) = plan["charging_schedule"]
    assert (plan["transaction_id"], plan["charging_profile_purpose"], plan["evse_id"]) == ("T-1", "TxProfile", 1)
    periods = [(one["start_period"], float(one["limit"])) for one in schedule["charging_schedule_period"]]
    assert periods == [(0, 0.0), (900, 16.0), (2700, 6.0)]
    assert (share["evse_id"], share["charging_profile_kind"]) == (0, "Relative")
    periods = share["charging_schedule"][0]["charging_schedule_period"]
    assert [(one["start_period"], float(one["limit"])) for one in periods] == [(0, 0.0), (420, 6.0)]
    options = [
        (one["component"]["name"], one["variable"]["name"])
        for action, payload in told
        if action == "SetVariables"
        for one in payload
    ]
    assert options == [
        ("AuthCtrlr", "LocalAuthorizeOffline"),
        ("SampledDataCtrlr", "TxUpdatedInterval"),
        ("SampledDataCtrlr", "TxStartedMeasurands"),
        ("SampledDataCtrlr", "TxUpdatedMeasurands"),
        ("SampledDataCtrlr", "TxEndedMeasurands"),
    ]
    (start,) = (payload for action, payload in told if action == "RequestStartTransaction")
    assert (start["id_token"], start["evse_id"]) == ({"id_token": "TAG", "type": "Central"}, 1)
    assert 0 <= start["id"] < 2**31


async def test_what_a_version_has_no_word_for_is_not_supported(town):
    stations = GatewayStations(town.gateway)
    async with plugged(town):
        assert (await stations.set_option(CP1, "VendorsOwn", "1")).status == "not_supported"
        assert await stations.get_options(CP1, ["VendorsOwn"]) == {}
        assert (await stations.stop(CP1, 7)).status == "not_supported"


async def test_a_station_that_will_not_wait_gets_its_share_at_once(town):
    """TC_K_15 for the first profile."""
    stations = GatewayStations(town.gateway)
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        asked = asyncio.create_task(stations.set_safe_share(CP1, 4_140, "A", 3))
        first = await answered(socket, {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedKind"}})
        second = await answered(socket, {"status": "Accepted"})
        assert await asked == Heard("accepted", AT_ONCE)
    assert first[3]["chargingProfile"]["chargingProfileKind"] == "Relative"
    assert second[3]["chargingProfile"]["chargingProfileKind"] == "Absolute"


@pytest.mark.parametrize("version", BOTH)
async def test_a_pending_station_may_say_what_it_was_asked_to_say(town, version):
    """TC_B_31."""
    town.flows.boots = "Pending"
    async with town.station("CP1", [version]) as socket:
        await ask(socket, "BootNotification", BOOT)
        assert (await ask(socket, "Heartbeat", {}, "2"))[2] == "SecurityError"
        asked = asyncio.create_task(town.gateway.call(CP1, c.TriggerMessage("Heartbeat"), 5))
        await answered(socket, {"status": "Accepted"})
        assert (await asked).accepted
        assert (await ask(socket, "Heartbeat", {}, "3"))[0] == 3
        assert (await ask(socket, "StatusNotification", {}, "4"))[2] == "SecurityError"


@pytest.mark.parametrize(
    ("command", "payload", "status"),
    [
        (c.Reset("OnIdle"), {"status": "Scheduled"}, "Scheduled"),
        (u.GetLocalListVersion(), {"listVersion": 3}, ""),  # MicroOcpp's word for versionNumber
        (u.CostUpdated(1.0, "T-1"), {}, ""),
        (c.SetVariables(()), {"setVariableResult": [{"attributeStatus": "RebootRequired"}]}, "RebootRequired"),
    ],
)
async def test_answers_are_read_tolerantly(town, command, payload, status):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        outcome, _ = await asyncio.gather(town.gateway.call(CP1, command, 5), answered(socket, payload))
    assert (outcome.status, outcome.answer.status, outcome.accepted) == ("answered", status, False)

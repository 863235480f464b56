"""OCTT 2.0.1, CSMS, as conversations: blocks B to K."""

from cases_201 import (
    COMPOSITE,
    EV_SCHEDULE,
    GROUP,
    HEARTBEAT,
    HLC,
    IN_GROUP,
    INVALID,
    LISTED,
    NEEDS,
    OFFLINE,
    PART,
    RELEASED,
    SAID,
    SLOT,
    STARTED,
    TOKEN,
    TX,
    Ask,
    Hear,
    available,
    boot,
    connector,
    event,
    get,
    got,
    had,
    happened,
    limit,
    profile,
    profiles,
    put,
    refused,
    report,
    reported,
    reserve,
    reset,
    send_list,
    trigger,
)

from server.gateway.v201 import commands as c
from server.gateway.v201 import upkeep as u
from server.gateway.v201.messages import Evse

PROVISIONING = {
    "TC_B_01": [boot("PowerUp"), connector("Available")],
    "TC_B_06": [Ask(get(OFFLINE), {"getVariableData": [OFFLINE]}, got(OFFLINE), "")],
    "TC_B_07": [Ask(get(OFFLINE, HEARTBEAT), {"getVariableData": [OFFLINE, HEARTBEAT]}, got(OFFLINE, HEARTBEAT), "")],
    "TC_B_08": [Ask(get(*[OFFLINE] * 4), {"getVariableData": [OFFLINE] * 4}, got(*[OFFLINE] * 4), "")],
    "TC_B_09": [
        Ask(put(OFFLINE), {"setVariableData": [OFFLINE | {"attributeValue": "300"}]}, had(OFFLINE), "Accepted")
    ],
    "TC_B_10": [Ask(put(OFFLINE, HEARTBEAT), {}, had(OFFLINE, HEARTBEAT), "Accepted")],
    "TC_B_12": [Ask(u.GetBaseReport(1, "ConfigurationInventory"), {"reportBase": "ConfigurationInventory"}), report()],
    "TC_B_13": [
        Ask(u.GetBaseReport(1, "FullInventory"), {"reportBase": "FullInventory"}),
        report(tbc=True),
        report(seqNo=1),
    ],
    "TC_B_14": [Ask(u.GetBaseReport(1, "SummaryInventory"), {"reportBase": "SummaryInventory"}), report()],
    "TC_B_18": [
        Ask(u.GetReport(1, (PART,), ("Available",)), {"componentVariable": [PART], "componentCriteria": ["Available"]}),
        report(),
    ],
    "TC_B_20": [reset("OnIdle", None), boot("RemoteReset"), connector("Available")],
    "TC_B_21": [
        STARTED,
        reset("OnIdle", None, "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        boot("ScheduledReset"),
    ],
    "TC_B_22": [
        STARTED,
        reset("Immediate", None),
        event("Ended", "ResetCommand", "EVConnected", 1),
        boot("RemoteReset"),
    ],
    "TC_B_25": [reset("OnIdle", 1), connector("Unavailable"), connector("Available")],
    "TC_B_26": [
        STARTED,
        reset("OnIdle", 1, "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        connector("Unavailable"),
    ],
    "TC_B_27": [STARTED, reset("Immediate", 1), event("Ended", "ResetCommand", "EVConnected", 1)],
    "TC_B_42": [Ask(u.SetNetworkProfile(1, SLOT), {"configurationSlot": 1, "connectionData": SLOT})],
    "TC_B_44": [refused(u.SetNetworkProfile(1, SLOT), "Failed")],
}
LISTS = {
    "TC_C_40": send_list(1, "Full", LISTED, IN_GROUP),
    "TC_C_43": send_list(1, "Full", LISTED, INVALID),
    "TC_D_01": send_list(1, "Full", LISTED),
    "TC_D_02": send_list(2, "Differential", IN_GROUP),
    "TC_D_03": send_list(3, "Differential", u.ListedToken(TOKEN)),
    "TC_D_04": send_list(4, "Full"),
    "TC_D_08": [Ask(u.GetLocalListVersion(), {}, {"versionNumber": 7}, "")],
    "TC_D_09": [Ask(u.GetLocalListVersion(), {}, {"versionNumber": 0}, "")],
}
REMOTE = {
    "TC_F_06": [Ask(c.UnlockConnector(1, 1), {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"})],
    "TC_F_11": [
        trigger("MeterValues", Evse(1)),
        Hear(
            "MeterValues",
            {"evseId": 1, "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": 1, "context": "Trigger"}]}]},
        ),
    ],
    "TC_F_12": [
        trigger("MeterValues"),
        Hear(
            "MeterValues",
            {"evseId": 0, "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": 1, "context": "Trigger"}]}]},
        ),
    ],
    "TC_F_15": [trigger("LogStatusNotification"), Hear("LogStatusNotification", {"status": "Idle"})],
    "TC_F_18": [trigger("FirmwareStatusNotification"), Hear("FirmwareStatusNotification", {"status": "Idle"})],
    "TC_F_20": [trigger("Heartbeat"), Hear("Heartbeat", {}, {"currentTime": "2026-11-21T04:05:06Z"})],
    "TC_F_23": [trigger("StatusNotification", Evse(1, 1)), connector("Available")],
    "TC_F_24": [trigger("StatusNotification", Evse(1, 1)), connector("Occupied")],
    "TC_F_27": [trigger("SignCombinedCertificate", None, "NotImplemented")],
}
AVAILABILITY = {
    "TC_G_03": [available("Inoperative", Evse(1)), connector("Unavailable")],
    "TC_G_04": [available("Operative", Evse(1)), connector("Available")],
    "TC_G_05": [available("Inoperative", None), connector("Unavailable")],
    "TC_G_06": [available("Operative", None), connector("Available")],
    "TC_G_07": [available("Inoperative", Evse(1, 1)), connector("Unavailable")],
    "TC_G_08": [available("Operative", Evse(1, 1)), connector("Available")],
    "TC_G_11": [
        STARTED,
        available("Inoperative", Evse(1), "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        connector("Unavailable"),
    ],
    "TC_G_14": [
        STARTED,
        available("Inoperative", None, "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        connector("Unavailable"),
    ],
    "TC_G_17": [
        STARTED,
        available("Inoperative", Evse(1, 1), "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        connector("Unavailable"),
    ],
    "TC_G_20": [happened("ConnectorPlugRetentionLock", "Problem", "true", "Alerting")],
}
RESERVATION = {
    "TC_H_01": [
        reserve(),
        connector("Reserved"),
        Hear("Authorize", {"idToken": {"idToken": "TAG", "type": "ISO14443"}}, {"idTokenInfo": {"status": "Accepted"}}),
    ],
    "TC_H_07": [
        reserve(),
        connector("Reserved"),
        Hear("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Expired"}),
        connector("Available"),
    ],
    "TC_H_08": [reserve(evse_id=None)],
    "TC_H_14": [reserve(evse_id=None), connector("Reserved")],
    "TC_H_15": [reserve(evse_id=None, connector_type="cType2")],
    "TC_H_17": [
        reserve(),
        connector("Reserved"),
        Ask(u.CancelReservation(1), {"reservationId": 1}),
        connector("Available"),
    ],
    "TC_H_19": [
        reserve(group_id_token=GROUP),
        connector("Reserved"),
        Hear("Authorize", {"idToken": {"idToken": "OTHER", "type": "ISO14443"}}),
    ],
    "TC_H_20": [
        reserve(),
        connector("Reserved"),
        connector("Faulted"),
        Hear("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Removed"}),
    ],
    "TC_H_22": [reserve("Rejected")],
}
COST = {"TC_I_01": [STARTED, Ask(u.CostUpdated(3.31, "T-1"), {"totalCost": 3.31, "transactionId": "T-1"}, {}, "")]}
CHARGING = {
    "TC_K_01": [Ask(profile("TxDefaultProfile", 1), {"evseId": 1})],
    "TC_K_02": [refused(TX, "Rejected", {"evseId": 1})],
    "TC_K_03": [Ask(profile("ChargingStationMaxProfile", 0), {"evseId": 0})],
    "TC_K_04": [Ask(profile("TxDefaultProfile", 1)), Ask(profile("TxDefaultProfile", 1, duration=300))],
    "TC_K_05": [Ask(c.ClearChargingProfile(1), {"chargingProfileId": 1})],
    "TC_K_06": [
        Ask(
            c.ClearChargingProfile(None, c.ProfileCriteria(1, "TxDefaultProfile", 0)),
            {"chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}},
        )
    ],
    "TC_K_08": [refused(c.ClearChargingProfile(None, c.ProfileCriteria(1)), "Unknown")],
    "TC_K_10": [Ask(profile("TxDefaultProfile", 0, "Relative"), {"evseId": 0})],
    "TC_K_19": [Ask(profile("TxDefaultProfile", 1, "Recurring", recurrency_kind="Daily", duration=86400))],
    "TC_K_29": [profiles(0), reported(evseId=0)],
    "TC_K_30": [profiles(1), reported()],
    "TC_K_31": [profiles(None, charging_profile_purpose="TxDefaultProfile"), reported(tbc=True), reported(evseId=0)],
    "TC_K_32": [profiles(None, charging_profile_id=(1,)), reported()],
    "TC_K_33": [profiles(1, stack_level=0), reported()],
    "TC_K_34": [profiles(1, charging_limit_source=("CSO",)), reported()],
    "TC_K_35": [profiles(1, charging_profile_purpose="TxDefaultProfile"), reported()],
    "TC_K_36": [profiles(1, charging_profile_purpose="TxDefaultProfile", stack_level=0), reported()],
    "TC_K_37": [
        Ask(
            c.RequestStartTransaction(TOKEN, 7, 1, None, profile("TxProfile", 1, "Relative").charging_profile),
            {"remoteStartId": 7, "evseId": 1},
        ),
        STARTED,
    ],
    "TC_K_43": [Ask(c.GetCompositeSchedule(300, 1), {"evseId": 1, "duration": 300}, COMPOSITE)],
    "TC_K_44": [Ask(c.GetCompositeSchedule(300, 0), {"evseId": 0, "duration": 300}, COMPOSITE)],
    "TC_K_48": [limit()],
    "TC_K_50": [RELEASED],
    "TC_K_51": [STARTED, RELEASED, event("Updated", "ChargingRateChanged", "Charging", 1)],
    "TC_K_52": [
        limit(evseId=1),
        profiles(0, charging_profile_purpose="ChargingStationExternalConstraints"),
        reported(chargingLimitSource="EMS"),
    ],
    "TC_K_53": [STARTED, *HLC],
    "TC_K_55": [STARTED, NEEDS, Ask(TX), EV_SCHEDULE, Ask(TX)],
    "TC_K_57": [STARTED, *HLC, NEEDS, Ask(TX), EV_SCHEDULE],
    "TC_K_58": [STARTED, *HLC, Ask(TX), EV_SCHEDULE],
    "TC_K_59": [STARTED, *HLC, Ask(TX), NEEDS, Ask(TX), EV_SCHEDULE],
    "TC_K_60": [STARTED, Ask(TX, {"evseId": 1})],
    "TC_K_70": [
        Ask(profile("TxDefaultProfile", 1)),
        Ask(profile("TxDefaultProfile", 2, profile_id=2)),
        Ask(profile("ChargingStationMaxProfile", 0, profile_id=3)),
    ],
}
BLOCKS = (PROVISIONING, LISTS, REMOTE, AVAILABILITY, RESERVATION, COST, CHARGING)

"""OCTT 2.0.1, CSMS, as conversations: blocks B to K."""

from cases_201 import (
    EVSE,
    GROUP,
    HEARTBEAT,
    IN_GROUP,
    INVALID,
    LISTED,
    OFFLINE,
    OTHER,
    PART,
    RELEASED,
    SAID,
    SLOT,
    SOCKET,
    STARTED,
    TOKEN,
    TX,
    Ask,
    Hear,
    available,
    boot,
    charge,
    composite,
    connector,
    event,
    get,
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
    version,
)

NETWORK = {"configurationSlot": 1, "connectionData": SLOT}


def inventory(base: str) -> Ask:
    return Ask("GetBaseReport", {"requestId": 1, "reportBase": base})


PROVISIONING = {
    "TC_B_01": [boot("PowerUp"), connector("Available")],
    "TC_B_06": [get(OFFLINE)],
    "TC_B_07": [get(OFFLINE, HEARTBEAT)],
    "TC_B_08": [get(*[OFFLINE] * 4)],
    "TC_B_09": [put(OFFLINE)],
    "TC_B_10": [put(OFFLINE, HEARTBEAT)],
    "TC_B_12": [inventory("ConfigurationInventory"), report()],
    "TC_B_13": [inventory("FullInventory"), report(tbc=True), report(seqNo=1)],
    "TC_B_14": [inventory("SummaryInventory"), report()],
    "TC_B_18": [
        Ask("GetReport", {"requestId": 1, "componentVariable": [PART], "componentCriteria": ["Available"]}),
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
    "TC_B_42": [Ask("SetNetworkProfile", NETWORK)],
    "TC_B_44": [refused("SetNetworkProfile", NETWORK, "Failed")],
}
LISTS = {
    "TC_C_37": [Ask("ClearCache", {})],
    "TC_C_38": [refused("ClearCache", {}, "Rejected")],
    "TC_C_40": send_list(1, "Full", LISTED, IN_GROUP),
    "TC_C_43": send_list(1, "Full", LISTED, INVALID),
    "TC_D_01": send_list(1, "Full", LISTED),
    "TC_D_02": send_list(2, "Differential", IN_GROUP),
    "TC_D_03": send_list(3, "Differential", {"idToken": TOKEN}),
    "TC_D_04": send_list(4, "Full"),
    "TC_D_08": [version(7)],
    "TC_D_09": [version(0)],
}
REMOTE = {
    "TC_F_06": [Ask("UnlockConnector", {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"})],
    "TC_F_11": [
        trigger("MeterValues", EVSE),
        Hear(
            "MeterValues",
            {"evseId": 1, "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": 1, "context": "Trigger"}]}]},
        ),
    ],
    "TC_F_12": [
        trigger("MeterValues"),
        *(
            Hear(
                "MeterValues",
                {
                    "evseId": one,
                    "meterValue": [{"timestamp": SAID, "sampledValue": [{"value": 1, "context": "Trigger"}]}],
                },
            )
            for one in (0, 1)
        ),
    ],
    "TC_F_15": [trigger("LogStatusNotification"), Hear("LogStatusNotification", {"status": "Idle"})],
    "TC_F_18": [trigger("FirmwareStatusNotification"), Hear("FirmwareStatusNotification", {"status": "Idle"})],
    "TC_F_20": [trigger("Heartbeat"), Hear("Heartbeat", {}, {"currentTime": "2025-01-15T18:00:00Z"})],
    "TC_F_23": [trigger("StatusNotification", SOCKET), connector("Available")],
    "TC_F_24": [trigger("StatusNotification", SOCKET), connector("Occupied")],
    "TC_F_27": [trigger("SignCombinedCertificate", None, "NotImplemented")],
}
AVAILABILITY = {
    "TC_G_03": [available("Inoperative", EVSE), connector("Unavailable")],
    "TC_G_04": [available("Operative", EVSE), connector("Available")],
    "TC_G_05": [available("Inoperative", None), connector("Unavailable")],
    "TC_G_06": [available("Operative", None), connector("Available")],
    "TC_G_07": [available("Inoperative", SOCKET), connector("Unavailable")],
    "TC_G_08": [available("Operative", SOCKET), connector("Available")],
    "TC_G_11": [
        STARTED,
        available("Inoperative", EVSE, "Scheduled"),
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
        available("Inoperative", SOCKET, "Scheduled"),
        event("Ended", "EVDeparted", "Idle", 1),
        connector("Unavailable"),
    ],
    "TC_G_20": [happened("ConnectorPlugRetentionLock", "Problem", "true", "Alerting")],
}
RESERVATION = {
    "TC_H_01": [
        reserve(),
        connector("Reserved"),
        Hear("Authorize", {"idToken": TOKEN}, {"idTokenInfo": {"status": "Accepted"}}),
    ],
    "TC_H_07": [
        reserve(),
        connector("Reserved"),
        Hear("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Expired"}),
        connector("Available"),
    ],
    "TC_H_08": [reserve(evse_id=None)],
    "TC_H_14": [reserve(evse_id=None), connector("Reserved")],
    "TC_H_15": [reserve(evse_id=None, connectorType="cType2")],
    "TC_H_17": [
        reserve(),
        connector("Reserved"),
        Ask("CancelReservation", {"reservationId": 1}),
        connector("Available"),
    ],
    "TC_H_19": [
        reserve(groupIdToken=GROUP),
        connector("Reserved"),
        Hear("Authorize", {"idToken": OTHER}),
    ],
    "TC_H_20": [
        reserve(),
        connector("Reserved"),
        connector("Faulted"),
        Hear("ReservationStatusUpdate", {"reservationId": 1, "reservationUpdateStatus": "Removed"}),
    ],
    "TC_H_22": [reserve("Rejected")],
}
COST = {"TC_I_01": [STARTED, Ask("CostUpdated", {"totalCost": 3.31, "transactionId": "T-1"}, {})]}
CHARGING = {
    "TC_K_01": [charge("TxDefaultProfile", 1)],
    "TC_K_02": [refused("SetChargingProfile", TX.body, "Rejected")],
    "TC_K_03": [charge("ChargingStationMaxProfile", 0)],
    "TC_K_04": [charge("TxDefaultProfile", 1), charge("TxDefaultProfile", 1, duration=300)],
    "TC_K_05": [Ask("ClearChargingProfile", {"chargingProfileId": 1})],
    "TC_K_06": [
        Ask(
            "ClearChargingProfile",
            {"chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}},
        )
    ],
    "TC_K_08": [refused("ClearChargingProfile", {"chargingProfileCriteria": {"evseId": 1}}, "Unknown")],
    "TC_K_10": [charge("TxDefaultProfile", 0, "Relative")],
    "TC_K_19": [charge("TxDefaultProfile", 1, "Recurring", recurrencyKind="Daily", duration=86400)],
    "TC_K_29": [profiles(0), reported(evseId=0)],
    "TC_K_30": [profiles(1), reported()],
    "TC_K_31": [profiles(None, chargingProfilePurpose="TxDefaultProfile"), reported(tbc=True), reported(evseId=0)],
    "TC_K_32": [profiles(None, chargingProfileId=[1]), reported()],
    "TC_K_33": [profiles(1, stackLevel=0), reported()],
    "TC_K_34": [profiles(1, chargingLimitSource=["CSO"]), reported()],
    "TC_K_35": [profiles(1, chargingProfilePurpose="TxDefaultProfile"), reported()],
    "TC_K_36": [profiles(1, chargingProfilePurpose="TxDefaultProfile", stackLevel=0), reported()],
    "TC_K_37": [
        Ask(
            "RequestStartTransaction",
            {"idToken": TOKEN, "remoteStartId": 7, "evseId": 1}
            | {"chargingProfile": profile("TxProfile", 1, "Relative")["chargingProfile"]},
        ),
        STARTED,
    ],
    "TC_K_43": [composite(1)],
    "TC_K_44": [composite(0)],
    "TC_K_48": [limit()],
    "TC_K_50": [RELEASED],
    "TC_K_51": [STARTED, RELEASED, event("Updated", "ChargingRateChanged", "Charging", 1)],
    "TC_K_52": [
        limit(evseId=1),
        profiles(0, chargingProfilePurpose="ChargingStationExternalConstraints"),
        reported(chargingLimitSource="EMS"),
    ],
    "TC_K_70": [
        charge("TxDefaultProfile", 1),
        charge("TxDefaultProfile", 2, profile_id=2),
        charge("ChargingStationMaxProfile", 0, profile_id=3),
    ],
}
BLOCKS = (PROVISIONING, LISTS, REMOTE, AVAILABILITY, RESERVATION, COST, CHARGING)

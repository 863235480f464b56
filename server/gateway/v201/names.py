"""The actions of OCPP 2.0.1 and 2.1 by name: which are only received, and which only stations serve."""

BEFORE_ACCEPTED = frozenset(["BootNotification", "NotifyReport", "SecurityEventNotification"])
"""Heard before a boot was accepted: reports that a pending station was asked for (B12), and alarms."""

RECEIVED = frozenset(["PublishFirmwareStatusNotification"])
"""Answered with an empty result: the message log has what they say."""

RECEIVED_21 = frozenset(
    [
        "BatterySwap",
        "ClosePeriodicEventStream",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyPriorityCharging",
        "NotifySettlement",
        "NotifyWebPaymentStarted",
        "ReportDERControl",
    ]
)

KNOWN = frozenset(
    [
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ClearCache",
        "ClearChargingProfile",
        "ClearDisplayMessage",
        "ClearVariableMonitoring",
        "CostUpdated",
        "CustomerInformation",
        "DeleteCertificate",
        "GetBaseReport",
        "GetChargingProfiles",
        "GetCompositeSchedule",
        "GetDisplayMessages",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "GetMonitoringReport",
        "GetReport",
        "GetTransactionStatus",
        "GetVariables",
        "InstallCertificate",
        "PublishFirmware",
        "RequestStartTransaction",
        "RequestStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SetDisplayMessage",
        "SetMonitoringBase",
        "SetMonitoringLevel",
        "SetNetworkProfile",
        "SetVariableMonitoring",
        "SetVariables",
        "TriggerMessage",
        "UnlockConnector",
        "UnpublishFirmware",
        "UpdateFirmware",
    ]
)
"""Known, and only stations serve them."""

KNOWN_21 = KNOWN | frozenset(
    [
        "AFRRSignal",
        "AdjustPeriodicEventStream",
        "ChangeTransactionTariff",
        "ClearDERControl",
        "ClearTariffs",
        "GetDERControl",
        "GetPeriodicEventStream",
        "GetTariffs",
        "NotifyAllowedEnergyTransfer",
        "NotifyPeriodicEventStream",
        "RequestBatterySwap",
        "SetDERControl",
        "SetDefaultTariff",
        "UpdateDynamicSchedule",
        "UsePriorityCharging",
    ]
)

IN_21 = RECEIVED_21 | frozenset(
    ["GetCertificateChainStatus", "OpenPeriodicEventStream", "PullDynamicScheduleUpdate", "VatNumberValidation"]
)
"""What only 2.1 stations say."""

"""What may be asked of a station, by version (OCPP 1.6 §5 with its security whitepaper; 2.0.1 and 2.1 part 2)."""

_BOTH = (
    "CancelReservation ChangeAvailability ClearCache ClearChargingProfile DataTransfer DeleteCertificate"
    " GetCompositeSchedule GetInstalledCertificateIds GetLocalListVersion GetLog InstallCertificate ReserveNow Reset"
    " SendLocalList SetChargingProfile TriggerMessage UnlockConnector UpdateFirmware CertificateSigned"
)
_ONLY_16 = (
    "ChangeConfiguration ExtendedTriggerMessage GetConfiguration GetDiagnostics RemoteStartTransaction"
    " RemoteStopTransaction SignedUpdateFirmware"
)
_FROM_201 = (
    "ClearDisplayMessage ClearVariableMonitoring CostUpdated CustomerInformation GetBaseReport GetChargingProfiles"
    " GetDisplayMessages GetMonitoringReport GetReport GetTransactionStatus GetVariables PublishFirmware"
    " RequestStartTransaction RequestStopTransaction SetDisplayMessage SetMonitoringBase SetMonitoringLevel"
    " SetNetworkProfile SetVariableMonitoring SetVariables UnpublishFirmware"
)
_FROM_21 = (
    "AFRRSignal AdjustPeriodicEventStream ChangeTransactionTariff ClearDERControl ClearTariffs GetDERControl"
    " GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyWebPaymentStarted RequestBatterySwap"
    " SetDERControl SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging"
)

ASKED: dict[str, tuple[str, ...]] = {
    "1.6": tuple(sorted(f"{_BOTH} {_ONLY_16}".split())),
    "2.0.1": tuple(sorted(f"{_BOTH} {_FROM_201}".split())),
    "2.1": tuple(sorted(f"{_BOTH} {_FROM_201} {_FROM_21}".split())),
}
"""Actions that a central system may call, by version, in order."""

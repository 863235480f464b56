"""The OCPP 1.6 configuration keys of a simulated station."""

from ocpp.v16 import datatypes

from server.simulator.local_list import LENGTH_MAX, MESSAGE_MAX
from server.simulator.profiles import MAX_PERIODS, MAX_PROFILES, MAX_STACK_LEVEL

WRITABLE = {
    "HeartbeatInterval": "3600",
    "ClockAlignedDataInterval": "900",
    "MeterValueSampleInterval": "0",
    "ConnectionTimeOut": "120",
    "LocalAuthorizeOffline": "true",
    "LocalAuthListEnabled": "true",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,SoC",
    "MeterValuesAlignedData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,SoC",
}
SWITCHES = {"LocalAuthorizeOffline", "LocalAuthListEnabled"}
NUMERIC = {"HeartbeatInterval", "ClockAlignedDataInterval", "MeterValueSampleInterval", "ConnectionTimeOut"}


class Configuration:
    """Keys that the server may read, and some that it may write."""

    def __init__(self, unit: str) -> None:
        self._values = dict(WRITABLE)
        self._fixed = {
            "NumberOfConnectors": "1",
            "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger,LocalAuthListManagement",
            "ChargeProfileMaxStackLevel": str(MAX_STACK_LEVEL),
            "ChargingScheduleAllowedChargingRateUnit": "Current" if unit == "A" else "Power",
            "ChargingScheduleMaxPeriods": str(MAX_PERIODS),
            "MaxChargingProfilesInstalled": str(MAX_PROFILES),
            "LocalAuthListMaxLength": str(LENGTH_MAX),
            "SendLocalListMaxLength": str(MESSAGE_MAX),
            "StopTransactionOnEVSideDisconnect": "true",
            "AuthorizeRemoteTxRequests": "false",
        }

    def seconds(self, key: str) -> int:
        """A numeric key as seconds."""
        return int(self._values[key])

    @property
    def starts_alone(self) -> bool:
        """Whether a card is taken at its word while there is no link (OCPP 1.6, 9.1.15)."""
        return self._values["LocalAuthorizeOffline"].lower() == "true"

    def change(self, key: str, value: str) -> str:
        """`Accepted`, `Rejected` (read-only, or not a number where one is due) or `NotSupported`."""
        if key in self._fixed:
            return "Rejected"
        if key not in self._values:
            return "NotSupported"
        if key in NUMERIC and not value.isdigit():
            return "Rejected"
        if key in SWITCHES and value.lower() not in ("true", "false"):
            return "Rejected"
        self._values[key] = value
        return "Accepted"

    def read(self, keys: list[str]) -> tuple[list[datatypes.KeyValue], list[str]]:
        """What is known of the keys asked for (all where none are named), and which are not known."""
        every = {**dict.fromkeys(self._fixed, True), **dict.fromkeys(self._values, False)}
        values = {**self._fixed, **self._values}
        wanted = keys or list(every)
        known = [datatypes.KeyValue(key=key, readonly=every[key], value=values[key]) for key in wanted if key in every]
        return known, [key for key in wanted if key not in every]

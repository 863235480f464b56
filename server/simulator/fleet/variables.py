"""The variables of a simulated 2.0.1 station, by component and name (OCPP 2.0.1, appendix 3)."""

from server.simulator.profiles import MAX_PERIODS, MAX_STACK_LEVEL

Name = tuple[str, str]
STARTS_ALONE: Name = ("AuthCtrlr", "LocalAuthorizeOffline")
READING: Name = ("SampledDataCtrlr", "TxUpdatedInterval")
HEARTBEAT: Name = ("OCPPCommCtrlr", "HeartbeatInterval")
WRITABLE: dict[Name, str] = {
    STARTS_ALONE: "true",
    READING: "0",
    HEARTBEAT: "3600",
    ("OCPPCommCtrlr", "WebSocketPingInterval"): "0",
    ("SampledDataCtrlr", "TxStartedMeasurands"): "Energy.Active.Import.Register",
    ("SampledDataCtrlr", "TxUpdatedMeasurands"): "Energy.Active.Import.Register",
    ("SampledDataCtrlr", "TxEndedMeasurands"): "Energy.Active.Import.Register",
    ("AlignedDataCtrlr", "Interval"): "900",
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "false",
    ("TxCtrlr", "StopTxOnInvalidId"): "true",
}


class Variables:
    """What the server may read, and some that it may write."""

    def __init__(self, unit: str) -> None:
        self._written: dict[Name, str] = {}  # most stations are told little
        self._fixed: dict[Name, str] = {
            ("SmartChargingCtrlr", "RateUnit"): unit,
            ("SmartChargingCtrlr", "ProfileStackLevel"): str(MAX_STACK_LEVEL),
            ("SmartChargingCtrlr", "PeriodsPerSchedule"): str(MAX_PERIODS),
        }

    def read(self, name: Name) -> str | None:
        """A variable's value, None where there is none of this name."""
        return self._written.get(name) or WRITABLE.get(name) or self._fixed.get(name)

    def write(self, name: Name, value: str) -> str:
        """`Accepted`, `Rejected` (read-only, or not a number where one is due) or `UnknownVariable`."""
        if name in self._fixed:
            return "Rejected"
        if name not in WRITABLE:
            return "UnknownVariable"
        if WRITABLE[name].isdigit() and not value.isdigit():
            return "Rejected"
        self._written[name] = value
        return "Accepted"

    def seconds(self, name: Name) -> int:
        """A variable that is a number of seconds."""
        return int(self.read(name) or 0)

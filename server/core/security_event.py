"""Security events of stations (OCPP 1.6 security whitepaper, appendix; 2.0.1 part 2, appendix 1): what they weigh."""

CRITICAL = frozenset(
    [
        "FailedToAuthenticateAtCsms",
        "FailedToAuthenticateAtCentralSystem",
        "InvalidCsmsCertificate",
        "InvalidCentralSystemCertificate",
        "InvalidChargePointCertificate",
        "InvalidChargingStationCertificate",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "SecurityLogWasCleared",
        "TamperDetectionActivated",
    ]
)
WARNING = frozenset(
    [
        "AttemptedReplayAttacks",
        "CsmsFailedToAuthenticate",
        "CentralSystemFailedToAuthenticate",
        "InvalidMessages",
        "InvalidTLSCipherSuite",
        "InvalidTLSVersion",
        "MemoryExhaustion",
        "ReconfigurationOfSecurityParameters",
    ]
)
EVERYDAY = frozenset(["FirmwareUpdated", "ResetOrReboot", "SettingSystemTime", "StartupOfTheDevice"])
OTHER = "security_event"


def severity_of(kind: str) -> str | None:
    """critical, warning, info for a word of the maker's own, None for what every station does now and then."""
    if kind in EVERYDAY:
        return None
    return "critical" if kind in CRITICAL else "warning" if kind in WARNING else "info"


def name_of(kind: str) -> str:
    """A notice's kind: the standard's words by name, all others under one, so that no station fills a table."""
    return f"security:{kind}" if kind in CRITICAL or kind in WARNING else OTHER

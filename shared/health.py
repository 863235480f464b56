"""How stations are: what the watch finds, what was done about it, and a station's days in figures."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Rule(StrEnum):
    """What can be wrong with a station."""

    OFFLINE = "offline"
    FAULTED = "faulted"
    PROBLEM = "problem_reported"  # it says itself that something is wrong with a part of it
    FLAPPING = "flapping"  # it loses its connection again and again
    SILENT = "silent"  # it has a connection and says nothing
    CLOCK_WRONG = "clock_wrong"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    NO_ENERGY = "charging_without_energy"
    NO_SESSION = "energy_without_session"
    NOT_FOLLOWED = "plan_not_followed"
    UNKNOWN_CONNECTOR = "unknown_connector"  # it charges on a connector that nobody entered and it never told of
    NO_START = "no_start"  # a car has stood there for five minutes and nothing began


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Remedy(StrEnum):
    """What is tried without asking anybody, the gentlest first."""

    TRIGGER = "trigger"
    CLEAR_PROFILE = "clear_profile"
    SOFT_RESET = "soft_reset"
    HARD_RESET = "hard_reset"
    RENEW_CERTIFICATE = "renew_certificate"  # it is asked for a request for a new one


class FindingView(msgspec.Struct, frozen=True):
    """Something wrong with a station since a time; `told_at`: no remedy helped, so its operator is to look at it."""

    rule: Rule
    severity: Severity
    detail: str
    since: datetime
    tried: list[Remedy]
    told_at: datetime | None
    resolved_at: datetime | None


class StationDay(msgspec.Struct, frozen=True):
    """A station's local day in figures, shares in thousandths; None where nothing happened to judge by.

    `uptime_permille`: connected and not faulted, of the day so far; `reliability_permille`: sessions that ended as a
    driver ended them; `plug_in_permille`: plug-ins that drew energy.
    """

    day: date
    uptime_permille: int | None
    reliability_permille: int | None
    plug_in_permille: int | None
    disconnects: int
    sessions: int


class StationHealth(msgspec.Struct, frozen=True):
    """A station: what is wrong with it now and was lately (the newest first), and its days, the newest first."""

    station_id: UUID
    identity: str
    online: bool
    findings: list[FindingView]
    days: list[StationDay]

"""What is tried when something is wrong with a station, the gentlest first, and when its operator is told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from server.core.following import PROFILE, UNANSWERED
from server.core.watch import BY_CAR, StationSight
from shared.health import Remedy, Rule, Severity

PATIENCE = timedelta(minutes=5)
"""So long a remedy may take before the next one is tried."""
RESETS = (Remedy.SOFT_RESET, Remedy.HARD_RESET)
LADDERS: Mapping[Rule, tuple[Remedy, ...]] = {
    Rule.OFFLINE: (),  # nobody can be told anything
    Rule.FAULTED: (Remedy.TRIGGER, *RESETS),
    Rule.PROBLEM: (),  # its own word: somebody is to look at it
    Rule.FLAPPING: RESETS,
    Rule.SILENT: (Remedy.TRIGGER, *RESETS),
    Rule.CLOCK_WRONG: (Remedy.TRIGGER, Remedy.SOFT_RESET),  # the answer to a heartbeat, and to a boot, is our time
    Rule.CERTIFICATE_EXPIRING: (Remedy.RENEW_CERTIFICATE,),
    Rule.NO_ENERGY: (Remedy.TRIGGER, Remedy.CLEAR_PROFILE, *RESETS),
    Rule.NO_SESSION: (Remedy.TRIGGER,),  # a reset would take the energy from whoever it is
    Rule.NOT_FOLLOWED: (Remedy.TRIGGER, Remedy.CLEAR_PROFILE, *RESETS),
    Rule.UNKNOWN_CONNECTOR: (Remedy.TRIGGER,),  # what it tells of is there
    Rule.NO_START: (Remedy.TRIGGER, Remedy.SOFT_RESET),
}
RENEW_EVERY = timedelta(days=7)
"""A station that was asked for a request and has no new certificate is asked again so much later."""
A_DAY: Mapping[Remedy, int] = {
    Remedy.TRIGGER: 12,
    Remedy.CLEAR_PROFILE: 4,
    Remedy.SOFT_RESET: 2,
    Remedy.HARD_RESET: 1,
    Remedy.RENEW_CERTIFICATE: 1,
}
"""At most so often a station and day, whatever is wrong with it: a reset wears contactors and loses time."""
TRIGGERS: Mapping[Rule, str] = {
    Rule.FAULTED: "StatusNotification",
    Rule.SILENT: "Heartbeat",
    Rule.CLOCK_WRONG: "Heartbeat",
    Rule.NO_ENERGY: "MeterValues",
    Rule.NO_SESSION: "StatusNotification",
    Rule.NOT_FOLLOWED: "MeterValues",
    Rule.UNKNOWN_CONNECTOR: "StatusNotification",
    Rule.NO_START: "StatusNotification",
}
"""What a station is asked to say."""
UNHEARD = tuple(PROFILE + status for status in UNANSWERED)
"""Why a plan is not followed where its station does not answer it: see `following.is_silent`."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is or was wrong, as it is kept. `tried` in this order, the last at `tried_at`."""

    id: UUID
    party_id: UUID
    station_id: UUID
    rule: Rule
    severity: Severity
    since: datetime
    detail: str = ""
    tried: tuple[Remedy, ...] = ()
    tried_at: datetime | None = None
    told_at: datetime | None = None
    resolved_at: datetime | None = None


class Step(msgspec.Struct, frozen=True):
    """What is due: a remedy, or (None) the notice to the operator."""

    remedy: Remedy | None


def next_step(finding: Finding, sight: StationSight, used: Mapping[Remedy, int], now: datetime) -> Step | None:
    """What to do about a finding now; `used`: remedies of the last day by kind. None: wait, or nothing is left.

    A remedy that may not be used now is passed over. The operator is told as soon as none is left; one that may be
    used later (a session has ended) is still tried then.
    """
    if finding.tried_at is not None and now - finding.tried_at < PATIENCE:
        return None
    done = () if _once_more(finding, now) else finding.tried
    for remedy in LADDERS[finding.rule]:
        if remedy not in done and _allowed(remedy, finding, sight, used):
            return Step(remedy)
    return Step(None) if finding.told_at is None else None


def _once_more(finding: Finding, now: datetime) -> bool:
    """Whether what was tried for a certificate is so long ago that it is tried again."""
    ends = finding.rule is Rule.CERTIFICATE_EXPIRING
    return ends and finding.tried_at is not None and now - finding.tried_at >= RENEW_EVERY


def _allowed(remedy: Remedy, finding: Finding, sight: StationSight, used: Mapping[Remedy, int]) -> bool:
    if not sight.online or used.get(remedy, 0) >= A_DAY[remedy]:
        return False
    if remedy is Remedy.CLEAR_PROFILE and finding.detail in UNHEARD:
        return False  # it is asked every ten minutes already, and what is reserved for it is what it may hold
    if remedy is Remedy.CLEAR_PROFILE and sight.shared:
        return False  # all its sockets would go to their default share, while the others hold the whole limit
    return remedy not in RESETS or may_reset(finding, sight)


def may_reset(finding: Finding, sight: StationSight) -> bool:
    """Whether a reset takes nothing from anybody: no session runs, or none that this station ever gave anything.

    A car that keeps its energy back itself (a timer, asleep) is no reason: its station is well.
    """
    if any(charge.energy_wh > 0 or charge.power_w > 0 for charge in sight.charges):
        return False
    if finding.rule is Rule.NO_ENERGY:
        return finding.detail != BY_CAR
    return not sight.charges

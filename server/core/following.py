"""The meter is the judge: does a station, and a car, do what the plan says?"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from server.core.session import Followed, Session

TOLERANCE_W = 400
"""A profile of 0.1 A steps on three phases, metering and ramping together stay within this."""
DRAWING_W = 200
"""Less than this is standby, not charging."""
IDLE_MINUTES = 10
"""Domain 5.2: full is less than 0.5 kW for ten minutes while allowed."""
WAKES_MAX = 2
GRACE = timedelta(minutes=2)
"""A reading may be taken in the moment in which a limit changes, or before a new plan has arrived."""


class Verdict(StrEnum):
    """What to do about what the meter says."""

    FINE = "fine"
    FOLLOWED_AGAIN = "followed_again"  # it had drawn too much, and does so no more
    SEND_AGAIN = "send_again"  # it draws more than allowed
    NOT_FOLLOWED = "not_followed"  # still, after sending once more
    WAKE = "wake"  # allowed after a pause, but draws nothing
    FULL = "full"  # allowed, drew, and stopped by itself


TOO_MUCH = "draws_more_than_allowed"
PROFILE = "profile_"
"""Begins the reason where it is what the station said of the plan, not what its meter shows."""
UNANSWERED = ("timed_out", "offline")
"""No answer is no refusal: the station may do what it was told all the same, or hold to what it was told before."""
UNANSWERED_MAX = 3
"""So many plans in a row without an answer, and nobody counts on the next one."""
_SILENT = tuple(PROFILE + status for status in UNANSWERED)


def is_silent(session: Session) -> bool:
    """Whether a session's station has been given up because it does not answer: it is asked again, but seldom."""
    return session.followed is Followed.NOT_FOLLOWED and session.not_followed_reason in _SILENT


class Sight(msgspec.Struct, frozen=True):
    """What was metered at a moment, beside what the plan allowed since `allowed_since` (None: not allowed).

    `allowed_w` is the most that was allowed within GRACE before the moment.
    """

    at: datetime
    power_w: int
    allowed_w: int
    allowed_since: datetime | None
    drew_since_allowed: bool


def judge(session: Session, sight: Sight) -> Verdict:
    """Compare the meter with the plan in force. A plan that was never accepted judges nobody."""
    if not session.plan_accepted or session.full:
        return Verdict.FINE
    if sight.power_w > sight.allowed_w * 1.05 + TOLERANCE_W:
        sent = session.followed in (Followed.RESENT, Followed.NOT_FOLLOWED)
        return Verdict.NOT_FOLLOWED if sent else Verdict.SEND_AGAIN
    if session.followed in (Followed.RESENT, Followed.NOT_FOLLOWED) and session.not_followed_reason in (None, TOO_MUCH):
        return Verdict.FOLLOWED_AGAIN
    if sight.allowed_since is None or sight.power_w >= DRAWING_W:
        return Verdict.FINE
    stopped = sight.drew_since_allowed or session.wakes >= WAKES_MAX
    idle_since = (session.idle_since or sight.at) if stopped else sight.allowed_since
    if sight.at - max(idle_since, sight.allowed_since) < timedelta(minutes=IDLE_MINUTES):
        return Verdict.FINE
    return Verdict.FULL if stopped else Verdict.WAKE

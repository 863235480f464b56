"""Why a car is expected to leave when it is: one sentence, as a code and the figures that the app's strings word."""

from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from server.core.departure import Basis, Outlook, PluggedIn

SHARE_PCT = 90
"""`likely_until` holds in 9 of 10 cases (`departure.quantile_departure`)."""


class ReasonCode(StrEnum):
    """One sentence each; figures in braces."""

    STATED = "departure_stated"  # You said {until}.
    OWN_WORKDAYS = (
        "departure_own_workdays"  # On workdays, plugged in around {arrived}, you stay to {until} 9 of 10 times.
    )
    OWN_WEEKENDS = (
        "departure_own_weekends"  # On weekends, plugged in around {arrived}, you stay to {until} 9 of 10 times.
    )
    OTHERS = "departure_others"  # Not knowing your habits yet: others here stay until {until} 9 of 10 times.
    ANY_MOMENT = "departure_any_moment"  # Of {stays} stays like this some ended very soon: we do not wait long.
    UNKNOWN = "departure_unknown"  # We do not know yet how long you stay.


class Reason(msgspec.Struct, frozen=True):
    """A sentence and its figures; None where it has no such figure.

    `until` and `arrived` are on the driver's wall clock ("07:15"), `days` from the arrival's day to that of `until`;
    `stays` were looked at, `share_pct` is how often it holds.
    """

    code: ReasonCode
    until: str | None = None
    days: int | None = None
    arrived: str | None = None
    stays: int | None = None
    share_pct: int | None = None


def reason(seen: Outlook, plugged: PluggedIn) -> Reason:
    """The sentence for an outlook."""
    zone = ZoneInfo(plugged.zone)
    came = plugged.arrived_at.astimezone(zone)
    if seen.basis is Basis.NO_STAYS:
        return Reason(ReasonCode.UNKNOWN)
    if seen.likely_until is None:
        return Reason(ReasonCode.ANY_MOMENT, arrived=f"{came:%H:%M}", stays=seen.stays)
    leaves = seen.likely_until.astimezone(zone)
    until, days = f"{leaves:%H:%M}", (leaves.date() - came.date()).days
    if seen.basis is Basis.STATED:
        return Reason(ReasonCode.STATED, until, days)
    arrived, code = f"{came:%H:%M}", ReasonCode.OTHERS
    if seen.basis is Basis.OWN_STAYS:
        code = ReasonCode.OWN_WEEKENDS if came.weekday() >= 5 else ReasonCode.OWN_WORKDAYS
    return Reason(code, until, days, arrived, seen.stays, SHARE_PCT)

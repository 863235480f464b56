from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.core.departure import Basis, Outlook, PluggedIn
from server.core.departure_reason import Reason, ReasonCode, reason

ZONE = "Europe/Amsterdam"


def at(day, clock):
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "basis", "expected"),
    [
        (18, Basis.OWN_STAYS, Reason(ReasonCode.OWN_WORKDAYS, "07:15", 1, "18:05", 12, 90)),
        (28, Basis.OWN_STAYS, Reason(ReasonCode.OWN_WEEKENDS, "07:15", 1, "18:05", 12, 90)),
        (18, Basis.OTHER_STAYS, Reason(ReasonCode.OTHERS, "07:15", 1, "18:05", 12, 90)),
        (18, Basis.STATED, Reason(ReasonCode.STATED, "07:15", 1)),
        (18, Basis.NO_STAYS, Reason(ReasonCode.UNKNOWN)),
    ],
)
def test_each_basis_has_its_sentence_on_the_drivers_clock(day, basis, expected):
    plugged = PluggedIn(at(day, "18:05"), at(day, "18:20"), ZONE)
    assert reason(Outlook([], basis, 12, at(day + 1, "07:15")), plugged) == expected


def test_who_may_leave_at_any_moment_is_told_so():
    plugged = PluggedIn(at(18, "18:05"), at(18, "18:05") + timedelta(minutes=5), ZONE)
    found = reason(Outlook([], Basis.OWN_STAYS, 3, None), plugged)
    assert found == Reason(ReasonCode.ANY_MOMENT, arrived="18:05", stays=3)

"""The meter is the judge: sent once more, then shown; a sleeping car is woken twice, then counts as full."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from server.core.following import IDLE_MINUTES, TOO_MUCH, WAKES_MAX, Sight, Verdict, judge
from server.core.session import Followed, Session

AT = datetime(2026, 3, 10, 20, tzinfo=UTC)
SOME = UUID(int=1)
SESSION = Session(
    id=SOME,
    party_id=SOME,
    station_id=SOME,
    evse_id=SOME,
    location_id=SOME,
    connector_no=1,
    transaction_id=1,
    token_uid="T",
    started_at=AT - timedelta(hours=2),
    received_at=AT - timedelta(hours=2),
    meter_start_wh=0,
    plan_accepted=True,
)
LONG_ALLOWED = AT - timedelta(minutes=IDLE_MINUTES)


def a_session(**changes):
    return msgspec.structs.replace(SESSION, **changes)


def sight(power_w, allowed_w, since=None, *, drew=False):
    return Sight(AT, power_w, allowed_w, since, drew)


def test_a_plan_that_is_kept_is_fine_also_within_metering_and_ramping():
    assert judge(SESSION, sight(11_040, 11_040, LONG_ALLOWED)) is Verdict.FINE
    assert judge(SESSION, sight(390, 0)) is Verdict.FINE


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        (Followed.PENDING, Verdict.SEND_AGAIN),
        (Followed.FOLLOWED, Verdict.SEND_AGAIN),
        (Followed.RESENT, Verdict.NOT_FOLLOWED),
        (Followed.NOT_FOLLOWED, Verdict.NOT_FOLLOWED),
    ],
)
def test_who_draws_more_is_told_once_more_and_then_shown(before, verdict):
    assert judge(a_session(followed=before), sight(7_000, 0)) is verdict


def test_who_keeps_to_the_plan_again_is_believed_again():
    shown = a_session(followed=Followed.NOT_FOLLOWED, not_followed_reason=TOO_MUCH)
    assert judge(shown, sight(0, 0)) is Verdict.FOLLOWED_AGAIN
    refused = a_session(followed=Followed.NOT_FOLLOWED, not_followed_reason="profile_rejected")
    assert judge(refused, sight(0, 0)) is Verdict.FINE


def test_a_plan_that_no_station_accepted_judges_nobody():
    assert judge(a_session(plan_accepted=False), sight(11_000, 0)) is Verdict.FINE


def test_a_car_that_stops_by_itself_is_full_and_one_that_never_began_is_woken_twice():
    idle = a_session(idle_since=LONG_ALLOWED)
    assert judge(idle, sight(0, 11_040, LONG_ALLOWED, drew=True)) is Verdict.FULL
    for wakes in range(WAKES_MAX):
        assert judge(a_session(wakes=wakes), sight(0, 11_040, LONG_ALLOWED)) is Verdict.WAKE
    assert judge(a_session(wakes=WAKES_MAX, idle_since=LONG_ALLOWED), sight(0, 11_040, LONG_ALLOWED)) is Verdict.FULL
    assert judge(SESSION, sight(0, 11_040, LONG_ALLOWED, drew=True)) is Verdict.FINE  # the first reading of nothing
    too_soon = LONG_ALLOWED + timedelta(seconds=1)
    assert judge(SESSION, sight(0, 11_040, too_soon, drew=True)) is Verdict.FINE

"""What was missing at unplug, and why: life's reasons first, then the plan's."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from server.core.missing import Ending, shortfall

LEFT = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)
SHORT = Ending(
    energy_wh=10_000,
    wanted_wh=14_000,
    ended_at=LEFT,
    depart_at=LEFT,
    full=False,
    asleep=False,
    planned_reason="site_limit",
    events=(),
)


def but(**changes):
    return msgspec.structs.replace(SHORT, **changes)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (SHORT, "site_limit"),
        (but(ended_at=LEFT - timedelta(hours=2)), "left_early"),
        (but(depart_at=None), "left_early"),
        (but(ended_at=LEFT - timedelta(hours=2), stopped=True), "stopped"),
        (but(ended_at=LEFT - timedelta(hours=2), stopped=True, forecast=True), "stopped"),
        (but(stopped=True), "site_limit"),
        (but(depart_at=None, forecast=True), "left_sooner"),
        (but(ended_at=LEFT - timedelta(hours=2), forecast=True), "left_sooner"),
        (but(forecast=True, to_come=True), "left_sooner"),
        (but(forecast=True), "site_limit"),
        (but(to_come=True), "site_limit"),
        (but(forecast=True, to_come=True, full=True, asleep=True), "car_not_drawing"),
        (but(full=True, asleep=True), "car_not_drawing"),
        (but(events=("offline", "online")), "station_offline"),
        (but(planned_reason=None, events=("not_followed",)), "not_followed"),
        (but(planned_reason=None), "energy_misjudged"),
    ],
)
def test_every_shortfall_has_a_size_and_a_reason(ending, reason):
    found = shortfall(ending)
    assert (found.energy_wh, found.reason) == (4_000, reason)


def test_a_full_car_and_a_crumb_are_no_shortfall():
    assert shortfall(but(full=True)) is None
    assert shortfall(but(energy_wh=13_001)) is None

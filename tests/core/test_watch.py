"""Each rule of the watch: when it speaks, since when, and when it is silent."""

from datetime import UTC, datetime, timedelta

import pytest

from server.core import watch
from server.core.watch import Charge, Socket, StationSight, Stray, judge
from shared.health import Rule, Severity
from shared.ids import derive

NOW = datetime(2025, 1, 15, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def sight(**facts):
    """A station that is well, but for what is said."""
    well = {"online": True, "last_seen_at": NOW - MINUTE, "sockets": (socket("Available"),)}
    return StationSight(derive("station", 1), derive("party", 1), **{**well, **facts})


def socket(status, ago=HOUR, **facts):
    return Socket(1, status, status_at=NOW - ago, **facts)


def charge(**facts):
    """A session that has charged for an hour, as it is told to."""
    going = {"read_at": NOW - MINUTE, "power_w": 11_000, "energy_wh": 9_000}
    return Charge(**{"connector_no": 1, "started_at": NOW - HOUR, **going, **facts})


def found(station):
    return [(one.rule, one.since, one.detail) for one in judge(station, NOW)]


@pytest.mark.parametrize("station", [sight(), sight(charges=(charge(),), sockets=(socket("Charging"),))])
def test_of_a_station_that_is_well_nothing_is_said(station):
    assert judge(station, NOW) == []


def test_offline_is_said_after_five_minutes_and_is_worse_while_a_car_charges():
    gone = sight(online=False, last_seen_at=NOW - 5 * MINUTE)
    assert found(gone) == [(Rule.OFFLINE, NOW - 5 * MINUTE, "")]
    assert judge(gone, NOW)[0].severity is Severity.WARNING
    assert (
        judge(sight(online=False, last_seen_at=NOW - HOUR, charges=(charge(),)), NOW)[0].severity is Severity.CRITICAL
    )
    assert found(sight(online=False, last_seen_at=NOW - 4 * MINUTE)) == []


def test_a_station_that_was_never_here_is_not_missed():
    assert found(sight(online=False, last_seen_at=None)) == []


def test_a_fault_says_which_connector_and_what_its_station_calls_it():
    broken = sight(sockets=(socket("Faulted", error_code="GroundFailure"), Socket(2, "Available")))
    assert found(broken) == [(Rule.FAULTED, NOW - HOUR, "1:GroundFailure")]
    assert judge(broken, NOW)[0].severity is Severity.CRITICAL
    assert found(sight(sockets=(Socket(0, "Faulted"),)))[0][0] is Rule.FAULTED


def test_four_lost_connections_in_an_hour_are_flapping():
    drops = tuple(NOW - minutes * MINUTE for minutes in (55, 40, 20, 2))
    assert found(sight(dropped_at=drops)) == [(Rule.FLAPPING, NOW - 55 * MINUTE, "4")]
    assert found(sight(dropped_at=(NOW - 61 * MINUTE, *drops[1:]))) == []


def test_silence_is_two_lost_heartbeats_unless_anything_else_was_heard():
    long_ago = NOW - timedelta(minutes=126)
    assert found(sight(last_seen_at=long_ago, sockets=(socket("Available", timedelta(hours=9)),))) == [
        (Rule.SILENT, long_ago, "")
    ]
    assert found(sight(last_seen_at=long_ago)) == []  # its status is of an hour ago
    ahead = Socket(1, "Available", status_at=NOW + 9 * HOUR)  # a status of a clock that runs ahead is no sign of life
    assert found(sight(last_seen_at=long_ago, sockets=(ahead,)))[0][0] is Rule.SILENT


def test_a_session_without_readings_is_silence_too():
    unread = NOW - 36 * MINUTE
    assert found(sight(last_seen_at=NOW - HOUR, charges=(charge(read_at=unread),))) == [
        (Rule.SILENT, unread, "readings")
    ]
    assert found(sight(last_seen_at=NOW - HOUR, charges=(charge(read_at=NOW - 34 * MINUTE),))) == []
    assert found(sight(last_seen_at=NOW - MINUTE, charges=(charge(read_at=unread),))) == []  # it is there, at least


@pytest.mark.parametrize(("off_s", "said"), [(301, ["301"]), (-7200, ["-7200"]), (299, []), (0, [])])
def test_a_clock_may_be_five_minutes_off(off_s, said):
    assert [detail for _, _, detail in found(sight(sockets=(socket("Available", clock_off_s=off_s),)))] == said


def test_a_session_on_a_connector_that_nobody_knows_is_told_until_the_station_says_its_status():
    strange = charge(connector_no=9)
    nobody = Socket(9, "Unavailable")
    assert found(sight(charges=(strange,), sockets=(socket("Available"), nobody))) == [
        (Rule.UNKNOWN_CONNECTOR, NOW - HOUR, "9")
    ]
    told = Socket(9, "Charging", status_at=NOW - MINUTE)
    assert found(sight(charges=(strange,), sockets=(socket("Available"), told))) == []
    assert found(sight(charges=(charge(),), sockets=(Socket(1, "Unavailable"),))) == []  # entered with its station


def test_a_certificate_is_watched_from_thirty_days_before_its_end():
    days = {31: None, 30: Severity.WARNING, 8: Severity.WARNING, 7: Severity.CRITICAL, -1: Severity.CRITICAL}
    for left, severity in days.items():
        one = watch.certificate_expiring(sight(certificate_until=NOW + timedelta(days=left)), NOW)
        assert (one and one.severity) == severity, left
    assert watch.certificate_expiring(sight(), NOW) is None


def test_a_session_that_may_draw_and_does_not_is_the_cars_doing_or_the_stations():
    idle = charge(power_w=0, allowed_since=NOW - 15 * MINUTE)
    for status, whose in (("SuspendedEV", "car"), ("Charging", "station"), ("SuspendedEVSE", "station")):
        assert found(sight(charges=(idle,), sockets=(socket(status),))) == [(Rule.NO_ENERGY, NOW - 15 * MINUTE, whose)]


@pytest.mark.parametrize(
    "busy",
    [
        charge(power_w=0),  # a pause of its plan
        charge(power_w=0, allowed_since=NOW - 14 * MINUTE),
        charge(power_w=2_000, allowed_since=NOW - HOUR),
        charge(power_w=0, allowed_since=NOW - 15 * MINUTE, read_at=NOW - 14 * MINUTE),  # nobody knows yet
    ],
)
def test_a_session_that_waits_or_draws_lacks_no_energy(busy):
    assert found(sight(charges=(busy,), sockets=(socket("SuspendedEV"),))) == []


def test_a_meter_that_counts_without_a_session_is_seen():
    stray = Stray(1, NOW - MINUTE, 3_600)
    assert found(sight(strays=(stray,))) == [(Rule.NO_SESSION, NOW - MINUTE, "1:3600")]
    assert found(sight(strays=(Stray(1, NOW - MINUTE, 12),))) == []  # standby
    assert found(sight(strays=(Stray(1, NOW - HOUR, 3_600),))) == []  # out of a queue
    assert found(sight(strays=(stray,), charges=(charge(),))) == []


def test_a_connector_that_says_that_it_charges_and_has_no_session_is_seen():
    assert found(sight(sockets=(socket("Charging", 6 * MINUTE),))) == [(Rule.NO_SESSION, NOW - 6 * MINUTE, "")]
    assert found(sight(sockets=(socket("Charging", 4 * MINUTE),))) == []  # its start may be under way


def test_a_plan_that_is_not_followed_is_said_with_the_reason():
    deaf = charge(not_followed="draws_more_than_allowed")
    assert found(sight(charges=(deaf,), sockets=(socket("Charging"),))) == [
        (Rule.NOT_FOLLOWED, NOW, "draws_more_than_allowed")
    ]


def test_five_minutes_without_a_start_are_too_many():
    assert found(sight(sockets=(socket("Preparing", 5 * MINUTE),))) == [(Rule.NO_START, NOW - 5 * MINUTE, "")]
    assert found(sight(sockets=(socket("Preparing", 4 * MINUTE),))) == []
    assert found(sight(sockets=(socket("Preparing", HOUR),), charges=(charge(),))) == []


def test_a_cable_without_a_card_is_no_start_even_where_its_station_calls_it_a_transaction():
    nobodys = charge(nobodys=True, energy_wh=0, power_w=0)
    waits = sight(sockets=(socket("Preparing", 12 * MINUTE),), charges=(nobodys,))
    assert found(waits) == [(Rule.NO_START, NOW - 12 * MINUTE, "")]
    freely = sight(sockets=(socket("Preparing", HOUR),), charges=(charge(nobodys=True),))
    assert found(freely) == []  # it draws: nobody had to show a card


def test_what_is_wrong_is_kept_by_station_and_the_well_are_left_out():
    late = StationSight(derive("station", 2), derive("party", 1), online=False, last_seen_at=NOW - HOUR)
    assert list(watch.judge_all([sight(), late], NOW)) == [late.station_id]
    assert {rule.__name__ for rule in watch.RULES} == {rule.value for rule in Rule}

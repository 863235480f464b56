"""A station's days in figures."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from server.core.health import Before, Happening, Record, Stay, figures, local_days

ZONE = ZoneInfo("Europe/Amsterdam")
DAY = date(2025, 1, 15)
MIDNIGHT = datetime(2025, 1, 14, 23, tzinfo=UTC)
NEXT = MIDNIGHT + timedelta(days=1)
HOUR = timedelta(hours=1)


THERE = Before(online=True)


def one(before=THERE, happened=(), stays=(), unstarted=(), *, now=NEXT, day=DAY):
    (figure,) = figures(Record(before, happened, stays, unstarted), [day], ZONE, now)
    return figure


def at(hours, kind, connector_no="", **facts):
    return Happening(MIDNIGHT + hours * HOUR, kind, connector_no, **facts)


def stay(hours=1, ended=2, reason="EVDisconnected", energy_wh=9_000, waited=False):
    return Stay(MIDNIGHT + hours * HOUR, ended and MIDNIGHT + ended * HOUR, reason, energy_wh, waited)


def test_a_station_that_was_there_all_day_was_up_all_day():
    assert one() == figures(Record(THERE, (), (), ()), [DAY], ZONE, NEXT)[0]
    assert (one().uptime_permille, one().disconnects, one().reliability_permille) == (1000, 0, None)


def test_time_without_a_connection_and_with_a_fault_is_not_up_once_over():
    six_away = (at(6, "offline"), at(9, "online"), at(12, "offline"), at(15, "online"))
    assert (one(happened=six_away).uptime_permille, one(happened=six_away).disconnects) == (750, 2)
    broken = (at(6, "faulted", "1"), at(7, "faulted", "2"), at(9, "recovered", "1"), at(12, "recovered", "2"))
    assert one(happened=broken).uptime_permille == 750
    both = (at(6, "faulted", "1"), at(8, "offline"), at(10, "online"), at(12, "recovered", "1"))
    assert one(happened=both).uptime_permille == 750


def test_what_held_before_the_day_holds_in_it():
    assert one(Before(online=False), [at(12, "online")]).uptime_permille == 500
    assert one(Before(online=True, faulted=True), [at(12, "recovered", "1")]).uptime_permille == 500
    yesterday = (at(-5, "offline"), at(18, "online"))
    assert (one(happened=yesterday).uptime_permille, one(happened=yesterday).disconnects) == (250, 0)


def test_before_it_was_first_here_nothing_is_counted():
    assert one(Before()).uptime_permille is None
    assert one(Before(), [at(20, "online"), at(22, "offline")]).uptime_permille == 500


def test_today_ends_now():
    assert one(happened=[at(3, "offline")], now=MIDNIGHT + 4 * HOUR).uptime_permille == 750


def test_a_server_that_was_away_is_no_disconnect_of_the_station():
    assert one(happened=[at(3, "offline", ours=True), at(3, "online")]).disconnects == 0


def test_reliable_is_a_session_that_ended_as_its_driver_ended_it():
    stays = [stay(), stay(3, 4, "Local"), stay(5, 6, "Reboot"), stay(7, 8, "Unheard"), stay(9, 9, "DeAuthorized", 0)]
    assert (one(stays=stays).reliability_permille, one(stays=stays).sessions) == (500, 5)


def test_a_plug_in_succeeds_with_energy_and_fails_without_or_without_a_start():
    stays = [stay(), stay(3, 4, energy_wh=0), stay(5, None, None, 0), stay(7, 8, "Local", 0, waited=True)]
    assert one(stays=stays, unstarted=[MIDNIGHT + 9 * HOUR, MIDNIGHT - HOUR]).plug_in_permille == 333


def test_days_are_local_and_the_shift_of_a_clock_keeps_them_whole():
    assert local_days(datetime(2025, 1, 14, 23, 30, tzinfo=UTC), ZONE, 2) == [DAY, DAY - timedelta(days=1)]
    spring = date(2025, 3, 30)  # 23 hours
    begin = datetime(2025, 3, 29, 23, tzinfo=UTC)
    away = [Happening(begin, "offline"), Happening(begin + timedelta(hours=11.5), "online")]
    assert one(happened=away, now=begin + timedelta(days=2), day=spring).uptime_permille == 500

"""A simulated station by itself: what it says when."""

from datetime import UTC, datetime

from server.simulator.car import Car
from server.simulator.station import Station
from server.simulator.town import build

NOON = datetime(2026, 1, 13, 11, tzinfo=UTC)
QUARTER_US = 900_000_000


def test_a_reading_that_is_due_is_not_put_off_by_a_profile_that_comes_at_the_same_moment():
    town = build(1, NOON)
    now_us = int(NOON.timestamp()) * 1_000_000 + 1
    station = Station(town.stations[0], lambda: now_us, lambda: None)
    station.plug(Car(town.people[0].car, 500, now_us), "CARD", now_us)
    station.begin("CARD")
    before = len(station.outbox)
    now_us = int(NOON.timestamp()) * 1_000_000 + QUARTER_US
    station.changed(profile=True)
    station.tick(now_us)
    assert len(station.outbox) > before
    read = len(station.outbox)
    station.changed(profile=True)
    station.tick(now_us)
    assert len(station.outbox) == read

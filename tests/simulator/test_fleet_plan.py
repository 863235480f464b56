"""The same seed makes the same fleet, the same cars and the same chaos; another seed does not."""

import msgspec
import pytest

from server.core import makes
from server.simulator.fleet import plan as planned
from server.simulator.fleet import quirks
from server.simulator.fleet.chaos import LEVELS
from server.simulator.fleet.plan import FleetPlan

PLAN = FleetPlan(40, "ws://127.0.0.1:9000/ocpp", "00{n:08d}", version="mixed", chaos="storm", quirks=("each",))


def fleet(plan):
    """All that is drawn before the clock begins: stations, their first cars, and what disturbs them."""
    stations = [planned.station(plan, number) for number in range(1, plan.stations + 1)]
    cars = [planned.car(plan, one.identity, visit) for one in stations for visit in range(3)]
    return stations, cars, [decisions(plan, one.identity) for one in stations]


def decisions(plan, identity):
    chaos = planned.chaos(plan, identity)
    asked = (chaos.up_s, chaos.down_s, chaos.twice, chaos.held_s, chaos.late_s, chaos.lag_s)
    return [decide(number) for number in range(20) for decide in asked]


def test_the_same_seed_makes_the_same_fleet_whatever_was_asked_before():
    assert fleet(PLAN) == fleet(PLAN)
    again = planned.station(PLAN, 17)
    assert again == fleet(PLAN)[0][16]
    later = planned.chaos(PLAN, again.identity)
    [later.twice(number) for number in range(1000)]
    assert later.twice(7) == planned.chaos(PLAN, again.identity).twice(7)


def test_another_seed_makes_another_fleet():
    before, after = fleet(PLAN), fleet(msgspec.structs.replace(PLAN, seed=2))
    assert [one.identity for one in before[0]] == [one.identity for one in after[0]]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_fleet_is_as_mixed_as_it_should_be():
    stations, cars, _ = fleet(PLAN)
    assert [one.version for one in stations[:4]] == ["1.6", "2.0.1", "1.6", "2.0.1"]
    assert sum(one.charges for one in stations) == 20
    assert {one.unit for one in stations} == {"A", "W"}
    assert len({car.spec.name for car in cars}) == len(planned.CARS)
    assert 0 < sum(car.sleepy for car in cars) < len(cars) / 4


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_of_chaos_does_what_it_says(level):
    chaos = planned.chaos(msgspec.structs.replace(PLAN, chaos=level), "SIM-1")
    said = LEVELS[level]
    ups = [chaos.up_s(number) for number in range(2000)]
    assert sum(ups) / len(ups) == pytest.approx(said.up_s, rel=0.1)
    twice = [chaos.twice(number) for number in range(2000)]
    assert sum(map(bool, twice)) / len(twice) == pytest.approx(said.twice, abs=0.04)
    assert {"same", "new"} <= set(twice)
    assert max(chaos.late_s(number) for number in range(2000)) <= said.late_s
    chaos.calm = True
    calm = (chaos.up_s(1), chaos.down_s(1), chaos.twice(3), chaos.held_s(1), chaos.late_s(1), chaos.lag_s(900))
    assert calm == (None, 0, "", 0, 0, 0)


def test_quirks_are_those_of_the_field_by_number_and_the_gateways_by_name():
    assert {one.number for one in quirks.QUIRKS} == set(range(1, 26))
    assert len(quirks.BY_NAME) == len(quirks.QUIRKS)
    told = {one.trait for one in quirks.QUIRKS if one.trait}
    assert told == {*makes.NAMES, "clock:Europe/Amsterdam"}
    assert all(makes.is_name(trait) for trait in told)


@pytest.mark.parametrize(
    ("names", "versions", "says"),
    [
        (("deaf", "no_pong"), ("1.6",), ""),
        (("each",), ("2.0.1",), ""),
        (("no_card",), ("1.6", "2.0.1"), ""),
        (("no_card",), ("1.6",), "of OCPP 2.0.1 only"),
        (("dumb",), ("1.6",), "dumb is no quirk"),
    ],
)
def test_what_is_wrong_with_quirks_is_said(names, versions, says):
    said = quirks.fault(names, versions)
    assert (says in said) if says else said == ""


def test_each_deals_every_quirk_of_a_version():
    for version in quirks.BOTH:
        fitting = {one.name for one in quirks.QUIRKS if version in one.versions and one.dealt}
        dealt = [quirks.of_station(("each",), number, version) for number in range(len(fitting))]
        assert {name for one in dealt for name in one} == fitting


@pytest.mark.parametrize(
    ("url", "security"),
    [("http://h:1", 1), ("ws://", 1), ("h:9000", 1), ("ws://h:99999/x", 1), ("ws://h:1/x", 2), ("wss://h:1/x", 1)],
)
def test_a_wrong_url_is_said_in_one_line(url, security):
    assert "\n" not in planned.wrong_url(url, security)


def test_right_urls_are_right():
    assert planned.wrong_url("ws://127.0.0.1:9000/ocpp") is None
    assert planned.wrong_url("wss://127.0.0.1:9000/ocpp", 3) is None

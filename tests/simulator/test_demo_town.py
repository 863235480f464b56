"""The demo town: what must stand in it, and that the seed decides everything."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import pytest

from server.core.contract import ContractKind
from server.simulator.faults import FaultKind
from server.simulator.town import build
from shared.accounts import PartyRole, Role
from shared.units import VOLTS

NOON = datetime(2024, 3, 12, 11, tzinfo=UTC)
NOONS = [NOON, datetime(2024, 6, 14, 10, tzinfo=UTC), datetime(2024, 12, 21, 11, tzinfo=UTC)]


@pytest.fixture(scope="module")
def town():
    return build(1, NOON)


def test_the_same_seed_gives_the_same_town_and_another_seed_another():
    assert build(3, NOON) == build(3, NOON)
    one, other = build(3, NOON), build(4, NOON)
    assert one.visits != other.visits
    assert {person.id for person in one.people}.isdisjoint(person.id for person in other.people)
    assert [person.name for person in one.people] != [person.name for person in other.people]


def test_more_days_do_not_change_the_first(town):
    assert build(1, NOON, days=3).visits[: len(town.visits)] == town.visits


def test_the_parties_are_two_providers_an_operator_a_supplier_and_a_fleet(town):
    assert Counter(party.role for party in town.parties) == {
        PartyRole.PROVIDER: 2,
        PartyRole.OPERATOR: 1,
        PartyRole.SUPPLIER: 1,
        PartyRole.FLEET: 1,
    }


def test_every_word_of_the_town_is_a_word_of_the_api(town):
    assert {person.role for person in town.people} == set(Role)
    kinds = {contract.kind for person in town.people for contract in person.contracts}
    assert kinds <= set(ContractKind)
    assert {"home_dynamic", "home_fixed", "home_night", "public_fixed", "fleet"} == kinds


def test_the_street_shares_a_feeder_and_the_depot_a_contract(town):
    places = {place.key: place for place in town.places}
    at = Counter(station.location_id for station in town.stations)
    assert at[places["street"].id] == 6
    assert places["street"].feeder_ma == (63_000, 63_000, 63_000)
    assert places["street"].tariff.energy_micro_per_kwh == 420_000
    assert at[places["depot"].id] == 12
    assert places["depot"].grid_w == 36_000
    assert [(w.from_local, w.load_w) for w in places["depot"].base_load] == [("07:00", 20_000), ("19:00", 10_000)]
    assert at[places["parking"].id] == 2
    assert places["parking"].feeder_ma == (32_000, 32_000, 32_000)
    assert [at[places[f"home-{kind}"].id] for kind in ("dynamic", "fixed", "night", "on-call")] == [1, 1, 1, 1]


def test_only_the_car_park_has_a_price_that_varies(town):
    tariffs = {place.key: place.tariff for place in town.places if place.tariff is not None}
    assert set(tariffs) == {"street", "parking"}
    assert tariffs["street"].windows == ()
    timed = tariffs["parking"]
    assert {window.energy_micro_per_kwh for window in timed.windows} == {410_000, 420_000}
    assert all(window.energy_micro_per_kwh < timed.energy_micro_per_kwh for window in timed.windows)


@pytest.mark.parametrize("seed", range(1, 21))
def test_one_car_parks_there_overnight_and_one_for_a_long_day(seed):
    overnight, day = sorted(
        (visit for visit in build(seed, NOON).visits if visit.station.startswith("ZEEBURG")),
        key=lambda visit: visit.station,
    )
    assert overnight.unplug_at - overnight.plug_at > timedelta(hours=13)
    assert timedelta(hours=9) < day.unplug_at - day.plug_at < timedelta(hours=11)


def test_stations_take_watts_or_amperes_and_the_street_is_wired_in_turn(town):
    assert {station.unit for station in town.stations} == {"A", "W"}
    assert {station.rotation for station in town.stations if station.identity.startswith("LOOTS")} == {0, 1, 2}
    assert {station.register_unit for station in town.stations} == {"Wh", "kWh"}
    assert len({station.key for station in town.stations}) == len(town.stations)


def test_names_are_given_once_and_cards_fit_into_ocpp(town):
    assert len({person.name for person in town.people}) == len(town.people)
    assert all(len(person.token_uid) <= 20 for person in town.people if person.token_uid)


def test_two_drivers_of_the_street_have_not_agreed(town):
    assert sum(not person.consent for person in town.people) == 2


@pytest.mark.parametrize("noon", NOONS, ids=str)
@pytest.mark.parametrize("seed", range(1, 21))
def test_a_day_has_its_sessions_its_faults_and_no_two_cars_at_one_socket(seed, noon):
    town = build(seed, noon)
    assert len(town.visits) >= 29
    assert all(noon < visit.plug_at < visit.unplug_at <= town.end for visit in town.visits)
    by_station = sorted(town.visits, key=lambda visit: (visit.station, visit.plug_at))
    for _, stays in groupby(by_station, key=lambda visit: visit.station):
        assert all(one.unplug_at < two.plug_at for one, two in pairwise(stays))
    assert {fault.kind for visit in town.visits for fault in visit.faults} == set(FaultKind)


@pytest.mark.parametrize("seed", range(1, 21))
def test_what_drivers_ask_for_could_be_given(seed):
    town = build(seed, NOON)
    people = {person.id: person for person in town.people}
    stations = {station.identity: station for station in town.stations}
    for visit in town.visits:
        car, station = people[visit.person_id].car, stations[visit.station]
        share = 10_500 if visit.station.startswith("LOOTS") else station.max_ma
        power = min(share, car.max_ma) * VOLTS * car.phases // 1000
        hours = (visit.ready_by or visit.unplug_at) - visit.plug_at
        if not any(fault.kind is FaultKind.LEAVES_EARLY for fault in visit.faults) and visit.ready_by:
            assert visit.need_wh <= 0.7 * power * hours.total_seconds() / 3600
        if visit.energy_wh is not None:
            assert visit.energy_wh == visit.need_wh
            assert not car.reports_soc
    vans = [visit for visit in town.visits if visit.station.startswith("DEPOT")]
    assert len(vans) == 12
    assert all(9_900 <= visit.need_wh <= 20_200 for visit in vans)


def test_a_town_that_starts_in_the_evening_finds_its_cars_arriving(town):
    evening = datetime(2024, 3, 12, 21, 30, tzinfo=UTC)
    late = build(1, evening)
    early = [visit for visit in late.visits if visit.plug_at < evening + timedelta(minutes=10)]
    assert len(early) >= 15
    assert all(visit.plug_at > evening for visit in late.visits)


def test_habits_and_history_teach_when_people_leave(town):
    drivers = [person for person in town.people if person.car]
    assert all(len(person.habits) == 7 for person in drivers)
    assert len(town.history) > 400
    assert all(stay.unplugged_at < town.start + timedelta(hours=1) for stay in town.history)


@pytest.mark.parametrize("seed", range(1, 6))
def test_two_never_say_when_they_leave_and_are_gone_early_on_some_days(seed):
    town = build(seed, NOON)
    silent = {person.id: person for person in town.people if not person.tells}
    assert {person.story: person.dial for person in silent.values()} == {
        "home_unsaid": "sure",
        "street_unsaid": "cheap",
    }
    assert all(visit.ready_by is None is visit.energy_wh for visit in town.visits if visit.person_id in silent)
    for stay in town.history:
        assert (stay.answer_worth_minor is not None) == (stay.person_id in silent)
    for person in silent:
        stays = [stay for stay in town.history if stay.person_id == person]
        early = [stay for stay in stays if stay.unplugged_at - stay.plugged_at < timedelta(hours=9, minutes=30)]
        assert 15 <= len(stays) <= 28
        assert 0 < len(early) < len(stays) / 2
        assert all(
            0 < stay.energy_wh <= 11_040 * (stay.unplugged_at - stay.plugged_at).seconds / 3600 for stay in stays
        )

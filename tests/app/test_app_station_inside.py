"""What stands on a station's page of its reservations, the limits that it shares, and what it reports of itself."""

import pytest
from fake_town import Town
from fletkit import Open
from furnished_town import feeder
from msgspec.structs import replace

from app.strings import LANGUAGES, Texts
from app.views.operator import reservations
from app.views.operator.feeders import depth, limit_of
from shared.problems import Problem


async def test_a_reservation_is_let_go_by_the_second_click(at_station: Open, town: Town) -> None:
    town.clock = replace(town.clock, speed=0)  # else its minutes pass in seconds
    screen = await at_station()
    assert screen.says("LOOTS-1")
    assert screen.says("(in 25 min)")
    assert screen.says("the station has not confirmed it")
    await screen.click("cancel-7")
    assert town.operated.furnished.cancelled == []
    assert screen.says("Really cancel?")
    await screen.click("cancel-7")
    await screen.until(lambda: not screen.has("cancel-7"))
    assert town.operated.furnished.cancelled == [7]
    await screen.click("cancel-8")
    await screen.click("cancel-8")
    await screen.until(lambda: screen.says("Nothing is kept free here."))


async def test_what_was_read_stays_where_it_cannot_be_read_again(
    at_station: Open, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reservations, "LOOK_S", 0.05)
    screen = await at_station()
    await screen.until(lambda: screen.has("cancel-7"))
    path = f"/api/stations/{town.operated.stations[0].id}/reservations"
    town.refusals["GET", path] = Problem("about:blank", "Later", 503)
    before = town.asked.count(("GET", path))
    await screen.until(lambda: town.asked.count(("GET", path)) >= before + 3)
    assert screen.has("cancel-7")


async def test_the_limits_that_a_station_shares_are_a_tree_and_its_own_is_marked(at_station: Open) -> None:
    screen = await at_station(width=1440, height=900)
    for said in ("Shared limits: Lootsstraat", "Connection", "63 A on each phase · 40.0 kW", "32 A / 32 A / 25 A"):
        assert screen.says(said), said
    assert screen.says("4 sockets · when we are away: 7.5 A a phase each")
    assert screen.says("the building takes up to 12.0 kW of it")
    assert screen.says("On it: LOOTS/1, LOOTS/2")
    assert screen.words().count("This station hangs here.") == 1
    indents = [screen.key(f"feeder-{name}").padding.left for name in ("Connection", "Row A")]  # type: ignore[attr-defined]
    assert indents == [0, 20]


async def test_a_limit_without_a_name_is_that_of_the_place(at_station: Open, town: Town) -> None:
    town.operated.furnished.feeders = [feeder("", None, ["LOOTS/1"], 0, limit_ma=[63_000] * 3)]
    screen = await at_station()
    assert screen.says("Limit of the place")
    assert screen.says("when we are away: nothing")


async def test_a_place_without_limits_and_a_station_that_said_nothing_say_so(at_station: Open, town: Town) -> None:
    furnished = town.operated.furnished
    furnished.reservations, furnished.feeders, furnished.lines = [], [], []
    screen = await at_station()
    await screen.until(lambda: screen.says("It has reported nothing yet."))
    for said in ("Nothing is kept free here.", "No limit is shared here", "Ask it with the command GetBaseReport."):
        assert screen.says(said), said


async def test_an_inventory_is_searched_paged_and_set_out(at_station: Open, town: Town) -> None:
    screen = await at_station(width=1440, height=900)
    await screen.until(lambda: screen.says("EVSE 1 Power"))
    assert screen.says("11000 W · Target: 9")
    assert screen.says("UpperThreshold 80.0 (4)")
    await screen.click("inventory-more")
    await screen.until(lambda: screen.says("parts are missing"))
    assert not screen.has("inventory-more")
    await screen.click("line-EVSE 1 Power")
    await screen.until(lambda: screen.says('"variableCharacteristics"'))
    await screen.event(screen.key("inventory-text"), "submit", value="temp")
    await screen.until(lambda: not screen.says("EVSE 1 Power") and screen.says("Controller Temperature"))
    await screen.event(screen.key("inventory-kind"), "select", value="variable")
    await screen.until(lambda: screen.says("Nothing fits this search."))
    assert town.operated.furnished.searches[-1] == {"kind": "variable", "text": "temp", "limit": "12"}


async def test_a_station_of_1_6_has_no_inventory_and_is_not_asked(at_station: Open, town: Town) -> None:
    town.operated.stations = [replace(one, version="1.6") for one in town.operated.stations]
    screen = await at_station()
    assert screen.says("OCPP 1.6 has no inventory")
    assert town.operated.furnished.searches == []


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_limit_has_words(language: str) -> None:
    t = Texts(language)
    both, phases = feeder("A", None, [], 0, limit_ma=[16_000] * 3, limit_w=9_000), feeder("B", "A", [], 0)
    assert limit_of(t, both).startswith("16")
    assert limit_of(t, phases) == ""
    assert [depth(one, [both, phases]) for one in (both, phases)] == [0, 1]
    looped = replace(both, parent_id=phases.id)
    assert depth(looped, [looped, phases]) == 2

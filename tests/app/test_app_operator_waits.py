"""What waits for an operator: stations to take in, notices, a station's days; and a driver who takes one home."""

import pytest
from fake_town import Town
from fletkit import Open, Screen, sign_in
from town_facts import an_id

from shared.problems import Problem


async def as_operator(open_app: Open, town: Town, **options: object) -> Screen:
    town.employ()
    screen = await open_app(**options)
    await sign_in(screen)
    await screen.until(lambda: screen.has("op-head"))
    return screen


@pytest.fixture
def operator(open_app: Open, town: Town) -> Open:
    async def start(**options: object) -> Screen:
        screen = await as_operator(open_app, town, **options)
        await screen.until(lambda: screen.has("waiting") and screen.says("out of reach"))
        return screen

    return start


@pytest.fixture
async def settings(signed_in: Open) -> Screen:
    screen = await signed_in()
    await screen.go(4)
    await screen.until(lambda: screen.has("pairing"))
    return screen


async def test_a_station_that_waits_shows_its_code_and_is_taken_in(operator: Open, town: Town) -> None:
    screen = await operator(width=1440, height=900)
    assert screen.says("NEW-1")
    assert screen.says("K7QD-2M4X")
    assert screen.says("192.0.2.7")
    assert screen.key("place-NEW-1").value == "Lootsstraat"  # type: ignore[attr-defined]
    await screen.type("place-NEW-1", "Depot")
    await screen.click("take-NEW-1")
    await screen.until(lambda: screen.has("station-NEW-1") and not screen.has("take-NEW-1"))
    assert town.operated.taken == [(str(an_id("p")), {"location_name": "Depot", "max_w": 11_040, "phases": 3})]


async def test_one_is_turned_away(operator: Open, town: Town) -> None:
    screen = await operator()
    await screen.click("refuse-NEW-1")
    await screen.until(lambda: not screen.has("refuse-NEW-1"))
    assert town.operated.pending == []


async def test_a_refusal_is_said_and_the_station_waits_on(operator: Open, town: Town) -> None:
    screen = await operator()
    path = f"/api/stations/pending/{an_id('p')}/approve"
    town.refusals["POST", path] = Problem("about:blank", "Taken", 409, code="identity_taken", hint="Another one.")
    await screen.click("take-NEW-1")
    await screen.until(lambda: screen.says("Taken") or screen.says("Another one."))
    assert screen.has("take-NEW-1")


async def test_notices_and_what_no_remedy_helped_stand_together_and_a_notice_is_seen_to(operator: Open) -> None:
    screen = await operator()
    assert screen.says("LOOTS/2: tried a lower security profile")
    assert screen.says("LOOTS/3: out of reach")
    assert screen.says("tried: asked to report")
    await screen.click(f"seen-{an_id('notice')}")
    await screen.until(lambda: not screen.says("tried a lower security profile"))
    assert screen.says("LOOTS/3: out of reach")


async def test_where_nothing_waits_nothing_takes_room(open_app: Open, town: Town) -> None:
    town.operated.pending, town.operated.notices, town.operated.health = [], [], []
    screen = await as_operator(open_app, town)
    await screen.until(lambda: ("GET", "/api/stations/health") in town.asked)
    assert not screen.has("waiting")
    assert not screen.has("noticed")


async def test_a_station_shows_what_is_wrong_and_its_days(operator: Open) -> None:
    screen = await operator()
    await screen.click("station-LOOTS/3")
    await screen.until(lambda: screen.has("days"))
    assert screen.has("wrong")
    assert screen.says("87.4%")
    assert screen.says("100%")


async def test_a_driver_takes_a_station_home_with_its_code(settings: Screen, town: Town) -> None:
    assert settings.key("pair").disabled  # type: ignore[attr-defined]
    await settings.type("pair-identity", "NEW-1")
    await settings.type("pair-code", "K7QD-2M4X")
    await settings.click("pair")
    await settings.until(lambda: settings.says("NEW-1 is yours now."))
    home = {"location_name": "Home", "max_w": 11_040, "phases": 3}
    assert town.operated.paired == [{"identity": "NEW-1", "code": "K7QD-2M4X", **home}]


async def test_a_wrong_code_says_what_to_do(settings: Screen, town: Town) -> None:
    town.refusals["POST", "/api/pairing"] = Problem("about:blank", "None", 404, code="not_waiting")
    await settings.type("pair-identity", "NEW-1")
    await settings.type("pair-code", "AAAA-BBBB")
    await settings.click("pair")
    await settings.until(lambda: settings.says("No station waits with this name and code."))
    assert settings.key("pair-code").value == "AAAA-BBBB"  # type: ignore[attr-defined]

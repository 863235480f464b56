"""Lists of forwarded stations on the operator's page."""

import pytest
from cared_town import BACK, LISTS
from fake_town import Town
from fletkit import Open, Screen
from town_facts import an_id

from app.views.operator.forwarding import split
from app.views.operator.upload import Draft
from shared.problems import FieldError, Problem

LIST = an_id("list")


@pytest.fixture
def lists(operator: Open) -> Open:
    async def start(**options: object) -> Screen:
        screen = await operator(**options)
        await screen.until(lambda: screen.has("op-head"))
        await screen.go(2)
        await screen.until(lambda: screen.has("upload"))
        return screen

    return start


async def test_a_list_says_how_each_station_is_and_why(lists: Open) -> None:
    screen = await lists(width=1440, height=900)
    for said in ("Billing", "To wss://billing.example/ocpp", "1 waiting", "why: 401", BACK):
        assert screen.says(said), said
    assert screen.says("4 waiting, 120 delivered, 1 not taken")
    assert screen.says("2 sessions that it will not hear of")


async def test_without_a_list_the_page_says_what_it_is_for(lists: Open, town: Town) -> None:
    town.operated.cared.lists = []
    screen = await lists()
    assert screen.says("Nothing is forwarded.")
    assert screen.says("You can undo it at any time.")


async def test_one_click_undoes_it_and_shows_the_way_back(lists: Open, town: Town) -> None:
    screen = await lists()
    await screen.click(f"undo-{LIST}")
    await screen.until(lambda: screen.has("undone"))
    assert town.operated.cared.done == [("undo", {"write_back": False})]
    assert screen.says("enter this address in it by hand")
    await screen.click(f"delete-{LIST}")
    await screen.until(lambda: screen.says("Nothing is forwarded."))


async def test_a_list_a_station_and_cards_are_switched_and_commands_named(lists: Open, town: Town) -> None:
    screen = await lists()
    assert screen.key(f"save-allowed-{LIST}").disabled  # type: ignore[attr-defined]
    await screen.type(f"allow-{LIST}", "Reset, UnlockConnector")
    await screen.click(f"save-allowed-{LIST}")
    await screen.event(screen.key("forward-LOOTS/1"), "change", False, value=False)
    await screen.event(screen.key(f"cards-{LIST}"), "change", False, value=False)
    await screen.event(screen.key(f"on-{LIST}"), "change", False, value=False)
    await screen.until(lambda: len(town.operated.cared.done) == 4)
    said = [{key: value for key, value in body.items() if value is not None} for _, body in town.operated.cared.done]
    assert said == [{"allowed": ["Reset", "UnlockConnector"]}, {"on": False}, {"their_cards": False}, {"on": False}]
    assert town.operated.cared.done[1][0] == f"/{LIST}/stations/{an_id('forwarded')}"


async def test_a_pasted_table_is_taken_in(lists: Open, town: Town) -> None:
    screen = await lists()
    assert screen.key("upload-send").disabled  # type: ignore[attr-defined]
    await screen.type("upload-name", "Fleet")
    await screen.type("upload-url", "wss://fleet.example")
    await screen.type("upload-stations", "identity,key,location\nA,12345678,Yard")
    await screen.click("upload-send")
    await screen.until(lambda: screen.says("Taken in: 2 added, 1 unchanged"))
    (_, said), *_ = town.operated.cared.done
    assert (said.name, said.url, said.public) == ("Fleet", "wss://fleet.example", False)  # type: ignore[attr-defined]
    await screen.until(lambda: screen.has("forwarding-Fleet"))


async def test_a_refused_table_names_its_rows(lists: Open, town: Town) -> None:
    faults = [FieldError("row 2, key", "has 8 to 64 characters")]
    town.refusals["POST", LISTS] = Problem("about:blank", "Unprocessable", 422, code="invalid", errors=faults)
    screen = await lists()
    await screen.type("upload-name", "Fleet")
    await screen.type("upload-url", "wss://fleet.example")
    await screen.type("upload-stations", "identity,key,location\nA,1,Yard")
    await screen.click("upload-send")
    await screen.until(lambda: screen.says("row 2, key: has 8 to 64 characters"))


def test_names_stand_between_commas_or_spaces_and_an_empty_form_is_not_sent() -> None:
    assert split(" Reset,  UnlockConnector ") == ["Reset", "UnlockConnector"]
    assert split("") == []
    assert not Draft(name="A", url="wss://x").whole

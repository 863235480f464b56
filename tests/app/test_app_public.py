from datetime import datetime

import flet as ft
import flet_map as fm
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from town_facts import a_price, a_session, an_id, street

from app.widgets.stations import now_and_next
from shared.locations import EvseState, LocationView
from shared.problems import Problem
from shared.sessions import MoneyRange, StayEstimate
from shared.tariffs import PriceStep
from shared.wire import LocationChanged, SessionChanged

STREET = an_id("street")


async def at_public(signed_in: Open) -> Screen:
    screen = await signed_in()
    await screen.go(1)
    await screen.until(lambda: screen.has("map"))
    return screen


async def at_street(signed_in: Open) -> Screen:
    screen = await at_public(signed_in)
    await screen.click(f"location-{STREET}")
    await screen.until(lambda: screen.has("socket"))
    return screen


async def test_the_list_says_what_is_free_and_what_it_costs(signed_in: Open) -> None:
    screen = await at_public(signed_in)
    assert screen.says("Lootsstraat 31, Amsterdam | 2 free | of 5 | €0.39 per kWh")
    assert screen.says("0 free")


async def test_stations_stand_on_the_map_also_without_tiles(signed_in: Open) -> None:
    screen = await at_public(signed_in)
    assert len(screen.all(fm.Marker)) == 3
    assert not screen.all(fm.TileLayer)
    assert screen.says("The map itself is out of reach")
    await screen.click(f"marker-{STREET}")
    await screen.until(lambda: screen.page.route == f"/public/{STREET}")


async def test_a_socket_shows_its_price_in_the_order_that_the_law_asks_for(signed_in: Open) -> None:
    screen = await at_street(signed_in)
    words = screen.words()
    order = [words.index(one) for one in ("€0.39 per kWh", "Time | nothing", "€0.35 once", "€0.050 per minute after")]
    assert order == sorted(order)


TWO = [PriceStep("07:00", 490_000), PriceStep("23:00", 290_000)]
THREE = [PriceStep("07:00", 450_000), PriceStep("11:00", 410_000), PriceStep("16:00", 455_000)]


def priced(steps: list[PriceStep]) -> LocationView:
    """The street with a price that varies over the day."""
    prices = [step.energy_micro_per_kwh for step in steps]
    change = {"energy_micro_per_kwh": min(prices), "energy_high_micro_per_kwh": max(prices), "steps": steps}
    varying, place = msgspec.structs.replace(a_price(), **change), street()
    evses = [msgspec.structs.replace(one, price=varying) for one in place.evses]
    return msgspec.structs.replace(place, evses=evses)


async def test_a_price_that_varies_is_said_as_it_is_now_and_as_it_will_be(signed_in: Open, town: Town) -> None:
    town.locations = [priced(TWO)]
    screen = await at_public(signed_in)
    assert screen.says("€0.49 per kWh now | €0.29 from 23:00")
    assert screen.says("from €0.29")  # on the map
    await screen.click(f"location-{STREET}")
    await screen.until(lambda: screen.has("socket"))
    assert screen.says("€0.49 per kWh now, €0.29 from 23:00")
    assert not screen.says("Over the day")


async def test_three_prices_a_day_are_listed(signed_in: Open, town: Town) -> None:
    town.locations = [priced(THREE)]
    screen = await at_street(signed_in)
    assert screen.says("€0.455 per kWh now, €0.45 from 07:00")
    assert screen.says("Over the day: €0.45 from 07:00, €0.41 from 11:00, €0.455 from 16:00")


@pytest.mark.parametrize(
    ("clock", "now", "then"),
    [("00:00", 1, 0), ("06:59", 1, 0), ("07:00", 0, 1), ("22:59", 0, 1), ("23:00", 1, 0), ("23:59", 1, 0)],
)
def test_a_step_begins_with_its_minute_and_the_last_runs_over_midnight(clock: str, now: int, then: int) -> None:
    price = msgspec.structs.replace(a_price(), steps=TWO)
    at = datetime.fromisoformat(f"2026-11-23T{clock}:00+01:00")
    assert now_and_next(price, at) == (TWO[now], TWO[then])


async def test_a_price_goes_by_the_clock_of_its_place(signed_in: Open, town: Town) -> None:
    town.locations = [msgspec.structs.replace(priced(TWO), time_zone="Europe/Helsinki")]  # 22:40 there
    screen = await at_street(signed_in)
    assert screen.says("€0.49 per kWh now, €0.29 from 23:00")
    town.locations = [msgspec.structs.replace(priced(TWO), time_zone="Asia/Tokyo")]  # 05:40 there
    town.tell(LocationChanged(STREET))
    await screen.until(lambda: screen.says("€0.29 per kWh now, €0.49 from 07:00"))


async def test_what_comes_back_and_what_the_price_saves_are_two_lines(signed_in: Open, town: Town) -> None:
    town.estimate = StayEstimate(MoneyRange(22, 35), MoneyRange(70, 80))
    screen = await at_street(signed_in)
    await screen.until(lambda: screen.has("estimate-savings"))
    assert screen.says("Likely back to you | €0.22 to €0.35")
    assert screen.says("Likely saved on the price | €0.70 to €0.80")


async def test_before_starting_it_says_what_is_likely_to_come_back(signed_in: Open) -> None:
    screen = await at_street(signed_in)
    await screen.until(lambda: screen.has("estimate"))
    assert screen.says("€0.45 to €0.80")
    assert not screen.has("estimate-savings")
    assert screen.says("Not guaranteed")


async def test_starting_tells_the_stations_word_and_the_session_follows(signed_in: Open, town: Town) -> None:
    town.sessions = []
    screen = await at_street(signed_in)
    await screen.click("start")
    await screen.until(lambda: screen.says("The station says yes."))
    session = a_session(public=True, location_id=STREET, location_name="Lootsstraat", cost_minor=35)
    town.sessions, town.locations[0] = [session], street(mine=session.id)
    town.tell(SessionChanged(session))
    town.tell(LocationChanged(STREET))
    await screen.until(lambda: screen.has("stop"))
    assert screen.says("You are charging here")
    assert screen.says("Cost so far | €0.35")
    await screen.click("stop")
    await screen.until(lambda: screen.says("The station stops. You can unplug."))


async def test_a_station_that_says_no_is_told_with_what_to_do(signed_in: Open, town: Town) -> None:
    screen = await at_street(signed_in)
    for said, words in (
        ("rejected", "Is the cable in?"),
        ("offline", "use your card"),
        ("timed_out", "did not answer"),
    ):
        town.start_says = said
        await screen.click("start")
        await screen.until(lambda words=words: screen.says(words))


async def test_a_refusal_of_the_api_is_said_in_the_drivers_language(signed_in: Open, town: Town) -> None:
    screen = await at_street(signed_in)
    town.refusals["POST", "/api/sessions"] = Problem("about:blank", "In use", 409, code="evse_in_use")
    await screen.click("start")
    await screen.until(lambda: screen.says("Somebody is charging at this socket. Choose another one."))


async def test_a_socket_in_use_cannot_be_started_and_another_can_be_chosen(signed_in: Open) -> None:
    screen = await at_street(signed_in)
    await screen.click(f"evse-{an_id('evse', 1)}")
    button = screen.key("start")
    assert isinstance(button, ft.FilledButton)
    assert button.disabled
    assert screen.says("This socket is not free now.")
    await screen.click(f"evse-{an_id('evse', 2)}")
    assert not screen.key("start").disabled  # type: ignore[attr-defined]


async def test_live_states_change_on_the_screen(signed_in: Open, town: Town) -> None:
    screen = await at_public(signed_in)
    taken = [msgspec.structs.replace(one, state=EvseState.CHARGING) for one in town.locations[0].evses]
    town.locations[0] = msgspec.structs.replace(town.locations[0], evses=taken)
    town.tell(LocationChanged(STREET))
    await screen.until(lambda: not screen.says("2 free"))


async def test_a_station_has_an_address_of_its_own(open_app: Open, town: Town) -> None:
    screen = await open_app(route=f"/public/{STREET}")
    await screen.until(lambda: screen.says("Sanne de Wit"))
    await screen.click(f"driver-{town.drivers[0].account_id}")
    await screen.until(lambda: screen.has("socket"))
    await screen.click("back")
    await screen.until(lambda: screen.has("map"))


async def test_no_station_at_all_and_no_connection_are_said(signed_in: Open, town: Town) -> None:
    town.locations = []
    screen = await signed_in()
    await screen.go(1)
    await screen.until(lambda: screen.says("There are no public stations yet."))
    town.refusals["GET", "/api/locations"] = Problem("about:blank", "", 503, code="broken")
    await screen.go(0)
    await screen.go(1)
    assert screen.says("There are no public stations yet.")


async def test_an_address_of_nothing_leads_home(signed_in: Open) -> None:
    screen = await signed_in()
    screen.page.navigate("/public/00000000-0000-0000-0000-000000000000")
    await screen.until(lambda: screen.says("There is nothing here"))
    await screen.click("go-home")
    await screen.until(lambda: screen.page.route == "/")
    screen.page.navigate("/no/such/page")
    await screen.until(lambda: screen.says("There is nothing here"))

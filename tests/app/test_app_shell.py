import flet as ft
from fake_town import Town
from fletkit import Open
from town_facts import SETTLED, an_id

from app.views.background import _running


async def test_a_phone_has_a_bar_and_a_desktop_a_rail(signed_in: Open) -> None:
    screen = await signed_in()
    assert screen.all(ft.NavigationBar)
    assert not screen.all(ft.NavigationRail)
    await screen.resize(1440, 900)
    assert screen.all(ft.NavigationRail)
    assert not screen.all(ft.NavigationBar)


async def test_every_tab_can_be_reached_on_both(signed_in: Open) -> None:
    for width, height in ((390, 844), (1440, 900)):
        screen = await signed_in(width=width, height=height)
        for number, path in enumerate(("/", "/public", "/wallet", "/tariff", "/settings")):
            await screen.go(number)
            await screen.until(lambda path=path, screen=screen: screen.page.route == path)
            await screen.until(lambda screen=screen: not screen.has("skeleton"))


async def test_a_detail_keeps_the_rail_on_a_desktop_and_has_a_way_back(signed_in: Open) -> None:
    screen = await signed_in(width=1440, height=900)
    await screen.go(2)
    await screen.until(lambda: screen.has("sums"))
    await screen.until(lambda: screen.has(f"entry-{an_id('entry', 0)}-cashback"))
    await screen.click(f"entry-{an_id('entry', 0)}-cashback")
    await screen.until(lambda: screen.has("receipt-sentence"))
    assert screen.page.route == f"/wallet/{SETTLED}"
    assert screen.all(ft.NavigationRail)[0].selected_index == 2
    await screen.click("back")
    await screen.until(lambda: screen.page.route == "/wallet")


async def test_what_runs_in_the_background_ends_with_the_session(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    tasks = list(_running[screen.page])
    assert len(tasks) == 2
    await screen.close()
    await screen.until(lambda: all(task.done() for task in tasks))


async def test_what_runs_in_the_background_ends_with_the_sign_in(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    await screen.go(4)
    await screen.until(lambda: screen.has("sign-out"))
    await screen.click("sign-out")
    await screen.until(lambda: not _running[screen.page])


async def test_a_screen_that_reconnects_gets_everything_drawn_again(signed_in: Open) -> None:
    screen = await signed_in()
    await screen.event(screen.page, "connect")
    assert screen.has("headline")


async def test_a_live_reading_costs_little_on_the_wire(signed_in: Open, town: Town) -> None:
    from town_facts import a_session

    from shared.wire import SessionChanged

    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    screen.patches.clear()
    town.tell(SessionChanged(a_session(energy_wh=1_300, power_w=10_800)))
    await screen.until(lambda: screen.says("1.3 kWh"))
    assert len(str(screen.patches)) < 6_000

from datetime import time

import flet as ft
import msgspec
from fake_town import Town
from fletkit import Open, Screen

from shared.accounts import Habit
from shared.problems import Problem


async def at_settings(signed_in: Open) -> Screen:
    screen = await signed_in()
    await screen.go(4)
    await screen.until(lambda: screen.has("save-car"))
    return screen


async def test_consent_is_explained_in_plain_words_withdrawn_and_given_again(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    assert screen.says("It never costs you more than charging at once.")
    await screen.click("withdraw")
    await screen.until(lambda: screen.has("agree"))
    assert town.me.consent_at is None
    assert screen.says("The car always charges at once, and earns nothing.")
    await screen.click("agree")
    await screen.until(lambda: screen.has("withdraw"))
    assert town.me.consent_at is not None


async def test_the_language_changes_everything_at_once_and_is_kept(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    await screen.event(screen.key("language-choice"), "change", "nl", selected=["nl"])
    await screen.until(lambda: town.me.language == "nl")
    assert screen.says("Wanneer vertrek je gewoonlijk?")
    await screen.go(0)
    await screen.until(lambda: screen.says("Laadt vanaf 02:15, klaar om di 07:00"))
    assert screen.page.locale_configuration is not None
    assert screen.page.locale_configuration.current_locale == ft.Locale("nl")
    assert screen.device["dalstroom.language"] == "nl"


async def test_what_a_visitor_of_the_demo_saves_does_not_bring_the_language_of_the_account(
    signed_in: Open, town: Town
) -> None:
    town.me = msgspec.structs.replace(town.me, language="nl")
    screen = await at_settings(signed_in)
    await screen.click("withdraw")
    await screen.until(lambda: screen.has("agree"))
    assert screen.says("When do you usually leave?")
    assert screen.device["dalstroom.language"] == "en"


async def test_light_and_dark_are_chosen_and_kept(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    assert screen.page.theme_mode is ft.ThemeMode.SYSTEM
    await screen.event(screen.key("theme-choice"), "change", "dark", selected=["dark"])
    await screen.until(lambda: town.me.theme == "dark")
    assert screen.page.theme_mode is ft.ThemeMode.DARK


async def test_a_car_is_described_and_nonsense_is_not_saved(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    await screen.type("car-capacity", "900")
    assert screen.get(ft.TextField, key="car-capacity").error == "Between 1 and 250 kWh."
    assert screen.key("save-car").disabled  # type: ignore[attr-defined]
    await screen.type("car-capacity", "77,5")
    await screen.type("car-name", "Mine")
    await screen.event(screen.key("car-phases"), "change", "1", selected=["1"])
    await screen.click("save-car")
    await screen.until(lambda: screen.says("Saved."))
    assert (town.vehicles[0].capacity_wh, town.vehicles[0].name, town.vehicles[0].phases) == (77_500, "Mine", 1)


async def test_habits_are_set_and_cleared_by_the_day(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    await screen.click("habit-5")
    await screen.event(screen.get(ft.TimePicker), "change", value=time(10, 30))
    await screen.until(lambda: Habit(5, "10:30") in town.me.habits)
    assert not screen.all(ft.TimePicker)
    await screen.click("habit-clear-0")
    await screen.until(lambda: Habit(0, None) in town.me.habits)
    assert len(town.me.habits) == 6


async def test_a_refused_change_is_said(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    town.refusals["PATCH", "/api/me"] = Problem("about:blank", "Not now", 409, hint="Come back tomorrow.")
    await screen.click("withdraw")
    await screen.until(lambda: screen.says("Not now Come back tomorrow."))
    assert screen.has("withdraw")

import flet as ft
from fake_town import Town
from fletkit import Open

from app.store import LANGUAGE, SERVER, TOKEN
from shared.problems import Problem


async def test_in_the_demo_one_tap_signs_in_as_anybody_and_says_who_they_are(open_app: Open, town: Town) -> None:
    screen = await open_app()
    await screen.until(lambda: screen.says("Sanne de Wit"))
    assert screen.says("a supplier who shares what the valley is worth")
    assert screen.says("Bram Visser")
    await screen.click(f"driver-{town.drivers[0].account_id}")
    await screen.until(lambda: screen.has("headline"))
    assert screen.device[TOKEN] == "refresh-1"


async def test_from_the_password_one_goes_back_to_the_people_of_the_demo(open_app: Open) -> None:
    screen = await open_app()
    await screen.until(lambda: screen.says("Sanne de Wit"))
    await screen.click("by-password")
    await screen.until(lambda: screen.has("email"))
    await screen.click("by-people")
    await screen.until(lambda: screen.says("Sanne de Wit"))


async def test_elsewhere_it_asks_for_e_mail_and_password(open_app: Open, town: Town) -> None:
    town.demo = False
    screen = await open_app()
    await screen.until(lambda: screen.has("email"))
    await screen.click("enter")
    assert screen.says("Enter your e-mail address and your password.")
    await screen.type("email", "sanne@example.org")
    await screen.type("password", "wrong")
    await screen.click("enter")
    await screen.until(lambda: screen.says("E-mail or password is not right. Check both and try again."))
    await screen.type("password", "right")
    await screen.click("enter")
    await screen.until(lambda: screen.has("headline"))


async def test_a_stored_sign_in_is_taken_up_and_replaced(open_app: Open, town: Town) -> None:
    town.access = 4
    screen = await open_app(remembers={TOKEN: "refresh-4", LANGUAGE: "nl"})
    await screen.until(lambda: screen.has("headline"))
    assert screen.device[TOKEN] == "refresh-5"
    assert screen.says("Laadt vanaf 02:15")


async def test_a_stored_sign_in_that_no_longer_holds_leads_to_the_door_and_says_so(open_app: Open) -> None:
    screen = await open_app(remembers={TOKEN: "refresh-of-last-year"})
    await screen.until(lambda: screen.says("You are signed out."))
    assert TOKEN not in screen.device
    assert screen.says("Sanne de Wit")


async def test_without_a_connection_the_stored_sign_in_is_kept_for_later(open_app: Open, town: Town) -> None:
    town.down = True
    screen = await open_app(remembers={TOKEN: "refresh-1"})
    await screen.until(lambda: screen.has("retry"))
    assert screen.says("No connection to the server.")
    assert screen.device[TOKEN] == "refresh-1"
    town.down = False
    await screen.click("retry")
    await screen.until(lambda: screen.says("Sanne de Wit"))


async def test_a_device_that_refuses_to_store_is_said_and_does_not_stop_anybody(open_app: Open, town: Town) -> None:
    screen = await open_app()
    await screen.until(lambda: screen.says("Sanne de Wit"))
    screen.device_refuses = True
    await screen.click(f"driver-{town.drivers[0].account_id}")
    await screen.until(lambda: screen.has("headline"))
    assert screen.says("This device does not keep the sign-in.")


async def test_the_door_speaks_the_devices_language_and_any_other(open_app: Open) -> None:
    screen = await open_app()
    await screen.until(lambda: screen.says("Who would you like to be?"))
    await screen.click("language-de")
    assert screen.says("Wer möchtest du sein?")


async def test_signing_out_forgets_the_token_and_everything_on_the_screen(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.go(4)
    await screen.until(lambda: screen.has("sign-out"))
    await screen.click("sign-out")
    await screen.until(lambda: screen.says("Who would you like to be?"))
    assert TOKEN not in screen.device
    assert ("POST", "/api/auth/sign-out") in town.asked
    assert not screen.says("Wilgenlaan")


async def test_a_sign_in_that_ends_while_the_app_is_open_leads_back_to_the_door(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    gone = Problem("about:blank", "Sign in again", 401, code="sign_in_again")
    town.refusals["GET", "/api/wallet"] = gone
    town.refusals["POST", "/api/auth/refresh"] = gone
    await screen.go(2)
    await screen.until(lambda: screen.says("You are signed out."))
    assert screen.all(ft.Text, text="Sanne de Wit")


async def test_when_the_connection_is_back_the_stored_sign_in_still_opens_the_door(open_app: Open, town: Town) -> None:
    town.access, town.down = 4, True
    screen = await open_app(remembers={TOKEN: "refresh-4"})
    await screen.until(lambda: screen.has("retry"))
    town.down = False
    await screen.click("retry")
    await screen.until(lambda: screen.has("headline"))


async def test_on_a_phone_the_driver_says_which_server_and_the_device_remembers_it(open_app: Open, town: Town) -> None:
    town.demo = False
    screen = await open_app(address=None, web=False)
    await screen.until(lambda: screen.has("server"))
    await screen.type("email", "sanne@example.org")
    await screen.type("password", "right")
    await screen.click("enter")
    assert screen.says("Enter an address that begins with https://")
    await screen.type("server", "https://no such host")
    await screen.click("enter")
    assert screen.says("Enter an address that begins with https://")
    await screen.type("server", "https://charge.example.org/")
    await screen.click("enter")
    await screen.until(lambda: screen.has("headline"))
    assert screen.device[SERVER] == "https://charge.example.org"
    assert screen.device[TOKEN] == "refresh-1"

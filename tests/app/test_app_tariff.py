import flet as ft
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen

from app.views.driver import tariff as page
from shared.tariffs import HomeKind, HomeTariffInput


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "TYPING_S", 0.0)


async def at_tariff(signed_in: Open) -> Screen:
    screen = await signed_in()
    await screen.go(3)
    await screen.until(lambda: screen.has("save-tariff"))
    return screen


async def test_the_tariff_in_force_is_shown_with_what_it_means(signed_in: Open) -> None:
    screen = await at_tariff(signed_in)
    assert screen.get(ft.TextField, key="price").value == "0.285"
    await screen.until(lambda: screen.says("Now | €0.285"))
    assert screen.says("Your supplier shares the valley's value with you")


async def test_three_big_choices_ask_for_one_to_three_fields(signed_in: Open) -> None:
    screen = await at_tariff(signed_in)
    fields = {}
    for kind in HomeKind:
        await screen.click(f"kind-{kind.value}")
        fields[kind] = [str(one.key) for one in screen.all(ft.TextField)]
    assert fields[HomeKind.FIXED] == ["price"]
    assert fields[HomeKind.DYNAMIC] == ["markup"]
    assert fields[HomeKind.NIGHT] == ["price", "night_price", "night_from", "night_to"]


async def test_cents_are_noticed_and_one_tap_puts_them_right(signed_in: Open) -> None:
    screen = await at_tariff(signed_in)
    await screen.type("price", "28,5")
    assert screen.get(ft.TextField, key="price").error == "That looks like cents. Did you mean €0.285?"
    await screen.click("use-price")
    assert screen.get(ft.TextField, key="price").value == "0.285"
    assert screen.get(ft.TextField, key="price").error is None


async def test_an_empty_form_complains_only_when_it_is_saved(signed_in: Open, town: Town) -> None:
    town.tariff = None
    screen = await at_tariff(signed_in)
    assert screen.get(ft.TextField, key="price").error is None
    await screen.click("save-tariff")
    assert screen.get(ft.TextField, key="price").error == "Enter an amount such as 0.285."
    assert ("PUT", "/api/tariffs/home") not in town.asked


async def test_another_kind_begins_without_complaints_and_its_example_can_be_entered(
    signed_in: Open, town: Town
) -> None:
    town.tariff = None
    screen = await at_tariff(signed_in)
    await screen.click("save-tariff")
    await screen.click("kind-dynamic")
    assert screen.get(ft.TextField, key="markup").error is None
    await screen.click("save-tariff")
    assert screen.get(ft.TextField, key="markup").error == "Enter an amount such as 0.02."
    await screen.type("markup", "0.02")
    assert screen.get(ft.TextField, key="markup").error is None


async def test_a_dynamic_tariff_previews_tonight_and_tomorrow_as_a_picture(signed_in: Open) -> None:
    screen = await at_tariff(signed_in)
    await screen.click("kind-dynamic")
    await screen.type("markup", "0.02")
    await screen.until(lambda: screen.says("Tonight") and screen.has("price-curve"))
    assert screen.says(" to €")


async def test_saving_sends_what_was_typed_and_says_so(signed_in: Open, town: Town) -> None:
    screen = await at_tariff(signed_in)
    await screen.click("kind-night")
    await screen.type("price", "0.31")
    await screen.type("night_price", "0,24")
    await screen.type("night_from", "22")
    await screen.click("save-tariff")
    await screen.until(lambda: screen.says("Tariff saved."))
    body = next(body for body in reversed(town.bodies) if b"night" in body)
    entered = msgspec.json.decode(body, type=HomeTariffInput)
    assert (entered.kind, entered.night_price_micro_per_kwh, entered.night_from) == (HomeKind.NIGHT, 240_000, "22:00")
    assert screen.says("Your supplier does not share the valley's value yet.")

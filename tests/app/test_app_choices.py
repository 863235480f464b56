"""What a driver may choose where nothing is said: the dial, one piece, the question, the reason, shifts, advice."""

import flet as ft
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from town_facts import NOW, READY, a_session, an_id, street

from app.store import LANGUAGE
from app.strings import LANGUAGES, Texts
from app.views.driver.session import why
from app.widgets.home_advice import advice_words
from server.core.departure_reason import ReasonCode
from server.core.dial import PROMISE
from shared.accounts import PROMISED_SHORT, Dial, RotaView
from shared.sessions import HomeAdvice, StayEstimate

ADVICE = HomeAdvice(5_000, 15_000, 675, 180, 450_000, 120_000)
FORECAST = {"ready_by_source": "forecast", "ready_by_reason": "departure_own_workdays", "ready_by_stays": 12}
CALENDAR = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261124T053000Z\nEND:VEVENT\nEND:VCALENDAR"


async def at_settings(signed_in: Open, **options: object) -> Screen:
    screen = await signed_in(**options)
    await screen.go(4)
    await screen.until(lambda: screen.has("dial"))
    return screen


# --- the dial ---------------------------------------------------------------------------------------------------
def test_what_is_promised_is_what_is_planned_for() -> None:
    assert {dial.value: share / 100 for dial, share in PROMISED_SHORT.items()} == {
        stop.value: share for stop, share in PROMISE.items()
    }


async def test_each_stop_of_the_dial_says_what_it_risks_and_is_chosen_by_a_tap(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    assert screen.says("At most 1 of 100 charges ends more than 2 kWh short.")
    assert screen.says("At most 8 of 100 charges end more than 2 kWh short.")
    await screen.click("dial-cheap")
    await screen.until(lambda: town.me.dial is Dial.CHEAP)
    await screen.until(lambda: screen.says("Saved. Plans are made with it from now on."))
    await screen.click("dial-sure")
    await screen.until(lambda: town.me.dial is Dial.SURE)


# --- one piece --------------------------------------------------------------------------------------------------
async def test_one_piece_is_switched_on_and_off_again(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    assert screen.says("The car may pause between cheap hours.")
    await screen.event(screen.key("one-block"), "change", value=True)
    await screen.until(lambda: screen.says("No pause: the cheapest stretch of hours."))
    assert town.sessions[0].one_block
    await screen.event(screen.key("one-block"), "change", value=False)
    await screen.until(lambda: not town.sessions[0].one_block)


# --- the question -----------------------------------------------------------------------------------------------
async def test_who_is_not_asked_sees_no_question(signed_in: Open) -> None:
    screen = await signed_in()
    assert not screen.has("question")


async def test_a_question_says_what_the_answer_may_bring_and_is_gone_once_answered(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(**FORECAST, ask_worth_minor=40)]
    screen = await signed_in()
    assert screen.says("Say when you leave: it may bring about €0.40.")
    await screen.click("ready-07:30")
    await screen.until(lambda: not screen.has("question"))
    assert town.sessions[0].ready_by_source == "stated"


async def test_a_question_is_put_away(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(**FORECAST, ask_worth_minor=40)]
    screen = await signed_in()
    await screen.click("question-not-now")
    await screen.until(lambda: not screen.has("question"))
    assert town.sessions[0].ready_by_source == "forecast"
    assert screen.has("ready-by")


# --- why --------------------------------------------------------------------------------------------------------
async def test_a_forecast_is_explained_in_one_sentence(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(**FORECAST)]
    screen = await signed_in()
    said = "You usually stay until about Tue 07:00 when you arrive at this time on a workday; 12 stays."
    assert screen.says(said)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_reason_has_a_sentence_and_one_that_is_still_to_come_has_one_too(language: str) -> None:
    texts = Texts(language)
    codes = [code for code in ReasonCode if code is not ReasonCode.STATED]
    assert all(texts.knows("why", code.value) for code in codes)
    for code in (*codes, "invented_tomorrow"):
        said = why(texts, a_session(ready_by_source="forecast", ready_by_reason=str(code), ready_by=None), READY)
        assert said
        assert "{" not in said


# --- shifts -----------------------------------------------------------------------------------------------------
async def test_a_calendar_is_pasted_saved_and_forgotten(signed_in: Open, town: Town) -> None:
    screen = await at_settings(signed_in)
    assert screen.key("rota-save").disabled  # type: ignore[attr-defined]
    await screen.type("rota-text", CALENDAR)
    await screen.event(screen.key("rota-travel"), "select", value="45")
    await screen.click("rota-save")
    await screen.until(lambda: screen.says("1 shift in the coming two weeks. You leave Tue 07:00."))
    assert ("PUT", "/api/me/rota") in town.asked
    await screen.click("rota-forget")
    await screen.until(lambda: town.me.rota is None)


async def test_another_way_to_known_shifts_is_saved_at_once(signed_in: Open, town: Town) -> None:
    town.me = msgspec.structs.replace(town.me, rota=RotaView(9, 30, READY, NOW))
    screen = await at_settings(signed_in)
    await screen.event(screen.key("rota-travel"), "select", value="60")
    await screen.until(lambda: town.me.rota is not None and town.me.rota.travel_minutes == 60)


@pytest.mark.parametrize(("language", "words"), [("nl", "Kijk naar regel 2."), ("de", "Bitte prüfen: Zeile 2.")])
async def test_a_calendar_that_cannot_be_read_is_refused_in_the_readers_language(
    signed_in: Open, language: str, words: str
) -> None:
    screen = await at_settings(signed_in, remembers={LANGUAGE: language})
    await screen.type("rota-text", "hello")
    await screen.click("rota-save")
    await screen.until(lambda: screen.says(words))
    assert not screen.says("expected one in every event")


async def test_a_calendar_that_cannot_be_read_names_the_line_and_keeps_what_was_typed(
    signed_in: Open, town: Town
) -> None:
    screen = await at_settings(signed_in)
    await screen.type("rota-text", "BEGIN:VCALENDAR")
    await screen.click("rota-save")
    await screen.until(lambda: screen.says("DTSTART, line 2: expected one in every event"))
    assert screen.get(ft.TextField, key="rota-text").value == "BEGIN:VCALENDAR"
    assert town.me.rota is None


async def test_shifts_that_are_over_are_said_to_be(signed_in: Open, town: Town) -> None:
    town.me = msgspec.structs.replace(town.me, rota=RotaView(0, 30, None, READY))
    screen = await at_settings(signed_in)
    assert screen.says("No shift begins in the coming two weeks.")


# --- across places ----------------------------------------------------------------------------------------------
async def test_on_the_road_a_cheaper_home_is_advised(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(public=True, home=ADVICE)]
    screen = await signed_in()
    assert screen.says(
        "If 5.0 kWh get you home, the other 15.0 kWh cost about €1.80 there tonight instead of €6.75 here."
    )


async def test_before_a_start_a_cheaper_home_is_advised_also_where_nothing_comes_back(
    signed_in: Open, town: Town
) -> None:
    town.locations[0] = street()
    town.sessions, town.estimate = [], StayEstimate(None, home=ADVICE)
    screen = await signed_in()
    await screen.go(1)
    await screen.until(lambda: screen.has(f"location-{an_id('street')}"))
    await screen.click(f"location-{an_id('street')}")
    await screen.until(lambda: screen.says("If 5.0 kWh get you home"))
    assert not screen.has("estimate")


def test_a_car_that_has_enough_is_told_so() -> None:
    enough = HomeAdvice(0, 15_000, 675, 180, 450_000, 120_000)
    assert advice_words(Texts("en"), enough).startswith("If the car gets home as it is, these 15.0 kWh")

import random
from datetime import time, timedelta

import flet as ft
import flet.canvas as cv
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from town_facts import NOW, READY, SETTLED, a_session, an_id, plan

from shared.plans import Shortfall
from shared.problems import Problem
from shared.sessions import Delay, Headline, MoneyRange, OverrideQuote, SessionUpdate, StayEstimate
from shared.wire import ClockChanged, SessionChanged


def headline(screen: Screen) -> str:
    text = screen.key("headline")
    assert isinstance(text, ft.Text)
    return str(text.value)


async def test_the_first_thing_is_one_sentence_of_what_is_happening(signed_in: Open) -> None:
    screen = await signed_in()
    assert headline(screen) == "Charges from 02:15, ready by Tue 07:00, €1.10 to €1.50 back"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"headline": Headline.CHARGING, "power_w": 11_000},
            "Charging in the valley, ready by Tue 07:00, €1.10 to €1.50 back",
        ),
        ({"headline": Headline.CHARGING_NOW, "cashback": None}, "Charging now, ready by Tue 07:00"),
        ({"headline": Headline.PAUSED}, "Paused until 02:15, ready by Tue 07:00, €1.10 to €1.50 back"),
        ({"headline": Headline.READY, "energy_wh": 20_000}, "Ready, 20.0 kWh charged, €1.10 to €1.50 back"),
        (
            {"cashback": None, "savings": MoneyRange(80, 80)},
            "Charges from 02:15, ready by Tue 07:00, about €0.80 saved",
        ),
        ({"ready_by": None, "cashback": None}, "Charges from 02:15, ready by Tue 04:15"),
        ({"headline": Headline.OFFLINE, "cashback": None}, "The station is silent"),
    ],
)
async def test_every_state_has_its_sentence(
    signed_in: Open, town: Town, change: dict[str, object], sentence: str
) -> None:
    town.sessions = [a_session(**change)]
    screen = await signed_in()
    assert headline(screen) == sentence


async def test_plan_and_baseline_are_drawn_and_spoken(signed_in: Open) -> None:
    screen = await signed_in()
    canvas = screen.key("curve")
    assert isinstance(canvas, cv.Canvas)
    assert len([one for one in canvas.shapes if isinstance(one, cv.Path)]) >= 5
    spoken = [one.label for one in screen.all(ft.Semantics) if one.image]
    assert any("planned 02:15 to 04:15" in label and "18:15 to 20:15" in label for label in spoken if label)


async def test_pointing_at_the_picture_reads_a_slot(signed_in: Open) -> None:
    screen = await signed_in()
    await screen.event(next(one for one in screen.all(cv.Canvas) if one.on_resize), "resize", {"w": 340, "h": 200})
    reader = screen.get(ft.GestureDetector)
    await screen.event(reader, "tap_down", {"k": "touch", "l": {"x": 60, "y": 50}, "g": {"x": 60, "y": 50}})
    assert screen.says("2.5 kWh if charged at once")
    await screen.event(reader, "exit")
    assert screen.says("Point at a quarter of an hour")


async def test_a_quick_choice_moves_the_departure_and_the_plan_follows(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.click("ready-09:00")
    await screen.until(lambda: screen.says("Ready by Tue 09:00"))
    told = [msgspec.json.decode(body, type=SessionUpdate) for body in town.bodies if b"ready_by" in body]
    assert told[-1].ready_by == READY + timedelta(hours=2)
    await screen.click("ready-forget")
    await screen.until(lambda: screen.says("By your habit."))


async def test_it_says_the_time_that_was_chosen_though_the_answer_shows_the_plan_from_before(
    signed_in: Open, town: Town
) -> None:
    town.plans_later = True
    screen = await signed_in()
    await screen.click("ready-09:00")
    await screen.until(lambda: screen.says("Ready by Tue 09:00. The plan follows."))
    await screen.click("ready-07:30")
    await screen.until(lambda: screen.says("Ready by Tue 07:30. The plan follows."))


async def test_any_other_time_is_picked_and_the_picker_does_not_come_back(signed_in: Open) -> None:
    screen = await signed_in()
    await screen.click("ready-other")
    picker = screen.get(ft.TimePicker)
    assert picker.value == time(7, 0)
    await screen.event(picker, "change", value=time(6, 15))
    await screen.until(lambda: screen.says("Ready by Tue 06:15"))
    assert not screen.all(ft.TimePicker)


async def test_a_departure_can_lie_on_one_of_the_next_days(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    menu = screen.key("ready-day")
    assert isinstance(menu, ft.PopupMenuButton)
    await screen.click(menu.items[2])
    await screen.click("ready-08:00")
    told = [msgspec.json.decode(body, type=SessionUpdate) for body in town.bodies if b"ready_by" in body]
    assert told[-1].ready_by == READY + timedelta(days=1, hours=1)


async def test_the_target_is_set_in_percent_where_the_car_tells_and_in_energy_where_it_does_not(
    signed_in: Open, town: Town
) -> None:
    screen = await signed_in()
    slider = screen.key("target")
    assert isinstance(slider, ft.Slider)
    await screen.event(slider, "change_end", 90, value=90)
    await screen.until(lambda: screen.says("Up to 90 %"))
    town.sessions = [a_session(soc_pct=None)]
    town.tell(SessionChanged(town.sessions[0]))
    await screen.until(lambda: screen.says("The car does not tell how full it is."))
    await screen.event(screen.key("target"), "change_end", 12, value=12)
    await screen.until(lambda: screen.says("12.0 kWh still to come"))


async def test_overriding_shows_its_price_first_asks_once_and_can_be_undone(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.until(lambda: screen.says("Costs €1.31."))
    await screen.click("override")
    assert screen.get(ft.AlertDialog).open
    assert ("POST", f"/api/sessions/{town.sessions[0].id}/override") not in town.asked
    await screen.click("override-confirm")
    await screen.until(lambda: screen.has("override-undo"))
    assert not screen.all(ft.AlertDialog)
    assert headline(screen).startswith("Charging now")
    await screen.click("override-undo")
    await screen.until(lambda: screen.has("override"))
    assert headline(screen).startswith("Charges from")


async def test_keeping_the_plan_changes_nothing(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.click("override")
    await screen.click("override-keep")
    assert not screen.all(ft.AlertDialog)
    assert not town.sessions[0].override


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"headline": Headline.NOT_DRAWING}, "the car takes none"),
        ({"delay": Delay.NO_CONSENT}, "you have not agreed"),
        ({"delay": Delay.NOTHING_TO_GAIN}, "nobody pays for waiting"),
        ({"delay": Delay.WOULD_COST_MORE}, "waiting would cost you more"),
        ({"plan": plan(quality="ESTIMATED")}, "this plan uses typical ones"),
        (
            {"plan": msgspec.structs.replace(plan(), followed="not_followed", not_followed_reason="profile_rejected")},
            "does not follow the plan: the station refused the plan",
        ),
        (
            {"plan": msgspec.structs.replace(plan(), shortfall=Shortfall(4_200, "feeder_limit"))},
            "4.2 kWh will be missing: the stations share a connection that is full",
        ),
        (
            {"plan": msgspec.structs.replace(plan(quality="ESTIMATED"), price_source="typical")},
            "There is no price feed here",
        ),
    ],
)
async def test_what_is_not_as_it_should_be_is_said_with_its_reason(
    signed_in: Open, town: Town, change: dict[str, object], words: str
) -> None:
    town.sessions = [a_session(**change)]
    screen = await signed_in()
    assert screen.says(words)


async def test_with_nothing_plugged_in_it_shows_tonights_valley_and_how_to_start(signed_in: Open, town: Town) -> None:
    town.sessions = []
    screen = await signed_in()
    assert headline(screen) == "Your car is not plugged in"
    assert screen.says("The next valley: 01:15 to 05:15")
    assert screen.has("night")
    assert not screen.has("brings")
    await screen.click("to-public")
    await screen.until(lambda: screen.says("Lootsstraat"))


async def test_before_plugging_in_it_says_what_a_night_at_home_likely_brings(signed_in: Open, town: Town) -> None:
    town.sessions, town.at_home = [], StayEstimate(MoneyRange(45, 80), MoneyRange(120, 150))
    screen = await signed_in()
    await screen.until(lambda: screen.has("brings"))
    assert screen.says("Plugged in at home now")
    assert "0.45" in screen.key("estimate").value
    assert "1.20" in screen.key("estimate-savings").value


async def test_a_night_that_only_saves_says_only_that(signed_in: Open, town: Town) -> None:
    town.sessions, town.at_home = [], StayEstimate(None, MoneyRange(120, 150))
    screen = await signed_in()
    await screen.until(lambda: screen.has("brings"))
    assert not screen.has("estimate")
    assert screen.has("estimate-savings")


async def test_plugging_in_shows_at_once_what_will_happen(signed_in: Open, town: Town) -> None:
    town.sessions = []
    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    town.tell(SessionChanged(a_session()))
    await screen.until(lambda: headline(screen).startswith("Charges from"))


async def test_a_settled_session_offers_its_receipt_and_can_be_put_away(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(id=SETTLED)]
    screen = await signed_in()
    town.settle()
    await screen.until(lambda: screen.has("to-receipt"))
    assert headline(screen) == "Done, 20.0 kWh charged, about €1.31 back"
    await screen.click("to-receipt")
    await screen.until(lambda: screen.has("receipt-sentence"))
    await screen.click("back")
    await screen.go(0)
    await screen.click("dismiss")
    assert screen.says("Your car is not plugged in")


async def test_a_second_session_is_listed_and_has_a_page_of_its_own(signed_in: Open, town: Town) -> None:
    other = a_session(id=an_id("other"), location_name="Lootsstraat", plugged_at=NOW - timedelta(hours=9))
    town.sessions = [a_session(), other]
    screen = await signed_in()
    assert screen.says("Also plugged in")
    await screen.click(f"session-{other.id}")
    await screen.until(lambda: screen.page.route == f"/session/{other.id}")
    assert screen.says("Lootsstraat, Oprit")


async def test_losing_the_connection_is_said_and_keeps_what_was_there(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    town.down = True
    town.hang_up()
    await screen.until(lambda: screen.has("offline"))
    assert headline(screen).startswith("Charges from 02:15")
    town.down = False
    await screen.until(lambda: not screen.has("offline"), seconds=6)


async def test_a_first_load_that_fails_says_what_to_do_and_tries_again(signed_in: Open, town: Town) -> None:
    town.refusals["GET", "/api/sessions/current"] = Problem("about:blank", "Busy", 503, code="broken")
    screen = await signed_in()
    assert screen.says("The server cannot answer now.")
    town.refusals.clear()
    await screen.click("retry")
    await screen.until(lambda: screen.has("headline"))


async def test_a_refused_change_says_why_and_leaves_the_plan_alone(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    path = f"/api/sessions/{town.sessions[0].id}"
    town.refusals["PATCH", path] = Problem("about:blank", "No", 409, code="ready_by_out_of_range")
    await screen.click("ready-09:00")
    await screen.until(lambda: screen.says("That time is too soon or too far away. Choose one within the next week."))
    assert screen.says("Ready by Tue 07:00")


async def test_the_demos_clock_shows_the_time_and_takes_another_speed(signed_in: Open, town: Town) -> None:
    town.clock = msgspec.structs.replace(town.clock, speed=1)  # on a busy machine signing in takes a minute at x60
    screen = await signed_in()
    assert screen.says("Mon 23 Nov, 21:40")
    await screen.click("speed-600")
    await screen.until(lambda: town.clock.speed == 600)
    town.tell(ClockChanged(NOW + timedelta(hours=1), 600, demo=True))
    await screen.until(lambda: screen.says("Mon 23 Nov, 22:40"))


async def test_without_a_demo_there_is_no_clock(signed_in: Open, town: Town) -> None:
    town.me = msgspec.structs.replace(town.me, demo=False)
    town.clock = msgspec.structs.replace(town.clock, demo=False)
    screen = await signed_in()
    assert not screen.has("speed-60")


async def test_a_car_that_would_cost_nothing_to_charge_now_says_so(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    free = OverrideQuote(town.sessions[0].id, 0, 0, 0, 0, 0, None, None, "feeder_limit")
    town.quote = free
    await screen.click("override")
    await screen.until(lambda: screen.says("Costs nothing."))
    assert screen.says("the connection that the stations share")
    assert screen.says("unknown")


async def test_any_plan_can_follow_any_other_on_the_screen(signed_in: Open, town: Town) -> None:
    """Flet compares what is drawn piece by piece, and equal pieces of different pictures must not confuse it."""
    screen = await signed_in()
    await screen.until(lambda: ("GET", "/api/live") in town.asked)
    chance = random.Random(7)
    whole = plan()
    for round_ in range(20):
        slots = [
            msgspec.structs.replace(
                one,
                price_micro_per_kwh=chance.choice((-20_000, 40_000, 90_000)),
                planned_wh=chance.choice((0, 0, 2_500)),
                charged_wh=chance.choice((0, 0, 0, 2_500)),
                baseline_wh=chance.choice((0, 2_500)),
            )
            for one in whole.slots[: chance.randint(1, len(whole.slots))]
        ]
        followed = chance.choice(("followed", "not_followed"))
        view = a_session(
            plan=msgspec.structs.replace(whole, slots=slots, followed=followed),
            energy_wh=1_000 * (round_ + 1),
            soc_pct=chance.choice((None, 40)),
            delay=chance.choice((Delay.MANAGED, Delay.NO_CONSENT)),
            headline=chance.choice(list(Headline)[:7]),
            override=chance.choice((True, False, False)),
        )
        town.tell(SessionChanged(view))
        await screen.until(lambda round_=round_: screen.says(f"{round_ + 1}.0 kWh"))

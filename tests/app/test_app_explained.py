"""What the plan leaves missing, and what being ready earlier costs, in the driver's words."""

from datetime import timedelta

import flet as ft
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from town_facts import NOW, READY, SESSION, ZONE, a_session, an_id, plan

from app.strings import LANGUAGES, Texts
from app.widgets.explained import earlier_words, short_words
from shared.plans import Explanation, HeldBack, ReadyEarlier, Shortfall
from shared.sessions import Delay, SessionView
from shared.wire import ClockChanged, SessionChanged

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHORT = msgspec.structs.replace(plan(), shortfall=Shortfall(6_000, "site_limit"))
PLAIN = "will be missing: the connection of this place is full."
BUILDING = Explanation(
    plan_id=an_id("plan", False, str(READY)),
    by=READY,
    ready_wh=16_700,
    target_wh=22_700,
    ready_pct=71,
    target_pct=80,
    full_at=READY + 50 * MINUTE,
    held=HeldBack("building", READY - HOUR),
    earlier=[],
)
SOONER = [
    ReadyEarlier(60, READY - 4 * HOUR, 40, NOW + 5 * HOUR),
    ReadyEarlier(120, READY - 5 * HOUR, 65, NOW + 4 * HOUR),
]
SENTENCES = {
    "en": "71 % by 07:00; 80 % at 07:50, because the building needs the power until 06:00.",
    "nl": "71 % om 07:00; 80 % om 07:50, omdat het gebouw de stroom nodig heeft tot 06:00.",
    "de": "71 % um 07:00; 80 % um 07:50, weil das Gebäude den Strom bis 06:00 braucht.",
}


def short(**change: object) -> SessionView:
    return a_session(plan=SHORT, **change)


def earlier_line(screen: Screen) -> str:
    text = screen.key("ready-earlier")
    assert isinstance(text, ft.Text)
    return str(text.value)


async def test_a_plan_that_leaves_something_missing_says_what_there_will_be_until_when_and_why(
    signed_in: Open, town: Town
) -> None:
    town.sessions, town.explanation = [short()], BUILDING
    screen = await signed_in()
    await screen.until(lambda: screen.says(SENTENCES["en"]))
    assert not screen.says("will be missing")
    assert screen.says("Leave later, or charge now.")
    town.sessions = [short(delay=Delay.OVERRIDDEN)]
    town.tell(SessionChanged(town.sessions[0]))
    await screen.until(lambda: screen.says("Leave later, if you can."))
    assert not screen.says("or charge now"), "it does already"
    screen.page.navigate(f"/session/{SESSION}")
    await screen.until(lambda: screen.says(SENTENCES["en"]))


@pytest.mark.parametrize("language", SENTENCES)
def test_the_sentence_in_every_language(language: str) -> None:
    assert short_words(Texts(language, ZONE), BUILDING, NOW) == SENTENCES[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_has_its_words_in_every_language(language: str) -> None:
    t = Texts(language, ZONE)
    codes = (
        "site_limit",
        "grid_cap",
        "feeder_limit",
        "external_limit",
        "higher_priority",
        "too_little_time",
        "charger_limit",
    )
    said = {code: t.code("held", code, until="06:00") for code in (*codes, "car_limit", "building", "new_tomorrow")}
    assert len(set(said.values())) == len(said)
    assert {code for code, words in said.items() if "06:00" in words} == {*codes[:5], "building"}


def test_a_car_that_does_not_tell_its_state_gets_energy_and_an_end_beyond_the_plan_is_left_out() -> None:
    unknown = msgspec.structs.replace(BUILDING, ready_pct=None, target_pct=None)
    t = Texts("en", ZONE)
    because = "because the building needs the power until 06:00."
    ready, target = t.form.energy(16_700), t.form.energy(22_700)
    assert short_words(t, unknown, NOW) == f"{ready} by 07:00; {target} at 07:50, {because}"
    never = msgspec.structs.replace(BUILDING, full_at=None)
    assert short_words(t, never, NOW) == f"71 % by 07:00, {because}"
    assert short_words(t, msgspec.structs.replace(BUILDING, by=None), NOW) is None


async def test_the_plain_notice_stays_where_there_is_no_explanation(signed_in: Open, town: Town) -> None:
    town.sessions = [short()]
    screen = await signed_in()
    await screen.until(lambda: ("GET", f"/api/sessions/{SESSION}/explanation") in town.asked)
    assert screen.says(PLAIN)


async def test_an_explanation_of_another_plan_is_not_shown_and_a_new_plan_is_asked_about(
    signed_in: Open, town: Town
) -> None:
    town.sessions, town.explanation = [short()], BUILDING
    screen = await signed_in()
    await screen.until(lambda: screen.says(SENTENCES["en"]))
    newer = msgspec.structs.replace(SHORT, id=an_id("plan", "newer"))
    town.tell(SessionChanged(short_with(newer)))
    await screen.until(lambda: screen.says("will be missing"))
    assert town.asked.count(("GET", f"/api/sessions/{SESSION}/explanation")) == 2
    town.explanation = msgspec.structs.replace(BUILDING, plan_id=an_id("plan", "newest"))
    town.tell(SessionChanged(short_with(msgspec.structs.replace(SHORT, id=an_id("plan", "newest")))))
    await screen.until(lambda: screen.says(SENTENCES["en"]))


def short_with(plan: object) -> SessionView:
    return a_session(plan=plan)


async def test_beside_ready_by_it_says_what_being_ready_earlier_costs_as_long_as_it_can_be_had(
    signed_in: Open, town: Town
) -> None:
    town.explanation = msgspec.structs.replace(BUILDING, held=None, earlier=SOONER)
    screen = await signed_in()
    await screen.until(lambda: screen.has("ready-earlier"))
    assert earlier_line(screen) == "An hour earlier (03:00): €0.40 more."
    town.tell(ClockChanged(NOW + 5 * HOUR, 60, demo=True))
    await screen.until(lambda: not screen.has("ready-earlier"))


def test_what_costs_nothing_is_not_said_and_the_next_that_does_is() -> None:
    free = [msgspec.structs.replace(SOONER[0], cost_minor=0), SOONER[1]]
    t = Texts("en", ZONE)
    said = msgspec.structs.replace(BUILDING, earlier=free)
    assert earlier_words(t, said, NOW) == "2 hours earlier (02:00): €0.65 more."
    assert earlier_words(t, msgspec.structs.replace(BUILDING, earlier=free[:1]), NOW) is None
    assert earlier_words(t, None, NOW) is None


async def test_a_car_that_is_not_delayed_and_lacks_nothing_asks_for_no_explanation(signed_in: Open, town: Town) -> None:
    town.sessions = [a_session(delay=Delay.NOTHING_TO_GAIN)]
    screen = await signed_in()
    assert screen.has("ready-by")
    assert ("GET", f"/api/sessions/{SESSION}/explanation") not in town.asked

import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from operated_town import NOT_FIT, message
from town_facts import an_id

from app.console import MESSAGES_MAX, Console, Search
from shared.operating import CommandOutcome, CommandStatus, Direction
from shared.problems import Problem


async def at_station(operator: Open, **options: object) -> Screen:
    screen = await operator(**options)
    await screen.click("station-LOOTS/1")
    await screen.until(lambda: screen.has("command") and screen.has("frames"))
    return screen


async def test_an_operator_sees_stations_and_nothing_of_a_drivers(operator: Open, town: Town) -> None:
    screen = await operator(width=1440, height=900)
    assert screen.says("LOOTS/1")
    assert screen.says("4.2 kWh · 11.0 kW")
    assert screen.says("Plan not followed")
    assert screen.says("2 / 3")
    assert screen.says("Alfen Eve")
    assert screen.says("OCPP 2.0.1 · 6.6")
    assert ("GET", "/api/sessions/current") not in town.asked
    await screen.until(lambda: screen.says("speaks of a session that nobody knows"))


async def test_what_needs_a_look_comes_first(operator: Open) -> None:
    screen = await operator()
    keys = [str(one.key) for one in screen.walk() if str(getattr(one, "key", "")).startswith("station-")]
    assert keys == ["station-LOOTS/1", "station-LOOTS/3", "station-LOOTS/2"]


async def test_no_stations_and_no_server_say_so(operator: Open, town: Town) -> None:
    town.operated.stations = []
    screen = await operator()
    assert screen.says("No stations yet.")
    town.refusals["GET", "/api/stations"] = Problem("about:blank", "Broken", 500, code="internal")
    other = await operator()
    assert other.has("retry")
    del town.refusals["GET", "/api/stations"]
    await other.click("retry")
    await other.until(lambda: other.says("No stations yet."))


async def test_a_command_is_sent_and_its_answer_shown(operator: Open, town: Town) -> None:
    screen = await at_station(operator)
    await screen.event(screen.key("action"), "select", "Reset", value="Reset")
    await screen.until(lambda: '"Hard"' in str(screen.key("body").value))  # type: ignore[attr-defined]
    await screen.type("body", '{"type": "Soft"}')
    await screen.click("send")
    await screen.until(lambda: screen.has("answer"))
    assert town.operated.commands == [("/api/stations/LOOTS/1/commands/Reset", {"type": "Soft"})]
    assert screen.says("The station answered in 3 ms.")
    assert screen.says('"status": "Accepted"')


async def test_what_is_no_json_is_not_sent(operator: Open, town: Town) -> None:
    screen = await at_station(operator)
    for wrong in ("{", "[]", '"text"'):
        await screen.type("body", wrong)
        await screen.click("send")
        await screen.until(lambda: getattr(screen.key("body"), "error", None) == "This is no JSON object.")
    assert town.operated.commands == []


async def test_what_the_schema_refuses_names_the_field(operator: Open, town: Town) -> None:
    town.operated.refusal = NOT_FIT
    screen = await at_station(operator)
    await screen.click("send")
    await screen.until(lambda: screen.says("Not sent: the schema of this action refuses it."))
    assert screen.says("type: is not one of")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (CommandOutcome("S", "Reset", CommandStatus.OFFLINE, took_ms=1), "The station is out of reach (1 ms)."),
        (CommandOutcome("S", "Reset", CommandStatus.TIMED_OUT, took_ms=9), "No answer within 9 ms."),
        (CommandOutcome("S", "Reset", CommandStatus.REFUSED, error_code="NotSupported", took_ms=2), "NotSupported"),
        (
            CommandOutcome("S", "Reset", CommandStatus.ANSWERED, {}, complaints=["status: is required"]),
            "status: is required",
        ),
    ],
)
async def test_every_other_end_is_told_apart(operator: Open, town: Town, outcome: CommandOutcome, words: str) -> None:
    town.operated.outcome = outcome
    screen = await at_station(operator)
    await screen.click("send")
    await screen.until(lambda: screen.says(words))


async def test_messages_come_live_and_open_on_a_tap(operator: Open, town: Town) -> None:
    screen = await at_station(operator)
    assert town.operated.searches[-1] == {"station": "LOOTS/1"}
    await screen.until(lambda: screen.says("Live"))
    town.operated.say(message(7, "Heartbeat", Direction.OUT))
    await screen.until(lambda: screen.has("frame-7"))
    keys = [str(one.key) for one in screen.walk() if str(getattr(one, "key", "")).startswith("frame-")]
    assert keys == ["frame-7", "frame-2", "frame-1"]
    await screen.click("frame-7")
    await screen.until(lambda: screen.says('"n": 7'))


async def test_a_search_is_asked_of_the_log_and_its_stream(operator: Open, town: Town) -> None:
    screen = await operator()
    await screen.go(1)
    await screen.until(lambda: screen.has("frames"))
    await screen.event(screen.key("search-text"), "submit", "Faulted", value="Faulted")
    await screen.until(lambda: town.operated.searches[-1] == {"text": "Faulted"})
    await screen.event(screen.key("search-way"), "change", "in", selected=["in"])
    await screen.until(lambda: town.operated.searches[-1] == {"text": "Faulted", "direction": "in"})
    await screen.event(screen.key("search-odd"), "change", "true", value=True)
    await screen.until(lambda: town.operated.searches[-1] == {"text": "Faulted", "direction": "in", "odd": "true"})


async def test_what_is_not_as_the_specification_says_says_so_in_its_frame(operator: Open, town: Town) -> None:
    screen = await at_station(operator)
    await screen.until(lambda: screen.says("Live"))
    town.operated.say(msgspec.structs.replace(message(7, "Heartbeat"), odd="no action"), message(8, "Heartbeat"))
    await screen.until(lambda: screen.has("frame-8"))
    await screen.click("frame-8")
    await screen.until(lambda: screen.says('"n": 8'))
    assert not screen.says("Not as the specification says: no action")
    await screen.click("frame-7")
    await screen.until(lambda: screen.says("Not as the specification says: no action"))


async def test_a_log_without_a_fit_says_so_and_an_older_page_can_be_had(operator: Open, town: Town) -> None:
    town.operated.messages, town.operated.next_cursor = [], "5"
    screen = await operator()
    await screen.go(1)
    await screen.until(lambda: screen.says("No message fits."))
    town.operated.messages, town.operated.next_cursor = [message(1, "Authorize")], None
    await screen.click("older")
    await screen.until(lambda: screen.has("frame-1"))
    assert not screen.has("older")


async def test_an_operators_settings_have_no_consent(operator: Open) -> None:
    screen = await operator()
    await screen.go(3)
    await screen.until(lambda: screen.has("sign-out"))
    assert not screen.has("consent")
    await screen.click("sign-out")
    await screen.until(lambda: screen.says("Who would you like to be?"))


async def test_a_station_of_nobody_is_not_there(operator: Open) -> None:
    screen = await operator()
    screen.page.navigate(f"/station/{an_id('nobody')}")
    await screen.until(lambda: not screen.has("op-head") and not screen.has("skeleton"))
    assert not screen.has("command")


def test_frames_are_kept_once_in_order_and_not_without_end() -> None:
    console = Console()
    console.hear([message(2, "B"), message(1, "A")])
    console.hear([message(3, "C"), message(2, "B")])
    assert [one.id for one in console.messages.value or []] == [3, 2, 1]
    console.hear([message(number, "X") for number in range(10, 10 + MESSAGES_MAX)])
    assert len(console.messages.value or []) == MESSAGES_MAX
    console.clear()
    assert console.messages.value is None


def test_empty_fields_of_a_search_ask_for_nothing() -> None:
    assert Search().query() == {}
    assert Search(station="A").changed(text="x").query() == {"station": "A", "text": "x"}

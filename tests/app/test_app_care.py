"""What an operator looks after: how stations are treated and let in, their limits and certificates."""

from datetime import timedelta

import msgspec
import pytest
from cared_town import traits
from fake_town import Town
from fletkit import Open
from town_facts import NOW, an_id

from app.strings import LANGUAGES, Texts
from app.views.operator import words
from app.views.operator.treatment import draft_of, row_of
from shared.stations import Dispute, DisputeKind, StationLimit

NEW, OLD = an_id("certificate", "new"), an_id("certificate", "old")


async def test_traits_are_said_in_words_and_only_what_was_changed_is_written(at_station: Open, town: Town) -> None:
    screen = await at_station(width=1440, height=900)
    assert screen.says("plan of a session, every session's most")
    assert screen.says("17 of 192")
    assert screen.says("Says Wh and means kWh (known of its make)")
    boxes = {name: screen.key(f"quirk-{name}").value for name in ("kwh_as_wh", "long_message_ids", "compressed_frames")}  # type: ignore[attr-defined]
    assert boxes == {"kwh_as_wh": True, "long_message_ids": True, "compressed_frames": False}
    await screen.event(screen.key("quirk-kwh_as_wh"), "change", False, value=False)
    await screen.type("field-zone", "Europe/Amsterdam")
    await screen.event(screen.key("switch-listed"), "change", False, value=False)
    await screen.click("save-traits")
    await screen.until(lambda: screen.says("Saved."))
    assert town.operated.cared.done == [
        (
            "traits",
            {
                "quirks": ["long_message_ids", "not:kwh_as_wh", "clock:Europe/Amsterdam"],
                "auto_configure": True,
                "local_list": False,
                "flash_writes_a_day": 192,
            },
        )
    ]


async def test_a_budget_that_cannot_be_is_not_sent(at_station: Open) -> None:
    screen = await at_station()
    await screen.type("field-budget", "9")
    await screen.until(lambda: screen.key("save-traits").disabled)  # type: ignore[attr-defined]
    assert screen.says("A number from 10 to 10,000")


def test_the_unit_is_written_only_where_it_was_changed() -> None:
    known = traits()
    draft = draft_of(known)
    assert draft.update(known).unit is msgspec.UNSET
    assert row_of(known, draft.chosen, "") == known.quirks
    asked = msgspec.json.encode(type(draft)("ask", *list(vars(draft).values())[1:]).update(known))
    assert msgspec.json.decode(asked)["unit"] is None


async def test_a_station_is_held_and_its_row_says_so(at_station: Open, town: Town) -> None:
    screen = await at_station()
    assert screen.says("Its boot is answered Accepted: it serves drivers.")
    await screen.event(screen.key("admission"), "change", "Pending", selected=["Pending"])
    await screen.until(lambda: screen.says("it can be read and set up, but serves nobody"))
    assert ("admission", "Pending") in town.operated.cared.done
    await screen.click("back")
    await screen.until(lambda: screen.has("op-head") and screen.says("Waits"))


async def test_limits_from_elsewhere_say_whose_how_much_and_until_when(at_station: Open, town: Town) -> None:
    ends = NOW + timedelta(hours=3)
    limits = [StationLimit("SO", 0, 4_200, ends, critical=True), StationLimit("EMS", 1, None, None, critical=False)]
    town.operated.stations[0] = msgspec.structs.replace(town.operated.stations[0], limits=limits)
    screen = await at_station()
    for said in ("Grid operator", "Whole station", "4.2", "(in 3 h)", "the grid is in need"):
        assert screen.says(said), said
    for said in ("Energy manager of the building", "no amount in force", "Socket 1 · until taken back"):
        assert screen.says(said), said


async def test_a_request_is_shown_and_what_was_signed_is_sent(at_station: Open, town: Town) -> None:
    screen = await at_station()
    assert screen.says("BEGIN CERTIFICATE REQUEST")
    assert screen.says("(in 5 days)")
    assert screen.key(f"send-{NEW}").disabled  # type: ignore[attr-defined]
    await screen.type(f"chain-{NEW}", "-----BEGIN CERTIFICATE-----")
    await screen.click(f"send-{NEW}")
    await screen.until(lambda: screen.says("On its way to the station.") and not screen.has(f"send-{NEW}"))
    assert town.operated.cared.done == [("chain", {"chain_pem": "-----BEGIN CERTIFICATE-----"})]


async def test_a_certificate_is_revoked_by_the_second_click(at_station: Open, town: Town) -> None:
    screen = await at_station()
    await screen.click(f"revoke-{OLD}")
    assert town.operated.cared.done == []
    assert screen.says("Revoke and hang up now")
    await screen.click(f"revoke-{OLD}")
    await screen.until(lambda: screen.says("Revoked"))
    assert town.operated.cared.done == [("revoke", None)]


@pytest.mark.parametrize(
    ("kind", "said", "in_words"),
    [
        ("faulted", "1:GroundFailure 0:Blown", "Socket 1: ground fault, Whole station: Blown"),
        ("flapping", "4", "4 times within an hour"),
        ("silent", "readings", "no meter readings of the running session"),
        ("clock_wrong", "-7200", "2 h behind"),
        ("clock_wrong", "301", "5 min ahead"),
        ("charging_without_energy", "car", "the car takes none"),
        ("energy_without_session", "1:7400", "7.4 kW at Socket 1"),
        ("plan_not_followed", "draws_more_than_allowed", "draws more than its limit"),
        ("plan_not_followed", "profile_timed_out", "limit not taken: no answer"),
        ("unknown_connector", "9", "Socket 9"),
        ("faulted", "what nobody can read", "what nobody can read"),
        ("silent", "invented_tomorrow", "invented_tomorrow"),
        ("security_event", "TamperDetectionActivated", "TamperDetectionActivated"),
    ],
)
def test_details_are_said_in_plain_words_with_units(kind: str, said: str, in_words: str) -> None:
    assert words.detail(Texts("en"), kind, said, NOW).replace("\N{NO-BREAK SPACE}", " ") == in_words
    for language in LANGUAGES:
        assert words.detail(Texts(language), kind, said, NOW)


def test_the_end_of_a_certificate_is_a_local_time_and_how_far_it_is() -> None:
    said = words.detail(Texts("en"), "certificate_expiring", (NOW + timedelta(days=3)).isoformat(), NOW)
    assert said.startswith("ends ")
    assert said.endswith("(in 3 days)")
    assert words.relative(Texts("en"), NOW - timedelta(seconds=20), NOW) == "just now"


def test_a_message_of_a_session_that_nobody_knows_names_its_transaction() -> None:
    stray = Dispute(DisputeKind.ORPHAN, "S", NOW, 'StopTransaction {"transaction_id":77,"meter_stop_wh":1}')
    assert words.dispute(Texts("en"), stray, NOW) == "StopTransaction of transaction 77"
    odd = msgspec.structs.replace(stray, detail="StopTransaction 9")
    assert words.dispute(Texts("en"), odd, NOW) == "StopTransaction 9"

"""Any request of a station's version over the API: its answer, or exactly what happened."""

import asyncio
import json

import pytest
from api_edge import bearer, eventually
from operators_desk import COMMANDS, opened
from small_town import ANNA, NOW, OLGA, OTTO, STREET_STATION_1

from server.gateway.actions import ASKED
from server.storage import outbox, stations


@pytest.fixture
async def desk(context):
    async with opened(context) as desk:
        yield desk


async def test_a_command_returns_what_the_station_answered(desk):
    async with desk.station(answers={"Reset": {"status": "Accepted"}}) as box:
        said = (await desk.command("Reset", {"type": "Soft"})).json()
    assert box.heard == [("Reset", {"type": "Soft"})]
    assert (said["status"], said["answer"], said["complaints"]) == ("answered", {"status": "Accepted"}, [])
    assert (said["station"], said["action"]) == ("LOOTS/1", "Reset")


async def test_an_answer_that_breaks_its_schema_comes_through_with_the_complaint(desk):
    async with desk.station(answers={"GetLocalListVersion": {"versionNumber": 3}}):
        said = (await desk.command("GetLocalListVersion", {})).json()
    assert (said["status"], said["answer"]) == ("answered", {"versionNumber": 3})
    assert "listVersion: is required" in said["complaints"]


async def test_a_station_that_refuses_is_quoted(desk):
    async with desk.station(answers={"ClearCache": [4, "NotSupported", "no cache here", {}]}):
        said = (await desk.command("ClearCache", {})).json()
    assert (said["status"], said["error_code"], said["detail"]) == ("refused", "NotSupported", "no cache here")


async def test_silence_and_absence_are_told_apart(desk):
    said = (await desk.command("ClearCache", {})).json()
    assert (said["status"], said["detail"]) == ("offline", "the station has no connection")
    async with desk.station():
        said = (await desk.command("ClearCache", {}, timeout_s=1)).json()
    assert (said["status"], said["detail"]) == ("timed_out", "no answer within 1 s")
    assert said["took_ms"] >= 1000


async def test_a_body_that_the_schema_refuses_is_not_sent_and_its_fields_are_named(desk):
    async with desk.station() as box:
        answer = await desk.command("ChangeAvailability", {"connectorId": "one"})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {"connectorId", "type"}
    assert box.heard == []


async def test_decimals_are_judged_as_decimals(desk):
    """The schema wants limits in steps of 0.1, of which 0.3 is one, whatever doubles think."""
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.3}]}
    profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile"}
    body = {"connectorId": 0, "csChargingProfiles": {**profile, "chargingProfileKind": "Relative"}}
    body["csChargingProfiles"]["chargingSchedule"] = schedule
    assert (await desk.command("SetChargingProfile", body)).json()["status"] == "offline"
    schedule["chargingSchedulePeriod"][0]["limit"] = 16.35
    answer = await desk.command("SetChargingProfile", body)
    assert [one["field"] for one in answer.json()["errors"]] == [
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit"
    ]


async def test_an_action_of_another_version_or_of_stations_is_not_known(desk):
    for action in ("GetVariables", "BootNotification", "Nonsense"):
        answer = await desk.command(action, {})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_action")


async def test_a_2x_station_that_is_offline_is_asked_in_the_version_that_it_spoke_last(desk):
    async with desk.context.db.begin() as tx:
        await stations.update(tx, STREET_STATION_1, ocpp="ocpp2.0.1")
    wanted = {"getVariableData": [{"component": {"name": "EVSE"}, "variable": {"name": "Power"}}]}
    assert (await desk.command("GetVariables", wanted)).json()["status"] == "offline"
    forms = (await desk.api.get(COMMANDS, headers=bearer(OLGA))).json()
    assert forms["version"] == "2.0.1"
    assert [form["action"] for form in forms["forms"]] == list(ASKED["2.0.1"])
    answer = await desk.command("GetConfiguration", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_action")


async def test_every_action_has_an_example_that_can_be_sent_as_it_is(desk):
    forms = (await desk.api.get(COMMANDS, headers=bearer(OLGA))).json()
    assert forms["version"] == "1.6"
    assert [form["action"] for form in forms["forms"]] == list(ASKED["1.6"])
    for form in forms["forms"]:
        assert (await desk.command(form["action"], form["example"])).json()["status"] == "offline", form


async def test_only_the_stations_own_operator_may_command_it(desk):
    async with desk.station(answers={"Reset": {"status": "Accepted"}}) as box:
        for stranger, status in ((OTTO, 404), (ANNA, 403)):
            answer = await desk.command("Reset", {"type": "Hard"}, headers=bearer(stranger))
            assert answer.status_code == status
            assert (await desk.api.get(COMMANDS, headers=bearer(stranger))).status_code == status
        assert (await desk.command("Reset", {"type": "Hard"}, headers=None)).status_code == 401
    assert box.heard == []


async def test_identities_with_odd_characters_are_found_by_their_percent_encoding(desk):
    for identity, path in (
        (" A/B", None),
        ("A/B 1", "A%2FB%201"),
        ("RDAM|50%+x", "RDAM%7C50%25%2Bx"),
        ("a%2Fb", "a%252Fb"),
    ):
        new = {"identity": identity, "location_name": "Yard"}
        added = await desk.api.post("/api/stations", json=new, headers=bearer(OLGA))
        if path is None:  # what begins with a space is no identity
            assert added.status_code == 400
            continue
        said = await desk.command("ClearCache", {}, path=f"/api/stations/{path}/commands")
        assert (said.status_code, said.json()["station"]) == (200, identity)


async def test_who_asked_is_in_the_message_log(desk):
    async with desk.station(answers={"Reset": {"status": "Rejected"}}):
        await desk.command("Reset", {"type": "Soft"})
    answer, call = (await desk.frames(action="Reset"))[:2]
    assert (call["direction"], call["kind"], call["asked_by"]) == ("out", "call", str(OLGA))
    assert (answer["direction"], answer["kind"], answer["asked_by"]) == ("in", "result", None)
    assert json.loads(answer["frame"])[2] == {"status": "Rejected"}


async def test_what_an_operator_changes_of_profiles_is_believed_no_more_and_set_anew(desk):
    async with desk.context.db.begin() as tx:
        await stations.update(tx, STREET_STATION_1, safe_held_w=5_000)
    held = []

    async def while_asked():
        async with desk.context.db.read() as tx:
            return (await stations.get(tx, STREET_STATION_1)).safe_held_w

    async with desk.station(answers={"ClearChargingProfile": {"status": "Accepted"}}) as box:
        asked = asyncio.create_task(desk.command("ClearChargingProfile", {}))
        await eventually(lambda: box.heard)
        held.append(await while_asked())
        await asked
        async with desk.context.db.read() as tx:
            due = {(task.kind, task.key) for task in await outbox.due(tx, NOW)}
    assert held == [None]
    assert ("configure", str(STREET_STATION_1)) in due

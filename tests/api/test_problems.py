"""Every error is a problem document that says what is wrong and what to do, and nothing of the inside."""

import logging

import pytest
import small_town
from api_edge import SETTINGS, FakeStations, asking, bearer
from small_town import ANNA, ANNAS_CAR, HOME, NOW
from sqlalchemy.exc import IntegrityError

from server.api.app import ApiContext
from server.bus import LocalBus
from server.clock import SteppedClock

CAR = {"name": "Blue", "capacity_wh": 50_000, "max_ac_w": 7_400, "phases": 1}


async def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    assert said["type"] == f"urn:dalstroom:problem:{said['code']}"
    assert said["hint"]
    assert said["detail"] != said["title"]
    return said


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({**CAR, "capacity_wh": "many"}, "capacity_wh", "Expected `int`, got `str`"),
        ({**CAR, "capacity_wh": 1}, "capacity_wh", "Expected `int` >= 1000"),
        ({**CAR, "phases": 3.5}, "phases", "Expected `int`, got `float`"),
        ({**CAR, "colour": "blue"}, "body", "Object contains unknown field `colour`"),
        ({"name": "Blue"}, "body", "Object missing required field `capacity_wh`"),
        ([], "body", "Expected `object`, got `array`"),
    ],
)
async def test_a_field_that_does_not_fit_is_named_with_its_path(api, anna, body, field, message):
    said = await problem(await api.put(f"/api/vehicles/{ANNAS_CAR}", json=body, headers=anna), 400)
    assert said["errors"] == [{"field": field, "message": message}]
    assert said["detail"] == f"{field}: {message}"
    assert said["title"] == "Bad Request"


async def test_a_field_inside_a_list_is_named_by_its_place(api, anna):
    habits = [{"weekday": 1, "leaves_at": "07:00"}, {"weekday": 2, "leaves_at": "7 o'clock"}]
    said = await problem(await api.patch("/api/me", json={"habits": habits}, headers=anna), 400)
    assert said["errors"][0]["field"] == "habits[1].leaves_at"


async def test_a_query_parameter_that_does_not_fit_is_named(api, anna):
    said = await problem(await api.get("/api/prices?hours=1000", headers=anna), 400)
    assert said["errors"] == [{"field": "hours", "message": "Expected `int` <= 72"}]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"name": "\xed"}'])
async def test_what_is_no_json_is_malformed(api, anna, content):
    answer = await api.put(f"/api/vehicles/{ANNAS_CAR}", content=content, headers=anna)
    assert (await problem(answer, 400))["code"] == "malformed"


async def test_a_missing_body_is_asked_for(api, anna):
    said = await problem(await api.put(f"/api/vehicles/{ANNAS_CAR}", headers=anna), 400)
    assert said["errors"] == [{"field": "body", "message": "A JSON body is required."}]


async def test_whole_numbers_may_be_written_with_a_point(api, anna):
    answer = await api.put(f"/api/vehicles/{ANNAS_CAR}", json={**CAR, "capacity_wh": 50_000.0}, headers=anna)
    assert answer.json()["capacity_wh"] == 50_000
    assert (await api.patch("/api/me", json={"consent": 0}, headers=anna)).status_code == 400


async def test_an_unknown_page_and_an_unknown_id_are_not_found(api, anna):
    assert (await problem(await api.get("/api/nothing", headers=anna), 404))["code"] == "not_found"
    assert (await problem(await api.get("/api/sessions/not-an-id", headers=anna), 404))["code"] == "not_found"
    said = await problem(await api.get(f"/api/sessions/{ANNA}", headers=anna), 404)
    assert said["detail"] == "There is no such session of yours."
    assert said["instance"] == f"/api/sessions/{ANNA}"


async def test_a_method_that_a_page_does_not_have_comes_with_those_that_it_has(api, anna):
    answer = await api.delete("/api/sessions", headers=anna)
    assert (await problem(answer, 405))["code"] == "method_not_allowed"
    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "OPTIONS", "POST"]
    options = await api.request("OPTIONS", "/api/sessions")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, OPTIONS, POST")


async def test_a_body_of_a_megabyte_is_too_large(api, anna):
    answer = await api.patch("/api/me", content=b" " * 1_000_000, headers=anna)
    assert (await problem(answer, 413))["code"] == "too_large"


async def test_a_refusal_says_its_code_and_what_to_do(api, context, anna):
    session = await small_town.plug_in(context.db, NOW)
    await small_town.unplug(context.db, session, NOW, 0)
    said = await problem(await api.post(f"/api/sessions/{session}/override", headers=anna), 409)
    assert said["code"] == "session_ended"
    assert said["hint"] == "This session has ended; plug in again to charge."


async def test_answers_are_not_kept_by_caches(api, anna):
    assert (await api.get("/api/me", headers=anna)).headers["cache-control"] == "no-store"


class BrokenSolver:
    """An engine that raises what was put into it."""

    def __init__(self, error):
        self.error = error

    async def solve(self, problem):
        raise self.error


async def ask_a_broken_server(context, error):
    broken = ApiContext(context.db, SteppedClock(NOW), LocalBus(), BrokenSolver(error), FakeStations(), SETTINGS)
    session = await small_town.plug_in(context.db, NOW)
    await small_town.make_plan(context.db, HOME, NOW)
    async with asking(broken) as api:
        return await api.get(f"/api/sessions/{session}/override", headers=bearer(ANNA))


async def test_our_own_mistake_shows_nothing_of_the_inside_and_logs_no_values(context, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = await ask_a_broken_server(context, RuntimeError("anna@example.org lives in Lootsstraat"))
    said = await problem(answer, 500)
    assert said["code"] == "internal"
    assert "Traceback" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = [record for record in caplog.records if record.name == "dalstroom.api"]
    assert len(logged) == 1
    text = logged[0].getMessage()
    assert "RuntimeError in GET /api/sessions/{session_id}/override" in text
    assert "quote_override" in text
    assert "anna@" not in caplog.text


async def test_two_who_want_the_same_at_once_are_a_conflict(context):
    answer = await ask_a_broken_server(context, IntegrityError("insert", {}, Exception("UNIQUE constraint failed")))
    said = await problem(answer, 409)
    assert said["code"] == "conflict"
    assert "UNIQUE" not in answer.text


async def test_a_server_whose_database_is_gone_says_so_to_who_watches_it(context, api):
    assert (await api.get("/api/health")).json() == {"status": "ok", "version": "test"}
    async with context.db.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE evses")
        await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        await connection.exec_driver_sql("ALTER TABLE locations RENAME TO elsewhere")
    assert (await problem(await api.get("/api/health"), 503))["code"] == "unavailable"


async def test_requests_are_not_logged(api, anna, caplog):
    with caplog.at_level(logging.INFO):
        await api.get("/api/me", headers=anna)
    assert [record for record in caplog.records if not record.name.startswith(("httpx", "asyncio"))] == []

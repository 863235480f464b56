"""A shift rota over the API: a calendar's text goes in, an error names its line, a stranger has his own."""

from datetime import timedelta

import pytest
import small_town
from small_town import HOME, NOW, rows

from server.storage import outbox

CALENDAR = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20250116T053000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
TEXT = {"content-type": "text/calendar"}


async def put(api, who, text=CALENDAR, **query):
    return await api.put("/api/me/rota", content=text, params=query, headers={**who, **TEXT})


async def test_a_calendar_says_when_the_driver_leaves_next(api, context, anna):
    await small_town.plug_in(context.db, NOW)
    async with context.db.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW)], NOW)
    me = (await put(api, anna, travel_minutes=40)).json()
    assert me["rota"] == {
        "shifts": 1,
        "travel_minutes": 40,
        "leaves_at": "2025-01-16T04:50:00Z",
        "saved_at": "2025-01-15T18:00:00Z",
    }
    assert me == (await api.get("/api/me", headers=anna)).json()
    async with context.db.read() as tx:
        assert [task.key for task in await outbox.due(tx, NOW)] == [str(HOME)]
    context.clock.advance_to(NOW + timedelta(hours=20))
    assert (await api.get("/api/me", headers=anna)).json()["rota"]["leaves_at"] is None


async def test_another_way_to_the_same_shifts(api, anna, bert):
    await put(api, anna, travel_minutes=40)
    me = (await api.patch("/api/me", json={"travel_minutes": 90}, headers=anna)).json()
    assert me["rota"]["leaves_at"] == "2025-01-16T04:00:00Z"
    assert (await api.patch("/api/me", json={"travel_minutes": 90}, headers=bert)).json()["rota"] is None
    assert (await api.patch("/api/me", json={"travel_minutes": 999}, headers=anna)).status_code == 400


async def test_a_rota_is_its_drivers_alone_and_is_forgotten_on_request(api, context, anna, bert, olga):
    await put(api, anna)
    assert (await api.get("/api/me", headers=bert)).json()["rota"] is None
    assert (await put(api, olga)).status_code == 403
    assert (await api.delete("/api/me/rota", headers=bert)).status_code == 200
    assert (await api.get("/api/me", headers=anna)).json()["rota"]["shifts"] == 1
    assert (await api.delete("/api/me/rota", headers=anna)).json()["rota"] is None
    assert await rows(context.db, "rotas") == 0


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("", "calendar", "line 1: expected an iCalendar file"),
        (CALENDAR.replace("0116T", "0199T"), "DTSTART", "line 3: expected a time such as"),
        (CALENDAR.replace("END:VEVENT", "RRULE:FREQ=MONTHLY\nEND:VEVENT"), "RRULE", "line 4: expected FREQ=DAILY"),
    ],
    ids=["nothing", "no-such-day", "monthly"],
)
async def test_a_calendar_that_cannot_be_read_is_refused_with_its_line(api, anna, text, field, says):
    answer = await put(api, anna, text)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert says in answer.json()["errors"][0]["message"]
    assert (await api.get("/api/me", headers=anna)).json()["rota"] is None


async def test_a_calendar_is_small_and_is_text_and_nobody_travels_for_days(api, anna):
    assert (await put(api, anna, "X" * 70_000)).status_code == 413
    assert (await put(api, anna, b"\xff\xfe")).json()["code"] == "malformed"
    for minutes in (-1, 241):
        assert (await put(api, anna, travel_minutes=minutes)).status_code == 400


async def test_the_dial_is_kept_and_knows_three_stops(api, anna):
    assert (await api.get("/api/me", headers=anna)).json()["dial"] == "sure"
    assert (await api.patch("/api/me", json={"dial": "cheap"}, headers=anna)).json()["dial"] == "cheap"
    assert (await api.patch("/api/me", json={"dial": "reckless"}, headers=anna)).status_code == 400
    assert (await api.get("/api/me", headers=anna)).json()["dial"] == "cheap"


async def test_one_piece_and_the_question_are_said_over_the_api_and_not_by_a_stranger(api, context, anna, bert):
    session_id = await small_town.plug_in(context.db, NOW)
    url = f"/api/sessions/{session_id}"
    assert (await api.patch(url, json={"one_block": True}, headers=bert)).status_code == 404
    assert (await api.patch(url, json={"one_block": True}, headers=anna)).json()["one_block"] is True
    assert (await api.patch(url, json={"one_block": False}, headers=anna)).json()["one_block"] is False
    assert (await api.patch(url, json={"question_closed": True}, headers=anna)).json()["ask_worth_minor"] is None
    assert (await api.patch(url, json={"one_block": 1}, headers=anna)).status_code == 400

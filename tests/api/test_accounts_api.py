"""What a person says of himself over the API."""

import small_town
from small_town import ANNA, HOME, NOW, rows

from server.storage import outbox


async def replans(context):
    async with context.db.read() as tx:
        return [task.key for task in await outbox.due(tx, NOW) if "habits_or_consent" in task.payload]


async def test_what_is_given_changes_and_the_rest_stays(api, anna):
    before = (await api.get("/api/me", headers=anna)).json()
    after = (await api.patch("/api/me", json={"language": "nl"}, headers=anna)).json()
    assert after == {**before, "language": "nl"}
    assert after == (await api.get("/api/me", headers=anna)).json()
    assert (await api.patch("/api/me", json={}, headers=anna)).json() == after


async def test_consent_is_recorded_when_given_and_when_withdrawn_and_not_twice(api, context, anna):
    withdrawn = (await api.patch("/api/me", json={"consent": False}, headers=anna)).json()
    assert withdrawn["consent_at"] is None
    given = (await api.patch("/api/me", json={"consent": True}, headers=anna)).json()
    assert given["consent_at"] == "2025-01-15T18:00:00Z"
    context.clock.advance_to(NOW.replace(hour=20))
    again = (await api.patch("/api/me", json={"consent": True}, headers=anna)).json()
    assert again["consent_at"] == given["consent_at"]
    assert await rows(context.db, "consents") == 2


async def test_consent_and_habits_plan_the_plugged_in_car_anew_and_a_language_does_not(api, context, anna):
    await small_town.plug_in(context.db, NOW)
    await drain(context)
    await api.patch("/api/me", json={"theme": "dark"}, headers=anna)
    assert await replans(context) == []
    await api.patch("/api/me", json={"consent": False}, headers=anna)
    assert await replans(context) == [str(HOME)]
    await drain(context)
    await api.patch("/api/me", json={"habits": [{"weekday": 3, "leaves_at": "06:15"}]}, headers=anna)
    assert await replans(context) == [str(HOME)]


async def drain(context):
    async with context.db.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW)], NOW)


async def test_a_weekday_said_twice_keeps_the_later_word(api, anna):
    said = [
        {"weekday": 4, "leaves_at": "09:00"},
        {"weekday": 0, "leaves_at": None},
        {"weekday": 4, "leaves_at": "07:30"},
    ]
    habits = (await api.patch("/api/me", json={"habits": said}, headers=anna)).json()["habits"]
    assert habits == [{"weekday": 0, "leaves_at": None}, {"weekday": 4, "leaves_at": "07:30"}]


async def test_a_language_that_the_app_does_not_speak_is_refused(api, anna):
    answer = await api.patch("/api/me", json={"language": "fr"}, headers=anna)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "language"
    trick = await api.patch("/api/me", json={"theme": "dark\n"}, headers=anna)
    assert (trick.status_code, trick.json()["code"]) == (422, "unknown_theme")


async def test_me_says_whose_account_it_is(api, anna):
    me = (await api.get("/api/me", headers=anna)).json()
    assert me["account_id"] == str(ANNA)
    assert (me["party_name"], me["role"], me["demo"]) == ("Dalstroom Mobiliteit", "driver", True)

"""A driver's sessions over the API: seen, moved, overridden, started and stopped."""

from datetime import timedelta

import pytest
import small_town
from small_town import HOME, HOME_EVSE, NOW, STREET_EVSE_1, STREET_EVSE_2, STREET_STATION_1

from server.core.reports import StartInfo
from server.main.gateway_flows import GatewayFlows
from server.storage import contracts, sessions, stations
from server.storage import outbox as stored_outbox
from server.storage.contracts import Token
from server.storage.db import Database
from shared.sessions import CommandAnswer

READY_BY = (NOW + timedelta(hours=14)).isoformat()


@pytest.fixture
async def plugged_in(context):
    session = await small_town.plug_in(context.db, NOW)
    await small_town.make_plan(context.db, HOME, NOW)
    return session


async def outbox(context, kind):
    """The keys of what waits to be done of one kind."""
    async with context.db.read() as tx:
        return [task.key for task in await stored_outbox.due(tx, NOW) if task.kind == kind]


async def test_the_home_screen_shows_the_session_with_its_plan(api, anna, plugged_in):
    (session,) = (await api.get("/api/sessions/current", headers=anna)).json()
    assert session["id"] == str(plugged_in)
    assert session["delay"] == "managed"
    assert session["plan"]["id"]
    assert sum(slot["planned_wh"] for slot in session["plan"]["slots"]) == session["need_wh"] > 0
    assert session == (await api.get(f"/api/sessions/{plugged_in}", headers=anna)).json()


async def test_another_departure_is_kept_and_the_place_planned_anew(api, context, anna, plugged_in):
    before = len(await outbox(context, "replan"))
    answer = await api.patch(f"/api/sessions/{plugged_in}", json={"ready_by": READY_BY}, headers=anna)
    assert answer.status_code == 200
    async with context.db.read() as tx:
        assert (await sessions.get(tx, plugged_in)).stated_ready_by == NOW + timedelta(hours=14)
    assert set(await outbox(context, "replan")) == {str(HOME)}
    assert before
    forgotten = await api.patch(f"/api/sessions/{plugged_in}", json={"ready_by": None}, headers=anna)
    assert forgotten.status_code == 200
    async with context.db.read() as tx:
        assert (await sessions.get(tx, plugged_in)).stated_ready_by is None


@pytest.mark.parametrize("ready_by", [NOW - timedelta(minutes=1), NOW + timedelta(days=15)])
async def test_a_departure_in_the_past_or_in_three_weeks_is_refused(api, anna, plugged_in, ready_by):
    said = {"ready_by": ready_by.isoformat()}
    answer = await api.patch(f"/api/sessions/{plugged_in}", json=said, headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (409, "ready_by_out_of_range")


async def test_a_departure_without_a_time_zone_is_named(api, anna, plugged_in):
    answer = await api.patch(f"/api/sessions/{plugged_in}", json={"ready_by": "2025-01-16T07:00:00"}, headers=anna)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "ready_by"


async def test_an_override_has_a_price_before_it_is_pressed_and_changes_nothing_until_then(api, anna, plugged_in):
    quote = (await api.get(f"/api/sessions/{plugged_in}/override", headers=anna)).json()
    assert quote["cost_minor"] == quote["savings_before_minor"] - quote["savings_after_minor"] > 0
    assert quote["ready_after"] < quote["ready_before"]
    assert (await api.get(f"/api/sessions/{plugged_in}", headers=anna)).json()["override"] is False


async def test_an_override_is_set_and_undone(api, anna, plugged_in):
    url = f"/api/sessions/{plugged_in}/override"
    assert (await api.post(url, headers=anna)).json()["override"] is True
    assert (await api.post(url, headers=anna)).status_code == 200
    assert (await api.delete(url, headers=anna)).json()["override"] is False
    assert (await api.get(f"/api/sessions/{plugged_in}", headers=anna)).json()["override"] is False


async def test_a_session_that_has_ended_is_neither_overridden_nor_quoted_nor_stopped(api, context, anna, plugged_in):
    await small_town.unplug(context.db, plugged_in, NOW, 0)
    url = f"/api/sessions/{plugged_in}"
    for answer in (
        await api.get(f"{url}/override", headers=anna),
        await api.post(f"{url}/override", headers=anna),
        await api.delete(f"{url}/override", headers=anna),
        await api.patch(url, json={"target_pct": 90}, headers=anna),
        await api.post(f"{url}/stop", headers=anna),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "session_ended")
    assert context.commands.told == []


async def test_a_receipt_comes_once_the_session_is_settled(api, context, anna, plugged_in):
    url = f"/api/sessions/{plugged_in}/receipt"
    answer = await api.get(url, headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_settled")
    await small_town.unplug(context.db, plugged_in, NOW + timedelta(hours=10), 20_000)
    receipt = (await api.get(url, headers=anna)).json()
    assert receipt["energy_wh"] == 20_000
    assert sum(slot["actual_wh"] for slot in receipt["slots"]) == 20_000


async def test_the_history_comes_in_pages_without_gap_or_repeat(api, context, anna):
    ids = []
    for day in range(7, 0, -1):
        at = NOW - timedelta(days=day)
        session = await small_town.plug_in(context.db, at)
        await small_town.unplug(context.db, session, at + timedelta(hours=1), 1_000)
        ids.insert(0, str(session))
    seen, cursor = [], None
    while True:
        query = "limit=3" + (f"&cursor={cursor}" if cursor else "")
        page = (await api.get(f"/api/sessions?{query}", headers=anna)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 3
    assert seen == ids


async def test_a_cursor_that_we_did_not_give_is_named(api, anna):
    for cursor in ("yesterday", "-1", "9" * 17):
        answer = await api.get("/api/sessions", params={"cursor": cursor}, headers=anna)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "cursor"


# --- start and stop -----------------------------------------------------------


async def start(api, headers, evse=STREET_EVSE_1, **said):
    return await api.post("/api/sessions", json={"evse_id": str(evse), **said}, headers=headers)


async def test_a_start_tells_the_station_to_charge_on_the_drivers_token(api, context, anna):
    answer = await start(api, anna)
    assert answer.json() == {"status": "accepted", "detail": ""}
    assert context.commands.told == [("start", STREET_STATION_1, 1, "ANNA-CARD")]


async def test_an_app_token_goes_before_a_card(api, context, anna):
    async with context.db.begin() as tx:
        await contracts.add_token(tx, Token("ANNA-APP", small_town.PROVIDER, small_town.ANNA, "app", valid=True))
    await start(api, anna)
    assert context.commands.told[0][3] == "ANNA-APP"


async def test_what_the_station_answers_is_told_as_it_is(api, context, anna):
    context.commands.answer = CommandAnswer("rejected", "Rejected")
    assert (await start(api, anna)).json() == {"status": "rejected", "detail": "Rejected"}


@pytest.mark.parametrize(
    ("evse", "refusal"),
    [
        (STREET_EVSE_2, (409, "station_offline")),
        (small_town.BERTS_EVSE, (404, "not_found")),
        (small_town.an_id("nothing"), (404, "not_found")),
    ],
)
async def test_a_start_that_cannot_be_is_refused_before_the_station_hears_of_it(api, context, anna, evse, refusal):
    answer = await start(api, anna, evse)
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert context.commands.told == []


async def test_an_evse_that_is_taken_broken_or_yours_already_is_not_started(api, context, anna, bert):
    async with context.db.begin() as tx:
        await stations.set_status(tx, STREET_EVSE_1, "Faulted", "GroundFailure", NOW)
    assert (await start(api, anna)).json()["code"] == "evse_not_free"
    await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    assert (await start(api, anna)).json()["code"] == "already_charging"
    assert (await start(api, bert)).json()["code"] == "evse_in_use"
    assert (await start(api, bert)).status_code == 409


async def test_a_car_that_waits_at_the_cable_may_be_started(api, context, anna):
    async with context.db.begin() as tx:
        await stations.set_status(tx, STREET_EVSE_1, "Preparing", "NoError", NOW)
    assert (await start(api, anna)).json()["status"] == "accepted"


async def test_a_departure_stated_with_a_start_holds_for_the_session_that_opens_after_a_restart(api, context, anna):
    assert (await start(api, anna, ready_by=READY_BY)).json()["status"] == "accepted"
    db = Database(str(context.db.url))  # as a server that was killed and started again
    info = StartInfo(1, "ANNA-CARD", 0, NOW + timedelta(minutes=1))
    context.clock.advance_to(info.at)
    answer = await GatewayFlows(db, context.clock).start(STREET_STATION_1, info)
    async with db.read() as tx:
        session = await sessions.by_transaction(tx, STREET_STATION_1, answer.transaction_id)
    await db.close()
    assert session.stated_ready_by == NOW + timedelta(hours=14)


@pytest.mark.parametrize(("said", "kept"), [("accepted", 1), ("timed_out", 1), ("rejected", 0), ("offline", 0)])
async def test_what_is_stated_with_a_start_is_kept_as_long_as_the_station_may_start(api, context, anna, said, kept):
    context.commands.answer = CommandAnswer(said)
    await start(api, anna, ready_by=READY_BY)
    assert await small_town.rows(context.db, "start_wishes") == kept


async def test_a_departure_in_the_past_is_refused_before_the_start(api, context, anna):
    answer = await start(api, anna, ready_by=(NOW - timedelta(hours=1)).isoformat())
    assert (answer.status_code, answer.json()["code"]) == (409, "ready_by_out_of_range")
    assert context.commands.told == []


async def test_a_stop_tells_the_station_to_end_the_transaction(api, context, anna):
    session_id = await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    answer = await api.post(f"/api/sessions/{session_id}/stop", headers=anna)
    assert answer.json()["status"] == "accepted"
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
    assert context.commands.told == [("stop", STREET_STATION_1, session.transaction_id)]


async def test_an_estimate_is_a_range_of_money_where_somebody_pays(api, anna, bert):
    found = (await api.get(f"/api/locations/evses/{STREET_EVSE_1}/estimate", headers=anna)).json()
    assert 0 < found["cashback"]["low_minor"] <= found["cashback"]["high_minor"]
    assert found["savings"] is None
    home = (await api.get("/api/locations/home/estimate", headers=anna)).json()
    assert home == (await api.get(f"/api/locations/evses/{HOME_EVSE}/estimate", headers=anna)).json()
    assert (home["cashback"], home["savings"]["high_minor"] > 0) == (None, True)
    nobody = await api.get("/api/locations/home/estimate", headers=bert)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "no_estimate")


async def test_cashback_of_a_public_night_stands_in_the_wallet_line_by_line(api, context, anna):
    for day in (3, 2, 1):
        await small_town.a_night(context.db, NOW - timedelta(days=day))
    wallet = (await api.get("/api/wallet", headers=anna)).json()
    seen, cursor = [], None
    while True:
        query = "limit=1" + (f"&cursor={cursor}" if cursor else "")
        page = (await api.get(f"/api/wallet/entries?{query}", headers=anna)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    everything = (await api.get("/api/wallet/entries?limit=100", headers=anna)).json()["items"]
    assert [entry["id"] for entry in seen] == [entry["id"] for entry in everything]
    assert wallet["sessions"] == 3
    assert wallet["balance_minor"] > 0
    assert all(entry["location_name"] == "Lootsstraat" for entry in everything)

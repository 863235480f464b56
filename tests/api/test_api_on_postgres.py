"""One driver's days and one operator's morning over the API on PostgreSQL, where SQLite is more forgiving."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
import small_town
from api_edge import SETTINGS, FakeStations, InlineSolver, asking, bearer
from operators_desk import opened
from small_town import ANNA, NOW, OLGA, PASSWORD, STREET_EVSE_1, Database, email

from server.api.app import ApiContext
from server.bus import LocalBus
from server.clock import SteppedClock

pytestmark = pytest.mark.postgres
FIXED = {"kind": "fixed", "price_micro_per_kwh": 310_000}
CAR = {"name": "Grote rode", "capacity_wh": 77_000, "max_ac_w": 11_040, "phases": 3}


@pytest.fixture
async def context(lent_postgres_url):
    db = Database(lent_postgres_url)
    yield ApiContext(db, SteppedClock(NOW), LocalBus(), InlineSolver(), FakeStations(), SETTINGS)
    await db.close()


async def test_a_drivers_days(context):
    for day in (2, 1):
        await small_town.a_night(context.db, NOW - timedelta(days=day))
    session = await small_town.plug_in(context.db, NOW)
    await small_town.make_plan(context.db, small_town.HOME, NOW)
    async with asking(context) as api:
        pair = (await api.post("/api/auth/sign-in", json={"email": email(ANNA), "password": PASSWORD})).json()
        used = {"refresh_token": pair["refresh_token"]}
        anna = {"Authorization": f"Bearer {(await api.post('/api/auth/refresh', json=used)).json()['access_token']}"}
        assert (await api.post("/api/auth/refresh", json=used)).status_code == 401
        assert (await api.patch("/api/me", json={"consent": False, "habits": []}, headers=anna)).status_code == 200
        assert (await api.put(f"/api/vehicles/{uuid4()}", json=CAR, headers=anna)).status_code == 201
        assert (await api.put("/api/tariffs/home", json=FIXED, headers=anna)).status_code == 200
        view = (await api.get(f"/api/sessions/{session}", headers=anna)).json()
        assert view["contract_kind"] == "home_dynamic"
        assert (await api.post(f"/api/sessions/{session}/override", headers=anna)).json()["override"] is True
        first = (await api.get("/api/sessions?limit=2", headers=anna)).json()
        rest = (await api.get(f"/api/sessions?limit=2&cursor={first['next_cursor']}", headers=anna)).json()
        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
        assert (await api.get("/api/wallet", headers=anna)).json()["balance_minor"] > 0
        entries = (await api.get("/api/wallet/entries?limit=1", headers=anna)).json()
        assert len(entries["items"]) == 1
        assert len((await api.get("/api/locations", headers=anna)).json()) == 2
        assert (await api.get(f"/api/locations/evses/{STREET_EVSE_1}/estimate", headers=anna)).status_code in (200, 404)
        assert len((await api.get("/api/prices", headers=anna)).json()["slots"]) == 144


async def test_an_operators_morning(context):
    async with asking(context) as api:
        olga = bearer(OLGA)
        new = {"identity": "LOOTS/3", "location_name": "lootsstraat"}
        adding = [api.post("/api/stations", json=new, headers=olga) for _ in range(2)]
        assert sorted(answer.status_code for answer in await asyncio.gather(*adding)) == [201, 409]
        assert len((await api.get("/api/stations", headers=olga)).json()) == 3
        assert (await api.get("/api/demo/drivers")).status_code == 200
        assert (await api.get("/api/health")).status_code == 200


async def test_an_operators_message_log_and_notices(context):
    query = {"text": "AVAILABLE", "since": "2025-01-15T17:00:00Z", "until": "2025-01-15T19:00:00+00:00"}
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    async with opened(context) as desk:
        async with desk.station(answers={"Reset": {"status": "Accepted"}}) as box:
            await box.ask("StatusNotification", status, "a")
            await box.ask("SecurityEventNotification", {"type": "Odd", "techInfo": "\x00"}, "b")
            await box.socket.send(b"\x00\xff")
            assert (await desk.command("Reset", {"type": "Soft"})).json()["status"] == "answered"
        assert len(await desk.frames()) == 7
        assert [one["action"] for one in await desk.frames(**query)] == ["StatusNotification"]
        assert (await desk.frames(action="Reset"))[1]["asked_by"] == str(OLGA)
        trace = await desk.api.get("/api/messages/trace", headers=bearer(OLGA))
        assert len(trace.text.splitlines()) == 7
        events = await desk.api.get("/api/stations/LOOTS%2F1/events", headers=bearer(OLGA))
        assert [one["status"] for one in events.json()["items"]] == ["Odd"]
        assert (await desk.api.get("/api/disputes", headers=bearer(OLGA))).json() == []

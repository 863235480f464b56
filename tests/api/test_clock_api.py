"""The server's clock over the API."""

from datetime import timedelta

from api_edge import SETTINGS, FakeStations, InlineSolver, asking
from small_town import NOW

from server.api.app import ApiContext
from server.bus import LocalBus
from server.clock import ScaledClock


async def test_the_clock_tells_the_charging_sides_time(api, context, anna):
    context.clock.advance_to(NOW + timedelta(hours=2))
    assert (await api.get("/api/clock", headers=anna)).json() == {
        "now": "2025-01-15T20:00:00Z",
        "speed": 0,
        "demo": True,
    }


async def test_the_demos_buttons_change_the_pace(context, anna):
    clock = ScaledClock(NOW, 1)
    scaled = ApiContext(context.db, clock, LocalBus(), InlineSolver(), FakeStations(), SETTINGS, clock.set_speed)
    async with asking(scaled) as api:
        for speed in (600, 60, 1, 0):
            assert (await api.put("/api/clock", json={"speed": speed}, headers=anna)).json()["speed"] == speed
        answer = await api.put("/api/clock", json={"speed": 7}, headers=anna)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "speed", "message": "Expected one of 0, 1, 60, 600, got 7."}]
    assert clock.speed == 0

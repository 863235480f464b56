"""Many stations at once, on the wall clock."""

import pytest
from csms_edge import NOON, CentralSystem

from server.simulator.load import LoadPlan, simulate, wrong_url


async def test_thirty_stations_boot_charge_report_and_leave():
    seen = []
    async with CentralSystem(lambda: NOON) as system:
        counts = await simulate(LoadPlan(30, system.url, "key-{n}", reading_s=0.3, seconds=1.2), seen.append)
    assert len(system.peers) == 30
    assert len(system.transactions) == len(system.stops) == 15
    assert len(system.readings) >= 45
    assert (counts.refused, counts.denied, counts.errors, counts.dropped) == (0, 0, 0, 0)
    assert counts.frames > 300
    assert seen


async def test_cards_that_are_not_accepted_are_counted():
    async with CentralSystem(lambda: NOON) as system:
        system.blocked = {"SIMULATOR"}
        counts = await simulate(LoadPlan(4, system.url, "key", reading_s=0.2, seconds=0.3))
    assert (counts.denied, len(system.transactions)) == (2, 0)


async def test_a_server_that_is_not_there_is_counted_with_its_reason():
    async with CentralSystem(lambda: NOON) as system:
        url = system.url
    counts = await simulate(LoadPlan(3, url, "key", seconds=0.5))
    assert (counts.refused, counts.connected) == (3, 0)
    assert "refused" in counts.last_trouble.lower() or "connect" in counts.last_trouble.lower()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "ws://", "127.0.0.1:9000", "ws://host:99999/x"])
async def test_a_wrong_url_is_said_in_one_line(url):
    assert "\n" not in wrong_url(url)
    with pytest.raises(ValueError, match=r"expected|[Pp]ort"):
        await simulate(LoadPlan(1, url, "key"))


def test_a_right_url_is_right():
    assert wrong_url("ws://127.0.0.1:9000/ocpp") is None

"""A station that sends nonsense waits for itself; nobody else does."""

import asyncio
import time

import pytest
from gateway_town import KEY

from server.gateway.listener import GatewaySettings
from server.gateway.patience import AT_ONCE, FEW, PACE_S, Patience, Turns

MORE = 20


def test_a_few_bad_frames_cost_nothing_and_a_flood_of_them_is_slowed_down():
    now = [100.0]
    patience = Patience(50.0, clock=lambda: now[0])
    assert [patience.wait_s() for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert patience.wait_s() == 1 / 50
    now[0] += 1 / 50
    assert round(patience.wait_s(), 9) == 1 / 50, "who waits as long as it was told goes on at that speed"
    now[0] += AT_ONCE / 50
    assert patience.wait_s() == 0.0, "and is believed again after a while"


def test_without_a_number_nothing_waits():
    patience = Patience(None, clock=lambda: 0.0)
    assert max(patience.wait_s() for _ in range(10 * AT_ONCE)) == 0.0


def test_who_sent_more_than_a_few_of_late_takes_turns_and_is_forgiven():
    now = [100.0]
    patience = Patience(50.0, clock=lambda: now[0])
    for _ in range(FEW):
        patience.wait_s()
    assert not patience.tried
    patience.wait_s()
    assert patience.tried
    now[0] += 2 / 50
    assert not patience.tried
    unbounded = Patience(None, clock=lambda: now[0])
    assert [unbounded.wait_s() for _ in range(2 * FEW)][-1] == 0.0
    assert not unbounded.tried


async def test_turns_come_one_at_a_time_in_the_order_of_asking():
    turns, came = Turns(), []

    async def ask(number: int) -> None:
        await Patience(50.0, turns).turn()
        came.append((number, time.monotonic()))

    begun = time.monotonic()
    await asyncio.gather(*(ask(number) for number in range(5)))
    assert [number for number, _ in came] == [0, 1, 2, 3, 4]
    assert all(at - begun >= PACE_S * (number + 1) * 0.9 for number, at in came)


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(port=0, quiet_s=0.0, bad_frames_per_s=100.0)


@pytest.mark.parametrize("nonsense", ["[2]", '[2,"1","Nope",{}]', '[2,"1","Authorize",{}]'])
async def test_what_a_gateway_refuses_it_takes_slowly_from_that_station_alone(town, nonsense):
    town.flows.keys["CP2"] = KEY
    async with town.station() as wild, town.station("CP2") as other:
        begun = time.monotonic()
        for _ in range(AT_ONCE + MORE):
            await wild.send(nonsense)
        await asyncio.gather(*(one.send('[2,"beat","Heartbeat",{}]') for one in (wild, other)))
        await asyncio.wait_for(other.recv(), 5)
        took_s = time.monotonic() - begun
        async with asyncio.timeout(20):
            while '"beat"' not in await wild.recv():
                pass
        assert time.monotonic() - begun >= max(MORE / 100, took_s)

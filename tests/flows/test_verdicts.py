"""A verdict on a delay, once given, holds until what it stands on changes."""

import pytest
from flow_story import (
    HOUR,
    MINUTE,
    VALLEY,
    Accepting,
    day_ahead,
    meter,
    plan_of,
    publish,
    publish_days,
    say,
    session_of,
)
from small_town import HOME, NOW, plug_in

from server.clock import SteppedClock
from server.storage.outbox import Task
from server.workers import replan as worker
from server.workers.context import WorkContext
from server.workers.solve import Inline
from shared.sessions import Delay, SessionUpdate

FLAT = [100] * 24


class Counting:
    """The engine, and how often it was asked."""

    def __init__(self):
        self.asked = 0

    async def solve(self, problem):
        self.asked += 1
        return await Inline().solve(problem)


async def solves(db, now):
    """Plan the home as the worker does; how often the engine was asked."""
    engine = Counting()
    context = WorkContext(db, SteppedClock(now), Accepting(), engine)
    for work in (worker.replan, worker.dispatch):
        await work(context, Task(0, work.__name__, str(HOME), "{}", now, 0))
    return engine.asked


async def judged(db):
    """A car at home under a price that is the same all day: nothing is gained by waiting."""
    await publish_days(db, FLAT)
    session_id = await plug_in(db, NOW)
    assert await solves(db, NOW + MINUTE) == 2
    assert (await session_of(db, session_id)).delay is Delay.NOTHING_TO_GAIN
    return session_id


async def test_a_verdict_that_stands_is_not_asked_for_again(town):
    session_id = await judged(town)
    before = await plan_of(town, session_id)
    assert await solves(town, NOW + 2 * MINUTE) == 1
    assert (await session_of(town, session_id)).delay is Delay.NOTHING_TO_GAIN
    after = await plan_of(town, session_id)
    assert (after.depart_at, after.need_wh) == (before.depart_at, before.need_wh)


async def test_a_car_that_charges_since_waiting_brings_nothing_is_not_paused_half_way(town):
    session_id = await judged(town)
    await meter(town, session_id, NOW + 20 * MINUTE, 3_000, 11_000)
    assert await solves(town, NOW + 20 * MINUTE) == 1
    assert (await session_of(town, session_id)).delay is Delay.NOTHING_TO_GAIN
    assert (await plan_of(town, session_id)).power_w(NOW + 20 * MINUTE) > 0


async def test_new_prices_are_judged_anew(town):
    session_id = await judged(town)
    later = NOW + 5 * MINUTE
    await publish(town, valley_revised(later), later)
    await solves(town, later)
    assert (await session_of(town, session_id)).delay is Delay.MANAGED


def valley_revised(now):
    """The day's prices of a source that is believed before the others, fetched now."""
    slots = day_ahead(NOW.date(), VALLEY, "entsoe")
    return [type(one)(one.start, one.seconds, one.price_micro_per_kwh, one.source, fetched_at=now) for one in slots]


@pytest.mark.parametrize("update", [SessionUpdate(ready_by=NOW + 20 * HOUR), SessionUpdate(energy_wh=30_000)])
async def test_what_the_driver_changes_is_judged_anew(town, update):
    session_id = await judged(town)
    await say(town, session_id, update, NOW + 2 * MINUTE)
    assert await solves(town, NOW + 2 * MINUTE) == 2
    assert (await session_of(town, session_id)).delay is Delay.NOTHING_TO_GAIN

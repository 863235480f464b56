"""The price worker asks when the market publishes, keeps what came, and outlives whatever a feed does."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from small_town import NOW, STREET_STATION_1, plug_in, rows

from server.core.price_forecast import FORECAST, HORIZON
from server.core.pricecurve import PriceSlot, Quality, curve
from server.core.timegrid import local_day
from server.feeds.ports import FeedUnavailable, NotPublished
from server.storage import prices as stored
from server.workers.prices import AGAIN, PriceWorker

LOCAL = ZoneInfo("Europe/Amsterdam")
TODAY = NOW.astimezone(LOCAL).date()
TOMORROW = TODAY + timedelta(days=1)


class Feed:
    """A feed by hand: `price` EUR/MWh for all of a day; `trouble` is raised instead."""

    def __init__(self, name, price=50, trouble=None):
        self.name, self.price, self.trouble = name, price, trouble
        self.asked = []

    async def fetch(self, zone, day):
        self.asked.append((zone, day))
        if self.trouble is not None:
            raise self.trouble
        starts = local_day(day, LOCAL).starts()
        return [PriceSlot(start, 900, self.price * 1000, self.name, fetched_at=NOW) for start in starts]


@asynccontextmanager
async def working(context, *feeds):
    worker = PriceWorker(context, feeds, jitter=False)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def idle(worker):
    async with asyncio.timeout(10):
        await asyncio.sleep(0.01)
        while worker.busy:  # noqa: ASYNC110 -- what is waited for is that nothing happens
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.01)


async def between(context, start, end):
    """What feeds said of a time."""
    async with context.db.read() as tx:
        return [slot for slot in await stored.between(tx, "NL", start, end) if slot.source != FORECAST]


async def test_it_asks_for_today_and_tomorrow_and_plans_anew(context):
    await plug_in(context.db, NOW, STREET_STATION_1)
    before = await rows(context.db, "outbox")
    feed = Feed("entsoe")
    async with working(context, feed) as worker:
        await idle(worker)
    assert feed.asked == [("NL", TODAY), ("NL", TOMORROW)]
    grid = local_day(TOMORROW, LOCAL)
    kept = await between(context, grid.start, grid.end)
    assert (len(kept), {slot.quality for slot in kept}) == (grid.slots + 4, {Quality.PRELIMINARY})
    assert await rows(context.db, "outbox") == before + 2  # two homes; the street's replan waited already
    assert worker.problems == []


async def test_it_goes_on_asking_until_every_source_has_published(context):
    first, late = Feed("energy_charts"), Feed("entsoe", trouble=NotPublished("entsoe", "tomorrow is not out"))
    async with working(context, first, late) as worker:
        await idle(worker)
        assert "entsoe: tomorrow is not out" in worker.problems
        asked = len(late.asked)
        late.trouble, late.price = None, 60
        context.clock.advance_to(NOW + timedelta(minutes=30))
        await idle(worker)
        assert len(late.asked) > asked
        async with context.db.read() as tx:
            assert await stored.notices(tx, "NL", NOW) == ["sources_differ"]
        asked = len(late.asked)
        context.clock.advance_to(NOW + timedelta(hours=5))
        await idle(worker)
        assert len(late.asked) == asked  # all is known until tomorrow noon
        context.clock.advance_to(datetime(2025, 1, 16, 12, 0, tzinfo=UTC))
        await idle(worker)
        assert len(late.asked) > asked


async def test_two_sources_that_agree_make_prices_final(context):
    async with working(context, Feed("energy_charts"), Feed("entsoe")) as worker:
        await idle(worker)
    grid = local_day(TOMORROW, LOCAL)
    newest = {(slot.source, slot.start): slot.quality for slot in await between(context, grid.start, grid.end)}
    assert set(newest.values()) == {Quality.FINAL}


async def test_a_feed_that_is_down_is_a_problem_and_one_that_is_broken_ends_nothing(context):
    down, broken = Feed("a", trouble=FeedUnavailable("a", "answered HTTP 503")), Feed("b", trouble=ValueError("odd"))
    async with working(context, down, Feed("c")) as worker:
        await idle(worker)
        assert worker.problems == ["a: answered HTTP 503", "a: answered HTTP 503"]
    async with working(context, broken) as worker:
        await idle(worker)
        assert len(broken.asked) == 1
        broken.trouble = None
        context.clock.advance_to(NOW + AGAIN)
        await idle(worker)
        assert len(broken.asked) == 3


async def test_a_week_beyond_the_published_prices_is_forecast_and_replaced_as_they_come(context):
    feed = Feed("energy_charts")
    async with working(context, feed) as worker:
        await idle(worker)
    beyond = local_day(TOMORROW + timedelta(days=1), LOCAL)

    async def of_that_day():
        async with context.db.read() as tx:
            slots = await stored.between(tx, "NL", beyond.start, beyond.end)
        return curve(slots, beyond)

    assert {(slot.source, slot.quality) for slot in await of_that_day()} == {(FORECAST, Quality.FORECAST)}
    async with context.db.read() as tx:
        ahead = await stored.between(tx, "NL", beyond.start, beyond.start + 2 * HORIZON)
    assert max(slot.end for slot in ahead) == beyond.start + HORIZON
    context.clock.advance_to(NOW + timedelta(days=1))
    async with working(context, feed) as worker:
        await idle(worker)
    assert {slot.source for slot in await of_that_day()} == {"energy_charts"}

from datetime import UTC, date, datetime

import pytest

from server.core.pricecurve import PriceSlot, Quality
from server.core.pricezone import ZONES
from server.feeds.null import NoPrices
from server.feeds.ports import FeedUnavailable, NotPublished, PriceFeed
from server.feeds.prices.ask import ask_all
from server.feeds.prices.typical import TypicalPrices

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLOT = PriceSlot(NOW, 900, 1, "good")


class Good:
    name = "good"

    async def fetch(self, zone, day):
        return [SLOT]


class Down:
    name = "down"

    async def fetch(self, zone, day):
        raise FeedUnavailable(self.name, "answered HTTP 503")


async def test_a_feed_that_fails_does_not_hide_what_another_said():
    answers = await ask_all([Down(), NoPrices(), Good()], "NL", date(2026, 3, 3))
    assert answers.slots == [SLOT]
    assert answers.problems == [
        "down: answered HTTP 503",
        "none: no prices of NL for 2026-03-03: no price feed is configured",
    ]


async def test_the_null_feed_never_has_prices():
    feed: PriceFeed = NoPrices()
    with pytest.raises(NotPublished):
        await feed.fetch("NL", date(2026, 3, 3))


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 3, 3), 96), (date(2026, 10, 25), 100)])
async def test_without_internet_every_day_has_typical_prices_that_say_so(day, slots):
    feed: PriceFeed = TypicalPrices(lambda: NOW)
    found = await feed.fetch("NL", day)
    assert len(found) == slots
    assert {(slot.source, slot.quality, slot.fetched_at) for slot in found} == {("typical", Quality.ESTIMATED, NOW)}


async def test_every_known_zone_has_a_day():
    feed = TypicalPrices(lambda: NOW)
    for code in ZONES:
        assert len(await feed.fetch(code, date(2026, 3, 3))) == 96
    with pytest.raises(FeedUnavailable, match="unknown price zone 'GB'"):
        await feed.fetch("GB", date(2026, 3, 3))

"""Market prices: every source and revision is kept, the first word of each stands, and none is overwritten."""

import asyncio
from datetime import timedelta, timezone

import msgspec
from small_town import NOW

from server.core.pricecurve import PriceSlot, Quality
from server.storage import prices

HOUR = timedelta(hours=1)


def slot(hours, price, source="entsoe", **more):
    return PriceSlot(NOW + hours * HOUR, more.pop("seconds", 3600), price, source, fetched_at=NOW, **more)


async def add(db, *slots, zone="NL"):
    async with db.begin() as tx:
        return await prices.add(tx, zone, slots)


async def between(db, start, end, zone="NL"):
    async with db.read() as tx:
        return await prices.between(tx, zone, NOW + start * HOUR, NOW + end * HOUR)


async def test_slots_come_back_as_they_came_oldest_first(db):
    kept = [slot(0, -500_000_000), slot(1, 3_000_000_000, quality=Quality.FINAL), slot(2, 0, seconds=900)]
    assert await add(db, *reversed(kept)) == 3
    assert await between(db, 0, 3) == kept
    assert all(one.start.utcoffset() == timedelta(0) for one in await between(db, 0, 3))


async def test_what_is_known_is_not_overwritten_and_not_counted(db):
    first = slot(0, 100)
    assert await add(db, first, first) == 1
    assert await add(db, msgspec.structs.replace(first, price_micro_per_kwh=999), slot(1, 200)) == 1
    assert [one.price_micro_per_kwh for one in await between(db, 0, 2)] == [100, 200]
    assert await add(db) == 0


async def test_sources_revisions_lengths_and_zones_stand_side_by_side(db):
    kept = [
        slot(0, 1, seconds=900),
        slot(0, 2, "energy_charts"),
        slot(0, 3),
        slot(0, 4, revision=2),
    ]
    assert await add(db, *reversed(kept)) == 4
    assert await add(db, slot(0, 5), zone="DE-LU") == 1
    assert await between(db, 0, 1) == kept
    assert await between(db, 0, 1, "DE-LU") == [slot(0, 5)]


async def test_an_hour_that_began_before_is_found_and_one_that_begins_at_the_end_is_not(db):
    await add(db, slot(-2, 1), slot(-1, 2), slot(0, 3), slot(1, 4))
    elsewhere = timezone(timedelta(hours=5, minutes=45))
    async with db.read() as tx:
        start = (NOW - HOUR / 2).astimezone(elsewhere)
        found = await prices.between(tx, "NL", start, (NOW + HOUR).astimezone(elsewhere))
    assert [one.price_micro_per_kwh for one in found] == [2, 3]


async def test_more_slots_than_one_statement_takes(db):
    many = [slot(hours, hours) for hours in range(2_001)]
    assert await add(db, *many) == len(many)
    assert await between(db, 0, len(many)) == many


async def test_two_fetchers_at_once_keep_each_slot_once(db):
    day = [slot(hours, hours) for hours in range(24)]
    await asyncio.gather(*(add(db, *day) for _ in range(4)))
    assert await between(db, 0, 24) == day


async def test_notices_of_a_zone_since_a_time(db):
    async with db.begin() as tx:
        for zone, hours, kind in (("NL", 0, "sources_differ"), ("NL", 1, "sources_differ"), ("NL", 1, "late")):
            await prices.add_notice(tx, zone, NOW + hours * HOUR, kind, "why")
        await prices.add_notice(tx, "DE-LU", NOW, "other", "")
    async with db.read() as tx:
        assert await prices.notices(tx, "NL", NOW) == ["late", "sources_differ"]
        assert await prices.notices(tx, "DE-LU", NOW + HOUR) == []

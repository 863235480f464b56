"""Prices that come in: kept once, replanned once, and where two sources differ, said."""

import asyncio
from datetime import date, timedelta

import pytest
from flow_story import LOCAL, VALLEY, asks, day_ahead, publish
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from small_town import BERTS_HOME, HOME, NOW, STREET

from server.core.pricecurve import Quality, latest
from server.core.timegrid import Grid, local_day
from server.flows import facts, prices
from server.flows.announcements import PricesMoved
from server.storage import locations
from server.storage import prices as stored
from server.storage.db import Database

DAY = date(2025, 1, 16)
EVERYWHERE = sorted(str(place) for place in (HOME, STREET, BERTS_HOME))


async def kept(db, day=DAY, zone="NL"):
    """The newest revision of every slot of a day."""
    grid = local_day(day, LOCAL)
    async with db.read() as tx:
        return latest(await stored.between(tx, zone, grid.start, grid.end))


async def notices(db):
    async with db.read() as tx:
        return await stored.notices(tx, "NL", NOW - timedelta(days=1))


async def test_a_single_source_is_preliminary_and_plans_every_place_of_its_zone_anew(town):
    told = []
    town.on_commit = lambda announced, queued: told.append((announced, queued))
    assert await publish(town, day_ahead(DAY)) == 96
    assert {slot.quality for slot in await kept(town)} == {Quality.PRELIMINARY}
    assert sorted(await asks(town, NOW)) == EVERYWHERE
    assert await notices(town) == []
    assert told[0] == ([PricesMoved("NL")], True)


async def test_the_same_prices_again_are_nothing_new(town):
    await publish(town, day_ahead(DAY))
    await asks(town, NOW)
    assert await publish(town, day_ahead(DAY)) == 0
    assert await asks(town, NOW) == []


async def test_another_zones_prices_plan_nothing_here(town):
    assert await publish(town, day_ahead(DAY), zone="DE-LU") == 96
    assert await asks(town, NOW) == []
    assert await kept(town) == []


async def test_two_sources_that_agree_make_prices_final_without_a_notice(town):
    await publish(town, day_ahead(DAY))
    await asks(town, NOW)
    assert await publish(town, day_ahead(DAY, source="entsoe")) == 192, "the first source's are confirmed"
    assert {slot.quality for slot in await kept(town)} == {Quality.FINAL}
    assert await notices(town) == []
    assert sorted(await asks(town, NOW)) == EVERYWHERE


async def test_two_sources_that_differ_are_said_and_plan_anew(town):
    await publish(town, day_ahead(DAY))
    await asks(town, NOW)
    others = [
        replace(slot, price_micro_per_kwh=slot.price_micro_per_kwh + 5_000) if n in (8, 9) else slot
        for n, slot in enumerate(day_ahead(DAY, source="entsoe"))
    ]
    assert await publish(town, others) == 96 + 94
    assert await notices(town) == ["sources_differ"]
    assert sorted(await asks(town, NOW)) == EVERYWHERE
    final = [slot.quality is Quality.FINAL for slot in await kept(town) if slot.source == "entsoe"]
    assert [n for n, agreed in enumerate(final) if not agreed] == [8, 9]


async def test_a_revision_is_kept_beside_what_it_replaces_and_counts_from_now_on(town):
    await publish(town, day_ahead(DAY))
    await asks(town, NOW)
    changed = [replace(slot, price_micro_per_kwh=-3_000) if n == 20 else slot for n, slot in enumerate(day_ahead(DAY))]
    assert await publish(town, changed) == 1
    assert sorted(await asks(town, NOW)) == EVERYWHERE
    slot = (await kept(town))[20]
    assert (slot.price_micro_per_kwh, slot.revision) == (-3_000, 2)
    grid = local_day(DAY, LOCAL)
    async with town.read() as tx:
        assert len(await stored.between(tx, "NL", grid.start, grid.end)) == 97
        place = await locations.get(tx, HOME)
        assert (await facts.market(tx, place, grid))[20].price_micro_per_kwh == -3_000
    assert await publish(town, day_ahead(DAY)) == 1, "and back again is a third revision"
    assert (await kept(town))[20].revision == 3


@pytest.mark.parametrize(("day", "quarters"), [(date(2025, 3, 30), 92), (date(2025, 10, 26), 100)])
async def test_the_days_on_which_clocks_change_are_kept_quarter_by_quarter(town, day, quarters):
    told = [replace(slot, price_micro_per_kwh=1_000 * n) for n, slot in enumerate(day_ahead(day))]
    assert await publish(town, told) == quarters
    grid = local_day(day, LOCAL)
    assert (grid.slots, grid.start.astimezone(LOCAL).hour, grid.end.astimezone(LOCAL).hour) == (quarters, 0, 0)
    async with town.read() as tx:
        place = await locations.get(tx, HOME)
        curve = await facts.market(tx, place, grid)
        assert await prices.known_until(tx, "NL", [grid], {"energy_charts"}) == grid.end
    assert [slot.price_micro_per_kwh for slot in curve] == [1_000 * n for n in range(quarters)]
    assert {slot.source for slot in curve} == {"energy_charts"}


async def test_a_day_is_known_when_all_sources_have_said_all_of_it(town):
    grids = [local_day(DAY + timedelta(days=n), LOCAL) for n in (-1, 0)]

    async def known(*names):
        async with town.read() as tx:
            return await prices.known_until(tx, "NL", grids, set(names))

    assert await known("energy_charts") is None
    await publish(town, day_ahead(DAY)[:-1])
    assert await known("energy_charts") is None, "its last quarter hour is missing"
    await publish(town, day_ahead(DAY))
    assert await known("energy_charts") == grids[1].end
    assert await known("energy_charts", "entsoe") is None
    await publish(town, day_ahead(DAY, source="entsoe"))
    assert await known("energy_charts", "entsoe") == grids[1].end


# Any order in which two feeds say things, again and again, ends in what each said last.
says = st.lists(
    st.tuples(st.sampled_from(["energy_charts", "entsoe"]), st.integers(0, 92), st.integers(1, 4), st.integers(-5, 5)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(says=says)
def test_what_each_source_said_last_is_what_is_kept(founded_town, tmp_path_factory, says):
    asyncio.run(_told(founded_town, tmp_path_factory.mktemp("prices") / "town.db", says))


async def _told(founded, path, says):
    path.write_bytes(founded.read_bytes())
    db = Database(f"sqlite:///{path}")
    start = local_day(DAY, LOCAL).start
    last = {}
    for source, first, count, price in says:
        slots = [replace(slot, price_micro_per_kwh=price * 1_000) for slot in day_ahead(DAY, VALLEY, source)]
        await publish(db, slots[first : first + count])
        assert await publish(db, slots[first : first + count]) == 0, "twice is once"
        last |= {(source, slot.start): slot.price_micro_per_kwh for slot in slots[first : first + count]}
    found = await kept(db)
    assert {(slot.source, slot.start): slot.price_micro_per_kwh for slot in found} == last
    agreed = {at for _, at in last if last.get(("entsoe", at)) == last.get(("energy_charts", at))}
    assert {slot.start for slot in found if slot.quality is Quality.FINAL} >= agreed
    whole = Grid(start, 96)
    async with db.read() as tx:
        place = await locations.get(tx, HOME)
        curve = await facts.market(tx, place, whole)
    for slot in curve:
        best = last.get(("entsoe", slot.start), last.get(("energy_charts", slot.start)))
        assert best is None or slot.price_micro_per_kwh == best
    await db.close()

"""A place with one limit inside of another: what is reserved counts at each above, and the engine is asked the tree."""

from flow_story import come_online, go_offline, question, replan
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id, plug_in

from server.flows import feeders
from server.flows.opening import _cap_w
from server.storage import locations, stations
from server.storage import sessions as stored
from shared.feeders import FeederAdd, FeederChange

MAIN = an_id("feeder")


async def corner(db, station="LOOTS/2", **limits):
    """A limit inside of the street's 25 A, with one of its two stations."""
    async with db.begin() as tx:
        place = await locations.get(tx, STREET)
        said = FeederAdd("Corner", MAIN, stations=[station], **(limits or {"limit_ma": [8_000]}))
        return (await feeders.add(tx, place, said, NOW)).id


async def second(db, **values):
    async with db.begin() as tx:
        await stations.update(tx, STREET_STATION_2, **values)


async def anna_comes(db):
    await come_online(db)
    return await plug_in(db, NOW, STREET_STATION_1)


async def test_what_an_offline_station_may_draw_is_reserved_at_each_limit_above_it(town):
    inner = await corner(town)
    await anna_comes(town)
    await second(town, safe_held_w=5_520)
    assert (await question(town, STREET, NOW)).place.reserved_w == {MAIN: 0, inner: 0}
    await go_offline(town)
    asked = await question(town, STREET, NOW)
    assert asked.place.reserved_w == {MAIN: 5_520, inner: 5_520}
    (site,) = asked.problem.sites
    (outer, small) = site.feeders
    assert (outer.limit_ma, small.limit_ma, small.parent) == ([17_000] * 3, [0] * 3, outer.id)
    assert asked.problem.demands[0].feeder == outer.id


async def test_a_lost_station_beside_a_limit_is_none_of_its_business(town):
    inner = await corner(town, "LOOTS/1")
    await anna_comes(town)
    await go_offline(town)
    asked = await question(town, STREET, NOW)
    assert asked.place.reserved_w == {MAIN: 8_625, inner: 0}
    assert asked.problem.demands[0].feeder == str(inner)


async def test_each_free_socket_of_a_lost_station_is_reserved(town):
    await anna_comes(town)
    async with town.begin() as tx:
        await stations.add_evse(tx, await stations.get(tx, STREET_STATION_2), 2)
    await second(town, safe_held_w=5_000)
    await go_offline(town)
    share = 8_300 * 690 // 1000
    assert (await question(town, STREET, NOW)).place.reserved_w == {MAIN: 2 * share}
    await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    assert (await question(town, STREET, NOW)).place.reserved_w == {MAIN: 2 * share}


async def test_a_plan_keeps_to_the_inner_limit_and_ends_in_the_least_share(town):
    await corner(town, "LOOTS/1")
    session_id = await anna_comes(town)
    async with town.begin() as tx:
        await stations.update(tx, STREET_STATION_1, safe_held_w=8_000 * 690 // 1000)
    await replan(town, STREET, NOW)
    async with town.read() as tx:
        plan = (await question(town, STREET, NOW)).asked[0].plan
        assert (await stored.get(tx, session_id)).plan_id == plan.id
    assert plan.final_w == 8_000 * 690 // 1000
    assert 0 < max(plan.energy_wh) <= 8_000 * 690 // 4000


async def test_until_a_station_holds_its_larger_share_a_plan_ends_in_the_smaller(town):
    await anna_comes(town)
    async with town.begin() as tx:
        await stations.update(tx, STREET_STATION_1, safe_held_w=4_140)
    assert (await question(town, STREET, NOW)).wishes[0].final_w == 4_140


async def test_a_station_behind_no_limit_is_not_held_back_beside_one(town):
    await anna_comes(town)
    async with town.begin() as tx:
        place = await locations.get(tx, STREET)
        await feeders.change(tx, place, MAIN, FeederChange(limit_ma=[6_000], without=["LOOTS/1"]), NOW)
    asked = await question(town, STREET, NOW)
    assert (asked.wishes[0].final_w, asked.wishes[0].feeder_id) == (11_040, None)
    assert asked.problem.demands[0].feeder is None
    assert asked.problem.sites[0].limit_w == 11_040


async def test_the_cap_of_a_baseline_is_that_of_the_tightest_limit_above(town):
    await corner(town)
    await anna_comes(town)
    async with town.read() as tx:
        boxes = [await stations.get(tx, one) for one in (STREET_STATION_1, STREET_STATION_2)]
        assert [await _cap_w(tx, box, NOW) for box in boxes] == [25 * 690 // 2, 8 * 690]

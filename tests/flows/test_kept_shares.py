"""What a station out of reach may draw is kept for it: the share that it confirmed, or all that it can."""

from flow_story import come_online, go_offline, question
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id, plug_in

from server.storage import stations

SHARE_W = 12_500 * 690 // 1000
FULL_W = 11_040


async def anna_comes(db):
    """Both stations are online, and Anna's car is at the first."""
    await come_online(db)
    await plug_in(db, NOW, STREET_STATION_1)


async def second(db, **values):
    async with db.begin() as tx:
        await stations.update(tx, STREET_STATION_2, **values)


async def reserved(db):
    return (await question(db, STREET, NOW)).place.reserved_w[an_id("feeder")]


async def test_a_station_that_confirmed_no_share_is_kept_no_less_once_its_line_drops(town):
    await anna_comes(town)
    await second(town, safe_held_w=None, booted_at=NOW)
    assert await reserved(town) == FULL_W
    await go_offline(town)
    assert await reserved(town) == FULL_W
    await second(town, booted_at=None)
    assert await reserved(town) == SHARE_W, "one that never was here counts as a share"
    await second(town, booted_at=NOW)
    await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    assert await reserved(town) == FULL_W


async def test_a_lost_station_holds_the_share_of_a_time_with_fewer_stations(town):
    await anna_comes(town)
    await second(town, safe_held_w=11_000)
    await go_offline(town)
    assert await reserved(town) == 11_000
    await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    assert await reserved(town) == 11_000

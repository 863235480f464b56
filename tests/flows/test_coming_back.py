"""Who comes back and is to hold nothing costs no task, and a place where nobody charges no plan."""

from datetime import timedelta

from small_town import HOME, HOME_STATION, NOW, STREET, STREET_STATION_1, plug_in

from server.core.traits import Traits
from server.flows import returning, stations
from server.storage import outbox
from server.storage import stations as stored

LATE = NOW + timedelta(hours=1)


async def coming(db, station_id, **known):
    """What a station's coming queues, by kind."""
    async with db.begin() as tx:
        await stored.update(tx, station_id, **{"unit": "A", **known})
        await outbox.done(tx, [task.id for task in await outbox.due(tx, LATE)], NOW)
        await stations.connect(tx, station_id, "line", NOW)
        return {task.kind: task for task in await outbox.due(tx, LATE)}


async def test_a_home_station_without_a_car_is_asked_for_its_list_later_and_nothing_else(town):
    queued = await coming(town, HOME_STATION)
    assert list(queued) == ["local_list"]
    wait = queued["local_list"].due_at - NOW
    assert returning.LATER <= wait < returning.LATER + timedelta(seconds=returning.SPREAD_S)


async def test_to_boot_too_queues_nothing_twice(town):
    await coming(town, HOME_STATION)
    async with town.begin() as tx:
        await stations.connect(tx, HOME_STATION, "line 2", NOW + timedelta(seconds=1))
        assert [task.kind for task in await outbox.due(tx, LATE)] == ["local_list"]


async def test_with_a_car_it_is_told_its_plan_and_the_place_is_planned(town):
    await plug_in(town, NOW, HOME_STATION)
    queued = await coming(town, HOME_STATION)
    assert set(queued) == {"configure", "replan"}
    assert queued["replan"].key == str(HOME)


async def test_one_that_nobody_knows_is_asked_who_it_is(town):
    assert set(await coming(town, HOME_STATION, unit=None)) == {"configure"}


async def test_one_that_is_held_or_set_up_by_hand_is_asked_nothing_later(town):
    assert set(await coming(town, HOME_STATION, admission="Pending")) == {"configure"}
    by_hand = {"admission": "Accepted", "traits": Traits(auto_configure=False)}
    assert set(await coming(town, HOME_STATION, **by_hand)) == set()


async def test_behind_a_shared_limit_it_hears_its_share_and_the_place_is_planned_where_somebody_charges(town):
    assert set(await coming(town, STREET_STATION_1)) == {"configure"}
    await plug_in(town, NOW, STREET_STATION_1)
    queued = await coming(town, STREET_STATION_1)
    assert (set(queued), queued["replan"].key) == ({"configure", "replan"}, str(STREET))

"""Limits that change: who has to take less confirms it before anybody below the same limit gets more."""

from datetime import timedelta

from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id

from server.flows import feeders
from server.flows import stations as station_flow
from server.storage import locations, outbox
from server.storage import stations as stored
from server.workers import replan, shares
from server.workers.ports import Heard
from shared.feeders import FeederAdd, FeederChange
from shared.units import power_w

MAIN = an_id("feeder")
BOTH = (STREET_STATION_1, STREET_STATION_2)


async def work_off(context):
    """Set up who is due, in order, until nobody is."""
    for _ in range(20):
        async with context.db.read() as tx:
            due = await outbox.due(tx, context.clock.now())
        if not due:
            return
        async with context.db.begin() as tx:
            await outbox.start(tx, [due[0].id], context.clock.now())
        if due[0].kind == "configure":
            await replan.configure(context, due[0])
        async with context.db.begin() as tx:
            await outbox.done(tx, [due[0].id], context.clock.now())
    raise AssertionError("it does not end")


async def change(context, **said):
    async with context.db.begin() as tx:
        await feeders.change(tx, await locations.get(tx, STREET), MAIN, FeederChange(**said), NOW)


async def corner(context, amperes, *hung):
    async with context.db.begin() as tx:
        said = FeederAdd("Corner", MAIN, limit_ma=[amperes * 1000], stations=list(hung))
        return (await feeders.add(tx, await locations.get(tx, STREET), said, NOW)).id


async def all_online(context):
    for station in BOTH:
        async with context.db.begin() as tx:
            await station_flow.connect(tx, station, "c1", NOW, "ocpp1.6")
    await work_off(context)


async def held(context):
    """What each station has confirmed, A."""
    async with context.db.read() as tx:
        return [(await stored.get(tx, one)).safe_held_w / 690 for one in BOTH]


def said_shares(stations):
    return [(BOTH.index(to), said[0] / 690) for kind, to, said in stations.told if kind == "share"]


async def test_a_lower_limit_is_told_to_all_below_and_a_higher_one_too(context, stations):
    await all_online(context)
    assert await held(context) == [12.5, 12.5]
    for amperes in (16, 20):
        await change(context, limit_ma=[amperes * 1000])
        await work_off(context)
        assert await held(context) == [amperes / 2] * 2


async def test_nobody_gets_more_before_who_has_to_take_less_has_confirmed_it(context, stations):
    await all_online(context)
    inner = await corner(context, 7, "LOOTS/2")
    await work_off(context)
    assert await held(context) == [12.5, 7]
    stations.told.clear()
    stations.says[STREET_STATION_1] = Heard("timed_out")
    await change(context, limit_ma=[16_000])
    async with context.db.begin() as tx:
        await feeders.remove(tx, await locations.get(tx, STREET), inner, NOW)
    await work_off(context)
    assert said_shares(stations) == [(0, 8), (1, 7)]  # the second waits: 12.5 A may still flow at the first
    assert await held(context) == [12.5, 7]
    stations.told.clear()
    context.clock.advance_to(NOW + shares.SELDOM)
    await work_off(context)
    assert said_shares(stations) == [(0, 8)]  # nothing is written to the flash of the one that waits
    stations.says.clear()
    stations.told.clear()
    context.clock.advance_to(NOW + 2 * shares.SELDOM)
    await work_off(context)
    assert said_shares(stations)[0] == (0, 8)
    assert said_shares(stations)[-1] == (1, 8)
    assert await held(context) == [8, 8]


async def test_who_waits_is_told_as_soon_as_the_other_has_given_way(context, stations):
    await all_online(context)
    inner = await corner(context, 7, "LOOTS/1")
    await work_off(context)
    stations.told.clear()
    async with context.db.begin() as tx:
        await feeders.remove(tx, await locations.get(tx, STREET), inner, NOW)
    await change(context, limit_ma=[16_000])
    await work_off(context)
    assert said_shares(stations) == [(0, 7), (1, 8), (0, 8)]
    assert await held(context) == [8, 8]


async def test_a_station_behind_no_limit_any_more_is_let_go(context, stations):
    await all_online(context)
    stations.told.clear()
    await change(context, without=["LOOTS/2"])
    await work_off(context)
    assert [(kind, said) for kind, to, said in stations.told if to == STREET_STATION_2] == [
        ("clear_share", ""),
        (shares.LOCAL_START, "true"),
    ]
    assert said_shares(stations) == [(0, 25)]
    async with context.db.read() as tx:
        assert (await stored.get(tx, STREET_STATION_2)).safe_held_w is None


async def test_one_that_does_not_hear_that_it_is_let_go_is_told_again(context, stations):
    await all_online(context)
    stations.says[STREET_STATION_2] = Heard("timed_out")
    await change(context, without=["LOOTS/2"])
    await work_off(context)
    async with context.db.read() as tx:
        assert (await stored.get(tx, STREET_STATION_2)).safe_held_w == power_w(12_500, 3)
        later = await outbox.due(tx, NOW + timedelta(hours=1))
    assert [(one.key, one.due_at) for one in later if one.kind == "configure"] == [
        (str(STREET_STATION_2), NOW + shares.SELDOM)
    ]


async def test_one_that_was_away_when_its_limit_went_is_let_go_when_it_returns(context, stations):
    await all_online(context)
    async with context.db.begin() as tx:
        await station_flow.disconnect(tx, STREET_STATION_2, "c1", NOW)
        await feeders.remove(tx, await locations.get(tx, STREET), MAIN, NOW)
    await work_off(context)
    stations.told.clear()
    async with context.db.begin() as tx:
        await station_flow.connect(tx, STREET_STATION_2, "c2", NOW, "ocpp1.6")
    await work_off(context)
    assert stations.told[0] == ("clear_share", STREET_STATION_2, "")

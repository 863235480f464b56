"""Across places, from Anna's own nights at home: advice on the street and before it, and none where it is no help."""

from datetime import timedelta

import pytest
from flow_story import HOUR, come_online, publish_days, replan, say
from msgspec.structs import replace
from small_town import ANNA, BERT, HOME, NOW, STREET, STREET_EVSE_1, STREET_STATION_1, plug_in, unplug

from server.flows import quotes, session_views
from server.storage import accounts, contracts, sessions, stations
from server.storage.contracts import HomeTariffRow
from shared.ids import derive
from shared.sessions import SessionUpdate
from shared.tariffs import HomeKind, HomeTariffInput


async def nights(db, many=5):
    for day in range(many, 0, -1):
        came = NOW - day * 24 * HOUR
        await unplug(db, await plug_in(db, came), came + 12 * HOUR, 20_000)


async def home_costs(db, micro):
    """Anna's tariff at home from long ago on: one price."""
    async with db.begin() as tx:
        entered = HomeTariffInput(kind=HomeKind.FIXED, price_micro_per_kwh=micro)
        anna = await contracts.home_tariff(tx, ANNA, NOW)
        new = HomeTariffRow(derive("new"), anna.party_id, ANNA, entered, supplier_partner=False, valid_from=NOW)
        await contracts.replace_home_tariff(tx, new)


async def on_the_street(db, soc=None):
    await come_online(db)
    session_id = await plug_in(db, NOW, STREET_STATION_1)
    if soc is not None:
        async with db.begin() as tx:
            session = await sessions.get(tx, session_id)
            await sessions.save(tx, session, replace(session, soc_pct=soc))
    await say(db, session_id, SessionUpdate(ready_by=NOW + 13 * HOUR), NOW)
    await replan(db, STREET, NOW)
    async with db.read() as tx:
        return await session_views.one(tx, await sessions.get(tx, session_id), NOW)


async def estimate(db, account_id=ANNA):
    async with db.read() as tx:
        return await quotes.estimate(tx, account_id, await stations.evse(tx, STREET_EVSE_1), NOW)


async def test_on_the_street_the_rest_waits_for_a_cheap_night_at_home(town):
    await publish_days(town)
    await nights(town)
    await home_costs(town, 120_000)
    seen = await on_the_street(town)
    assert (seen.home.enough_wh, seen.home.rest_wh) == (5_000, seen.need_wh - 5_000)
    assert seen.home.rest_home_minor == seen.home.rest_wh * 12 // 1_000
    back = seen.cashback.high_minor
    assert 42 * seen.home.rest_wh // 1_000 - back - 1 <= seen.home.rest_here_minor < 42 * seen.home.rest_wh // 1_000


async def test_a_car_that_tells_how_full_it_is_gets_home_with_less(sqlite_town):
    await publish_days(sqlite_town)
    await nights(sqlite_town)
    await home_costs(sqlite_town, 120_000)
    assert (await on_the_street(sqlite_town, soc=46)).home.enough_wh == 0


async def test_before_the_start_the_usual_need_is_what_home_could_take(town):
    await publish_days(town)
    assert (await estimate(town)).home is None, "nothing is known of nights at home"
    await nights(town)
    await home_costs(town, 120_000)
    said = await estimate(town)
    assert said.cashback is not None
    assert (said.home.enough_wh, said.home.rest_wh, said.home.home_micro_per_kwh) == (5_000, 15_000, 120_000)
    assert (await estimate(town, BERT)).home is None


async def test_advice_is_there_also_for_who_is_not_delayed(sqlite_town):
    await nights(sqlite_town)
    await home_costs(sqlite_town, 120_000)
    async with sqlite_town.begin() as tx:
        anna = await accounts.get(tx, ANNA)
        await accounts.update(tx, anna, replace(anna, consent_at=None))
    said = await estimate(sqlite_town)
    assert said.cashback is None
    assert said.home.rest_wh == 15_000


@pytest.mark.parametrize("micro", [420_000, 600_000])
async def test_a_home_that_is_no_cheaper_is_not_mentioned(sqlite_town, micro):
    await publish_days(sqlite_town)
    await nights(sqlite_town)
    await home_costs(sqlite_town, micro)
    assert (await estimate(sqlite_town)).home is None
    assert (await on_the_street(sqlite_town)).home is None


async def test_at_home_nothing_is_advised(sqlite_town):
    await publish_days(sqlite_town)
    await nights(sqlite_town)
    session_id = await plug_in(sqlite_town, NOW)
    await replan(sqlite_town, HOME, NOW)
    async with sqlite_town.read() as tx:
        seen = await session_views.one(tx, await sessions.get(tx, session_id), NOW + timedelta(minutes=1))
    assert seen.home is None

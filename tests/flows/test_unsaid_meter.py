"""A start that does not say where the meter stood begins a session all the same; it counts from its first reading."""

from datetime import timedelta

import msgspec
import pytest
from flow_story import settle_due
from small_town import ANNA, HOME_STATION, NOW

from server.core.reports import UNSAID_WH, ReadingsInfo, SampledReading, StartInfo, StopInfo
from server.flows import readings
from server.flows import sessions as flow
from server.storage import sessions, wallets
from shared.sessions import SessionState

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
UNSAID = StartInfo(1, "ANNA-CARD", UNSAID_WH, NOW)


async def start(db, info, now=NOW):
    async with db.begin() as tx:
        return await flow.open_session(tx, HOME_STATION, info, now)


async def stop(db, info):
    async with db.begin() as tx:
        return await flow.close_session(tx, HOME_STATION, info, info.at)


async def read(db, transaction_id, at, register_wh):
    sample = SampledReading(at, register_wh=register_wh, power_w=11_040)
    async with db.begin() as tx:
        await readings.take(tx, HOME_STATION, ReadingsInfo(1, transaction_id, (sample,)), at)


async def session_of(db, transaction_id):
    async with db.read() as tx:
        return await sessions.by_transaction(tx, HOME_STATION, transaction_id)


async def test_a_start_without_a_register_counts_from_its_first_reading(town):
    begun = await start(town, UNSAID)
    assert begun.status == "Accepted"
    assert await start(town, UNSAID) == begun
    there = await session_of(town, begun.transaction_id)
    assert (there.energy_wh, there.account_id) == (0, ANNA)
    await read(town, begun.transaction_id, NOW + MINUTE, 900_000)
    await read(town, begun.transaction_id, NOW + HOUR, 905_000)
    assert (await session_of(town, begun.transaction_id)).energy_wh == 5_000
    late = msgspec.structs.replace(UNSAID, at=NOW + HOUR, at_heard=True)
    assert await start(town, late, NOW + HOUR) == begun
    await stop(town, StopInfo(begun.transaction_id, 907_000, NOW + 2 * HOUR))
    over = await session_of(town, begun.transaction_id)
    assert (over.meter_start_wh, over.meter_stop_wh, over.energy_wh) == (900_000, 907_000, 7_000)
    async with town.read() as tx:
        assert "meter_start_unsaid" in [one.kind for one in await sessions.events(tx, over.id)]


@pytest.mark.parametrize(
    ("meter_stop", "came_with_it", "energy"), [(907_000, 900_000, 7_000), (907_000, None, 0), (-1, None, 0)]
)
async def test_where_nobody_read_the_meter_nobody_pays_for_its_whole_life(town, meter_stop, came_with_it, energy):
    begun = await start(town, UNSAID)
    known = () if came_with_it is None else (SampledReading(NOW, register_wh=came_with_it),)
    info = StopInfo(begun.transaction_id, meter_stop, NOW + HOUR, readings=known)
    await stop(town, info)
    over = await session_of(town, begun.transaction_id)
    assert (over.state, over.energy_wh, over.meter_start_wh >= 0) == (SessionState.ENDED, energy, True)
    await settle_due(town, NOW + 2 * HOUR)
    async with town.read() as tx:
        assert (await wallets.receipt(tx, over.id)).energy_wh == energy


@pytest.mark.parametrize("late", [False, True], ids=["the end comes", "readings come first"])
async def test_an_end_that_we_guessed_says_nothing_of_the_meter_and_the_stations_own_does(town, late):
    begun = await start(town, UNSAID)
    again = await start(town, StartInfo(1, "ANNA-CARD", 1_006_000, NOW + HOUR), NOW + HOUR)  # it never said the end
    assert again.transaction_id != begun.transaction_id
    assert (await session_of(town, begun.transaction_id)).energy_wh == 0
    if late:
        await read(town, begun.transaction_id, NOW + MINUTE, 1_000_000)
        await read(town, begun.transaction_id, NOW + 30 * MINUTE, 1_004_000)
        assert (await session_of(town, begun.transaction_id)).energy_wh == 4_000
    known = () if late else (SampledReading(NOW, register_wh=1_000_000),)
    await stop(town, StopInfo(begun.transaction_id, 1_005_000, NOW + 50 * MINUTE, readings=known))
    assert (await session_of(town, begun.transaction_id)).energy_wh == 5_000


async def test_power_alone_says_nothing_of_the_register(town):
    begun = await start(town, UNSAID)
    sample = SampledReading(NOW + MINUTE, power_w=11_040)
    async with town.begin() as tx:
        await readings.take(tx, HOME_STATION, ReadingsInfo(1, begun.transaction_id, (sample,)), NOW + MINUTE)
    there = await session_of(town, begun.transaction_id)
    assert (there.energy_wh, there.register_wh, there.power_w) == (0, UNSAID_WH, 11_040)

"""What stations say may come twice, late, in the wrong order, or of something that nobody knows."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from flow_story import settle_due
from small_town import (
    ANNA,
    BERT,
    HOME_EVSE,
    HOME_STATION,
    NOW,
    STREET,
    STREET_STATION_1,
    STREET_STATION_2,
    make_plan,
    plug_in,
    read_meter,
    rows,
    unplug,
)

from server.core import ledger
from server.core.reports import ConnectorStatus, ReadingsInfo, SampledReading, StartInfo, StopInfo
from server.flows import readings
from server.flows import sessions as flow
from server.flows import stations as station_flow
from server.storage import outbox, sessions, stations, wallets
from shared.sessions import SessionState

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
START = StartInfo(1, "ANNA-CARD", 100_000, NOW)


async def start(db, info=START, now=NOW, station=HOME_STATION):
    async with db.begin() as tx:
        return await flow.open_session(tx, station, info, now)


async def stop(db, info, now, station=HOME_STATION):
    async with db.begin() as tx:
        return await flow.close_session(tx, station, info, now)


async def read(db, transaction_id, at, register_wh, now=None):
    sample = SampledReading(at, register_wh=register_wh, power_w=11_040)
    async with db.begin() as tx:
        await readings.take(tx, HOME_STATION, ReadingsInfo(1, transaction_id, (sample,)), now or at)


async def session_of(db, transaction_id, station=HOME_STATION):
    async with db.read() as tx:
        return await sessions.by_transaction(tx, station, transaction_id)


async def status(db, said, at, now, station=HOME_STATION):
    async with db.begin() as tx:
        await station_flow.status(tx, station, ConnectorStatus(1, said, "NoError", at), now)


async def close_due(db, now):
    """Do what a worker does with the ends that nobody told; returns what became of each."""
    outcomes = []
    async with db.read() as tx:
        due = [task for task in await outbox.due(tx, now) if task.kind == "close"]
    for task in due:
        free_at = msgspec.json.decode(task.payload, type=dict[str, datetime])["free_at"]
        async with db.begin() as tx:
            outcomes.append(await flow.close_unheard(tx, msgspec.convert(task.key, type(ANNA)), free_at, now))
            await outbox.done(tx, [task.id], now, outcomes[-1])
    return outcomes


async def test_the_same_start_again_is_answered_with_the_same_transaction(town):
    first = await start(town)
    again = await start(town, now=NOW + 3 * HOUR)  # out of a queue that was replayed
    other_case = await start(town, msgspec.structs.replace(START, token_uid="anna-card"))  # OCPP: CiString
    assert first == again == other_case
    assert await rows(town, "sessions") == 1
    await stop(town, StopInfo(first.transaction_id, 105_000, NOW + HOUR), NOW + HOUR)
    assert await start(town, now=NOW + 4 * HOUR) == first
    assert (await session_of(town, first.transaction_id)).state is SessionState.ENDED


async def test_another_meter_or_time_or_connector_is_another_session(town):
    first = await start(town)
    later = await start(town, StartInfo(1, "ANNA-CARD", 104_000, NOW + 2 * HOUR), NOW + 2 * HOUR)
    beside = await start(town, StartInfo(2, "ANNA-CARD", 50, NOW + 2 * HOUR), NOW + 2 * HOUR)
    assert len({first.transaction_id, later.transaction_id, beside.transaction_id}) == 3
    assert (await session_of(town, beside.transaction_id)).connector_no == 2  # which nobody had entered


async def test_stop_comes_twice_and_settles_once(town):
    answer = await start(town)
    ends = StopInfo(answer.transaction_id, 112_000, NOW + 2 * HOUR, "ANNA-CARD", "EVDisconnected")
    for delay in (0, 1, 30):
        now = NOW + 2 * HOUR + delay * MINUTE
        changed = msgspec.structs.replace(ends, meter_stop_wh=112_000 + delay * 1_000)  # a repeat changes nothing
        assert (await stop(town, changed, now)).status == "Accepted"
        await settle_due(town, now)
    session = await session_of(town, answer.transaction_id)
    assert (session.state, session.energy_wh, session.ended_at) == (SessionState.SETTLED, 12_000, NOW + 2 * HOUR)
    async with town.read() as tx:
        assert len(await wallets.receipts_of(tx, ANNA)) == 1
        assert (await wallets.posted_twice(tx), await wallets.total(tx)) == (0, 0)
        assert [event.kind for event in await sessions.events(tx, session.id)].count("unplugged") == 1


async def test_readings_after_the_stop_and_before_the_settlement_still_count(town):
    answer = await start(town)
    await stop(town, StopInfo(answer.transaction_id, 108_000, NOW + 2 * HOUR), NOW + 3 * HOUR)
    for quarter, register in ((1, 100_000), (2, 100_000), (5, 103_000), (7, 108_000), (3, 100_500)):  # out of order
        await read(town, answer.transaction_id, NOW + quarter * 15 * MINUTE, register, NOW + 3 * HOUR)
    await settle_due(town, NOW + 3 * HOUR)
    async with town.read() as tx:
        (receipt,) = await wallets.receipts_of(tx, ANNA)
    assert [slot.actual_wh for slot in receipt.slots] == [0, 0, 500, 1_250, 1_250, 2_500, 2_500, 0]
    await read(town, answer.transaction_id, NOW + 100 * MINUTE, 104_000, NOW + 4 * HOUR)
    assert await settle_due(town, NOW + 4 * HOUR) == []  # more may come
    assert await settle_due(town, NOW + 4 * HOUR + 15 * MINUTE) == ["corrected"]
    async with town.read() as tx:
        (corrected,) = await wallets.receipts_of(tx, ANNA)
    assert [slot.actual_wh for slot in corrected.slots] == [0, 0, 500, 1_250, 1_250, 600, 4_400, 0]
    assert (corrected.revision, corrected.energy_wh) == (2, receipt.energy_wh)


async def test_an_older_reading_moves_nothing_back(town):
    answer = await start(town)
    await read(town, answer.transaction_id, NOW + 30 * MINUTE, 104_000)
    before = await session_of(town, answer.transaction_id)
    await read(town, answer.transaction_id, NOW + 15 * MINUTE, 102_000, NOW + 31 * MINUTE)
    assert await session_of(town, answer.transaction_id) == before
    await read(town, answer.transaction_id, NOW + 45 * MINUTE, 3, NOW + 45 * MINUTE)  # the register was reset
    assert (await session_of(town, answer.transaction_id)).energy_wh == 4_000


async def test_what_belongs_to_no_known_transaction_is_kept_and_changes_nothing(town):
    await read(town, 4711, NOW, 1_000)
    assert (await stop(town, StopInfo(4711, 2_000, NOW + HOUR, "BERT-CARD"), NOW + HOUR)).status == "Invalid"
    assert await stop(town, StopInfo(4711, 2_000, NOW + HOUR), NOW + HOUR) is None
    assert await rows(town, "orphan_messages") == 3
    assert (await rows(town, "sessions"), await rows(town, "outbox")) == (0, 0)
    answer = await start(town)
    # Another station cannot end it by guessing its number.
    assert await stop(town, StopInfo(answer.transaction_id, 2_000, NOW), NOW, STREET_STATION_1) is None
    assert (await session_of(town, answer.transaction_id)).state is SessionState.OPEN


async def test_readings_without_a_transaction_belong_to_who_charges_at_the_connector(town):
    answer = await start(town)
    await read(town, None, NOW + 15 * MINUTE, 102_000)
    assert (await session_of(town, answer.transaction_id)).energy_wh == 2_000


async def test_a_station_that_forgot_its_transaction_ends_it_by_starting_anew(town):
    lost = await start(town)
    await read(town, lost.transaction_id, NOW + 30 * MINUTE, 105_000)
    begins = NOW + HOUR
    await start(town, StartInfo(1, "ANNA-CARD", 109_000, begins), begins)
    left = await session_of(town, lost.transaction_id)
    assert (left.state, left.energy_wh, left.ended_at) == (SessionState.ENDED, 5_000, NOW + 30 * MINUTE)
    assert left.stop_reason == "Superseded"
    await settle_due(town, begins + MINUTE)
    assert (await session_of(town, lost.transaction_id)).state is SessionState.ENDED  # its end may come yet
    # And so it does, out of the station's queue: it knew better.
    ends = StopInfo(lost.transaction_id, 108_500, NOW + 55 * MINUTE, reason="EVDisconnected")
    await stop(town, ends, begins + 2 * MINUTE)
    await settle_due(town, begins + 2 * MINUTE)
    left = await session_of(town, lost.transaction_id)
    assert (left.state, left.energy_wh, left.ended_at) == (SessionState.SETTLED, 8_500, NOW + 55 * MINUTE)
    await settle_due(town, begins + HOUR)
    async with town.read() as tx:
        assert (await wallets.posted_twice(tx), len(await wallets.receipts_of(tx, ANNA))) == (0, 1)


async def test_an_end_that_never_comes_is_not_waited_for_for_ever(town):
    lost = await start(town)
    await start(town, StartInfo(1, "ANNA-CARD", 100_000, NOW + HOUR), NOW + HOUR)
    await settle_due(town, NOW + 2 * HOUR)
    assert (await session_of(town, lost.transaction_id)).state is SessionState.SETTLED


async def test_a_session_that_comes_after_the_one_that_followed_it_takes_nothing_from_it(town):
    """Two stays out of two queues: the later one was told first."""
    second = await start(town, StartInfo(1, "ANNA-CARD", 108_000, NOW + 2 * HOUR), NOW + 3 * HOUR)
    first = await start(town, START, NOW + 3 * HOUR)
    assert (await session_of(town, second.transaction_id)).state is SessionState.OPEN
    await stop(town, StopInfo(first.transaction_id, 108_000, NOW + HOUR), NOW + 3 * HOUR)
    await stop(town, StopInfo(second.transaction_id, 110_000, NOW + 3 * HOUR), NOW + 3 * HOUR)
    await settle_due(town, NOW + 3 * HOUR)
    energies = [(await session_of(town, one.transaction_id)).energy_wh for one in (first, second)]
    assert energies == [8_000, 2_000]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (NOW - timedelta(days=20), NOW - timedelta(days=20)),  # a queue of three weeks
        (NOW + 2 * MINUTE, NOW + 2 * MINUTE),  # a clock that is a little fast
        (NOW + 9 * HOUR, NOW + 5 * MINUTE),  # local time said as UTC
        (datetime(2016, 1, 1, tzinfo=UTC), NOW),  # a clock that was never set
    ],
)
async def test_a_stations_clock_is_believed_within_reason(sqlite_town, said, meant):
    db = sqlite_town
    answer = await start(db, StartInfo(1, "ANNA-CARD", 0, said))
    assert (await session_of(db, answer.transaction_id)).started_at == meant
    assert await start(db, StartInfo(1, "ANNA-CARD", 0, said), NOW + MINUTE) == answer
    await stop(db, StopInfo(answer.transaction_id, 3_000, said + HOUR), NOW + HOUR)
    await settle_due(db, NOW + HOUR)
    session = await session_of(db, answer.transaction_id)
    assert (session.state, session.energy_wh) == (SessionState.SETTLED, 3_000)
    assert session.started_at <= session.ended_at <= NOW + HOUR + 5 * MINUTE


async def test_a_card_that_may_not_charge_here_opens_a_session_on_nobodys_account(town):
    refused = await start(town, StartInfo(1, "BERT-CARD", 0, NOW))
    assert refused.status == "Invalid"  # Anna's home is hers alone
    session = await session_of(town, refused.transaction_id)
    assert (session.account_id, session.contract_id, session.vehicle_id) == (None, None, None)
    unknown = await start(town, StartInfo(1, "NOBODY", 0, NOW), station=STREET_STATION_1)
    assert unknown.status == "Invalid"
    await stop(town, StopInfo(refused.transaction_id, 40, NOW + MINUTE, reason="DeAuthorized"), NOW + MINUTE)
    await settle_due(town, NOW + MINUTE)
    assert (await session_of(town, refused.transaction_id)).state is SessionState.SETTLED
    async with town.read() as tx:
        assert [await wallets.receipts_of(tx, one) for one in (ANNA, BERT)] == [[], []]
        assert await wallets.total(tx) == 0
    assert await rows(town, "entries") == 0


async def test_every_way_of_coming_and_going_asks_for_a_new_plan_of_that_place_alone(town):
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    async with town.read() as tx:
        asked = [(task.kind, task.key) for task in await outbox.due(tx, NOW)]
    assert asked == [("replan", str(STREET))]
    await make_plan(town, STREET, NOW)
    await read_meter(town, session_id, NOW + 15 * MINUTE, 2_760)
    await unplug(town, session_id, NOW + HOUR, 5_000)
    await plug_in(town, NOW + HOUR, STREET_STATION_2, "BERT-CARD")
    async with town.read() as tx:
        kinds = [task.kind for task in await outbox.due(tx, NOW + HOUR)]
    assert kinds.count("replan") == 1  # one that waits is enough
    assert kinds.count("settle") == 1


async def driver_owns(db):
    async with db.read() as tx:
        names = (ledger.wallet(ANNA), ledger.pending(ANNA), ledger.receivable(ANNA))
        return [await wallets.balance(tx, name) for name in names]


async def street_night(db, transaction, energy_wh, hours, now):
    """A stop of a stay on the street that began at NOW."""
    ends = StopInfo(transaction, 100_000 + energy_wh, NOW + hours * HOUR, reason="EVDisconnected")
    await stop(db, ends, now, STREET_STATION_1)
    await settle_due(db, now)


async def test_the_end_of_a_settled_guess_corrects_what_was_posted(town):
    lost = await start(town, station=STREET_STATION_1)
    again = msgspec.structs.replace(START, at=NOW + 5 * HOUR, meter_start_wh=120_000)
    await start(town, again, again.at, STREET_STATION_1)
    await settle_due(town, again.at + HOUR)
    guessed = await session_of(town, lost.transaction_id, STREET_STATION_1)
    assert (guessed.state, guessed.energy_wh) == (SessionState.SETTLED, 0)
    assert await driver_owns(town) == [0, 0, 0]
    # A day later the station finds its queue: twenty kWh had flowed, and are paid for as if they had been known.
    for _ in range(2):
        await street_night(town, lost.transaction_id, 20_000, 4, NOW + 24 * HOUR)
    session = await session_of(town, lost.transaction_id, STREET_STATION_1)
    assert (session.state, session.energy_wh, session.ended_at) == (SessionState.SETTLED, 20_000, NOW + 4 * HOUR)
    async with town.read() as tx:
        (receipt,) = await wallets.receipts_of(tx, ANNA)
        assert (await wallets.posted_twice(tx), await wallets.total(tx)) == (0, 0)
        assert (await wallets.earned(tx, ANNA)).sessions == 1
        assert [event.kind for event in await sessions.events(tx, session.id)][-1] == "corrected"
    assert (receipt.revision, receipt.energy_wh) == (2, 20_000)
    assert (await driver_owns(town))[2] == -receipt.driver_cost_minor < 0
    assert await rows(town, "cdrs") == 2  # the first one stays as it was


async def test_a_late_end_of_a_superseded_session_is_not_after_the_next_car_came(town):
    lost = await start(town, station=STREET_STATION_1)
    again = msgspec.structs.replace(START, at=NOW + 5 * HOUR, meter_start_wh=120_000)
    await start(town, again, again.at, STREET_STATION_1)
    await street_night(town, lost.transaction_id, 20_000, 7, NOW + 24 * HOUR)
    session = await session_of(town, lost.transaction_id, STREET_STATION_1)
    assert (session.stop_reason, session.energy_wh) == ("EVDisconnected", 20_000)
    assert session.ended_at == again.at
    async with town.read() as tx:
        (receipt,) = await wallets.receipts_of(tx, ANNA)
    assert (receipt.ended_at, receipt.energy_wh) == (again.at, 20_000)


async def test_an_evse_that_is_free_ends_what_its_station_forgot(town):
    answer = await start(town)
    await read(town, answer.transaction_id, NOW + 30 * MINUTE, 105_000)
    free_at = NOW + 40 * MINUTE
    await status(town, "Charging", NOW, NOW)
    await status(town, "Available", free_at, free_at)
    assert await close_due(town, free_at + 14 * MINUTE) == []
    assert await close_due(town, free_at + 15 * MINUTE) == ["closed"]
    left = await session_of(town, answer.transaction_id)
    assert (left.state, left.energy_wh, left.ended_at) == (SessionState.ENDED, 5_000, free_at)
    await settle_due(town, free_at + 15 * MINUTE)
    await stop(town, StopInfo(answer.transaction_id, 106_000, free_at, reason="Local"), free_at + HOUR)
    await settle_due(town, free_at + HOUR)
    left = await session_of(town, answer.transaction_id)
    assert (left.state, left.energy_wh, left.stop_reason) == (SessionState.SETTLED, 6_000, "Local")


async def test_an_evse_that_says_free_and_charges_on_is_believed_by_its_meter(town):
    answer = await start(town)
    await status(town, "Available", NOW - MINUTE, NOW)  # of before: out of a queue
    assert await close_due(town, NOW + HOUR) == []
    await status(town, "Available", NOW + MINUTE, NOW + MINUTE)
    await read(town, answer.transaction_id, NOW + 5 * MINUTE, 101_000)
    assert await close_due(town, NOW + HOUR) == ["in_use"]
    assert (await session_of(town, answer.transaction_id)).state is SessionState.OPEN
    await status(town, "Available", NOW + 2 * HOUR, NOW + 2 * HOUR)
    ends = StopInfo(answer.transaction_id, 102_000, NOW + 2 * HOUR, reason="Local")
    await stop(town, ends, NOW + 2 * HOUR + MINUTE)  # queued: it comes after the status
    assert await close_due(town, NOW + 3 * HOUR) == []


async def test_a_start_without_a_time_comes_twice_and_is_one(town):
    timeless = msgspec.structs.replace(START, at_heard=True)
    first = await start(town, timeless)
    later = msgspec.structs.replace(timeless, at=NOW + MINUTE)
    assert await start(town, later, NOW + MINUTE) == first
    moved = msgspec.structs.replace(later, meter_start_wh=100_500)
    assert await start(town, moved, NOW + MINUTE) != first


@pytest.mark.parametrize(("card", "status"), [("ANNA-CARD", "Accepted"), ("BERT-CARD", "Invalid"), (None, None)])
async def test_an_end_counts_whoever_makes_it_and_hears_what_we_think_of_the_card(town, card, status):
    begun = await start(town, StartInfo(1, "ANNA-CARD", 100_000, NOW), NOW)
    said = await stop(town, StopInfo(begun.transaction_id, 101_000, NOW + HOUR, card), NOW + HOUR)
    assert (said.status if said else None) == status
    assert (await session_of(town, begun.transaction_id)).meter_stop_wh == 101_000


async def sockets_of(db, station=HOME_STATION):
    async with db.read() as tx:
        return [one.connector_no for one in await stations.evses_of(tx, station)]


async def test_a_start_on_connector_0_of_one_socket_means_its_only_one(town):
    zero = msgspec.structs.replace(START, connector_no=0)
    first = await start(town, zero)
    session = await session_of(town, first.transaction_id)
    assert (session.connector_no, session.evse_id) == (1, HOME_EVSE)
    assert await start(town, zero, NOW + HOUR) == first  # out of a queue: the same session
    await read(town, first.transaction_id, NOW + MINUTE, 103_000)
    await stop(town, StopInfo(first.transaction_id, 104_000, NOW + HOUR), NOW + HOUR)
    assert (await session_of(town, first.transaction_id)).energy_wh == 4_000
    assert await sockets_of(town) == [1]


async def test_connector_0_of_several_is_where_a_car_waits_then_one_that_is_free(town):
    async with town.begin() as tx:
        station = await stations.get(tx, HOME_STATION)
        second = await stations.add_evse(tx, station, 2)
        await stations.set_status(tx, second.id, "Preparing", "NoError", NOW)
    timeless = msgspec.structs.replace(START, connector_no=0, at_heard=True)
    first = await start(town, timeless)
    assert (await session_of(town, first.transaction_id)).connector_no == 2
    assert await start(town, msgspec.structs.replace(timeless, at=NOW + MINUTE), NOW + MINUTE) == first
    other = await start(town, msgspec.structs.replace(START, connector_no=0, token_uid="BERT-CARD"), NOW + MINUTE)
    assert (await session_of(town, other.transaction_id)).connector_no == 1
    assert (await session_of(town, first.transaction_id)).state is SessionState.OPEN


async def test_a_start_on_a_connector_that_nobody_entered_is_accounted_for(town):
    strange = await start(town, msgspec.structs.replace(START, connector_no=9))
    assert strange.status == "Accepted"
    await stop(town, StopInfo(strange.transaction_id, 107_000, NOW + HOUR), NOW + HOUR)
    session = await session_of(town, strange.transaction_id)
    assert (session.connector_no, session.energy_wh) == (9, 7_000)
    assert await sockets_of(town) == [1, 9]

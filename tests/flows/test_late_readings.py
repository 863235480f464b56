"""Readings that come after a session was settled: the money is what it would have been, once, whatever comes how."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from flow_story import HOUR, MINUTE, QUARTER, day_ahead, publish, publish_days, session_of, settle_due
from small_town import ANNA, ANNAS_CAR, NOW, PROVIDER, STREET, STREET_STATION_1, make_plan, plug_in, rows

from server.core import ledger
from server.core.cashback import split
from server.core.contract import ContractKind, ContractTerms
from server.core.ledger import SessionPosting
from server.core.reports import ReadingsInfo, SampledReading, StartInfo, StopInfo
from server.core.session import AWAITED
from server.flows import accounts as people
from server.flows import closing, readings, settlements
from server.flows import sessions as flow
from server.flows import wallets as purse
from server.storage import accounts, outbox, sessions, stations, vehicles, wallets
from shared.accounts import MeUpdate
from shared.sessions import SessionState

END = NOW + 12 * HOUR
REPLAYED = NOW + 20 * HOUR
DUE = REPLAYED + AWAITED


def in_the_valley(quarter):
    """30 kWh from midnight UTC to three."""
    return min(30_000, max(0, quarter - 24) * 2_500)


def first_in_the_evening(quarter):
    """A tenth of it at once, in the dear hour."""
    return max(min(quarter, 1) * 2_500, in_the_valley(quarter))


def a_little(quarter):
    """So little that its share is below the least payout."""
    return min(2_200, max(0, quarter - 8) * 550)


HOLE, EVENING, LITTLE_HOLE = range(25, 37), range(1, 25), range(9, 13)


async def read(db, session_id, quarters, taken, now=None):
    """Readings of some quarter hours come in, each in a message of its own; `now`: late, all together."""
    session = await session_of(db, session_id)
    for quarter in quarters:
        at = NOW + quarter * QUARTER
        sample = SampledReading(at, register_wh=session.meter_start_wh + taken(quarter), power_w=10_000)
        info = ReadingsInfo(1, session.transaction_id, (sample,))
        async with db.begin() as tx:
            await readings.take(tx, STREET_STATION_1, info, now or at)


async def stop(db, session_id, taken, *samples, now=END):
    session = await session_of(db, session_id)
    stop_wh = session.meter_start_wh + taken(48)
    info = StopInfo(session.transaction_id, stop_wh, END, reason="EVDisconnected", readings=samples)
    async with db.begin() as tx:
        await flow.close_session(tx, STREET_STATION_1, info, now)


async def night(db, taken=in_the_valley, missing=()):
    """Twelve hours on the street under an accepted plan, settled; readings of some quarters are kept back."""
    await publish_days(db)
    session_id = await plug_in(db, NOW, STREET_STATION_1)
    await make_plan(db, STREET, NOW)
    async with db.begin() as tx:
        before = await sessions.get(tx, session_id)
        await sessions.save(tx, before, msgspec.structs.replace(before, plan_accepted=True))
    await read(db, session_id, [quarter for quarter in range(1, 48) if quarter not in missing], taken)
    await stop(db, session_id, taken)
    assert await settle_due(db, END) == ["settled"]
    return session_id


async def owned(db):
    """Anna's wallet, pending and what she owes, minor units."""
    async with db.read() as tx:
        names = (ledger.wallet(ANNA), ledger.pending(ANNA), ledger.receivable(ANNA))
        return [await wallets.balance(tx, name) for name in names]


async def receipt_of(db, session_id):
    async with db.read() as tx:
        assert (await wallets.posted_twice(tx), await wallets.total(tx)) == (0, 0)
        return await wallets.receipt(tx, session_id)


def figures(receipt):
    """A receipt less what tells revisions apart."""
    return msgspec.structs.replace(receipt, cdr_id=receipt.session_id, revision=1)


@pytest.mark.parametrize(
    ("taken", "missing", "better"), [(in_the_valley, HOLE, True), (first_in_the_evening, EVENING, False)]
)
async def test_what_was_kept_back_makes_it_what_it_would_have_been(town, twin, taken, missing, better):
    session_id = await night(town, taken, missing)
    assert await night(twin, taken) == session_id
    (first, _, owed), settled = await owned(town), await receipt_of(town, session_id)
    assert ("UNMANAGED_GAP" in settled.reasons) is better
    await read(town, session_id, reversed(missing), taken, REPLAYED)
    assert await settle_due(town, REPLAYED + 14 * MINUTE) == []
    assert await settle_due(town, DUE) == ["corrected"]
    receipt, due = await receipt_of(town, session_id), await receipt_of(twin, session_id)
    assert figures(receipt) == figures(due)
    assert receipt.revision == 2
    assert await owned(town) == await owned(twin)
    now = await owned(town)
    assert ((now[0] > first) if better else (0 < now[0] < first), now[2]) == (True, owed)
    # The station does not know what was heard: it sends everything again, and its stop with everything in it.
    before = await rows(town, "outbox")
    await read(town, session_id, range(1, 48), taken, DUE + HOUR)
    session = await session_of(town, session_id)
    start_wh = session.meter_start_wh
    again = [SampledReading(NOW + one * QUARTER, register_wh=start_wh + taken(one)) for one in range(1, 48)]
    await stop(town, session_id, taken, *again, now=DUE + HOUR)
    assert await rows(town, "outbox") == before
    assert (await rows(town, "cdrs"), await session_of(town, session_id)) == (2, session)
    async with town.read() as tx:
        kinds = [event.kind for event in await sessions.events(tx, session_id)]
    assert (kinds.count("settled"), kinds.count("corrected"), kinds.count("unplugged")) == (1, 1, 1)


async def test_readings_that_come_with_a_second_stop_count_too(town):
    session_id = await night(town, missing=HOLE)
    start_wh = (await session_of(town, session_id)).meter_start_wh
    told = [SampledReading(NOW + one * QUARTER, register_wh=start_wh + in_the_valley(one)) for one in HOLE]
    await stop(town, session_id, in_the_valley, *told, now=REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    assert (await receipt_of(town, session_id)).reasons == []


async def test_what_says_nothing_new_of_the_stay_makes_no_correction(town):
    session_id = await night(town)
    before, receipt = await owned(town), await receipt_of(town, session_id)
    after_the_end = [49, 50, 60]
    await read(town, session_id, after_the_end, in_the_valley, REPLAYED)
    assert await settle_due(town, DUE) == []
    await read(town, session_id, [25.5, 40.25], in_the_valley, REPLAYED)  # on the line between two that are known
    assert await settle_due(town, DUE) == ["settled_before"]
    assert (await owned(town), await receipt_of(town, session_id)) == (before, receipt)
    assert (await rows(town, "cdrs"), await rows(town, "entries")) == (1, 1)


@pytest.mark.parametrize(("days", "became"), [(59, ["corrected"]), (61, [])])
async def test_so_late_that_no_queue_is_believed_they_are_kept_and_change_no_money(sqlite_town, days, became):
    session_id = await night(sqlite_town, missing=HOLE)
    now = END + timedelta(days=days)
    await read(sqlite_town, session_id, HOLE, in_the_valley, now)
    assert await settle_due(sqlite_town, now + AWAITED) == became
    assert await rows(sqlite_town, "readings") == 47


async def test_prices_and_consent_are_those_that_it_was_settled_with(town, twin):
    session_id = await night(town, missing=HOLE)
    await night(twin)
    for day in (NOW, END):
        await publish(town, day_ahead(day.date(), [500] * 24, "entsoe"), REPLAYED)
    async with town.begin() as tx:
        await people.update_me(tx, ANNA, MeUpdate(consent=False), REPLAYED)
        before = await sessions.get(tx, session_id)
        await sessions.save(tx, before, msgspec.structs.replace(before, held_back=False))
    await read(town, session_id, HOLE, in_the_valley, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    assert await owned(town) == await owned(twin)
    assert figures(await receipt_of(town, session_id)) == figures(await receipt_of(twin, session_id))


async def test_a_correction_that_does_not_commit_is_made_when_the_server_is_back(town):
    session_id = await night(town, missing=HOLE)
    before = await owned(town)
    await read(town, session_id, HOLE, in_the_valley, REPLAYED)
    async with town.begin() as tx:
        (task,) = [one for one in await outbox.due(tx, DUE) if one.kind == "settle"]
        await outbox.start(tx, [task.id], DUE)
    async with town.begin() as tx:
        assert await settlements.settle_session(tx, session_id, DUE) == "corrected"
        await tx.rollback()  # killed here
    assert (await owned(town), await rows(town, "cdrs")) == (before, 1)
    assert await settle_due(town, DUE + HOUR) == ["corrected"]
    assert (await rows(town, "cdrs"), (await owned(town))[0] > before[0]) == (2, True)


async def test_a_stay_teaches_its_car_once_however_often_it_is_settled(town):
    session_id = await night(town, missing=HOLE)
    async with town.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, msgspec.structs.replace(session, full=True))
        await vehicles.update(tx, ANNAS_CAR, tail_s=1_000)
    await read(town, session_id, HOLE, in_the_valley, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    async with town.read() as tx:
        (car,) = await vehicles.of(tx, ANNA)
    assert car.tail_s == 1_000


async def test_two_that_settle_at_once_post_once(town):
    """The worker's task and one that a restart put beside it, on an account's session and on nobody's."""

    async def settle(session_id):
        async with town.begin() as tx:
            return await settlements.settle_session(tx, session_id, END)

    for card in ("ANNA-CARD", "NOBODY"):
        session_id = await plug_in(town, NOW, STREET_STATION_1, card)
        await stop(town, session_id, in_the_valley)
        outcomes = await asyncio.gather(*(settle(session_id) for _ in range(4)))
        assert sorted(outcomes) == ["settled", *["settled_before"] * 3]
        assert (await receipt_of(town, session_id)).revision == 1


async def test_a_reading_that_comes_while_it_is_settled_is_not_lost(town, twin):
    session_id = await night(twin)
    await publish_days(town)
    assert await plug_in(town, NOW, STREET_STATION_1) == session_id
    await make_plan(town, STREET, NOW)
    async with town.begin() as tx:
        before = await sessions.get(tx, session_id)
        await sessions.save(tx, before, msgspec.structs.replace(before, plan_accepted=True))
    await read(town, session_id, [one for one in range(1, 48) if one not in HOLE], in_the_valley)
    await stop(town, session_id, in_the_valley)
    replayed = (read(town, session_id, [quarter], in_the_valley, END) for quarter in HOLE)
    await asyncio.gather(settle_due(town, END), *replayed)
    await settle_due(town, END + AWAITED)
    assert figures(await receipt_of(town, session_id)) == figures(await receipt_of(twin, session_id))
    assert await owned(town) == await owned(twin)


async def test_a_guessed_end_moves_with_the_readings_until_the_next_car_comes(town):
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    await read(town, session_id, [1, 2], lambda quarter: quarter * 2_000)
    following = StartInfo(1, "ANNA-CARD", 700_000, NOW + 3 * HOUR)
    async with town.begin() as tx:
        await flow.open_session(tx, STREET_STATION_1, following, following.at)
    assert await settle_due(town, following.at + AWAITED) == ["settled"]
    first = await owned(town)
    guessed = await session_of(town, session_id)
    assert (guessed.ended_at, guessed.energy_wh) == (NOW + 2 * QUARTER, 4_000)
    # Its line is back; the stop was lost. One reading bears its number although the next car was there by then.
    await read(town, session_id, [4, 3, 13], lambda quarter: quarter * 2_000, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    session, receipt = await session_of(town, session_id), await receipt_of(town, session_id)
    assert (session.state, session.ended_at, session.energy_wh) == (SessionState.SETTLED, NOW + HOUR, 8_000)
    assert (receipt.energy_wh, receipt.ended_at) == (8_000, NOW + HOUR)
    assert (await owned(town))[2] == 2 * first[2] < 0


async def test_readings_of_a_superseded_session_do_not_end_the_wait_for_its_stop(town):
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    begins = NOW + HOUR
    async with town.begin() as tx:
        await flow.open_session(tx, STREET_STATION_1, StartInfo(1, "ANNA-CARD", 700_000, begins), begins)
    await read(town, session_id, [1, 2, 3], in_the_valley, begins + MINUTE)
    assert await settle_due(town, begins + 14 * MINUTE) == []
    assert await settle_due(town, begins + AWAITED) == ["settled"]


async def test_an_evse_that_was_free_bounds_what_late_readings_say(town):
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    free_at = NOW + 3 * QUARTER
    async with town.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, msgspec.structs.replace(session, read_at=NOW + QUARTER))
        await stations.set_status(tx, session.evse_id, "Available", "NoError", free_at)
        assert await flow.close_unheard(tx, session_id, free_at, free_at + AWAITED) == "closed"
    assert await settle_due(town, free_at + AWAITED) == ["settled"]
    await read(town, session_id, [2, 5], lambda quarter: quarter * 1_000, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    session = await session_of(town, session_id)
    assert (session.ended_at, session.energy_wh) == (free_at, 2_000)


async def lines(db):
    async with db.read() as tx:
        return [(line.kind, line.amount_minor) for line in await purse.entries(tx, ANNA, None, 20)]


async def test_after_an_account_is_closed_a_correction_leaves_nothing_pending(town):
    session_id = await night(town, a_little, missing=LITTLE_HOLE)
    assert (await owned(town))[:2] == [0, 0]
    async with town.begin() as tx:
        assert await closing.close_account(tx, ANNA, REPLAYED) == 0
    await read(town, session_id, LITTLE_HOLE, a_little, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    paid, pending, _ = await owned(town)
    receipt = await receipt_of(town, session_id)
    assert 0 < paid == receipt.split.driver_minor == receipt.split.paid_minor < 20
    assert (pending, receipt.split.pending_after_minor, receipt.split.policy) == (0, 0, "AT_ONCE")
    assert await lines(town) == [("correction", paid)]


async def test_what_a_correction_takes_back_comes_from_pending_or_where_that_was_paid_from_the_wallet(town, twin):
    session_id = await night(town, a_little)
    assert await night(twin, a_little) == session_id
    pending = (await owned(town))[1]
    assert 0 < pending < 20
    async with town.begin() as tx:
        assert await closing.close_account(tx, ANNA, REPLAYED) == pending
    for db in (town, twin):  # the register had run backwards: nothing that it says can be proven
        await read(db, session_id, [20], {20: 9_000}.get, REPLAYED)
        assert await settle_due(db, DUE) == ["corrected"]
        assert (await receipt_of(db, session_id)).reasons == ["METER_INVALID"]
        assert (await owned(db))[:2] == [0, 0]
    assert await lines(twin) == [("pending_correction", -pending), ("pending", pending)]
    assert await lines(town) == [("correction", -pending), ("pending_released", pending), ("pending", pending)]
    async with town.read() as tx:
        assert (await accounts.get(tx, ANNA)).closed_at == REPLAYED


async def test_what_a_session_had_released_stays_paid_where_a_correction_finds_it_worth_nothing(town):
    terms = ContractTerms(kind=ContractKind.PUBLIC_FIXED, partner=True)
    earlier = SessionPosting(
        session_id=UUID(int=77),
        account_id=ANNA,
        operator_id=UUID(int=78),
        provider_id=UUID(int=79),
        funder_id=UUID(int=78),
        currency="EUR",
        split=split(20 * 10_000_000, terms, 0),
    )
    entry = msgspec.structs.replace(ledger.entry_for_settlement(earlier), session_id=None)
    async with town.begin() as tx:
        await wallets.post(tx, entry, PROVIDER, ANNA, NOW - HOUR)
    assert (await owned(town))[:2] == [0, 10]
    session_id = await night(town)
    assert (await receipt_of(town, session_id)).split.pending_before_minor == 10
    assert (await owned(town))[1] == 0
    async with town.begin() as tx:
        assert await closing.close_account(tx, ANNA, REPLAYED) == 0
    await read(town, session_id, [20], {20: 9_000}.get, REPLAYED)
    assert await settle_due(town, DUE) == ["corrected"]
    receipt = await receipt_of(town, session_id)
    assert (receipt.reasons, receipt.split.paid_minor, receipt.split.pending_after_minor) == (["METER_INVALID"], 10, 0)
    assert (await owned(town))[:2] == [10, 0]

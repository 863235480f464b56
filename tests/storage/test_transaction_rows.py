"""Events of 2.x transactions, and what meters signed, as they are kept: on both databases."""

from datetime import timedelta

import msgspec
from small_town import HOME_STATION, NOW, PROVIDER, STREET_STATION_1

from server.core.reports import SampledReading, SignedValue, TransactionInfo
from server.storage import sessions, transactions
from server.storage.transactions import SignedRow

MINUTE = timedelta(minutes=1)
STARTED = TransactionInfo("T-1", "Started", 0, NOW, connector_no=1, readings=(SampledReading(NOW, 100),))


def event(seq_no, kind="Updated"):
    return msgspec.structs.replace(STARTED, seq_no=seq_no, kind=kind, readings=())


async def hear(db, *events, station=HOME_STATION, now=NOW):
    async with db.begin() as tx:
        return [await transactions.hear(tx, station, one, now, whole=True) for one in events]


async def test_an_event_is_new_once(db):
    assert await hear(db, STARTED, STARTED, event(1)) == [True, False, True]
    assert await hear(db, event(1), event(1, "Ended")) == [False, True]
    assert await hear(db, STARTED, station=STREET_STATION_1) == [True]


async def test_what_was_told_before_there_is_a_session_is_there_until_it_is_in_one(db):
    signed = (SignedValue(NOW, "Transaction.Begin", "{}"),)
    await hear(db, event(1), msgspec.structs.replace(STARTED, signed=signed))
    async with db.begin() as tx:
        assert await transactions.told(tx, HOME_STATION, "T-1") == [STARTED, event(1)]
        await transactions.settled(tx, HOME_STATION, "T-1")
        assert await transactions.told(tx, HOME_STATION, "T-1") == []
    assert await hear(db, STARTED) == [False]


async def test_missing_numbers_are_counted(db):
    async with db.read() as tx:
        assert await transactions.missing(tx, HOME_STATION, "T-1") == 0
    await hear(db, event(5), event(6))
    async with db.read() as tx:
        assert await transactions.missing(tx, HOME_STATION, "T-1") == 1  # its start
        assert not await transactions.is_told(tx, HOME_STATION, "T-1", 4)
    await hear(db, event(3, "Started"), event(9, "Ended"))
    async with db.read() as tx:
        assert await transactions.missing(tx, HOME_STATION, "T-1") == 3
        assert await transactions.is_told(tx, HOME_STATION, "T-1", 9)


async def test_old_numbers_are_forgotten(db):
    await hear(db, STARTED)
    await hear(db, event(1), now=NOW + 2 * MINUTE)
    async with db.begin() as tx:
        assert await transactions.forget(tx, NOW + MINUTE) == 1
        assert not await transactions.is_told(tx, HOME_STATION, "T-1", 0)
        await transactions.forget_one(tx, HOME_STATION, "T-1")
        assert not await transactions.is_told(tx, HOME_STATION, "T-1", 1)


async def test_signed_values_stay_as_they_came_each_where_it_belongs(db):
    rows = [
        SignedRow(
            PROVIDER, HOME_STATION, 1, reference, NOW, NOW + number * MINUTE, "Sample.Clock", f'{{"n": {number}}}'
        )
        for number, reference in enumerate(("T-1", None, "T-1"))
    ]
    async with db.begin() as tx:
        await transactions.keep_signed(tx, rows)
        await transactions.keep_signed(tx, [])
        inside = await transactions.signed(tx, HOME_STATION, "T-1")
        assert [one.data for one in inside] == ['{"n": 0}', '{"n": 2}']
        assert [one.data for one in await transactions.signed(tx, HOME_STATION, None)] == ['{"n": 1}']
        assert await sessions.by_reference(tx, HOME_STATION, "T-1") is None

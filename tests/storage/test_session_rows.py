"""Sessions, their transaction ids, readings and events, as both databases keep them."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from small_town import (
    ANNA,
    BERT,
    BERTS_STATION,
    HOME,
    HOME_STATION,
    NOW,
    OPERATOR,
    STREET,
    STREET_STATION_1,
    a_night,
    plug_in,
    rows,
    unplug,
)

from server.core.meter import Reading
from server.core.session import Followed
from server.storage import past_sessions, planned_sessions, sessions
from server.storage.past_sessions import Visit
from server.storage.planned_sessions import InForce
from server.storage.sessions import SampleRow, SessionEvent
from shared.sessions import Delay

MINUTE = timedelta(minutes=1)


async def get(db, session_id):
    async with db.read() as tx:
        return await sessions.get(tx, session_id)


def sample(session_id, minutes, register_wh, power_w=None, soc_pct=None):
    return SampleRow(session_id, NOW + minutes * MINUTE, register_wh, power_w, soc_pct, NOW)


async def keep(db, *samples):
    async with db.begin() as tx:
        await sessions.add_readings(tx, samples)


async def stored(db, session_id):
    async with db.read() as tx:
        columns = sessions.R.at, sessions.R.register_wh, sessions.R.power_w, sessions.R.soc_pct
        found = await tx.execute(sa.select(*columns).where(sessions.R.session_id == session_id).order_by("at"))
        return [((row.at - NOW) // MINUTE, *row[1:]) for row in found]


async def test_transaction_ids_are_positive_and_no_two_are_the_same_however_many_ask_at_once(db):
    async def count():
        async with db.begin() as tx:
            return await sessions.next_transaction_id(tx, uuid4())

    counted = await asyncio.gather(*(count() for _ in range(25)))
    assert len(set(counted)) == 25
    assert min(counted) > 0
    assert max(counted) < 2**31


async def test_an_id_that_was_rolled_back_is_no_bar_and_a_session_counts_once(db):
    session_id = uuid4()
    async with db.begin() as tx:
        await sessions.next_transaction_id(tx, session_id)
        await tx.rollback()
    async with db.begin() as tx:
        await sessions.next_transaction_id(tx, session_id)
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await sessions.next_transaction_id(tx, session_id)


async def test_two_sessions_never_share_a_transaction(db):
    first = await get(db, await plug_in(db, NOW))
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await sessions.insert(tx, msgspec.structs.replace(first, id=uuid4()))


async def test_a_session_comes_back_as_it_was_kept_with_every_time_in_utc(db):
    first = await get(db, await plug_in(db, NOW))
    in_tokyo = datetime(2025, 3, 30, 2, 30, 0, 123456, timezone(timedelta(hours=9)))
    full = msgspec.structs.replace(
        first,
        meter_start_wh=3_000_000_000,
        register_wh=3_000_012_345,
        meter_stop_wh=3_000_012_345,
        stated_ready_by=in_tokyo,
        override_since=NOW + timedelta(microseconds=1),
        ended_at=NOW + timedelta(hours=1),
        idle_since=NOW,
        delay=Delay.OVERRIDDEN,
        followed=Followed.NOT_FOLLOWED,
        not_followed_reason="profile_rejected",
        held_back=True,
        soc_pct=0,
    )
    async with db.begin() as tx:
        await sessions.save(tx, first, full)
    back = await get(db, first.id)
    assert back == full
    assert back.stated_ready_by.utcoffset() == timedelta(0)
    assert back.stated_ready_by == datetime(2025, 3, 29, 17, 30, 0, 123456, UTC)
    assert back.energy_wh == 12_345


async def test_a_naive_time_is_refused(db):
    first = await get(db, await plug_in(db, NOW))
    naive = msgspec.structs.replace(first, ended_at=datetime(2025, 1, 1))  # noqa: DTZ001 -- what is refused
    with pytest.raises((AssertionError, sa.exc.StatementError), match="naive"):
        async with db.begin() as tx:
            await sessions.save(tx, first, naive)


async def test_save_writes_only_what_changed(db):
    first = await get(db, await plug_in(db, NOW))
    async with db.begin() as tx:  # meanwhile somebody else has written the power
        await sessions.save(tx, first, msgspec.structs.replace(first, power_w=7))
    async with db.begin() as tx:
        await sessions.save(tx, first, msgspec.structs.replace(first, soc_pct=50))
        await sessions.save(tx, first, first)
    back = await get(db, first.id)
    assert (back.power_w, back.soc_pct) == (7, 50)


async def test_times_are_compared_as_moments_and_not_as_text(db):
    session_id = await plug_in(db, NOW)
    elsewhere = timezone(timedelta(hours=-8))
    async with db.read() as tx:
        assert await sessions.page_of(tx, ANNA, NOW.astimezone(elsewhere), 9) == []
        (found,) = await sessions.page_of(tx, ANNA, (NOW + MINUTE).astimezone(elsewhere), 9)
    assert found.id == session_id


async def test_readings_of_one_batch_and_of_a_repeat_are_kept_once_with_the_higher_value(db):
    one, two = await plug_in(db, NOW), await plug_in(db, NOW, STREET_STATION_1, "BERT-CARD")
    await keep(db)
    await keep(db, sample(one, 5, 100, 4_000, 40), sample(one, 5, 90, 5_000), sample(two, 5, 1))
    assert await stored(db, one) == [(5, 100, 5_000, 40)]
    await keep(db, sample(one, 10, 200, None), sample(one, 5, 99, 4_500, 41))
    assert await stored(db, one) == [(5, 100, 5_000, 41), (10, 200, None, None)]
    await keep(db, sample(one, 10, 3_000_000_000, 11, None), sample(one, 5, 1))
    assert await stored(db, one) == [(5, 100, 5_000, 41), (10, 3_000_000_000, 11, None)]
    assert await stored(db, two) == [(5, 1, None, None)]
    async with db.read() as tx:
        assert await sessions.readings(tx, two) == [Reading(at=NOW + 5 * MINUTE, register_wh=1)]


async def test_a_day_of_readings_in_one_batch(db):
    session_id = await plug_in(db, NOW)
    await keep(db, *(sample(session_id, minute, minute * 10, 0, 1) for minute in reversed(range(1440))))
    async with db.read() as tx:
        found = await sessions.readings(tx, session_id)
    assert [one.register_wh for one in found] == [minute * 10 for minute in range(1440)]


async def test_the_same_readings_from_two_sides_at_once_are_kept_once(db):
    session_id = await plug_in(db, NOW)
    batch = [sample(session_id, minute, minute) for minute in range(50)]
    await asyncio.gather(*(keep(db, *batch) for _ in range(4)))
    assert len(await stored(db, session_id)) == 50


async def test_whether_it_drew_is_asked_of_a_half_open_time(db):
    session_id = await plug_in(db, NOW)
    await keep(db, sample(session_id, 10, 0, 199), sample(session_id, 20, 0, 200))
    async with db.read() as tx:
        drew = [
            await sessions.drew_between(tx, session_id, NOW + start * MINUTE, NOW + end * MINUTE)
            for start, end in ((0, 15), (15, 20), (20, 30))
        ]
    assert drew == [False, True, False]


async def test_events_keep_their_order_and_their_session(db):
    one, two = await plug_in(db, NOW), await plug_in(db, NOW, STREET_STATION_1, "BERT-CARD")
    first, second = await get(db, one), await get(db, two)
    async with db.read() as tx:
        before = await sessions.events(tx, one)
    told = [SessionEvent(one, NOW, "b", "2"), SessionEvent(two, NOW, "c"), SessionEvent(one, NOW, "a", "1")]
    async with db.begin() as tx:
        await sessions.add_events(tx, [])
        await sessions.add_events(tx, [(first, told[0]), (second, told[1]), (first, told[2])])
        await sessions.add_event(tx, first, NOW - MINUTE, "last")
    async with db.read() as tx:
        found = await sessions.events(tx, one)
    assert [event.kind for event in found[len(before) :]] == ["b", "a", "last"]
    assert found[-1] == SessionEvent(one, NOW - MINUTE, "last", "")


async def test_plans_in_force_are_set_for_several_at_once(db):
    one, two = await plug_in(db, NOW), await plug_in(db, NOW, STREET_STATION_1, "BERT-CARD")
    plan = uuid4()
    async with db.begin() as tx:
        await planned_sessions.set_plans(tx, [])
        await planned_sessions.set_plans(tx, [InForce(one, "managed", plan, 3), InForce(two, "overridden", None, 0)])
    first, second = await get(db, one), await get(db, two)
    assert (first.delay, first.plan_id, first.plan_version) == (Delay.MANAGED, plan, 3)
    assert (second.delay, second.plan_id, second.plan_version) == (Delay.OVERRIDDEN, None, 0)


async def test_who_is_open_where(db):
    one = await plug_in(db, NOW)
    two = await plug_in(db, NOW + MINUTE, STREET_STATION_1, "BERT-CARD")
    three = await plug_in(db, NOW - MINUTE, BERTS_STATION, "BERT-CARD")
    async with db.read() as tx:
        assert [session.id for session in await sessions.all_open(tx)] == [three, one, two]
        assert [session.id for session in await sessions.open_at(tx, HOME)] == [one]
        assert [session.id for session in await sessions.current_of(tx, BERT)] == [two, three]
        assert set(await sessions.some_held(tx, [one, two, uuid4()])) == {one, two}
        transaction = (await sessions.get(tx, one)).transaction_id
        assert (await sessions.by_transaction(tx, HOME_STATION, transaction)).id == one
        assert await sessions.by_transaction(tx, STREET_STATION_1, transaction) is None
    await unplug(db, one, NOW + timedelta(hours=1), 5_000)
    async with db.read() as tx:
        assert await sessions.open_at(tx, HOME) == []
        assert await sessions.ended(tx) == []


async def test_what_a_stay_leaves_for_the_next_one(db):
    night = await a_night(db, NOW - timedelta(days=2))
    async with db.read() as tx:
        (own,) = await past_sessions.stays(tx, ANNA, STREET)
        assert own.ended_at - own.started_at == timedelta(hours=12)
        assert await past_sessions.stays(tx, BERT, STREET) == []
        visit = Visit(ANNA, own.started_at, own.ended_at, 30_000)
        assert await past_sessions.visits(tx, [ANNA, BERT], STREET) == {ANNA: [visit], BERT: []}
        assert await past_sessions.others_visits(tx, [ANNA, BERT], STREET) == {ANNA: [], BERT: [visit]}
        assert await past_sessions.others_visits(tx, [BERT], STREET) == {BERT: [visit]}
        assert await past_sessions.others_visits(tx, [ANNA], STREET) == {ANNA: []}
        assert await past_sessions.energies(tx, [ANNA, BERT], STREET) == {ANNA: (30_000,)}
        assert await past_sessions.energies(tx, [], STREET) == {}
        powers = await past_sessions.powers(tx, (await sessions.get(tx, night)).vehicle_id)
    assert [set(one) for one in powers] == [{10_000}]


async def test_messages_of_no_transaction_are_kept(db):
    orphan = (OPERATOR, STREET_STATION_1, NOW, "MeterValues", "{}")
    async with db.begin() as tx:
        await sessions.add_orphans(tx, [orphan, orphan])
    assert await rows(db, "orphan_messages") == 2

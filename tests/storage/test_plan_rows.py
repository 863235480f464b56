"""Plans: one a version, an older answer never wins, and what a station accepted stays known."""

import asyncio
import gc
import weakref
from contextlib import nullcontext
from datetime import UTC, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa
from small_town import HOME, NOW, STREET, STREET_STATION_1, make_plan, plug_in, rows, unplug

from server.core.valley import plan as engine
from server.flows import facts
from server.flows import plans as flow
from server.storage import locations, plan_inputs, plans, session_batches, sessions
from server.storage.db import KEPT
from server.storage.plans import Outcome

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def planned(db):
    """Anna's session at home, and its first plan."""
    session_id = await plug_in(db, NOW)
    await make_plan(db, HOME, NOW)
    async with db.read() as tx:
        session = await sessions.get(tx, session_id)
        return await plans.get(tx, session.plan_id)


def later(plan, version, **changes):
    return msgspec.structs.replace(plan, id=uuid4(), version=version, **changes)


async def insert(db, *new):
    async with db.begin() as tx:
        await plans.insert(tx, new)


async def test_a_plan_comes_back_as_it_was_kept(db, planned):
    moment = NOW + timedelta(microseconds=123_456)
    new = later(
        planned, 2, made_at=moment, depart_at=None, energy_wh=[0, 2_760, 1], reason="site_limit", sent_at=moment
    )
    await insert(db, new)
    await insert(db)
    async with db.read() as tx:
        assert await plans.get(tx, new.id) == new
        assert await plans.get(tx, None) is None
        assert await plans.get(tx, uuid4()) is None
        assert await plans.in_force(tx, [planned.id, uuid4()]) == {planned.session_id: planned}


async def test_one_version_of_a_session_is_kept_once(db, planned):
    with pytest.raises(sa.exc.IntegrityError):
        await insert(db, later(planned, planned.version))


async def test_the_last_plan_by_a_moment_is_the_one_of_the_highest_version(db, planned):
    second, third = later(planned, 2, made_at=NOW + MINUTE), later(planned, 3, made_at=NOW + 2 * MINUTE)
    await insert(db, third, second)
    async with db.read() as tx:
        found = [await plans.last_of(tx, planned.session_id, NOW + n * MINUTE) for n in (-1, 0, 1, 5)]
    assert found == [None, planned, second, third]


async def test_a_station_may_do_what_it_accepted_last_or_what_it_did_not_answer_since(db, planned):
    second, third, fourth, fifth = (later(planned, version) for version in (2, 3, 4, 5))
    await insert(db, second, third, fourth, fifth)
    told = [
        Outcome(plan.id, NOW + MINUTE, said)
        for plan, said in ((planned, "offline"), (second, "accepted"), (third, "timed_out"), (fourth, "rejected"))
    ]
    async with db.begin() as tx:
        await plans.set_outcomes(tx, [])
        await plans.set_outcomes(tx, told)
    async with db.read() as tx:
        held = await plans.may_hold(tx, [planned.session_id, uuid4()])
        assert await plans.may_hold(tx, []) == {}
        unsent = await plans.get(tx, fifth.id)
    said = [(plan.id, plan.sent_at, plan.outcome) for plan in held[planned.session_id]]
    assert said == [(second.id, NOW + MINUTE, "accepted"), (third.id, NOW + MINUTE, "timed_out")]
    assert len(held) == 1
    assert (unsent.sent_at, unsent.outcome) == (None, "")


async def test_of_a_station_that_never_accepted_a_plan_every_unanswered_one_counts(db, planned):
    second = later(planned, 2)
    await insert(db, second)
    async with db.begin() as tx:
        await plans.set_outcomes(tx, [Outcome(plan.id, NOW, "timed_out") for plan in (planned, second)])
        held = await plans.may_hold(tx, [planned.session_id])
    assert [plan.version for plan in held[planned.session_id]] == [1, 2]


async def test_what_the_engine_was_asked_is_forgotten_unless_a_plan_in_force_came_of_it(db, planned):
    ended = await plug_in(db, NOW, STREET_STATION_1)
    await make_plan(db, STREET, NOW)
    await unplug(db, ended, NOW + MINUTE, 0)
    async with db.read() as tx:
        over = await plans.last_of(tx, ended, NOW)
    assert await rows(db, "plan_inputs") == 2
    for before, left in ((NOW, 2), (NOW + MINUTE, 1)):
        async with db.begin() as tx:
            assert await plan_inputs.forget(tx, before) == 2 - left
        assert await rows(db, "plan_inputs") == left
    async with db.read() as tx:
        assert await plans.get(tx, over.id) == msgspec.structs.replace(over, inputs_id=None)
        assert await plans.get(tx, planned.id) == planned
        assert await plan_inputs.get(tx, planned.inputs_id) is not None


async def test_what_was_read_is_kept_of_the_plan_in_force_and_only_until_its_session_ends(db, planned):
    def kept_of(tx):
        values = [seen.plan for key, seen in tx.info[KEPT].items() if key[0] == "plan"]
        found = [plan.id for plan in values if plan.session_id == planned.session_id]
        assert len(found) == (("plan of", planned.session_id) in tx.info[KEPT])
        return found

    new = [later(planned, version) for version in (2, 3, 4)]
    await insert(db, *new)
    async with db.read() as tx:
        for plan in (planned, *new):
            assert await plans.in_force(tx, [plan.id]) == {planned.session_id: plan}
            assert kept_of(tx) == [plan.id]
        session = await sessions.get(tx, planned.session_id)
        assert await session_batches.of_transactions(tx, [session.transaction_id])
        assert ("session", session.transaction_id) in tx.info[KEPT]
    await unplug(db, planned.session_id, NOW + MINUTE, 0)
    async with db.read() as tx:
        for _ in range(2):
            assert kept_of(tx) == []
            assert ("session", session.transaction_id) not in tx.info[KEPT]
            (seen,) = await facts.of_sessions(tx, [await sessions.get(tx, planned.session_id)])  # as a history does
            assert seen.plan is not None
            assert await session_batches.of_transactions(tx, [session.transaction_id])  # as a late reading does


@pytest.fixture
def read_whole(db):
    """The statements that read whole plans."""
    seen = []

    def hear(_connection, _cursor, statement, *_rest):
        if "plans.energy_wh" in statement and statement.startswith("SELECT"):
            seen.append(statement)

    engine = db.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", hear)


async def in_force(db, plan):
    async with db.read() as tx:
        return (await plans.in_force(tx, [plan.id]))[plan.session_id]


async def test_a_plan_that_was_written_here_is_not_read_and_is_what_a_reader_reads(db, planned, read_whole):
    there = ZoneInfo("Europe/Amsterdam")
    second = later(planned, 2, depart_at=NOW.astimezone(there), made_at=NOW + timedelta(microseconds=5), reason="floor")
    await insert(db, second)
    known = await in_force(db, second)
    assert read_whole == []
    async with db.read() as tx:
        read = await plans.get(tx, second.id)
    assert len(read_whole) == 1
    assert repr(msgspec.structs.asdict(known)) == repr(msgspec.structs.asdict(read))
    assert known.depart_at.tzinfo is UTC


async def test_what_a_station_said_of_a_plan_is_known_without_reading_it_whole(db, planned, read_whole):
    second = later(planned, 2)
    await insert(db, second)
    for at, said in ((NOW + MINUTE, "timed_out"), (NOW + 2 * MINUTE, "accepted")):
        async with db.begin() as tx:
            await plans.set_outcomes(tx, [Outcome(second.id, at, said)])
        assert await in_force(db, second) == msgspec.structs.replace(second, sent_at=at, outcome=said)
    assert read_whole == []


async def test_a_plan_that_was_not_committed_is_not_known(db, planned, read_whole):
    async def fail(plan):
        async with db.begin() as tx:
            await plans.insert(tx, [plan])
            raise ZeroDivisionError

    lost = later(planned, 2)
    with pytest.raises(ZeroDivisionError):
        await fail(lost)
    other = msgspec.structs.replace(lost, energy_wh=[7] * len(lost.energy_wh))
    async with db.read() as tx:
        assert await plans.in_force(tx, [lost.id]) == {}
    await insert(db, other)
    assert (await in_force(db, lost)).energy_wh == other.energy_wh
    assert read_whole == []


@pytest.mark.parametrize("fails", [False, True])
async def test_a_transaction_that_wrote_plans_is_not_left_to_the_collector(db, planned, fails):
    async def write(plan):
        async with db.begin() as tx:
            await plans.insert(tx, [plan])
            seen.append(weakref.ref(tx))
            if fails:
                raise ZeroDivisionError

    seen = []
    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError) if fails else nullcontext():
            await write(later(planned, 2))
        assert [one() for one in seen] == [None]
    finally:
        gc.enable()


async def test_of_many_answers_to_one_question_one_is_saved(db):
    async def answer():
        async with db.begin() as tx:
            return await plans.advance_version(tx, STREET, 0)

    results = await asyncio.gather(*(answer() for _ in range(8)))
    assert sorted(results) == [False] * 7 + [True]
    async with db.read() as tx:
        assert [(await locations.get(tx, one)).planned_version for one in (STREET, HOME)] == [1, 0]


async def test_an_older_answer_overwrites_no_newer_one(db):
    session_id = await plug_in(db, NOW, STREET_STATION_1)
    async with db.read() as tx:
        older = await flow.prepare(tx, STREET, NOW)
        newer = await flow.prepare(tx, STREET, NOW + MINUTE)
    async with db.begin() as tx:
        assert await flow.save(tx, newer, engine.solve(newer.problem), NOW + MINUTE)
    async with db.read() as tx:
        before = await sessions.get(tx, session_id)
    async with db.begin() as tx:
        assert not await flow.save(tx, older, engine.solve(older.problem), NOW + 2 * MINUTE)
    async with db.read() as tx:
        assert await sessions.get(tx, session_id) == before
        assert (await plans.get(tx, before.plan_id)).made_at == NOW + MINUTE

"""Readings of many stations in one transaction: each session is what it would be had each report come alone."""

import contextlib
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
from small_town import (
    BERTS_STATION,
    HOME,
    HOME_STATION,
    NOW,
    STREET,
    STREET_STATION_1,
    STREET_STATION_2,
    make_plan,
    plug_in,
    rows,
    unplug,
)

from server.core.reports import ReadingsInfo, SampledReading
from server.flows import readings
from server.flows.readings import Came
from server.storage import plans, sessions
from server.storage import session_batches as batches

AT = NOW + timedelta(minutes=30)


class Undone(Exception):
    """A transaction fails."""


async def charging(db):
    """Anna at home and one on the street under accepted plans, Bert without one, and one who has left."""
    ids = [
        await plug_in(db, NOW, HOME_STATION),
        await plug_in(db, NOW, BERTS_STATION, "BERT-CARD"),
        await plug_in(db, NOW, STREET_STATION_1),
        await plug_in(db, NOW, STREET_STATION_2, "BERT-CARD"),
    ]
    await make_plan(db, HOME, NOW)
    await unplug(db, ids[3], NOW + timedelta(minutes=5), 400)
    await make_plan(db, STREET, NOW)
    async with db.begin() as tx:
        await tx.execute(sa.update(plans.TABLE).values(sent_at=NOW, outcome="accepted"))
        for session_id in (ids[0], ids[2]):
            before = await sessions.get(tx, session_id)
            await sessions.save(tx, before, msgspec.structs.replace(before, plan_accepted=True))
        return [await sessions.get(tx, session_id) for session_id in ids]


def reports(known):
    """Two of Anna, out of order, one of each other, one of nobody, one without a transaction."""
    anna, bert, street, gone = known
    drawing = [SampledReading(AT + timedelta(minutes=n), anna.meter_start_wh + 900 + n, 11_000, 40) for n in (1, 0)]
    said = [
        (anna, anna.transaction_id, drawing[:1]),
        (bert, bert.transaction_id, [SampledReading(AT, bert.meter_start_wh + 50, 0)]),
        (street, None, [SampledReading(AT, street.meter_start_wh + 70, 5_000)]),
        (gone, gone.transaction_id, [SampledReading(NOW + timedelta(minutes=4), gone.meter_start_wh + 300, 5_000)]),
        (bert, 999_999, [SampledReading(AT, 5, 0)]),
        (street, anna.transaction_id, [SampledReading(AT, 5, 0)]),  # another station's transaction
        (anna, anna.transaction_id, drawing[1:]),
    ]
    return [Came(of.station_id, ReadingsInfo(1, number, tuple(samples))) for of, number, samples in said]


async def state(db, known):
    async with db.read() as tx:
        after = [await sessions.get(tx, one.id) for one in known]
        read = [await sessions.readings(tx, one.id) for one in known]
        happened = [[(one.at, one.kind) for one in await sessions.events(tx, each.id)] for each in known]
    return after, read, happened, await rows(db, "orphan_messages"), await rows(db, "outbox")


async def test_together_is_as_one_by_one(town, twin):
    known, same = await charging(town), await charging(twin)
    assert known == same
    for came in reports(known):
        async with town.begin() as tx:
            await readings.take_all(tx, [came], AT + timedelta(minutes=1))
    async with twin.begin() as tx:
        await readings.take_all(tx, reports(same), AT + timedelta(minutes=1))
    assert await state(town, known) == await state(twin, known)
    assert (await state(town, known))[3] == 2


async def test_what_others_wrote_meanwhile_is_seen(town):
    """A session is not read anew where only its meter moved; what a worker or the driver changed is."""
    (anna, *_) = await charging(town)
    for override in (None, NOW, None):
        async with town.begin() as tx:
            before = (await batches.of_transactions(tx, [anna.transaction_id]))[anna.transaction_id]
            assert before == await sessions.get(tx, anna.id)
            await sessions.save(tx, before, msgspec.structs.replace(before, override_since=override, soc_pct=7))
        async with town.begin() as tx:
            after = (await batches.of_transactions(tx, [anna.transaction_id]))[anna.transaction_id]
            assert (after.override_since, after.soc_pct) == (override, 7)


@pytest.mark.parametrize("undone", [False, True], ids=["kept", "undone"])
@pytest.mark.parametrize("others", [False, True], ids=["alone", "others too"])
async def test_what_was_written_is_known_and_what_was_not_is_read_anew(town, undone, others):
    """Also where a transaction fails after its meter was written, and where a flow changes more in the same one."""
    (anna, *_) = await charging(town)
    for power in (1_000, 2_000, 3_000):
        with contextlib.suppress(Undone):
            async with town.begin() as tx:
                before = (await batches.of_transactions(tx, [anna.transaction_id]))[anna.transaction_id]
                if others:
                    await sessions.save(tx, before, msgspec.structs.replace(before, target_pct=power // 100))
                await batches.save_metered(tx, [(before, msgspec.structs.replace(before, power_w=power))])
                if undone:
                    raise Undone
        async with town.begin() as tx:
            after = (await batches.of_transactions(tx, [anna.transaction_id]))[anna.transaction_id]
            assert after == await sessions.get(tx, anna.id)
            assert (after.power_w == power) is not undone


async def test_what_a_station_said_of_its_plan_is_seen(town):
    (anna, *_) = await charging(town)
    for outcome in ("timed_out", "accepted"):
        async with town.begin() as tx:
            await plans.set_outcomes(tx, [plans.Outcome(anna.plan_id, AT, outcome)])
            found = await plans.in_force(tx, [anna.plan_id])
            assert found[anna.id] == await plans.get(tx, anna.plan_id)
            assert found[anna.id].outcome == outcome


async def test_what_was_heard_of_a_plan_comes_with_its_sessions_stamp(town):
    (anna, bert, *_) = await charging(town)
    numbers = [anna.transaction_id, bert.transaction_id]
    for outcome in ("timed_out", "accepted"):
        async with town.begin() as tx:
            await plans.set_outcomes(tx, [plans.Outcome(anna.plan_id, AT, outcome)])
        async with town.begin() as tx:
            heard: plans.Heard = {}
            known = await batches.of_transactions(tx, numbers, heard)
            ids = [one.plan_id for one in known.values() if one.plan_id is not None]
            assert set(heard) == ({one.hex for one in ids} if town.sqlite else set())
            assert await plans.in_force(tx, ids, heard) == await plans.in_force(tx, ids)
            assert (await plans.in_force(tx, ids, heard))[anna.id].outcome == outcome

"""Once a day what nobody needs is deleted, however often the server was started."""

from datetime import timedelta

import sqlalchemy as sa
from small_town import HOME, NOW, make_plan, plug_in, rows, unplug

from server.storage import outbox
from server.workers import tidy

DAY = timedelta(days=1)


async def tasks_until(context, moment):
    """When each task of this kind ran, and what came of it, until a moment."""
    ran = []
    while True:
        async with context.db.read() as tx:
            due = [task for task in await outbox.due(tx, moment) if task.kind == tidy.TIDY]
        if not due:
            return ran
        context.clock.advance_to(max(context.clock.now(), due[0].due_at))
        async with context.db.begin() as tx:
            await outbox.start(tx, [due[0].id], context.clock.now())
        outcome = await tidy.tidy(context, due[0])
        ran.append((context.clock.now(), outcome))
        async with context.db.begin() as tx:
            await outbox.done(tx, [due[0].id], context.clock.now(), outcome)


async def test_what_a_plan_was_made_of_is_kept_for_thirty_days(context):
    session_id = await plug_in(context.db, NOW)
    await make_plan(context.db, HOME, NOW)
    await unplug(context.db, session_id, NOW + timedelta(hours=1), 0)
    for _ in range(3):
        async with context.db.begin() as tx:
            await tidy.begin(tx, NOW)
    ran = await tasks_until(context, NOW + 30 * DAY)
    assert [at for at, _ in ran] == [NOW + n * DAY for n in range(31)]
    assert {outcome for _, outcome in ran} == {"deleted:0 messages:0"}
    assert await rows(context.db, "plan_inputs") == 1
    ran = await tasks_until(context, NOW + 31 * DAY)
    assert [outcome for _, outcome in ran] == ["deleted:1 messages:0"]
    assert await rows(context.db, "plan_inputs") == 0


async def test_what_was_done_is_kept_for_a_fortnight_and_what_was_given_up_or_waits_for_ever(context):
    async with context.db.begin() as tx:
        for number, key in enumerate(("done", "given-up", "waits")):
            await outbox.put(tx, "settle", key, {}, NOW + 400 * DAY * (number == 2))
        done, given_up = [task for task in await outbox.due(tx, NOW) if task.kind == "settle"]
        await outbox.done(tx, [done.id], NOW)
        lost = type(given_up)(given_up.id, "replan", given_up.key, "{}", NOW, outbox.ATTEMPTS_MAX - 1)
        await outbox.failed(tx, lost, NOW, "broken")
        await tidy.begin(tx, NOW)
    await tasks_until(context, NOW + 14 * DAY)
    assert await keys(context) == ["done", "given-up", "waits"]
    await tasks_until(context, NOW + 15 * DAY)
    assert await keys(context) == ["given-up", "waits"]


async def keys(context):
    async with context.db.read() as tx:
        found = await tx.execute(sa.select(outbox.T.key).where(outbox.T.kind == "settle").order_by(outbox.T.id))
        return [row.key for row in found]

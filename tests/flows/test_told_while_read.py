"""A station answers to its plan in the moment in which its meter is read: what the reading says is not overwritten."""

import asyncio

import msgspec
from flow_story import Accepting, come_online, replan, session_of
from small_town import NOW, STREET, STREET_STATION_1, plug_in

from server.clock import SteppedClock
from server.core.following import TOO_MUCH
from server.core.session import Followed
from server.storage import outbox, sessions
from server.workers import replan as worker
from server.workers.context import WorkContext
from server.workers.solve import Inline


async def given_up(db):
    """Anna's session on the street, whose station had its plan and does not answer any more."""
    await come_online(db)
    session_id = await plug_in(db, NOW, STREET_STATION_1)
    await replan(db, STREET, NOW)
    async with db.begin() as tx:
        session = await sessions.get(tx, session_id)
        silent = {"followed": Followed.NOT_FOLLOWED, "not_followed_reason": "profile_timed_out"}
        await sessions.save(tx, session, msgspec.structs.replace(session, **silent))
        await outbox.put(tx, "resend", str(STREET_STATION_1), {"session_id": session_id}, NOW)
        (task,) = [task for task in await outbox.due(tx, NOW) if task.kind == "resend"]
    return session_id, task


async def test_a_reading_that_comes_while_its_station_answers_is_not_overwritten(town):
    session_id, task = await given_up(town)
    context = WorkContext(town, SteppedClock(NOW), Accepting(), Inline())
    async with town.begin() as tx:
        number = (await session_of(town, session_id)).transaction_id
        before = await sessions.by_transaction(tx, STREET_STATION_1, number)
        await sessions.save(tx, before, msgspec.structs.replace(before, not_followed_reason=TOO_MUCH))
        answering = asyncio.create_task(worker.resend(context, task))
        done, _ = await asyncio.wait({answering}, timeout=1)
        assert not done, "it waits for the reading"
    assert await asyncio.wait_for(answering, 30) == "accepted"
    session = await session_of(town, session_id)
    assert (session.followed, session.not_followed_reason) == (Followed.NOT_FOLLOWED, TOO_MUCH)
    assert session.plan_accepted

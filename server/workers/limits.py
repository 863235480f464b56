"""Limits from elsewhere: stations that did not say how much are asked, cars without a plan are told what changed."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.flows import external_limits
from server.storage import outbox, plans, sessions
from server.storage.outbox import Task
from server.workers.acquaintance import REFUSALS
from server.workers.context import WorkContext
from shared.sessions import SessionState

NONE = "NoProfiles"
TRIES = 3
"""A station that answers with an error may be able to say the next time."""


class Changed(msgspec.Struct, frozen=True):
    """What a session's station is limited to changed at a time."""

    session_id: UUID
    since: datetime


class Again(msgspec.Struct, frozen=True):
    """How often a station has answered the question for its limits with an error."""

    errors: int = 0


class Asked(msgspec.Struct, frozen=True):
    """When a station was asked which limits it has."""

    asked_at: datetime


async def ask(context: WorkContext, task: Task) -> str:
    """What is limited is told afterwards; a station without any is taken at its word.

    One that cannot say, or says less than it did, has lost at a boot what it does not say again.
    """
    station_id, errors = UUID(task.key), msgspec.json.decode(task.payload, type=Again).errors
    asked = Asked(context.clock.now())
    heard = await context.stations.ask_limits(station_id)
    now = context.clock.now()
    async with context.db.begin() as tx:
        if heard.detail == NONE:
            await external_limits.none_left(tx, station_id, now)
        elif heard.accepted:
            due_at = now + external_limits.SAID_WITHIN
            await outbox.put_once(tx, external_limits.FORGET, str(station_id), asked, due_at)
        elif heard.status == "error" and errors + 1 < TRIES:
            again = Again(errors + 1)
            await outbox.put(tx, external_limits.ASK, str(station_id), again, now + external_limits.SAID_WITHIN)
        elif heard.status in REFUSALS:
            await external_limits.forget_unsaid(tx, station_id, asked.asked_at, now)
    return heard.detail or heard.status


async def forget(context: WorkContext, task: Task) -> str:
    """Forget what a station that was asked has not said again since it booted."""
    asked = msgspec.json.decode(task.payload, type=Asked)
    async with context.db.begin() as tx:
        await external_limits.forget_unsaid(tx, UUID(task.key), asked.asked_at, context.clock.now())
    return "looked"


async def tell(context: WorkContext, task: Task) -> str:
    """Send a session's plan once more, with the limits as they are now, unless it was sent since they changed."""
    said = msgspec.json.decode(task.payload, type=Changed)
    async with context.db.begin() as tx:
        session = await sessions.get(tx, said.session_id)
        if session is None or session.state is not SessionState.OPEN:
            return "ended"
        plan = await plans.get(tx, session.plan_id)
        if plan is None or plan.sent_at is None or plan.sent_at >= said.since:
            return "told"
        await outbox.put(tx, "resend", str(session.station_id), {"session_id": session.id}, context.clock.now())
    return "again"


HANDLERS = {external_limits.ASK: ask, external_limits.TELL: tell, external_limits.FORGET: forget}

"""Settles sessions that have ended, and ends those of which nobody says so."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.flows import sessions, settlements
from server.storage.outbox import Task
from server.workers.context import WorkContext


async def settle(context: WorkContext, task: Task) -> str:
    """One session, one transaction."""
    async with context.db.begin() as tx:
        return await settlements.settle_session(tx, UUID(task.key), context.clock.now())


async def close(context: WorkContext, task: Task) -> str:
    """End a session whose EVSE has been free for a while."""
    free_at = msgspec.json.decode(task.payload, type=dict[str, datetime])["free_at"]
    async with context.db.begin() as tx:
        return await sessions.close_unheard(tx, UUID(task.key), free_at, context.clock.now())

"""Settles sessions that have ended."""

from uuid import UUID

from server.flows import settlements
from server.storage.outbox import Task
from server.workers.context import WorkContext


async def settle(context: WorkContext, task: Task) -> str:
    """One session, one transaction."""
    async with context.db.begin() as tx:
        return await settlements.settle_session(tx, UUID(task.key), context.clock.now())

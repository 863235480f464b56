"""Ends reservations whose time is over."""

from server.flows import reservations
from server.storage.outbox import Task
from server.workers.context import WorkContext


async def end(context: WorkContext, task: Task) -> str:
    """A minute after it would have ended."""
    async with context.db.begin() as tx:
        return await reservations.ended(tx, int(task.key))


HANDLERS = {reservations.END: end}

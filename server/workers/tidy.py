"""Once a day, what nobody needs any more is deleted."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import outbox, plan_inputs, transactions
from server.storage.outbox import Task
from server.workers.context import WorkContext

EVERY = timedelta(days=1)
INPUTS_KEPT = timedelta(days=30)
"""So long a plan can be made again (`plan --again`)."""
EVENTS_KEPT = timedelta(days=90)
"""So long a 2.x station's repeat of an event is known for one: longer than any queue is believed."""
TIDY = "tidy"


async def begin(tx: AsyncSession, now: datetime) -> None:
    """Tidy up as the server starts, and daily from then on: one task, however often it was started."""
    await outbox.withdraw(tx, TIDY, TIDY, now)
    await outbox.put_once(tx, TIDY, TIDY, {}, now)


async def tidy(context: WorkContext, task: Task) -> str:
    """Delete what is old, and queue the next time."""
    now = context.clock.now()
    async with context.db.begin() as tx:
        gone = await plan_inputs.forget(tx, now - INPUTS_KEPT)
        await transactions.forget(tx, now - EVENTS_KEPT)
        await outbox.put_once(tx, TIDY, task.key, {}, now + EVERY)
    return f"deleted:{gone}"

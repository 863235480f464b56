"""Once a day, what nobody needs any more is deleted."""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import forwarded, inventory, message_log, outbox, plan_inputs, transactions, watch
from server.storage.outbox import Task
from server.workers.context import WorkContext

EVERY = timedelta(days=1)
INPUTS_KEPT = timedelta(days=30)
"""So long a plan can be made again (`plan --again`)."""
DONE_KEPT = timedelta(days=14)
"""So long what was done, and what became of it, can be looked up."""
EVENTS_KEPT = timedelta(days=90)
"""So long a station's days can be told, and a 2.x station's repeat of an event is known for one."""
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
        gone += await watch.forget(tx, now - EVENTS_KEPT)
        gone += await forwarded.forget(tx, now - EVENTS_KEPT)
        gone += await inventory.forget(tx, now - context.messages_kept)
    frames = await _forget(context, message_log, now - context.messages_kept)
    await _forget(context, outbox, now - DONE_KEPT)
    async with context.db.begin() as tx:
        await outbox.put_once(tx, TIDY, task.key, {}, now + EVERY)
    return f"deleted:{gone} messages:{frames}"


class _Kept(Protocol):
    """What is deleted in batches."""

    BATCH: int

    async def forget(self, tx: AsyncSession, before: datetime) -> int:
        """Delete the oldest, at most `BATCH`."""


async def _forget(context: WorkContext, kept: _Kept, before: datetime) -> int:
    """A transaction for each batch, so that nobody waits long for the writer."""
    total = 0
    while True:
        async with context.db.begin() as tx:
            gone = await kept.forget(tx, before)
        total += gone
        if gone < kept.BATCH:
            return total

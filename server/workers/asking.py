"""Values what drivers' answers are worth, after the plans of a place are on their way."""

import asyncio
from uuid import UUID

from server.flows import asking, plans
from server.storage.outbox import Task
from server.workers.context import WorkContext


async def value(context: WorkContext, task: Task) -> str:
    """Value each answer at a place that never was, and decide whether the driver is asked."""
    async with context.db.read() as tx:
        question = await plans.prepare(tx, UUID(task.key), context.clock.now())
    open_questions = [] if question is None else asking.open_questions(question.asked, question.wishes)
    found = [await asyncio.to_thread(asking.value, one, wish) for one, wish in open_questions]
    async with context.db.begin() as tx:
        await asking.decide(tx, found)
    return f"valued:{len(found)}"


HANDLERS = {asking.VALUE: value}

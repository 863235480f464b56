"""Asks stations for the limits that they have from elsewhere, where they did not say how much."""

from uuid import UUID

from server.flows import external_limits
from server.storage.outbox import Task
from server.workers.context import WorkContext

NONE = "NoProfiles"


async def ask(context: WorkContext, task: Task) -> str:
    """What is limited is told afterwards; a station without any is taken at its word."""
    station_id = UUID(task.key)
    heard = await context.stations.ask_limits(station_id)
    if heard.detail == NONE:
        async with context.db.begin() as tx:
            await external_limits.none_left(tx, station_id, context.clock.now())
    return heard.detail or heard.status


HANDLERS = {external_limits.ASK: ask}

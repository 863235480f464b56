"""Tells 2.x stations what a running session costs so far, every few minutes and when the price changes."""

from uuid import UUID

import msgspec

from server.flows import running_cost
from server.storage import outbox
from server.storage.outbox import Task
from server.workers.context import WorkContext

TOLD = "told"


async def tell(context: WorkContext, task: Task) -> str:
    """Tell it once, where it is another than was told last, and queue the next time; until the session has ended."""
    session_id, now = UUID(task.key), context.clock.now()
    async with context.db.read() as tx:
        running = await running_cost.so_far(tx, session_id, now)
    if running is None:
        return "over"
    told = msgspec.json.decode(task.payload, type=dict[str, int]).get(TOLD)
    became = "as_before"
    if running.total_minor != told:
        heard = await context.stations.tell_cost(running.station_id, running.reference, running.total_minor)
        became, told = heard.status, running.total_minor if heard.accepted else told
    async with context.db.begin() as tx:
        if became == "not_supported":
            await running_cost.refused(tx, running.station_id)
            return became
        payload = {} if told is None else {TOLD: told}
        await outbox.put_once(tx, running_cost.TELL, task.key, payload, running.next_at)
    return became


HANDLERS = {running_cost.TELL: tell}

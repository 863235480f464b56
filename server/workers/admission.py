"""Has a station boot again whose operator changed whether it may go to work."""

from uuid import UUID

from server.flows import admission
from server.storage.outbox import Task
from server.workers.context import WorkContext

BOOT = "BootNotification"


async def ask_boot(context: WorkContext, task: Task) -> str:
    """A trigger is allowed while it waits; one that knows none says it again by itself, after the interval it was told.

    One that is to be held from now on and says no is held from its next connection on.
    """
    return (await context.stations.trigger(UUID(task.key), BOOT)).status


HANDLERS = {admission.ASK_BOOT: ask_boot}

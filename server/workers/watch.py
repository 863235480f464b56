"""Looks at all stations every few minutes, and tries what may mend what is wrong."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.remedy import RESETS, TRIGGERS, Finding, may_reset
from server.flows import watching
from server.flows.watching import Errand
from server.storage import outbox
from server.storage.outbox import Task
from server.workers.context import WorkContext
from server.workers.ports import Heard
from shared.health import Remedy

EVERY = timedelta(minutes=2)
WATCH = "watch"


async def begin(tx: AsyncSession, now: datetime) -> None:
    """Look as the server has been up for a while: stations are coming back. One task, however often it is started."""
    await outbox.withdraw(tx, WATCH, WATCH, now)
    await outbox.put_once(tx, WATCH, WATCH, {}, now + EVERY)


async def watch(context: WorkContext, task: Task) -> str:
    """One look at every station, page by page, and queue the next. It writes only what changed."""
    now, after, changed = context.clock.now(), None, 0
    async with context.db.read() as tx:
        recent = await watching.lately(tx, now)
    while True:
        async with context.db.read() as tx:
            seen = await watching.look(tx, after, recent, now)
        if seen.changed:
            async with context.db.begin() as tx:
                await watching.note(tx, seen, now)
        after, changed = seen.last, changed + len(seen.changed)
        if after is None:
            break
    async with context.db.begin() as tx:
        await outbox.put_once(tx, WATCH, task.key, {}, now + EVERY)
    return f"changed:{changed}"


async def remedy(context: WorkContext, task: Task) -> str:
    """Try one thing at a station, unless all is well by now or a session began that it would harm."""
    errand = msgspec.json.decode(task.payload, type=Errand)
    station_id = UUID(task.key)
    async with context.db.read() as tx:
        finding = await watching.due(tx, errand)
        sight = await watching.sight_of(tx, station_id, context.clock.now())
    if finding is None:
        return "mended"
    if errand.remedy in RESETS and not may_reset(finding, sight):
        return "in_use"
    heard = await _try(context, finding, errand.remedy)
    async with context.db.begin() as tx:
        await watching.tried(tx, finding, errand.remedy, heard.status, context.clock.now())
    return heard.status


async def _try(context: WorkContext, finding: Finding, wanted: Remedy) -> Heard:
    stations = context.stations
    if wanted is Remedy.TRIGGER:
        return await stations.trigger(finding.station_id, TRIGGERS[finding.rule])
    if wanted is Remedy.RENEW_CERTIFICATE:
        return await context.security.ask_for_request(finding.station_id)
    if wanted is Remedy.CLEAR_PROFILE:
        return await stations.clear_plans(finding.station_id)
    return await stations.reset(finding.station_id, hard=wanted is Remedy.HARD_RESET)

"""Settles sessions that have ended, and ends those of which nobody says so."""

from datetime import datetime
from uuid import UUID

import msgspec

from server.flows import local_lists, sessions, settlements, stations, transactions
from server.storage.outbox import Task
from server.workers.context import WorkContext


async def settle(context: WorkContext, task: Task) -> str:
    """One session, one transaction."""
    async with context.db.begin() as tx:
        became = await settlements.settle_session(tx, UUID(task.key), context.clock.now())
        await local_lists.learn(tx, UUID(task.key), context.clock.now())
        return became


async def close(context: WorkContext, task: Task) -> str:
    """End a session whose EVSE has been free for a while."""
    free_at = msgspec.json.decode(task.payload, type=dict[str, datetime])["free_at"]
    async with context.db.begin() as tx:
        return await sessions.close_unheard(tx, UUID(task.key), free_at, context.clock.now())


async def ask_transaction(context: WorkContext, task: Task) -> str:
    """Ask a 2.x station for a transaction of which something is missing, or that ran before it booted.

    One that is over, and of which no more will be told, is ended.
    """
    now, booted = context.clock.now(), stations.BOOTED in msgspec.json.decode(task.payload)
    async with context.db.begin() as tx:
        session = await transactions.to_ask(tx, UUID(task.key), now, booted=booted)
    if session is None or session.transaction_ref is None:
        return "nothing_missing"
    standing = await context.stations.transaction_standing(session.station_id, session.transaction_ref)
    if standing is None:
        return "not_said"
    if not transactions.is_lost(session, standing):
        return "queued" if standing.queued else "goes_on"
    async with context.db.begin() as tx:
        now = context.clock.now()
        if not await sessions.close_lost(tx, session.id, now):
            return "told_meanwhile"
        await stations.ended(tx, session.evse_id, now, now)
        return "ended"

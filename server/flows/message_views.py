"""The message log as its operator sees it."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import message_log, stations
from server.storage.db import Database
from server.storage.message_log import Message, Wanted
from shared.operating import Direction, FrameKind, MessageView
from shared.wire import Page

TRACE_ROWS = 1_000


def view(message: Message, identity: str) -> MessageView:
    """One frame."""
    return MessageView(
        id=message.id,
        at=message.at,
        station=identity,
        direction=Direction(message.direction),
        kind=FrameKind(message.kind),
        action=message.action,
        message_id=message.message_id,
        frame=message.raw,
        asked_by=message.asked_by,
        odd=message.odd,
    )


async def page(tx: AsyncSession, wanted: Wanted, before: int | None, limit: int) -> Page[MessageView]:
    """A page of the log, newest first. It may hold fewer than `limit`, even none, and still not be the last."""
    found, following = await message_log.newest(tx, wanted, before, limit)
    return Page([view(*one) for one in found], None if following is None else str(following))


async def station_of(tx: AsyncSession, party_id: UUID, identity: str) -> UUID | None:
    """A station of a party by its identity."""
    found = await stations.named(tx, identity)
    return found.id if found is not None and found.party_id == party_id else None


async def trace(db: Database, wanted: Wanted) -> AsyncIterator[list[MessageView]]:
    """The whole log that fits, oldest first, in pieces; no transaction is held between two of them."""
    async with db.read() as tx:
        after = 0 if wanted.since is None else await message_log.first_at(tx, wanted.since) - 1
    while True:
        async with db.read() as tx:
            found = await message_log.oldest_after(tx, wanted, after, TRACE_ROWS)
        if not found:
            return
        yield [view(*one) for one in found]
        after = found[-1][0].id

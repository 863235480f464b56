"""What a station that came (back) is asked in its own time: nothing that a plan, safety or money waits for."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import Station
from server.flows import external_limits, local_lists
from server.storage import outbox

LATER, SPREAD_S = timedelta(minutes=2), 300
"""So long after a station came back, and up to so many seconds later, each at its own time."""


async def ask_later(tx: AsyncSession, some: Sequence[Station], now: datetime) -> None:
    """Queue what can wait: plans come first, and a storm of stations that come back has passed by then."""
    wanted = {
        local_lists.SYNC: [one for one in some if local_lists.keeps_one(one)],
        external_limits.ASK: [one for one in some if one.external_limits],  # it may have lost them meanwhile
    }
    for kind, asked in wanted.items():
        due = {str(one.id): now + LATER + timedelta(seconds=one.id.int % SPREAD_S) for one in asked}
        await outbox.put_each_once(tx, kind, {key: {} for key in due}, due)

"""Whether a driver is asked for the departure: only where the answer is worth it, and in few sessions."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.answer_worth import ASK_FROM_MINOR, ASK_SHARE
from server.core.worth_asking import worth_it
from server.storage import planned_sessions


class Valued(msgspec.Struct, frozen=True):
    """A session, whose party it is, and what its driver's answer is worth, minor units."""

    session_id: UUID
    party_id: UUID
    worth_minor: int


async def decide(tx: AsyncSession, found: Sequence[Valued]) -> None:
    """Keep what each answer is worth, and ask where it is among the most that answers were worth lately.

    What a session's first forecast said stands for the whole session: a question does not come and go.
    """
    for one in found:
        worths, asked = await planned_sessions.answer_worths(tx, one.party_id)
        past = [worth / 100 for worth in worths]
        worth_asking = one.worth_minor >= ASK_FROM_MINOR and worth_it(one.worth_minor / 100, past, asked, ASK_SHARE)
        await planned_sessions.set_asked(tx, one.session_id, one.worth_minor, asked=worth_asking)

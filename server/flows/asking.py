"""Whether a driver is asked for the departure: only where the answer is worth it, and in few sessions."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import chance_plan, dial
from server.core.answer_worth import ASK_FROM_MINOR, ASK_SHARE, drivers_minor
from server.core.ask import Wish
from server.core.chance_plan import Stakes
from server.core.worth_asking import worth_it
from server.flows.announcements import SessionMoved
from server.flows.facts import SessionFacts
from server.storage import planned_sessions
from server.storage.db import announce

VALUE = "value_answers"
"""The task that values them at a place: later than its plans, which must not wait for it."""


class Valued(msgspec.Struct, frozen=True):
    """A session, whose it is, and what its driver's answer is worth, minor units."""

    session_id: UUID
    party_id: UUID
    account_id: UUID | None
    worth_minor: int


def open_questions(found: Sequence[SessionFacts], wished: Sequence[Wish]) -> list[tuple[SessionFacts, Wish]]:
    """The sessions, of those planned, whose driver's answer was never valued."""
    pairs = zip(found, wished, strict=True)
    return [(one, wish) for one, wish in pairs if wish.unvalued is not None and not wish.at_once]


def value(one: SessionFacts, wish: Wish) -> Valued:
    """What it is worth to know a departure, as planned by forecast for the first time. Takes 10 ms.

    It is said to the driver, so it counts what is paid, and nothing of the dial's price of a car left short.
    """
    assert wish.unvalued is not None
    assert one.contract is not None
    paid = chance_plan.worth_of_asking(wish.unvalued, Stakes(0.0, dial.SHORT_WH, wish.need.floor_wh))
    session = one.session
    return Valued(session.id, session.party_id, session.account_id, drivers_minor(paid, one.contract.terms))


async def decide(tx: AsyncSession, found: Sequence[Valued]) -> None:
    """Keep what each answer is worth, and ask where it is among the most that answers were worth lately.

    What a session's first forecast said stands for the whole session: a question does not come and go.
    """
    for one in found:
        worths, asked = await planned_sessions.answer_worths(tx, one.party_id)
        past = [worth / 100 for worth in worths]
        worth_asking = one.worth_minor >= ASK_FROM_MINOR and worth_it(one.worth_minor / 100, past, asked, ASK_SHARE)
        if await planned_sessions.set_asked(tx, one.session_id, one.worth_minor, asked=worth_asking):
            announce(tx, SessionMoved(one.account_id, one.session_id))

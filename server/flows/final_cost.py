"""What a session in public costs when it ends, as the station may show it before the receipt is made."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.tariff import public_cost
from server.flows import facts, settling
from server.storage import sessions


async def of(tx: AsyncSession, session_id: UUID) -> int | None:
    """The price of a session that has ended, in cents of its place's tariff; None at home, where nobody is charged."""
    session = await sessions.get(tx, session_id)
    if session is None or session.ended_at is None:
        return None
    one = await facts.of_session(tx, session)
    if not one.location.public or one.public_tariff is None:
        return None
    run = await settling.course(tx, one, session.ended_at, session.ended_at)
    return public_cost(one.public_tariff, run.grid, run.charged_wh, session.started_at, session.ended_at).total_minor

"""What planning a place reads and writes of its open sessions, in few columns and few statements."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Followed
from server.storage import bare_rows
from server.storage.tables import Sessions
from server.storage.tables.charging import new_stamp
from shared.sessions import Delay

TABLE = Sessions.__table__  # type: ignore[attr-defined]
S = TABLE.c
RUNNING = (
    sa.select(S.id, S.account_id, S.delay, S.plan_id, S.plan_version, S.followed)
    .where(S.location_id == sa.bindparam("place"), S.state == "open")
    .order_by(S.started_at, S.id)
)
SET = sa.update(TABLE).where(S.id == sa.bindparam("session"))
SET = SET.values(
    delay=sa.bindparam("delayed"),
    plan_id=sa.bindparam("plan"),
    plan_version=sa.bindparam("version"),
    stamp=sa.bindparam("stamped"),
)
SET_ASKED = (
    sa.update(TABLE)
    .where(S.id == sa.bindparam("session"), S.answer_worth_minor.is_(None))
    .values(answer_worth_minor=sa.bindparam("worth"), asked=sa.bindparam("whether"))
)
WORTHS = (
    sa.select(S.answer_worth_minor, S.asked)
    .where(S.party_id == sa.bindparam("party"), S.answer_worth_minor.is_not(None))
    .order_by(S.started_at.desc(), S.id)
    .limit(sa.bindparam("most"))
)


class InForce(msgspec.Struct, frozen=True):
    """Delay and plan of a session, as columns of a bulk update."""

    session: UUID
    delayed: str
    plan: UUID | None
    version: int


async def set_plans(tx: AsyncSession, rows: Sequence[InForce]) -> None:
    """Write delay and plan in force of several sessions in one statement."""
    if rows:
        values = [(*msgspec.structs.astuple(row), new_stamp()) for row in rows]
        await bare_rows.execute(tx, SET, (*InForce.__struct_fields__, "stamped"), values)


class Running(msgspec.Struct, frozen=True):
    """What a new plan has to know of an open session as it stands when the plan is saved."""

    id: UUID
    account_id: UUID | None
    delay: Delay
    plan_id: UUID | None
    plan_version: int
    followed: Followed


async def running_at(tx: AsyncSession, location_id: UUID) -> dict[UUID, Running]:
    """The open sessions of a location by id, with little of each: to read them whole takes longer than to plan."""
    rows = await tx.execute(RUNNING, {"place": location_id})
    return {row[0]: Running(*row[:2], Delay(row[2]), *row[3:5], Followed(row[5])) for row in rows}


async def set_asked(tx: AsyncSession, session_id: UUID, worth_minor: int, *, asked: bool) -> bool:
    """Keep what the answer of a driver is worth, and whether it is asked for; whether there was none yet."""
    kept = await tx.execute(SET_ASKED, {"session": session_id, "worth": worth_minor, "whether": asked})
    return bool(kept.rowcount)  # type: ignore[attr-defined]


async def answer_worths(tx: AsyncSession, party_id: UUID, limit: int = 500) -> tuple[list[int], int]:
    """What answers were worth in a party's newest sessions that were valued, oldest first; in how many was asked."""
    found = (await tx.execute(WORTHS, {"party": party_id, "most": limit})).all()
    return [row.answer_worth_minor for row in reversed(found)], sum(1 for row in found if row.asked)

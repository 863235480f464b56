"""What the engine was asked: kept with the plans that came of it, so that anyone can make them again."""

import zlib
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.valley.problem import Problem
from server.storage import bare_rows
from server.storage.tables import PlanInputs, Plans, Sessions
from shared.ids import derive
from shared.sessions import SessionState

TABLE = PlanInputs.__table__  # type: ignore[attr-defined]
PLANS = Plans.__table__  # type: ignore[attr-defined]
S = Sessions.__table__.c  # type: ignore[attr-defined]
INSERT = {
    "sqlite": sqlite.insert(TABLE).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(TABLE).on_conflict_do_nothing(),
}
COLUMNS = ("id", "location_id", "made_at", "problem")
BATCH = 500


async def keep(tx: AsyncSession, location_id: UUID, problem: Problem, at: datetime) -> UUID:
    """Keep a problem under an id that derives from what it says; the same one again is the same row."""
    said = msgspec.json.encode(problem)
    inputs_id = derive("problem", location_id, said)
    row = (inputs_id, location_id, at, zlib.compress(said))
    await bare_rows.execute(tx, INSERT[tx.get_bind().dialect.name], COLUMNS, [row])
    return inputs_id


async def get(tx: AsyncSession, inputs_id: UUID) -> Problem | None:
    """What was asked, as it was asked."""
    row = (await tx.execute(sa.select(TABLE.c.problem).where(TABLE.c.id == inputs_id))).first()
    return None if row is None else msgspec.json.decode(zlib.decompress(row.problem), type=Problem)


async def forget(tx: AsyncSession, before: datetime) -> int:
    """Delete what was asked before a time, unless a plan in force came of it; the other plans of it stay without."""
    running = sa.select(PLANS.c.inputs_id).join(Sessions, S.plan_id == PLANS.c.id)
    running = running.where(S.state == SessionState.OPEN, PLANS.c.inputs_id.is_not(None))
    old = sa.select(TABLE.c.id).where(TABLE.c.made_at < before, TABLE.c.id.not_in(running))
    gone = [row.id for row in await tx.execute(old)]
    for first in range(0, len(gone), BATCH):
        some = gone[first : first + BATCH]
        await tx.execute(sa.update(PLANS).where(PLANS.c.inputs_id.in_(some)).values(inputs_id=None))
        await tx.execute(sa.delete(TABLE).where(TABLE.c.id.in_(some)))
    return len(gone)

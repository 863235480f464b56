"""What the engine was asked: kept with the plans that came of it, so that anyone can make them again."""

import zlib
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.valley.problem import Problem
from server.storage.tables import PlanInputs
from shared.ids import derive

TABLE = PlanInputs.__table__  # type: ignore[attr-defined]


async def keep(tx: AsyncSession, location_id: UUID, problem: Problem, at: datetime) -> UUID:
    """Keep a problem under an id that derives from what it says; the same one again is the same row."""
    said = msgspec.json.encode(problem)
    row = {"id": derive("problem", location_id, said), "location_id": location_id, "made_at": at}
    lite = tx.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(TABLE) if lite else postgresql.insert(TABLE)
    await tx.execute(insert.values(**row, problem=zlib.compress(said)).on_conflict_do_nothing())
    return derive("problem", location_id, said)


async def get(tx: AsyncSession, inputs_id: UUID) -> Problem | None:
    """What was asked, as it was asked."""
    row = (await tx.execute(sa.select(TABLE.c.problem).where(TABLE.c.id == inputs_id))).first()
    return None if row is None else msgspec.json.decode(zlib.decompress(row.problem), type=Problem)

"""What became of the forecasts of departures: one record a location."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import calibration
from server.core.calibration import Record
from server.storage.tables import ForecastRecords

TABLE = ForecastRecords.__table__  # type: ignore[attr-defined]
F = TABLE.c
FIGURES = (F.fates, F.share)
HERE = sa.select(*FIGURES).where(F.location_id == sa.bindparam("location"))
HELD = HERE.with_for_update()
FIRST = {
    "sqlite": sqlite.insert(TABLE).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(TABLE).on_conflict_do_nothing(),
}
CHANGE = sa.update(TABLE).where(F.location_id == sa.bindparam("location"))


async def record(tx: AsyncSession, location_id: UUID) -> Record:
    """The record of a location, an empty one where no forecast has been put to the test yet."""
    row = (await tx.execute(HERE, {"location": location_id})).first()
    return Record() if row is None else Record(*row)


async def advance(tx: AsyncSession, party_id: UUID, location_id: UUID, fate: tuple[float, float]) -> None:
    """One more stay at a location of a party has ended. Stays that end at once take turns."""
    first = {"party_id": party_id, "location_id": location_id, **msgspec.structs.asdict(Record())}
    await tx.execute(FIRST[tx.get_bind().dialect.name], first)
    so_far = (await tx.execute(HELD, {"location": location_id})).one()
    now = msgspec.structs.asdict(calibration.after(Record(*so_far), fate))
    await tx.execute(CHANGE, {**now, "location": location_id})

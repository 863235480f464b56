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


async def record(tx: AsyncSession, location_id: UUID) -> Record:
    """The record of a location, an empty one where no forecast has been put to the test yet."""
    row = (await tx.execute(HERE, {"location": location_id})).first()
    return Record() if row is None else Record(*row)


async def advance(tx: AsyncSession, party_id: UUID, location_id: UUID, fate: tuple[float, float]) -> None:
    """One more stay at a location of a party has ended. Stays that end at once take turns."""
    insert = sqlite.insert(TABLE) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(TABLE)
    first = {"party_id": party_id, "location_id": location_id, **msgspec.structs.asdict(Record())}
    await tx.execute(insert.values(**first).on_conflict_do_nothing())
    this = F.location_id == location_id
    so_far = (await tx.execute(sa.select(*FIGURES).where(this).with_for_update())).one()
    now = msgspec.structs.asdict(calibration.after(Record(*so_far), fate))
    await tx.execute(sa.update(TABLE).where(this).values(**now))

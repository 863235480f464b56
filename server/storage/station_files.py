"""Files that stations were asked to upload."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import StationFiles

TABLE = StationFiles.__table__  # type: ignore[attr-defined]
F = TABLE.c


class StationFile(msgspec.Struct, frozen=True):
    """A file that a station was asked for. `token_sha256`: of the secret in its address; `size` None until it came."""

    id: UUID
    party_id: UUID
    station_id: UUID
    request_no: int
    kind: str
    asked_at: datetime
    expires_at: datetime
    token_sha256: str
    name: str = ""
    came_at: datetime | None = None
    size: int | None = None


async def add(tx: AsyncSession, file: StationFile) -> None:
    """A file is asked for."""
    await tx.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(file)))


async def next_request_no(tx: AsyncSession, station_id: UUID) -> int:
    """A number for the station's next request, from 1 on."""
    last = (await tx.execute(sa.select(sa.func.max(F.request_no)).where(F.station_id == station_id))).scalar()
    return int(last or 0) + 1


async def awaited(tx: AsyncSession, token_sha256: str, now: datetime) -> StationFile | None:
    """The file that an address is for, None where it has come or is no longer awaited."""
    rows = sa.select(TABLE).where(F.token_sha256 == token_sha256, F.came_at.is_(None), F.expires_at > now)
    row = (await tx.execute(rows)).first()
    return None if row is None else to_struct(row, StationFile)


async def came(tx: AsyncSession, file_id: UUID, name: str, size: int, now: datetime) -> bool:
    """It is here, whole; False where another upload was faster."""
    first = sa.update(TABLE).where(F.id == file_id, F.came_at.is_(None))
    result = await tx.execute(first.values(name=name, size=size, came_at=now))
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def of_station(tx: AsyncSession, station_id: UUID) -> list[StationFile]:
    """A station's, newest first."""
    rows = sa.select(TABLE).where(F.station_id == station_id).order_by(F.request_no.desc()).limit(100)
    return [to_struct(row, StationFile) for row in await tx.execute(rows)]

"""Market prices as they came: by source and revision, never overwritten."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.pricecurve import PriceSlot
from server.storage.db import to_struct
from server.storage.tables import PriceNotices, PriceSlots

TABLE = PriceSlots.__table__  # type: ignore[attr-defined]
P = TABLE.c
N = PriceNotices.__table__.c  # type: ignore[attr-defined]
BETWEEN = sa.select(TABLE).where(
    P.zone == sa.bindparam("zone_name"), P.start >= sa.bindparam("first"), P.start < sa.bindparam("until")
)
BETWEEN = BETWEEN.order_by(P.start, P.seconds, P.source, P.revision)


async def add(tx: AsyncSession, zone: str, slots: Sequence[PriceSlot]) -> int:
    """Keep slots that are not known yet; returns how many were new."""
    lite = tx.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(TABLE) if lite else postgresql.insert(TABLE)
    rows = [{"zone": zone, **msgspec.structs.asdict(slot)} for slot in slots]
    if not rows:
        return 0
    # The rows as parameters: written into the statement, they would have it compiled anew each time.
    return len((await tx.execute(insert.on_conflict_do_nothing().returning(P.start), rows)).all())


async def replace(tx: AsyncSession, zone: str, source: str, slots: Sequence[PriceSlot]) -> None:
    """Keep these slots as all that a source of our own says of a zone."""
    await tx.execute(sa.delete(TABLE).where(P.zone == zone, P.source == source))
    rows = [{"zone": zone, **msgspec.structs.asdict(slot)} for slot in slots]
    if rows:
        await tx.execute(sa.insert(TABLE), rows)


async def between(tx: AsyncSession, zone: str, start: datetime, end: datetime) -> list[PriceSlot]:
    """All stored slots of a zone that touch [start, end), of every source and revision, oldest first.

    An hourly slot that began up to an hour before `start` may still touch it.
    """
    found = await tx.execute(BETWEEN, {"zone_name": zone, "first": _hour_before(start), "until": end})
    return [to_struct(row, PriceSlot) for row in found]


def _hour_before(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() - 3600, moment.tzinfo)


async def add_notice(tx: AsyncSession, zone: str, at: datetime, kind: str, detail: str) -> None:
    """Keep a notice, e.g. `sources_differ`."""
    await tx.execute(sa.insert(PriceNotices).values(zone=zone, at=at, kind=kind, detail=detail))


async def notices(tx: AsyncSession, zone: str, since: datetime) -> list[str]:
    """The kinds of notices of a zone since a time."""
    rows = sa.select(N.kind).where(N.zone == zone, N.at >= since).distinct().order_by(N.kind)
    return [row.kind for row in await tx.execute(rows)]

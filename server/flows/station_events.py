"""What stations tell of firmware, diagnostics, logs and security."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import StationNotice
from server.core.storable import storable as without_nul
from server.storage import station_events, stations
from shared.operating import StationEventView
from shared.wire import Page


async def keep(tx: AsyncSession, station_id: UUID, notice: StationNotice, now: datetime) -> None:
    """Keep a notice; a security event repeated is kept again, for a station may mean it."""
    station = await stations.get(tx, station_id)
    await station_events.add(tx, station.party_id, station_id, storable(notice), now)


async def page(tx: AsyncSession, station_id: UUID, before: int | None, limit: int) -> Page[StationEventView]:
    """A station's notices, newest first."""
    found = await station_events.of_station(tx, station_id, before, limit + 1)
    views = [
        StationEventView(one.id, one.at, one.said_at, one.kind, one.status, one.detail, one.request_no)
        for one in found[:limit]
    ]
    return Page(views, str(views[-1].id) if len(found) > limit else None)


def storable(notice: StationNotice) -> StationNotice:
    """Text without NUL, which PostgreSQL takes nowhere; numbers that fit."""
    number = notice.request_no if notice.request_no is not None and abs(notice.request_no) < 2**31 else None
    status, detail = without_nul(notice.status), without_nul(notice.detail)
    return StationNotice(notice.kind, status, detail, number, notice.said_at, notice.raw)

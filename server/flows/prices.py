"""Prices that came in: kept by source and revision; where two sources differ, a notice; where any is new, new plans."""

from datetime import datetime
from itertools import groupby

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.price_forecast import FORECAST, HORIZON, LOOKS_BACK, forecast
from server.core.pricecurve import PriceSlot, arrivals, disagreements
from server.core.pricezone import ZONES
from server.core.timegrid import Grid
from server.flows.announcements import PricesMoved
from server.storage import locations, outbox, prices
from server.storage.db import announce
from shared.units import SLOT_SECONDS


async def take(tx: AsyncSession, zone: str, fetched: list[PriceSlot], day: Grid, now: datetime) -> int:
    """Keep what is new of a day's prices; returns how many slots that were."""
    stored = await prices.between(tx, zone, day.start, day.end)
    fresh = arrivals(stored, fetched)
    if not fresh:
        return 0
    await prices.add(tx, zone, fresh)
    pairs = groupby(disagreements([*stored, *fresh]), key=lambda found: (found.source, found.other))
    for (one, other), found in ((pair, list(slots)) for pair, slots in pairs):
        detail = f"{one} and {other} differ in {len(found)} slots from {found[0].start.isoformat()}"
        await prices.add_notice(tx, zone, now, "sources_differ", detail)
    await _forecast(tx, zone, day.end, now)
    for location_id in await locations.with_prices_of(tx, zone):
        await outbox.put_once(tx, "replan", str(location_id), {"why": "prices"}, now)
    announce(tx, PricesMoved(zone))
    return len(fresh)


async def _forecast(tx: AsyncSession, zone: str, known_until: datetime, now: datetime) -> None:
    """Carry the prices on beyond what is published; what is published later comes before it (`pricecurve.curve`).

    Nobody published a forecast, so the one before is not kept.
    """
    past = await prices.between(tx, zone, known_until - LOOKS_BACK, known_until)
    grid = Grid(known_until, int(HORIZON.total_seconds()) // SLOT_SECONDS)
    ahead = forecast(past, grid, ZONES[zone].time_zone)
    await prices.replace(tx, zone, FORECAST, [msgspec.structs.replace(slot, fetched_at=now) for slot in ahead])


async def known_until(tx: AsyncSession, zone: str, days: list[Grid], names: set[str]) -> datetime | None:
    """The end of the last of these days for which every source of these names has published, None where none is.

    One source is not enough to stop asking: prices are preliminary until a second one agrees (domain 2.1).
    """
    known = None
    for day in days:
        stored = await prices.between(tx, zone, day.start, day.end)
        if names <= {slot.source for slot in stored if slot.end >= day.end}:
            known = day.end
    return known

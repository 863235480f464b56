"""Asks the price feeds: today and tomorrow at the start, then as the market publishes."""

import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from server.core.pricecurve import next_poll
from server.core.pricezone import ZONES
from server.core.timegrid import local_day
from server.feeds.ports import PriceFeed
from server.feeds.prices.ask import ask_all
from server.flows import prices
from server.storage import locations
from server.workers.context import WorkContext
from server.workers.runner import Failure, attempt

log = structlog.get_logger()
JITTER_SECONDS = 240
AGAIN = timedelta(minutes=5)


class PriceWorker:
    """Owns the loop over zones. `problems` is what the feeds said last that was no price, for `doctor` and the log."""

    def __init__(self, context: WorkContext, feeds: Sequence[PriceFeed], *, jitter: bool = True) -> None:
        """`feeds` in the order in which they are asked; none of them: the typical curve alone."""
        self._context, self._feeds, self._jitter = context, feeds, jitter
        self.busy = True
        self.problems: list[str] = []

    async def run(self) -> None:
        """Poll until cancelled."""
        while self._feeds:
            self.busy = True
            due = await attempt(self._look(), what="prices")
            self.busy = False
            soon = self._context.clock.now() + AGAIN
            await self._context.clock.sleep_until(soon if isinstance(due, Failure) else due)
        self.busy = False

    async def _look(self) -> datetime:
        """Ask for every zone in use; returns when to look again. A first place may be entered at any time."""
        due = [await self._poll(zone) for zone in await self._zones()]
        return min(due, default=self._context.clock.now() + AGAIN)

    async def _zones(self) -> list[str]:
        async with self._context.db.read() as tx:
            return [zone for zone in await locations.zones(tx) if zone in ZONES]

    async def _poll(self, zone: str) -> datetime:
        now = self._context.clock.now()
        place = ZONES[zone]
        local = ZoneInfo(place.time_zone)
        today = now.astimezone(local).date()
        wanted: list[date] = [today, today + timedelta(days=1)]
        grids = [local_day(day, local) for day in wanted]
        self.problems = []
        for day, grid in zip(wanted, grids, strict=True):
            answers = await ask_all(self._feeds, zone, day)
            self.problems += answers.problems
            async with self._context.db.begin() as tx:
                fresh = await prices.take(tx, zone, answers.slots, grid, now)
            if fresh:
                log.info("prices_stored", zone=zone, day=day.isoformat(), slots=fresh)
        async with self._context.db.read() as tx:
            known = await prices.known_until(tx, zone, grids, {feed.name for feed in self._feeds})
        jitter = zlib.crc32(zone.encode()) % JITTER_SECONDS if self._jitter else 0
        return next_poll(now, place.time_zone, known, jitter)

"""The typical curve as a feed: what an installation without internet plans on, marked ESTIMATED."""

from collections.abc import Callable
from datetime import date, datetime

import msgspec

from server.core.pricecurve import TYPICAL, PriceSlot, typical
from server.feeds.prices.ask import day_of, zone_of


class TypicalPrices:
    """The offline default: the same every year, known for every day."""

    name = TYPICAL

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """The typical prices of a zone's local day, in quarter hours."""
        place = zone_of(TYPICAL, zone)
        fetched_at = self._now()
        slots = typical(day_of(place, day), place.time_zone)
        return [msgspec.structs.replace(slot, fetched_at=fetched_at) for slot in slots]

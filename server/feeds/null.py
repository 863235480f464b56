"""Feeds that stay silent: for installations and tests without a world outside."""

from datetime import date

from server.core.pricecurve import PriceSlot
from server.feeds.ports import NotPublished


class NoPrices:
    """A price feed that never has prices."""

    name = "none"

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """Raise NotPublished."""
        raise NotPublished(self.name, f"no prices of {zone} for {day}: no price feed is configured")

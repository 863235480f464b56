"""Feeds that stay silent: for installations and tests without a world outside, and for what people do by hand."""

from datetime import date, datetime

from server.core.certificate import Signed, Subject
from server.core.ocsp import Asked, Standing
from server.core.pricecurve import PriceSlot
from server.feeds.ports import NotPublished


class NoPrices:
    """A price feed that never has prices."""

    name = "none"

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """Raise NotPublished."""
        raise NotPublished(self.name, f"no prices of {zone} for {day}: no price feed is configured")


class NoSigner:
    """Signs nothing: every request waits for an operator who brings what another authority signed."""

    async def sign(self, request_pem: str, subject: Subject, now: datetime) -> Signed | None:
        """Not here."""
        del request_pem, subject, now
        return None


class NoResponders:
    """Asks nobody whether a certificate is revoked."""

    async def ask(self, asked: Asked) -> Standing:
        """Says so."""
        del asked
        return Standing(None, "this server asks no responders")

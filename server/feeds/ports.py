"""What the server wants of the world outside, and how a feed says no."""

from datetime import date, datetime
from typing import Protocol

from server.core.certificate import Signed, Subject
from server.core.ocsp import Asked, Standing
from server.core.pricecurve import PriceSlot


class FeedUnavailable(Exception):
    """A feed cannot be used now: not reached, refused us, or served something we do not understand.

    `retry_after_s`: how long the feed asked us to wait, None if it did not say. The text names no secret.
    """

    def __init__(self, feed: str, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(f"{feed}: {detail}")
        self.feed = feed
        self.detail = detail
        self.retry_after_s = retry_after_s


class FeedMalformed(FeedUnavailable):
    """A feed served something that breaks its format: asking again at once will not help."""


class NotPublished(Exception):
    """A feed was reached and has no prices for that day (yet)."""

    def __init__(self, feed: str, detail: str) -> None:
        super().__init__(f"{feed}: {detail}")
        self.feed = feed
        self.detail = detail


class PriceFeed(Protocol):
    """Day-ahead prices of a source. `name` is what its slots carry as `source`."""

    name: str

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """The slots that start in a zone's local day, oldest first, never none: 92, 96 or 100 quarters, or hours.

        Published prices come as PRELIMINARY (core.pricecurve.confirmed makes them FINAL). Raises NotPublished,
        FeedUnavailable or FeedMalformed.
        """
        ...


class Signer(Protocol):
    """An authority that signs requests of stations, which were checked before."""

    async def sign(self, request_pem: str, subject: Subject, now: datetime) -> Signed | None:
        """The chain, leaf first; None where somebody else signs, and an operator brings it."""


class Responders(Protocol):
    """Those who know which certificates are revoked (OCSP)."""

    async def ask(self, asked: Asked) -> Standing:
        """The answer of the responder that is named, or why there is none. Never raises."""
        ...

"""How price feeds are asked: over HTTP with typed errors, one after the other, each for a zone's local day."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import httpx
import msgspec

from server.core.pricecurve import PriceSlot
from server.core.pricezone import ZONES, PriceZone
from server.core.timegrid import Grid, local_day
from server.feeds.ports import FeedUnavailable, NotPublished, PriceFeed


class Answers(msgspec.Struct, frozen=True):
    """What several feeds said of one day: their slots, and why the others said nothing (`feed: reason`)."""

    slots: list[PriceSlot]
    problems: list[str]


async def ask_all(feeds: Sequence[PriceFeed], zone: str, day: date) -> Answers:
    """Ask every feed for a day; a feed that fails is a problem in the answer, not an exception."""
    slots: list[PriceSlot] = []
    problems: list[str] = []
    for feed in feeds:
        try:
            slots += await feed.fetch(zone, day)
        except (FeedUnavailable, NotPublished) as error:
            problems.append(str(error))
    return Answers(slots, problems)


def zone_of(feed: str, code: str) -> PriceZone:
    """The zone of a code; FeedUnavailable where we do not know it."""
    if code not in ZONES:
        raise FeedUnavailable(feed, f"unknown price zone {code!r}, expected one of {', '.join(ZONES)}")
    return ZONES[code]


def day_of(zone: PriceZone, day: date) -> Grid:
    """A zone's delivery day in quarter hours."""
    return local_day(day, ZoneInfo(zone.time_zone))


def within(feed: str, slots: Sequence[PriceSlot], day: Grid) -> list[PriceSlot]:
    """The slots that start in a day, oldest first; NotPublished if there are none."""
    inside = sorted((slot for slot in slots if day.start <= slot.start < day.end), key=lambda slot: slot.start)
    if not inside:
        raise NotPublished(feed, f"no prices between {day.start:%Y-%m-%dT%H:%MZ} and {day.end:%Y-%m-%dT%H:%MZ}")
    return inside


async def get(client: httpx.AsyncClient, feed: str, url: str, params: dict[str, str]) -> httpx.Response:
    """GET, returning 2xx, 400 and 404; FeedUnavailable where the feed is not reached, is overloaded or refuses us."""
    try:
        response = await client.get(url, params=params)
    except httpx.HTTPError as error:
        # the type only: its text may quote the URL, which holds the token
        raise FeedUnavailable(feed, f"not reached ({type(error).__name__})") from None
    if response.status_code in {401, 403}:
        raise FeedUnavailable(feed, f"refused us (HTTP {response.status_code}): check the token")
    if not (response.is_success or response.status_code in {400, 404}):
        wait = response.headers.get("retry-after", "")
        detail = f"answered HTTP {response.status_code}"
        raise FeedUnavailable(feed, detail, int(wait) if wait.isdecimal() else None)
    return response

"""Energy-Charts (Fraunhofer ISE): day-ahead prices without a key. GET /price?bzn=&start=&end= (domain 2.2)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import httpx
import msgspec

from server.core.pricecurve import PriceSlot, micro_from_eur_per_mwh
from server.feeds.ports import FeedMalformed, FeedUnavailable, NotPublished
from server.feeds.prices.ask import day_of, get, within, zone_of

NAME = "energy_charts"
URL = "https://api.energy-charts.info/price"
UNIT = "EUR / MWh"
RESOLUTIONS = (900, 1_800, 3_600)


class Answer(msgspec.Struct, frozen=True):
    """The service's answer: slot starts and prices side by side; None where a price is missing."""

    unix_seconds: list[int]
    price: list[Decimal | None]
    unit: str
    license_info: str = ""


def read(body: bytes) -> Answer:
    """Decode an answer. FeedMalformed where the shape, the unit or the raster is not the known one."""
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError as error:
        raise FeedMalformed(NAME, f"not a price answer: {error}") from error
    if answer.unit.replace(" ", "") != UNIT.replace(" ", ""):
        raise FeedMalformed(NAME, f"expected prices in {UNIT}, got {answer.unit!r}")
    if len(answer.unix_seconds) != len(answer.price):
        raise FeedMalformed(NAME, f"{len(answer.unix_seconds)} times but {len(answer.price)} prices")
    return answer


def to_slots(answer: Answer, fetched_at: datetime) -> list[PriceSlot]:
    """The slots of an answer, as long as the shortest distance between two starts: the answer does not say."""
    times = answer.unix_seconds
    steps = [after - before for before, after in pairwise(times)]
    if not steps:
        return []
    seconds = min(steps)
    if seconds not in RESOLUTIONS or any((moment - times[0]) % seconds for moment in times):
        raise FeedMalformed(NAME, f"slots of {seconds} s off any known raster")
    return [
        PriceSlot(
            datetime.fromtimestamp(moment, UTC), seconds, micro_from_eur_per_mwh(price), NAME, fetched_at=fetched_at
        )
        for moment, price in zip(times, answer.price, strict=True)
        if price is not None
    ]


class EnergyCharts:
    """The live feed. `licences` holds the licence text of each zone asked so far: some allow private use only."""

    name = NAME

    def __init__(self, client: httpx.AsyncClient, now: Callable[[], datetime], url: str = URL) -> None:
        self._client = client
        self._now = now
        self._url = url
        self.licences: dict[str, str] = {}

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """The prices of a zone's local day (see PriceFeed)."""
        place = zone_of(NAME, zone)
        if place.energy_charts is None:
            raise FeedUnavailable(NAME, f"does not serve {zone}")
        params = {"bzn": place.energy_charts, "start": day.isoformat(), "end": day.isoformat()}
        response = await get(self._client, NAME, self._url, params)
        if response.status_code in {httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND}:
            raise NotPublished(NAME, f"no prices of {zone} for {day}")
        if response.status_code != httpx.codes.OK:
            raise FeedUnavailable(NAME, f"answered HTTP {response.status_code}")
        answer = read(response.content)
        self.licences[zone] = answer.license_info
        return within(NAME, to_slots(answer, self._now()), day_of(place, day))

"""ENTSO-E Transparency Platform: day-ahead prices as A44 documents (domain 2.2 and its six parsing rules)."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import httpx
import msgspec
from defusedxml.ElementTree import fromstring

from server.core.pricecurve import PriceSlot, micro_from_eur_per_mwh
from server.core.timegrid import floor_slot
from server.feeds.ports import FeedMalformed, NotPublished
from server.feeds.prices.ask import day_of, get, within, zone_of

NAME = "entsoe"
URL = "https://web-api.tp.entsoe.eu/api"
RESOLUTIONS = {"PT15M": 900, "PT30M": 1_800, "PT60M": 3_600, "PT1H": 3_600}
ALL_POINTS = "A01"
CHANGES_ONLY = "A03"
STAMP = "%Y%m%d%H%M"
QUARTER = timedelta(minutes=15)


class Series(msgspec.Struct, frozen=True):
    """The slots of one TimeSeries and its auction's place in the sequence (1 where it has none)."""

    sequence: int
    slots: list[PriceSlot]


def _text(node: Element, path: str) -> str:
    """The text of a child; FeedMalformed where it is missing. Any namespace: versions of the format differ in it."""
    found = node.findtext("/".join(f"{{*}}{step}" for step in path.split("/")))
    if found is None or not found.strip():
        raise FeedMalformed(NAME, f"{node.tag.rpartition('}')[2]} without {path}")
    return found.strip()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise FeedMalformed(NAME, f"expected a UTC time, got {text!r}") from error
    if moment.tzinfo is None:
        raise FeedMalformed(NAME, f"expected a UTC time, got {text!r}")
    return moment.astimezone(UTC)


def _points(period: Element) -> dict[int, int]:
    """Prices (micro per kWh) by position."""
    points: dict[int, int] = {}
    for point in period.findall("{*}Point"):
        position, amount = _text(point, "position"), _text(point, "price.amount")
        try:
            price = Decimal(amount)
        except InvalidOperation as error:
            raise FeedMalformed(NAME, f"expected a price, got {amount!r}") from error
        if not (position.isdecimal() and price.is_finite()):
            raise FeedMalformed(NAME, f"expected a position and a price, got {position!r} and {amount!r}")
        if int(position) in points:
            raise FeedMalformed(NAME, f"position {position} stands twice in one Period")
        points[int(position)] = micro_from_eur_per_mwh(price)
    return points


def _filled(points: dict[int, int], count: int, curve_type: str) -> Iterator[int]:
    """One price for each of `count` positions. A03: what is missing repeats the last price, at the tail too."""
    if 1 not in points:
        raise FeedMalformed(NAME, "a Period without position 1")
    if max(points) > count:
        raise FeedMalformed(NAME, f"position {max(points)} in a Period of {count}")
    if curve_type == ALL_POINTS and len(points) < count:
        raise FeedMalformed(NAME, f"curve type A01 with {len(points)} of {count} positions")
    price = points[1]
    for position in range(1, count + 1):
        price = points.get(position, price)
        yield price


def _period(period: Element, curve_type: str, template: PriceSlot) -> list[PriceSlot]:
    """The slots of one Period: as many as its interval holds, never 24 or 96 (rule 1)."""
    start, end = _moment(_text(period, "timeInterval/start")), _moment(_text(period, "timeInterval/end"))
    resolution = _text(period, "resolution")
    if resolution not in RESOLUTIONS:
        raise FeedMalformed(NAME, f"unknown resolution {resolution!r}")
    seconds = RESOLUTIONS[resolution]
    count, rest = divmod(int((end - start).total_seconds()), seconds)
    if count <= 0 or rest:
        raise FeedMalformed(NAME, f"a Period from {start} to {end} in steps of {seconds} s")
    return [
        msgspec.structs.replace(
            template, start=start + timedelta(seconds=seconds * index), seconds=seconds, price_micro_per_kwh=price
        )
        for index, price in enumerate(_filled(_points(period), count, curve_type))
    ]


def _series(node: Element, template: PriceSlot) -> Series:
    """One TimeSeries. FeedMalformed where its unit, currency or curve type is not the known one."""
    unit, currency = _text(node, "price_Measure_Unit.name"), _text(node, "currency_Unit.name")
    if (unit, currency) != ("MWH", "EUR"):
        raise FeedMalformed(NAME, f"expected EUR per MWH, got {currency} per {unit}")
    curve_type = (node.findtext("{*}curveType") or ALL_POINTS).strip()
    if curve_type not in {ALL_POINTS, CHANGES_ONLY}:
        raise FeedMalformed(NAME, f"unknown curve type {curve_type!r}")
    place = (node.findtext("{*}classificationSequence_AttributeInstanceComponent.position") or "1").strip()
    if not place.isdecimal():
        raise FeedMalformed(NAME, f"expected a place in the auction sequence, got {place!r}")
    slots = [slot for period in node.findall("{*}Period") for slot in _period(period, curve_type, template)]
    return Series(int(place), slots)


def _quarters(slot: PriceSlot) -> set[datetime]:
    return {floor_slot(slot.start) + QUARTER * index for index in range(-(-slot.seconds // 900))}


def first_auction(series: list[Series]) -> list[PriceSlot]:
    """Of several auctions the lowest in sequence, interval by interval (rule 3); both resolutions where it has two."""
    taken: dict[datetime, int] = {}
    kept: dict[tuple[datetime, int], PriceSlot] = {}
    for one in sorted(series, key=lambda each: each.sequence):
        for slot in one.slots:
            quarters = _quarters(slot)
            if any(taken.get(quarter, one.sequence) < one.sequence for quarter in quarters):
                continue
            taken.update(dict.fromkeys(quarters, one.sequence))
            before = kept.setdefault((slot.start, slot.seconds), slot)
            if before.price_micro_per_kwh != slot.price_micro_per_kwh:
                raise FeedMalformed(NAME, f"two prices for {slot.start:%Y-%m-%dT%H:%MZ} in one auction")
    return sorted(kept.values(), key=lambda slot: (slot.start, slot.seconds))


def parse(body: bytes, fetched_at: datetime) -> list[PriceSlot]:
    """The slots of an A44 document, oldest first. NotPublished for an Acknowledgement, FeedMalformed where broken."""
    try:
        root: Element = fromstring(body)
    except (ParseError, defusedxml.DefusedXmlException) as error:
        raise FeedMalformed(NAME, f"not an XML document: {error}") from error
    kind = root.tag.rpartition("}")[2]
    if kind == "Acknowledgement_MarketDocument":
        raise NotPublished(NAME, (root.findtext("{*}Reason/{*}text") or "no reason given").strip())
    if kind != "Publication_MarketDocument":
        raise FeedMalformed(NAME, f"expected a Publication_MarketDocument, got {kind}")
    revision = (root.findtext("{*}revisionNumber") or "1").strip()
    template = PriceSlot(
        fetched_at, 900, 0, NAME, revision=int(revision) if revision.isdecimal() else 1, fetched_at=fetched_at
    )
    return first_auction([_series(node, template) for node in root.findall("{*}TimeSeries")])


class Entsoe:
    """The live feed; `token` is the platform's security token."""

    name = NAME

    def __init__(self, client: httpx.AsyncClient, now: Callable[[], datetime], token: str, url: str = URL) -> None:
        # httpx logs every URL at INFO, and this one holds the token
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._client = client
        self._now = now
        self._token = token
        self._url = url

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """The prices of a zone's local day (see PriceFeed)."""
        place = zone_of(NAME, zone)
        grid = day_of(place, day)
        params = {
            "securityToken": self._token,
            "documentType": "A44",
            "in_Domain": place.eic,
            "out_Domain": place.eic,
            "periodStart": grid.start.strftime(STAMP),
            "periodEnd": grid.end.strftime(STAMP),
        }
        response = await get(self._client, NAME, self._url, params)
        return within(NAME, parse(response.content, self._now()), grid)

"""Market prices by slot: sources merged, revisions, gaps filled by a typical curve, and when to ask again.

Prices are integer micro-units of the currency per kWh (0.01 EUR/MWh = 10), never clamped: they may be negative.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import combinations
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.core.timegrid import Grid, floor_slot, local_day
from server.core.typical_prices import TENTHS_EUR_PER_MWH
from shared.ids import derive
from shared.units import SLOT_SECONDS

TYPICAL = "typical"
SOURCES_DIFFER = "sources_differ"
DEFAULT_TIME_ZONE = "Europe/Amsterdam"
DIFFERENCE_MICRO = 10
"""Two sources that differ by more than 0.01 EUR/MWh are worth a notice (domain 2.2, rule 6)."""
OPENS = time(12, 55)
EAGER_UNTIL = time(15)
EAGER_S = 300
PATIENT_S = 1_800


class Quality(StrEnum):
    """How much a price may still change. PRELIMINARY is published by one source only, FINAL by two that agree."""

    FINAL = "FINAL"
    PRELIMINARY = "PRELIMINARY"
    FORECAST = "FORECAST"
    ESTIMATED = "ESTIMATED"


_WORSE = {Quality.FINAL: 0, Quality.PRELIMINARY: 1, Quality.FORECAST: 2, Quality.ESTIMATED: 3}
_CLASS = {Quality.FINAL: 0, Quality.PRELIMINARY: 0, Quality.FORECAST: 1, Quality.ESTIMATED: 2}


class PriceSlot(msgspec.Struct, frozen=True):
    """The market price of [start, start + seconds): one source's word of one revision. `fetched_at`: None if nobody's.

    A market's slot is 900, 1800 or 3600 s long.
    """

    start: datetime
    seconds: int
    price_micro_per_kwh: int
    source: str
    quality: Quality = Quality.PRELIMINARY
    revision: int = 1
    fetched_at: datetime | None = None

    def __post_init__(self) -> None:
        assert self.start.tzinfo is not None, "naive time in a price"
        assert self.seconds > 0

    @property
    def end(self) -> datetime:
        """The end of the slot."""
        return self.start + timedelta(seconds=self.seconds)


class Difference(msgspec.Struct, frozen=True):
    """Two sources that price the same interval differently."""

    start: datetime
    seconds: int
    source: str
    price_micro_per_kwh: int
    other: str
    other_micro_per_kwh: int


def micro_from_eur_per_mwh(price: Decimal) -> int:
    """EUR/MWh as micro-units per kWh, half up (towards plus infinity)."""
    return int((price * 1000 + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def half_up(numerator: int, denominator: int) -> int:
    """An integer division, half up (towards plus infinity). `denominator` > 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def worst(qualities: Iterable[Quality]) -> Quality:
    """The least certain of some qualities; FINAL of none."""
    return max(qualities, key=_WORSE.__getitem__, default=Quality.FINAL)


# --- the typical curve --------------------------------------------------------


def _tenths(local: datetime, hours: int) -> int:
    """The table's figure `hours` before or after a local hour, in that season."""
    hour = local.weekday() * 24 + local.hour + hours
    season = local.month % 12 // 3
    return TENTHS_EUR_PER_MWH[season * 7 + hour // 24 % 7][hour % 24]


def typical_micro(moment: datetime, zone: ZoneInfo) -> int:
    """The typical price of the local quarter hour that holds a moment, micro per kWh.

    A straight line through the neighbouring hours, laid so that the four quarters keep the mean of their hour.
    """
    local = moment.astimezone(zone)
    slope = _tenths(local, 1) - _tenths(local, -1)  # over two hours
    return half_up(100 * (16 * _tenths(local, 0) + slope * (2 * (local.minute // 15) - 3)), 16)


def typical(grid: Grid, time_zone: str = DEFAULT_TIME_ZONE) -> list[PriceSlot]:
    """A typical curve for a grid, one slot each, ESTIMATED: the same for every year.

    `time_zone` is an IANA name. Slots longer than a quarter hour get the mean of their quarters.
    """
    return [_typical_slot(start, grid.slot_seconds, time_zone) for start in grid.starts()]


@lru_cache(10_000)  # each plan asks for the same day again
def _typical_slot(start: datetime, seconds: int, time_zone: str) -> PriceSlot:
    zone, parts = ZoneInfo(time_zone), max(1, seconds // SLOT_SECONDS)
    micro = sum(typical_micro(start + timedelta(seconds=part * SLOT_SECONDS), zone) for part in range(parts))
    return PriceSlot(start, seconds, half_up(micro, parts), TYPICAL, Quality.ESTIMATED)


# --- merging ------------------------------------------------------------------


def latest(slots: Iterable[PriceSlot]) -> list[PriceSlot]:
    """The newest revision of each source's slots, oldest slot first."""
    newest: dict[tuple[str, int, datetime], PriceSlot] = {}
    for slot in slots:
        key = (slot.source, slot.seconds, slot.start)
        if key not in newest or slot.revision > newest[key].revision:
            newest[key] = slot
    return sorted(newest.values(), key=lambda slot: (slot.start, slot.seconds, slot.source))


def _candidates(slots: Iterable[PriceSlot], grid: Grid) -> list[dict[tuple[str, int], list[PriceSlot]]]:
    """For each grid slot the price slots that touch it, by source and resolution."""
    touching: list[dict[tuple[str, int], list[PriceSlot]]] = [{} for _ in range(grid.slots)]
    for slot in slots:
        first, last = grid.index(slot.start), grid.index(slot.end - timedelta(microseconds=1))
        for index in range(max(0, first), min(grid.slots - 1, last) + 1):
            touching[index].setdefault((slot.source, slot.seconds), []).append(slot)
    return touching


def _mean(parts: Sequence[PriceSlot], start: datetime, seconds: int) -> PriceSlot | None:
    """The price of one grid slot by one source: the mean over time, None where it is not covered whole."""
    end = start + timedelta(seconds=seconds)
    weighted = [(part, int((min(part.end, end) - max(part.start, start)).total_seconds())) for part in parts]
    if sum(weight for _, weight in weighted) != seconds:
        return None
    stamps = [part.fetched_at for part in parts if part.fetched_at is not None]
    return PriceSlot(
        start,
        seconds,
        half_up(sum(part.price_micro_per_kwh * weight for part, weight in weighted), seconds),
        parts[0].source,
        worst(part.quality for part in parts),
        max(part.revision for part in parts),
        max(stamps, default=None),
    )


def curve(
    slots: Sequence[PriceSlot], grid: Grid, prefer: Sequence[str] = (), time_zone: str = DEFAULT_TIME_ZONE
) -> list[PriceSlot]:
    """One price for each slot of a grid, from the best source that covers the slot whole; else the typical one.

    Published prices come before forecasts, forecasts before estimates; then the order of `prefer` (the rest by name),
    then the finer resolution. Hourly prices are expanded, finer ones averaged (half up).
    """
    order = {source: rank for rank, source in enumerate(prefer)}
    out = []
    for fallback, touching in zip(typical(grid, time_zone), _candidates(latest(slots), grid), strict=True):
        offers = [
            (_CLASS[offer.quality], order.get(source, len(order)), source, resolution, offer)
            for (source, resolution), parts in touching.items()
            if (offer := _mean(parts, fallback.start, fallback.seconds)) is not None
        ]
        out.append(min(offers, key=lambda found: found[:4])[4] if offers else fallback)
    return out


def curve_id(slots: Sequence[PriceSlot]) -> UUID:
    """The id of a price vector: the same prices of the same sources and revisions have the same id everywhere."""
    parts = (
        f"{_stamp(slot.start)}/{slot.seconds}={slot.price_micro_per_kwh}"
        f"@{slot.source}.{slot.revision}.{slot.quality.value}"
        for slot in slots
    )
    return derive("price_curve", *parts)


@lru_cache(maxsize=1_000)
def _stamp(start: datetime) -> str:
    """A slot's start in UTC: to write one takes as long as all else of an id, and it is asked for at every replan."""
    return f"{start.astimezone(UTC):%Y%m%dT%H%M%S}"


def sources(slots: Sequence[PriceSlot]) -> str:
    """Who said the prices of a curve, the one with most slots first, joined by `+`: `energy_charts+typical`."""
    return "+".join(source for source, _ in Counter(slot.source for slot in slots).most_common())


# --- two sources --------------------------------------------------------------


def _resampled(slots: Iterable[PriceSlot], seconds: int) -> dict[datetime, int]:
    """Prices by start on a raster of `seconds`: finer slots are averaged where they fill it, coarser ones left out."""
    spans: dict[tuple[int, datetime], list[PriceSlot]] = {}
    for slot in slots:
        if slot.seconds <= seconds:
            spans.setdefault((slot.seconds, floor_slot(slot.start, seconds)), []).append(slot)
    out = {}
    for (_, start), parts in sorted(spans.items(), key=lambda span: span[0]):
        mean = _mean(parts, start, seconds)
        if mean is not None:
            out[start] = mean.price_micro_per_kwh
    return out


def differences(a: Sequence[PriceSlot], b: Sequence[PriceSlot]) -> list[Difference]:
    """Where two sources differ by more than 0.01 EUR/MWh, oldest first. `a`, `b`: the newest slots of one source each.

    Where their resolutions differ, the mean of the quarters is held against the hour, as a 60-minute index is made.
    """
    out = []
    for seconds in sorted({slot.seconds for slot in (*a, *b)}):
        ours, theirs = _resampled(a, seconds), _resampled(b, seconds)
        out += [
            Difference(start, seconds, a[0].source, ours[start], b[0].source, theirs[start])
            for start in sorted(ours.keys() & theirs.keys())
            if abs(ours[start] - theirs[start]) > DIFFERENCE_MICRO
        ]
    return out


def disagreements(slots: Sequence[PriceSlot]) -> list[Difference]:
    """Where any two sources that published prices differ, pair by pair: what `sources_differ` notices are about."""
    by_source: dict[str, list[PriceSlot]] = {}
    for slot in latest(slots):
        if _CLASS[slot.quality] == 0:
            by_source.setdefault(slot.source, []).append(slot)
    pairs = combinations(sorted(by_source), 2)
    return [found for one, other in pairs for found in differences(by_source[one], by_source[other])]


def confirmed(slots: Sequence[PriceSlot]) -> list[PriceSlot]:
    """Published slots that another source prices alike (same interval, within 0.01 EUR/MWh) as FINAL, others as given.

    Of several revisions only the newest counts and is returned.
    """
    newest = latest(slots)
    said: dict[tuple[datetime, int], list[PriceSlot]] = {}
    for slot in newest:
        if _CLASS[slot.quality] == 0:
            said.setdefault((slot.start, slot.seconds), []).append(slot)

    def agreed(slot: PriceSlot) -> bool:
        return slot.quality is Quality.PRELIMINARY and any(
            other.source != slot.source
            and abs(other.price_micro_per_kwh - slot.price_micro_per_kwh) <= DIFFERENCE_MICRO
            for other in said[slot.start, slot.seconds]
        )

    return [msgspec.structs.replace(slot, quality=Quality.FINAL) if agreed(slot) else slot for slot in newest]


def arrivals(stored: Sequence[PriceSlot], fetched: Sequence[PriceSlot]) -> list[PriceSlot]:
    """What to store of fetched slots: new ones, and changed ones (price, or confirmed by now) as the next revision.

    `stored` holds all sources of that time. A price that is stored already is not stored again, nor does it lose the
    quality that it has.
    """
    known = {(slot.source, slot.seconds, slot.start): slot for slot in latest(stored)}
    merged = dict(known)
    for slot in latest(fetched):
        key = (slot.source, slot.seconds, slot.start)
        before = known.get(key)
        if before is None:
            merged[key] = slot
        elif before.price_micro_per_kwh != slot.price_micro_per_kwh:
            merged[key] = msgspec.structs.replace(slot, revision=max(slot.revision, before.revision + 1))
    out = []
    for slot in confirmed(list(merged.values())):
        before = known.get((slot.source, slot.seconds, slot.start))
        if before is not None and before.price_micro_per_kwh == slot.price_micro_per_kwh:
            if before.quality is not slot.quality:
                out.append(msgspec.structs.replace(slot, revision=before.revision + 1))
        else:
            out.append(slot)
    return out


# --- when to ask --------------------------------------------------------------


def next_poll(now: datetime, time_zone: str, known_until: datetime | None, jitter_s: int) -> datetime:
    """When to ask the feeds again, after a poll at `now` (domain 2.1).

    Tomorrow's prices are asked for from 12:55 local: every 5 minutes until 15:00, then every 30, until they are known;
    `known_until` is the end of the prices that are. `jitter_s` (0 to 299) spreads installations over the 5 minutes.
    """
    assert 0 <= jitter_s < EAGER_S, "jitter would run into the next poll"
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    opens = datetime.combine(local.date(), OPENS, zone)
    ends = datetime.combine(local.date(), EAGER_UNTIL, zone)
    wanted = local_day(local.date() + timedelta(days=1 if local >= opens else 0), zone).end
    if known_until is not None and known_until >= wanted:
        at = opens if local < opens else datetime.combine(local.date() + timedelta(days=1), OPENS, zone)
    else:
        step = EAGER_S if opens <= local < ends else PATIENT_S
        at = floor_slot(now, step) + timedelta(seconds=step)
        if local < opens < at:
            at = opens
    return at.astimezone(UTC) + timedelta(seconds=jitter_s)

"""Recorded prices: a CSV or Parquet file with `ts_utc, price_eur_mwh`, hourly or in quarter hours (`--prices FILE`)."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
from pyarrow import csv, parquet

from server.core.pricecurve import PriceSlot, Quality, micro_from_eur_per_mwh
from server.feeds.ports import NotPublished
from server.feeds.prices.ask import day_of, within, zone_of

NAME = "recorded"
TIME, PRICE, RESOLUTION = "ts_utc", "price_eur_mwh", "resolution_min"
RESOLUTIONS = (900, 1_800, 3_600)


class PriceFileError(Exception):
    """A price file that cannot be used; the text is one line that says what was expected."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class PriceFile(msgspec.Struct, frozen=True):
    """A file's prices, oldest first: slot starts (Unix seconds), lengths (s), prices (micro per kWh)."""

    starts: list[int]
    seconds: list[int]
    micro: list[int]

    def between(self, start: datetime, end: datetime, fetched_at: datetime | None = None) -> list[PriceSlot]:
        """The slots that start in [start, end), FINAL: what is recorded does not change."""
        first, last = bisect_left(self.starts, start.timestamp()), bisect_left(self.starts, end.timestamp())
        return [
            PriceSlot(
                datetime.fromtimestamp(self.starts[row], UTC),
                self.seconds[row],
                self.micro[row],
                NAME,
                Quality.FINAL,
                fetched_at=fetched_at,
            )
            for row in range(first, last)
        ]


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            table = parquet.read_table(path)
        else:
            # as text: a float would lose the file's own digits
            table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types={PRICE: pa.string()}))
    except OSError as error:
        raise PriceFileError(path, f"cannot be read: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise PriceFileError(path, f"is not a {path.suffix or 'CSV'} file: {str(error).splitlines()[0]}") from error
    missing = [column for column in (TIME, PRICE) if column not in table.column_names]
    if missing:
        raise PriceFileError(path, f"expected the columns {TIME}, {PRICE}; missing: {', '.join(missing)}")
    return table


def _unix(path: Path, column: pa.ChunkedArray) -> list[int | None]:
    """Slot starts as Unix seconds; times without a zone are UTC, as the column's name says."""
    if not pa.types.is_timestamp(column.type):
        raise PriceFileError(path, f"expected times in {TIME}, got {column.type}")
    found: list[int | None] = column.cast(pa.timestamp("s", column.type.tz)).cast(pa.int64()).to_pylist()
    return found


def _lengths(path: Path, starts: Sequence[int]) -> list[int]:
    """How long each slot is: until the next one starts, or, before a hole and at the end, as long as the one before."""
    steps = [after - before for before, after in pairwise(starts)]
    known = next((step for step in steps if step in RESOLUTIONS), None)
    if known is None:
        raise PriceFileError(path, "expected hourly or quarter-hourly prices, at least two")
    out = []
    for step in [*steps, 0]:
        known = step if step in RESOLUTIONS else known
        out.append(known)
    return out


def read_prices(path: Path) -> PriceFile:
    """Read a price file; rows without a price are holes. PriceFileError says in one line what is wrong."""
    table = _table(path)
    minutes = table[RESOLUTION].to_pylist() if RESOLUTION in table.column_names else None
    rows = []
    for index, (start, price) in enumerate(zip(_unix(path, table[TIME]), table[PRICE].to_pylist(), strict=True)):
        if start is None or price is None or str(price).strip().lower() in {"", "nan"}:
            continue
        try:
            micro = micro_from_eur_per_mwh(Decimal(str(price).strip()))
        except ArithmeticError as error:
            raise PriceFileError(path, f"row {index + 1}: expected a price in EUR/MWh, got {price!r}") from error
        rows.append((start, micro, (minutes[index] or 0) * 60 if minutes else 0))
    rows.sort()
    starts = [start for start, _, _ in rows]
    if any(start % 900 for start in starts) or len(set(starts)) < len(starts):
        raise PriceFileError(path, f"expected each {TIME} once, on a quarter hour")
    seconds = [length for _, _, length in rows] if minutes else _lengths(path, starts)
    if not set(seconds) <= set(RESOLUTIONS):
        raise PriceFileError(path, f"expected 15, 30 or 60 in {RESOLUTION}")
    return PriceFile(starts, seconds, [micro for _, micro, _ in rows])


class RecordedPrices:
    """A price file as a feed, for any zone. `shift` moves its days: a file of 2024 shifted by 104 weeks serves 2026.

    With `published_at`, a day is known from that local time of the day before, as at an auction; else always.
    """

    name = NAME

    def __init__(
        self,
        prices: PriceFile,
        now: Callable[[], datetime],
        shift: timedelta = timedelta(0),
        published_at: time | None = None,
    ) -> None:
        self._prices = prices
        self._now = now
        self._shift = shift
        self._published_at = published_at

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        """The recorded prices of a zone's local day (see PriceFeed), FINAL."""
        place = zone_of(NAME, zone)
        now = self._now()
        if self._published_at is not None:
            known = datetime.combine(day - timedelta(days=1), self._published_at, ZoneInfo(place.time_zone))
            if now < known:
                raise NotPublished(NAME, f"the prices of {day} are not out before {known.isoformat()}")
        grid = day_of(place, day)
        found = self._prices.between(grid.start - self._shift, grid.end - self._shift, now)
        moved = [msgspec.structs.replace(slot, start=slot.start + self._shift) for slot in found]
        return within(NAME, moved, grid)

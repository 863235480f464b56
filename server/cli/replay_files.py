"""Sessions and prices from CSV or Parquet, each defect named by file, row and column."""

import csv
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from server.core.replay_lessons import Visit
from server.core.replay_prices import PriceRaster, raster
from shared.problems import FieldError

NEEDED_OF_SESSIONS = ("session_id", "user_id", "start_utc", "end_utc", "energy_kwh")
OPTIONAL_OF_SESSIONS = ("max_power_kw", "location_type", "tz")
NEEDED_OF_PRICES = ("ts_utc", "price_eur_mwh")
FIRST_S = int(datetime(1971, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
MICRO_PER_EUR_MWH = 1_000
"""1 EUR/MWh is 0.001 EUR/kWh, 1000 micro."""
DEAREST_EUR_MWH = 100_000.0
UTC_NAME = "UTC"

Value = TypeVar("Value")


class BadInputError(Exception):
    """What is wrong with the input and what was expected, in one line."""


class SessionsRead(msgspec.Struct, frozen=True):
    """The visits of a file, and the time zones in it that no machine knows (they count as UTC)."""

    visits: list[Visit]
    unknown_zones: list[str]


def read_sessions(path: Path) -> SessionsRead:
    """The sessions of a file; raises BadInputError."""
    table = _table(path, NEEDED_OF_SESSIONS, OPTIONAL_OF_SESSIONS)
    texts = {name: _texts(path, table, name) for name in ("session_id", "user_id", "location_type", "tz")}
    starts, ends = (_column(path, table, name, _second) for name in ("start_utc", "end_utc"))
    energies, powers = (_column(path, table, name, _thousandth) for name in ("energy_kwh", "max_power_kw"))
    unknown = [zone for zone in dict.fromkeys(texts["tz"]) if zone and not _is_zone(zone)]
    visits = [
        Visit(
            session_id=texts["session_id"][row] or "",
            user_id=texts["user_id"][row],
            started_s=starts[row],
            ended_s=ends[row],
            energy_wh=energies[row],
            max_power_w=powers[row],
            location_type=texts["location_type"][row] or "",
            zone=zone if (zone := texts["tz"][row]) and zone not in unknown else UTC_NAME,
        )
        for row in range(table.num_rows)
    ]
    return SessionsRead(visits, unknown)


def read_prices(path: Path) -> PriceRaster:
    """The prices of a file by quarter hour; rows without a price are gaps. Raises BadInputError."""
    table = _table(path, NEEDED_OF_PRICES, ())
    starts = _column(path, table, "ts_utc", _second)
    prices = _column(path, table, "price_eur_mwh", _micro)
    pairs = [(start, price) for start, price in zip(starts, prices, strict=True) if start is not None]
    if len(pairs) < len(starts):
        row = starts.index(None) + 1
        raise BadInputError(f"{path}: row {row}, column ts_utc: expected a time, found nothing")
    found = [(start, price) for start, price in pairs if price is not None]
    answer = raster(
        np.array([start for start, _ in found], dtype=np.int64), np.array([price for _, price in found], dtype=np.int64)
    )
    if isinstance(answer, FieldError):
        raise BadInputError(f"{path}: column {answer.field}: {answer.message}")
    return answer


def _table(path: Path, needed: Sequence[str], optional: Sequence[str]) -> pa.Table:
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise BadInputError(f"{path}: expected a file that ends in .csv or .parquet")
    if not path.is_file():
        raise BadInputError(f"{path}: no such file")
    try:
        names = _names(path)
        missing = [name for name in needed if name not in names]
        if missing:
            raise BadInputError(f"{path}: column {missing[0]} is missing; expected {', '.join((*needed, *optional))}")
        return _read(path, [name for name in (*needed, *optional) if name in names])
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path}: not a readable {path.suffix.lower()[1:]} file ({reason})") from error


def _names(path: Path) -> list[str]:
    if path.suffix.lower() == ".parquet":
        names: list[str] = pyarrow.parquet.read_schema(path).names
        return names
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines), [])


def _read(path: Path, names: list[str]) -> pa.Table:
    if path.suffix.lower() == ".parquet":
        return pyarrow.parquet.read_table(path, columns=names)
    convert = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, include_columns=names, strings_can_be_null=True
    )
    return pyarrow.csv.read_csv(path, convert_options=convert)


def _texts(path: Path, table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    try:
        values = pc.cast(table[name], pa.large_string()).to_pylist()
    except pa.ArrowException as error:
        raise BadInputError(f"{path}: column {name}: expected text, found {table[name].type}") from error
    return [value.strip() or None if value is not None else None for value in values]


def _column(path: Path, table: pa.Table, name: str, read: Callable[[object], Value | None]) -> list[Value | None]:
    """Each value as `read` understands it; empty ones are None."""
    if name not in table.column_names:
        return [None] * table.num_rows
    out: list[Value | None] = []
    for row, value in enumerate(_plain(table[name]), start=1):
        try:
            out.append(None if value is None or value == "" else read(value))
        except ValueError as error:
            raise BadInputError(f"{path}: row {row}, column {name}: {error}, found {str(value)[:40]!r}") from error
    return out


def _plain(column: pa.ChunkedArray) -> list[object]:
    """Python values; moments as whole seconds (int), so that no precision is asked of datetime."""
    if pa.types.is_timestamp(column.type):
        seconds = column.cast(pa.timestamp("s", column.type.tz), safe=False)
        return list(seconds.cast(pa.int64()).to_pylist())
    return [value.strip() if isinstance(value, str) else value for value in column.to_pylist()]


def _second(value: object) -> int:
    if isinstance(value, int):
        second = value
    elif isinstance(value, str):
        second = _second_of(value)
    else:
        raise ValueError("expected a time")  # noqa: TRY004 - a value of the file, not of our code
    if not FIRST_S <= second < LAST_S:
        raise ValueError("expected a time between 1971 and 2100")
    return second


def _second_of(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("expected a time such as 2024-03-28T17:05:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _number(value: object) -> float | None:
    """A finite number; NaN (an empty cell, to pandas) is None."""
    try:
        number = float(str(value))
    except ValueError as error:
        raise ValueError("expected a number") from error
    if math.isinf(number):
        raise ValueError("expected a finite number")
    return None if math.isnan(number) else number


def _thousandth(value: object) -> int | None:
    """From kW to W, kWh to Wh."""
    number = _number(value)
    if number is not None and abs(number) > 1e9:
        raise ValueError("expected a number below 1e9")
    return None if number is None else math.floor(number * 1_000 + 0.5)


def _micro(value: object) -> int | None:
    """EUR/MWh in micro per kWh, half up."""
    number = _number(value)
    if number is not None and abs(number) > DEAREST_EUR_MWH:
        raise ValueError(f"expected a price between -{DEAREST_EUR_MWH:.0f} and {DEAREST_EUR_MWH:.0f} EUR/MWh")
    return None if number is None else math.floor(number * MICRO_PER_EUR_MWH + 0.5)


@lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True

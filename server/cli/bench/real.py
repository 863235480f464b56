"""Real stays from the reference shelf as problems: laid on one day, behind shared limits, on real prices.

Each stay keeps its time of day, its length (cut at the end of the day) and its energy; 40 in the order of the file
share a site with a third of their power. Prices are a summer's day of the Netherlands, with negative ones.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pyarrow import parquet

from server.cli.bench.family import SLOTS, SLOTS_AN_HOUR
from server.core.valley.bulk import Crowd, Ints

NOON = datetime(2024, 6, 14, 12, tzinfo=UTC)
A_SITE, POWER_W = 40, 11_000
MICRO_PER_EUR_MWH = 1_000
SLOT_S = 900
TIMES = ("start_utc", "end_utc")


def shelf() -> Path:
    """The data of the reference shelf: under $DALSTROOM_SHARED, else beside the project."""
    return Path(os.environ.get("DALSTROOM_SHARED") or "../shared") / "data"


def missing(name: str) -> str | None:
    """What keeps a row on real stays from being measured, in a word."""
    files = [_sessions(name), _prices()]
    absent = [path for path in files if not path.is_file()]
    return f"no {absent[0].name} on the reference shelf (DALSTROOM_SHARED)" if absent else None


def crowd(name: str, most: int) -> Crowd:
    """The first stays of a file, at most so many, in the order of their sites."""
    table = parquet.read_table(_sessions(name), columns=[*TIMES, "energy_kwh"]).slice(0, most)
    start, end = (table[column].to_numpy().astype("datetime64[s]").astype(np.int64) for column in TIMES)
    arrive = (start - int(NOON.timestamp())) % (SLOTS * SLOT_S) // SLOT_S
    stay = np.maximum(1, -(-(end - start) // SLOT_S))
    depart = np.minimum(SLOTS, arrive + stay)
    fits = POWER_W * (depart - arrive) // SLOTS_AN_HOUR
    energy = np.nan_to_num(table["energy_kwh"].to_numpy()).clip(0, 100) * 1000
    site = np.arange(len(start)) // A_SITE
    return Crowd(
        price_micro_per_kwh=_day(),
        site=site,
        arrive_slot=arrive,
        depart_slot=depart,
        energy_wh=np.minimum(energy.round().astype(np.int64), fits),
        max_w=np.full(len(start), POWER_W),
        limit_w=np.bincount(site) * POWER_W // 3,
    )


def _day() -> Ints:
    """The hours of a day from noon on, each four slots long, micro per kWh."""
    span = [("ts_utc", ">=", NOON), ("ts_utc", "<", NOON + timedelta(days=1))]
    table = parquet.read_table(_prices(), columns=["ts_utc", "price_eur_mwh"], filters=span).sort_by("ts_utc")
    hourly = (table["price_eur_mwh"].to_numpy() * MICRO_PER_EUR_MWH).round().astype(np.int64)
    assert len(hourly) * SLOTS_AN_HOUR == SLOTS
    return np.repeat(hourly, SLOTS_AN_HOUR)


def _sessions(name: str) -> Path:
    return shelf() / "sessions" / f"{name}.parquet"


def _prices() -> Path:
    return shelf() / "prices" / "nl_day_ahead_hourly.parquet"

"""The typical curve against the prices that it was made of. docs/typical_prices.md quotes these figures."""

from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from math import floor
from statistics import correlation, fmean
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from server.core.pricecurve import typical
from server.core.timegrid import Grid
from server.core.typical_prices import TENTHS_EUR_PER_MWH

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
YEARS = range(2023, 2026)


@pytest.fixture(scope="module")
def market(shared_dir):
    """(local start, EUR/MWh) of every hour of 2023 to 2025, oldest first."""
    table = parquet.read_table(
        shared_dir / "data/prices/nl_day_ahead_hourly.parquet", columns=["ts_utc", "price_eur_mwh"]
    )
    seconds = table["ts_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist()
    rows = zip(
        (datetime.fromtimestamp(at, AMSTERDAM) for at in seconds), table["price_eur_mwh"].to_pylist(), strict=True
    )
    return [(local, price) for local, price in rows if local.year in YEARS]


@pytest.fixture(scope="module")
def curve(market):
    """The typical price of each of those hours, EUR/MWh."""
    start = market[0][0].astimezone(UTC)
    return [slot.price_micro_per_kwh / 1000 for slot in typical(Grid(start, len(market), 3600))]


def by_day(market, prices):
    pairs = zip((local for local, _ in market), prices, strict=True)
    return [list(day) for _, day in groupby(pairs, key=lambda pair: pair[0].date())]


def mean_spread(days):
    return fmean(max(price for _, price in day) - min(price for _, price in day) for day in days)


def commonest_hour(days, choose, first_hour):
    hours = [
        choose((pair for pair in day if pair[0].hour >= first_hour), key=lambda pair: pair[1])[0].hour for day in days
    ]
    return max(set(hours), key=hours.count)


def within_day(days):
    return [price - fmean(each for _, each in day) for day in days for _, price in day]


@pytest.mark.realdata
def test_the_table_is_the_mean_of_the_dutch_prices_of_2023_to_2025(market):
    cells = defaultdict(list)
    for local, price in market:
        cells[local.month % 12 // 3 * 7 + local.weekday(), local.hour].append(Fraction(str(price)))
    assert len(market) == 26_304
    assert {36, 42} == {min(map(len, cells.values())), max(map(len, cells.values()))}
    found = [
        [floor(sum(cells[row, hour]) / len(cells[row, hour]) * 10 + Fraction(1, 2)) for hour in range(24)]
        for row in range(28)
    ]
    assert found == [list(row) for row in TENTHS_EUR_PER_MWH]


@pytest.mark.realdata
def test_the_typical_curve_looks_like_the_market_that_it_was_made_of(market, curve):
    real, typical_days = by_day(market, [price for _, price in market]), by_day(market, curve)
    assert fmean(price for _, price in market) == pytest.approx(86.63, abs=0.01)
    assert fmean(curve) == pytest.approx(86.63, abs=0.05)
    assert mean_spread(real) == pytest.approx(114.6, abs=0.1)
    assert mean_spread(typical_days) == pytest.approx(96.0, abs=0.1)
    assert commonest_hour(real, max, 12) == commonest_hour(typical_days, max, 12) == 20
    assert commonest_hour(real, min, 0) == commonest_hour(typical_days, min, 0) == 13
    assert correlation([price for _, price in market], curve) == pytest.approx(0.647, abs=0.001)
    assert correlation(within_day(real), within_day(typical_days)) == pytest.approx(0.764, abs=0.001)


@pytest.mark.realdata
def test_the_quarters_of_the_typical_curve_run_like_real_quarters(shared_dir):
    # DE-LU October to December 2025 stands in: no long Dutch series in quarter hours is on the shelf.
    table = parquet.read_table(shared_dir / "data/prices/de_lu_day_ahead_2020_2025_native.parquet")
    rows = [
        (at, price)
        for at, price, minutes in zip(
            table["ts_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist(),
            table["price_eur_mwh"].to_pylist(),
            table["resolution_min"].to_pylist(),
            strict=True,
        )
        if minutes == 15
    ]
    start = datetime.fromtimestamp(rows[0][0], UTC)
    assert [at for at, _ in rows] == [rows[0][0] + 900 * index for index in range(len(rows))]
    ours = [slot.price_micro_per_kwh / 1000 for slot in typical(Grid(start, len(rows)), "Europe/Berlin")]

    def inside_the_hour(prices):
        hours = [prices[at : at + 4] for at in range(0, len(prices) // 4 * 4, 4)]
        return [price - fmean(hour) for hour in hours for price in hour]

    assert correlation(inside_the_hour([price for _, price in rows]), inside_the_hour(ours)) > 0.5

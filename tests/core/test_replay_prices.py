import numpy as np
import pytest

from server.core.replay_prices import PriceRaster, raster
from shared.problems import FieldError

START = 1_711_584_000  # 2024-03-28T00:00Z


def made(minutes, prices=None):
    starts = np.array([START + 60 * minute for minute in minutes], dtype=np.int64)
    return raster(starts, np.array(prices or range(1, len(minutes) + 1), dtype=np.int64))


def slots(minutes):
    """Prices by quarter hour, '.' where there is none."""
    found = made(minutes)
    assert isinstance(found, PriceRaster)
    gaps = np.diff(found.missing_before)
    return "".join("." if gap else str(price) for gap, price in zip(gaps, found.micro_per_kwh, strict=True))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([0, 60, 120], "111122223333"),
        ([0, 15, 30, 45], "1234"),
        ([120, 0, 60], "222233331111"),
        ([0, 60, 75, 90], "1111234"),
        ([0, 15, 30, 45, 60, 120], "1234555566666666"[:12]),
        ([0, 60, 180, 240], "11112222....33334444"),
        ([0, 15, 45, 60], "12.34"),
        ([0, 15, 75, 90], "12...34"),
        ([60], "1111"),
    ],
    ids=["hours", "quarters", "any order", "hours, then quarters", "quarters, then hours", "an hour is missing",
         "a quarter is missing", "three quarters are missing", "one hour"],
)  # fmt: skip
def test_prices_hold_until_the_next_one(minutes, expected):
    assert slots(minutes) == expected


def test_what_is_known_ends_at_the_first_gap_and_outside():
    found = made([0, 60, 180])
    assert found.known(START, 4) == 4
    assert found.known(START, 100) == 8
    assert found.known(START + 7_200, 4) == 0
    assert found.known(START - 900, 4) == 0
    assert found.known(START + 4 * 3_600, 4) == 0
    assert list(found.window(START + 2_700, 2)) == [1, 2]


@pytest.mark.parametrize(
    ("minutes", "message"),
    [([], "at least one row"), ([0, 7], "00:07"), ([0, 60, 60], "twice"), ([0, 30, 60, 90], "1800 s")],
)
def test_what_is_wrong_with_the_times_is_said(minutes, message):
    found = made(minutes)
    assert isinstance(found, FieldError)
    assert found.field == "ts_utc"
    assert message in found.message

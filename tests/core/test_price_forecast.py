"""The forecast beyond published prices: the typical shape where prices have been."""

from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from server.core.price_forecast import FORECAST, HORIZON, forecast
from server.core.pricecurve import PriceSlot, Quality, curve, typical
from server.core.timegrid import Grid, local_day

ZONE = "Europe/Amsterdam"
LOCAL = ZoneInfo(ZONE)
BEGINS = local_day(date(2026, 1, 20), LOCAL).start
GRID = Grid(BEGINS, 7 * 96)


def published(days, above=lambda slot: 0, quality=Quality.PRELIMINARY, source="market"):
    past = typical(Grid(BEGINS - timedelta(days=days), days * 96), ZONE)
    return [PriceSlot(one.start, 900, one.price_micro_per_kwh + above(one), source, quality) for one in past]


def prices(slots):
    return [slot.price_micro_per_kwh for slot in slots]


def test_a_typical_week_goes_on_typically():
    ahead = forecast(published(7), GRID, ZONE)
    assert prices(ahead) == prices(typical(GRID, ZONE))
    assert {(slot.source, slot.quality, slot.seconds) for slot in ahead} == {(FORECAST, Quality.FORECAST, 900)}
    assert [slot.start for slot in ahead] == list(GRID.starts())


def test_a_dear_week_stays_dear_and_fades():
    ahead = forecast(published(7, lambda slot: 50_000), GRID, ZONE)
    lift = [mine - usual for mine, usual in zip(prices(ahead), prices(typical(GRID, ZONE)), strict=True)]
    assert lift[0] == 50_000
    assert lift == sorted(lift, reverse=True)
    assert lift[4 * 96] == round(50_000 / 2.718281828)


def test_an_hour_that_was_dear_each_day_is_expected_to_be_dear_again():
    evening = forecast(published(7, lambda slot: 96_000 * (slot.start.astimezone(LOCAL).hour == 19)), GRID, ZONE)
    lift = [mine - usual for mine, usual in zip(prices(evening), prices(typical(GRID, ZONE)), strict=True)]
    assert lift[0] == pytest.approx(2_000, abs=1)  # the level: half of a 24th
    assert lift[19 * 4] == pytest.approx(50_000 * 2.718281828 ** (-19 / 96), abs=1)


@pytest.mark.parametrize("quality", [Quality.FORECAST, Quality.ESTIMATED])
def test_only_published_prices_teach(quality):
    assert forecast(published(7, quality=quality), GRID, ZONE) == []
    assert forecast([], GRID, ZONE) == []
    assert forecast(published(7)[-95:], GRID, ZONE) == []
    assert len(forecast(published(7)[-96:], GRID, ZONE)) == GRID.slots


def test_hourly_prices_teach_too_and_what_lies_ahead_does_not():
    past = Grid(BEGINS - timedelta(days=2), 48, 3600)
    hours = [PriceSlot(one.start, 3600, one.price_micro_per_kwh + 10_000, "market") for one in typical(past, ZONE)]
    beyond = [PriceSlot(BEGINS, 900, 9_000_000, "market")]
    ahead = forecast([*hours, *beyond], GRID, ZONE)
    lift = [mine - usual for mine, usual in zip(prices(ahead), prices(typical(GRID, ZONE)), strict=True)]
    assert 9_000 < fmean(lift[:4]) <= 10_500


def test_published_prices_replace_it():
    ahead = forecast(published(7, lambda slot: 50_000), GRID, ZONE)
    known = [PriceSlot(at, 900, 1_000, "market") for at in Grid(BEGINS, 96).starts()]
    both = curve([*ahead, *known], GRID, (), ZONE)
    assert [slot.source for slot in both] == ["market"] * 96 + [FORECAST] * (6 * 96)


@given(day=st.dates(date(2025, 1, 10), date(2026, 12, 20)), level=st.integers(-500_000, 500_000))
def test_any_day_of_the_year_even_one_of_23_or_25_hours(day, level):
    begins = local_day(day, LOCAL).start
    past = typical(Grid(begins - timedelta(days=7), 7 * 96), ZONE)
    known = [PriceSlot(one.start, 900, one.price_micro_per_kwh + level, "market") for one in past]
    ahead = forecast(known, Grid(begins, 96), ZONE)
    for mine, usual in zip(prices(ahead), prices(typical(Grid(begins, 96), ZONE)), strict=True):
        assert min(0, level) - 1 <= mine - usual <= max(0, level) + 1


@pytest.mark.realdata
def test_it_is_nearer_to_the_market_than_the_typical_curve(shared_dir):
    table = parquet.read_table(
        shared_dir / "data/prices/nl_day_ahead_hourly.parquet", columns=["ts_utc", "price_eur_mwh"]
    )
    seconds = table["ts_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist()
    said = dict(zip(seconds, table["price_eur_mwh"].to_pylist(), strict=True))
    errors = {"forecast": [], "typical": []}
    for number in range(0, 360, 12):
        begins = local_day(date(2024, 1, 9) + timedelta(days=number), LOCAL).start
        at = int(begins.timestamp())
        known = [
            PriceSlot(datetime.fromtimestamp(one, UTC), 3600, round(said[one] * 1000), "market")
            for one in range(at - 7 * 86_400, at, 3600)
        ]
        grid = Grid(begins, 192)
        for name, slots in (("forecast", forecast(known, grid, ZONE)), ("typical", typical(grid, ZONE))):
            errors[name] += [
                abs(slot.price_micro_per_kwh / 1000 - said[int(slot.start.timestamp()) // 3600 * 3600])
                for slot in slots
            ]
    assert len(errors["forecast"]) == len(errors["typical"]) == 30 * 192
    assert fmean(errors["forecast"]) < 0.9 * fmean(errors["typical"])
    assert timedelta(days=7) == HORIZON

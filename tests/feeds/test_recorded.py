from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest
from pyarrow import parquet

from server.core.pricecurve import Quality
from server.feeds.ports import NotPublished
from server.feeds.prices.recorded import PriceFileError, RecordedPrices, read_prices

NOW = datetime(2024, 7, 1, 10, tzinfo=UTC)
MIDNIGHT = datetime(2024, 6, 30, 22, tzinfo=UTC)


def write_csv(folder, rows, header="ts_utc,price_eur_mwh"):
    path = folder / "prices.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def hours(count, start=MIDNIGHT, step=timedelta(hours=1)):
    return [f"{(start + step * n):%Y-%m-%d %H:%M:%S}+00:00,{n}.5" for n in range(count)]


@pytest.mark.parametrize("stamp", ["2024-06-30 22:00:00+00:00", "2024-06-30T22:00:00Z", "2024-06-30 22:00:00"])
def test_times_of_a_csv_are_utc_however_they_are_written(tmp_path, stamp):
    found = read_prices(write_csv(tmp_path, [f"{stamp},10", f"{stamp.replace('22:', '23:')},-0.0005"]))
    assert [(slot.start, slot.seconds, slot.price_micro_per_kwh) for slot in found.between(MIDNIGHT, NOW)] == [
        (MIDNIGHT, 3600, 10_000),
        (MIDNIGHT + timedelta(hours=1), 3600, 0),
    ]


def test_a_parquet_file_reads_like_a_csv(tmp_path):
    path = tmp_path / "prices.parquet"
    times = pa.array([MIDNIGHT, MIDNIGHT + timedelta(minutes=15)], pa.timestamp("ns", "UTC"))
    parquet.write_table(pa.table({"ts_utc": times, "price_eur_mwh": [83.07000000000001, -12.5]}), path)
    found = read_prices(path).between(MIDNIGHT, NOW, NOW)
    assert [(slot.seconds, slot.price_micro_per_kwh) for slot in found] == [(900, 83_070), (900, -12_500)]
    assert {(slot.quality, slot.source, slot.fetched_at) for slot in found} == {(Quality.FINAL, "recorded", NOW)}


def test_hours_turn_into_quarters_where_the_market_did(tmp_path):
    rows = hours(2) + hours(4, MIDNIGHT + timedelta(hours=2), timedelta(minutes=15))
    assert read_prices(write_csv(tmp_path, rows)).seconds == [3600, 3600, 900, 900, 900, 900]


def test_a_hole_and_a_row_without_a_price_stay_holes(tmp_path):
    rows = hours(6)
    found = read_prices(write_csv(tmp_path, [*rows[:2], rows[4], rows[5].split(",")[0] + ","]))
    assert [slot.start.hour for slot in found.between(MIDNIGHT, NOW)] == [22, 23, 2]
    assert set(found.seconds) == {3600}


def test_rows_may_come_in_any_order(tmp_path):
    assert read_prices(write_csv(tmp_path, hours(5)[::-1])) == read_prices(write_csv(tmp_path, hours(5)))


def test_a_column_may_say_how_long_a_slot_is(tmp_path):
    rows = [row + ",30" for row in hours(2, step=timedelta(minutes=30))]
    assert read_prices(write_csv(tmp_path, rows, "ts_utc,price_eur_mwh,resolution_min")).seconds == [1800, 1800]


@pytest.mark.parametrize(
    ("rows", "header", "says"),
    [
        (["1,2"], "when,price", "expected the columns ts_utc, price_eur_mwh; missing: ts_utc, price_eur_mwh"),
        (["noon,2"], "ts_utc,price_eur_mwh", "expected times in ts_utc"),
        (["2024-07-01 00:00:00,dear", "2024-07-01 01:00:00,2"], "ts_utc,price_eur_mwh", "row 1: expected a price"),
        (["2024-07-01 00:00:00,1"], "ts_utc,price_eur_mwh", "at least two"),
        (
            ["2024-07-01 00:00:00,1", "2024-07-01 00:00:00,2", "2024-07-01 01:00:00,2"],
            "ts_utc,price_eur_mwh",
            "each ts_utc once",
        ),
        (["2024-07-01 00:05:00,1", "2024-07-01 01:05:00,2"], "ts_utc,price_eur_mwh", "on a quarter hour"),
        (["2024-07-01 00:00:00,1,7"], "ts_utc,price_eur_mwh,resolution_min", "expected 15, 30 or 60"),
        (["2024-07-01 00:00:00,1,2,3"], "ts_utc,price_eur_mwh", "is not a .csv file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, rows, header, says):
    with pytest.raises(PriceFileError, match=says) as caught:
        read_prices(write_csv(tmp_path, rows, header))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_file_of_another_kind_are_named(tmp_path):
    with pytest.raises(PriceFileError, match="cannot be read"):
        read_prices(tmp_path / "none.csv")
    wrong = tmp_path / "wrong.parquet"
    wrong.write_text("ts_utc,price_eur_mwh")
    with pytest.raises(PriceFileError, match=r"is not a \.parquet file"):
        read_prices(wrong)


async def test_a_recorded_day_is_served_whole_and_others_are_not_published(tmp_path):
    source = RecordedPrices(read_prices(write_csv(tmp_path, hours(24))), lambda: NOW)
    assert len(await source.fetch("NL", date(2024, 7, 1))) == 24
    with pytest.raises(NotPublished):
        await source.fetch("NL", date(2024, 7, 2))


async def test_recorded_days_can_be_moved_by_whole_weeks(tmp_path):
    shift = timedelta(weeks=104)
    source = RecordedPrices(read_prices(write_csv(tmp_path, hours(24))), lambda: NOW, shift)
    found = await source.fetch("NL", date(2026, 6, 29))
    assert [slot.price_micro_per_kwh for slot in found] == [500 + 1000 * n for n in range(24)]
    assert found[0].start == MIDNIGHT + shift


async def test_recorded_days_can_keep_the_auction_s_hours(tmp_path):
    clock = [datetime(2024, 6, 30, 10, 44, tzinfo=UTC)]
    source = RecordedPrices(read_prices(write_csv(tmp_path, hours(24))), lambda: clock[0], published_at=time(12, 45))
    with pytest.raises(NotPublished, match="not out before 2024-06-30T12:45"):
        await source.fetch("NL", date(2024, 7, 1))
    clock[0] += timedelta(minutes=1)
    assert len(await source.fetch("NL", date(2024, 7, 1))) == 24


@pytest.mark.realdata
async def test_every_day_of_recorded_dutch_prices_is_whole(shared_dir):
    source = RecordedPrices(read_prices(shared_dir / "data/prices/nl_day_ahead_hourly.parquet"), lambda: NOW)
    for day, slots in ((date(2024, 3, 31), 23), (date(2024, 7, 1), 24), (date(2024, 10, 27), 25)):
        assert len(await source.fetch("NL", day)) == slots


@pytest.mark.realdata
def test_recorded_quarter_hours_are_read(shared_dir):
    found = read_prices(shared_dir / "data/prices/nl_quarter_hour_2025-12-16_18_energyzero.csv")
    assert len(found.starts) == 288
    assert set(found.seconds) == {900}
    assert found.micro[:2] == [79_940, 83_070]


@pytest.mark.realdata
def test_a_series_that_changes_to_quarters_is_read(shared_dir):
    found = read_prices(shared_dir / "data/prices/de_lu_day_ahead_2020_2025_native.parquet")
    turn = datetime(2025, 9, 30, 22, tzinfo=UTC)
    assert {slot.seconds for slot in found.between(turn - timedelta(days=1), turn)} == {3600}
    assert {slot.seconds for slot in found.between(turn, turn + timedelta(days=1))} == {900}

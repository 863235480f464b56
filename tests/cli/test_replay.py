import json
import math
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.cli.replay import run

SESSIONS = """session_id,user_id,start_utc,end_utc,energy_kwh,max_power_kw,location_type,tz
7,ada,2024-01-01T18:07:30Z,2024-01-01T22:00:00Z,5.5,,home,Europe/Amsterdam
8,ada,2024-01-01T21:50:00Z,2024-01-01T22:05:00Z,2.75,11,home,
9,,2024-01-01T18:00:00,2024-01-01 19:00:00+01:00,1.0,11,work,Europe/Amsterdam
"""
PRICES = """ts_utc,price_eur_mwh,source
2024-01-01T18:00:00Z,200,x
2024-01-01T19:00:00Z,100,x
2024-01-01T20:00:00Z,50,x
2024-01-01T21:00:00Z,300,x
2024-01-01T22:00:00Z,200,x
"""
HOMES = {"location_type": "home", "power_kw": 11.0, "as_json": True}


@pytest.fixture
def files(tmp_path):
    """Writes a sessions file and a prices file."""

    def write(sessions=SESSIONS, prices=PRICES):
        paths = tmp_path / "sessions.csv", tmp_path / "prices.csv"
        for path, text in zip(paths, (sessions, prices), strict=True):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return paths

    return write


def figures(capsys, *paths, **options):
    assert run(*paths, **{**HOMES, **options}) == 0
    return json.loads(capsys.readouterr().out)


def test_two_sessions_by_hand(files, capsys):
    # 5.5 kWh from 0.20 to 0.05; 1.833 kWh at 0.30 and 0.917 kWh at 0.20, where there is no choice.
    found = figures(capsys, *files(), policy="perfect")
    assert (found["sessions"], found["skipped"]) == (2, {})
    assert found["baseline_eur"] == pytest.approx(1.1 + 0.5499 + 0.1834, abs=1e-4)
    assert found["actual_eur"] == found["perfect_eur"] == pytest.approx(0.275 + 0.7333, abs=1e-4)
    assert found["saving"] == pytest.approx(0.825 / 1.8333, abs=1e-4)
    assert (found["cashback_eur"], found["pending_eur"], found["cashback_median_eur"]) == (0.41, 0.0, 0.205)
    assert (found["unmet_kwh"], found["energy_kwh"], found["capture"]) == (0.0, 8.25, 1.0)
    assert list(found) == [
        "sessions", "skipped", "energy_kwh", "unmet_kwh", "baseline_eur", "actual_eur", "perfect_eur", "saving",
        "capture", "short_share", "short2_share", "cashback_share", "cashback_eur", "cashback_median_eur",
        "pending_eur", "peak_reduction_17_21", "moved_energy_share", "dwell_ratio", "asked_share", "calibration",
    ]  # fmt: skip


def test_the_peak_is_local(files, capsys):
    # 18:07:30 UTC is 19:07:30 in Amsterdam, and the valley at 20:00 UTC begins there when the evening ends.
    lines = SESSIONS.splitlines()
    found = figures(capsys, *files("\n".join(lines[:2])), policy="perfect")
    assert found["peak_reduction_17_21"] == 1.0


def test_parquet_says_the_same_as_csv(files, tmp_path, capsys):
    csv_files = files()
    rows = [line.split(",") for line in SESSIONS.splitlines()[1:]]
    moments = [[datetime.fromisoformat(row[at]) for row in rows] for at in (2, 3)]
    moments = [[at if at.tzinfo else at.replace(tzinfo=UTC) for at in column] for column in moments]
    sessions = pa.table(
        {
            "session_id": pa.array([7, 8, 9]),
            "user_id": pa.array(["ada", "ada", None], pa.large_string()),
            "start_utc": pa.array(moments[0], pa.timestamp("us", "UTC")),
            "end_utc": pa.array(moments[1], pa.timestamp("ns", "UTC")),
            "energy_kwh": [5.5, 2.75, 1.0],
            "max_power_kw": [math.nan, 11.0, 11.0],
            "location_type": ["home", "home", "work"],
            "tz": ["Europe/Amsterdam", None, "Europe/Amsterdam"],
        }
    )
    prices = pa.table(
        {
            "ts_utc": pa.array([datetime(2024, 1, 1, hour) for hour in range(18, 23)], pa.timestamp("s")),  # noqa: DTZ001
            "price_eur_mwh": pa.array([200, 100, 50, 300, 200], pa.int32()),
        }
    )
    paths = tmp_path / "sessions.parquet", tmp_path / "prices.parquet"
    for table, path in zip((sessions, prices), paths, strict=True):
        pq.write_table(table, path)
    assert figures(capsys, *paths) == figures(capsys, *csv_files)


def test_a_person_gets_a_table_and_no_json(files, capsys):
    assert run(*files(), **{**HOMES, "as_json": False}) == 0
    out = capsys.readouterr().out
    assert "baseline_eur" in out
    assert "{" not in out


def test_without_a_power_a_note_says_what_to_do(files, capsys):
    assert run(*files(), location_type="home", policy="perfect", as_json=True) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["skipped"] == {"no_power": 1}
    assert "--power-kw" in said.err


def test_a_zone_that_nobody_knows_counts_as_utc_and_is_named(files, capsys):
    assert run(*files(SESSIONS.replace("Europe/Amsterdam", "unsure(UTC assumed)")), **HOMES) == 0
    assert "unsure(UTC assumed)" in capsys.readouterr().err


BAD_SESSIONS = {
    "no header": ("", "sessions.csv"),
    "a column is missing": (SESSIONS.replace("end_utc", "until"), "column end_utc is missing"),
    "no time": (SESSIONS.replace("2024-01-01T22:05:00Z", "tomorrow"), "row 2, column end_utc: expected a time"),
    "a time before time": (SESSIONS.replace("2024-01-01T22:05:00Z", "0001-01-01T00:00:00Z"), "between 1971 and 2100"),
    "no number": (SESSIONS.replace("2.75", "much"), "row 2, column energy_kwh: expected a number, found 'much'"),
    "an endless number": (SESSIONS.replace("2.75", "inf"), "row 2, column energy_kwh: expected a finite number"),
    "a huge power": (SESSIONS.replace(",11,home", ",1e30,home"), "row 2, column max_power_kw"),
    "a short row": (SESSIONS + "1,2\n", "sessions.csv"),
    "no text at all": (b"\xff\xfe\x00\x81" * 50, "sessions.csv"),
}
BAD_PRICES = {
    "no rows": ("ts_utc,price_eur_mwh\n", "column ts_utc: expected at least one row"),
    "a column is missing": ("ts,price_eur_mwh\n1,2\n", "column ts_utc is missing"),
    "no time": (PRICES.replace("2024-01-01T19:00:00Z", ""), "row 2, column ts_utc"),
    "no number": (PRICES.replace("300", "cheap"), "row 4, column price_eur_mwh: expected a number"),
    "a mad price": (PRICES.replace("300", "3e9"), "row 4, column price_eur_mwh: expected a price"),
    "off the raster": (PRICES.replace("19:00:00Z", "19:07:00Z"), "expected starts of hours or quarter hours"),
    "twice": (PRICES.replace("19:00:00Z", "18:00:00Z"), "twice"),
}
BAD_OPTIONS = [
    ({"ask": 1.2}, "--ask: expected a number from 0 to 1"),
    ({"ask": 0.2, "rule": "gap"}, "--ask: only rule best"),
    ({"policy": "lucky"}, "--policy: expected one of perfect, forecast, uncontrolled"),
    ({"energy": "guessed"}, "--energy"),
    ({"rule": "none"}, "--rule"),
    ({"dial": "wild"}, "--dial: expected one of sure, balanced, cheap"),
    ({"dial": "sure", "risk": 0.1}, "--dial, --risk"),
    ({"risk": -0.1}, "--risk"),
    ({"risk": math.nan}, "--risk"),
    ({"floor_kwh": -1.0}, "--floor-kwh"),
    ({"power_kw": 0.0}, "--power-kw"),
    ({"power_kw": math.inf}, "--power-kw"),
    ({"shift_weeks": 10**9}, "--shift-weeks"),
    ({"location_type": "moon"}, "its types: home, work"),
]


def refusal(capsys, *paths, **options):
    assert run(*paths, **{**HOMES, **options}) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(("text", "message"), BAD_SESSIONS.values(), ids=BAD_SESSIONS)
def test_bad_sessions_are_named(files, capsys, text, message):
    assert message in refusal(capsys, *files(sessions=text))


@pytest.mark.parametrize(("text", "message"), BAD_PRICES.values(), ids=BAD_PRICES)
def test_bad_prices_are_named(files, capsys, text, message):
    assert message in refusal(capsys, *files(prices=text))


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=[str(options) for options, _ in BAD_OPTIONS])
def test_bad_options_are_named(files, capsys, options, message):
    assert message in refusal(capsys, *files(), **options)


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet", "notes.txt", "."])
def test_a_file_that_cannot_be_read_is_named(files, tmp_path, capsys, name):
    assert name in refusal(capsys, tmp_path / name, files()[1])


def test_a_file_that_only_says_that_it_is_parquet_is_named(files, tmp_path, capsys):
    path = tmp_path / "fake.parquet"
    path.write_text(SESSIONS)
    assert "fake.parquet: not a readable parquet file" in refusal(capsys, path, files()[1])


TRONDHEIM = {"location_type": "home_private", "power_kw": 11.0, "shift_weeks": 261, "as_json": True}


def trondheim(shared_dir, capsys, **options):
    data = shared_dir / "data"
    paths = data / "sessions/trondheim_no_2018_2020.parquet", data / "prices/nl_day_ahead_hourly.parquet"
    assert run(*paths, **TRONDHEIM, **options) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.realdata
def test_perfect_foresight_saves_two_fifths_in_trondheim(shared_dir, capsys):
    found = trondheim(shared_dir, capsys, policy="perfect")
    assert (found["sessions"], found["skipped"], found["unmet_kwh"]) == (3_509, {}, 0.0)
    assert found["saving"] == pytest.approx(0.397, abs=0.005)


@pytest.mark.realdata
def test_the_forecast_captures_half_of_it_with_one_in_fifty_short(shared_dir, capsys):
    """One point of the frontier in docs/frontier.md, which `make bench` draws whole."""
    found = trondheim(shared_dir, capsys, floor_kwh=0.0, risk=3.2)
    assert found["sessions"] == 3_509
    assert found["capture"] >= 0.50
    assert found["short_share"] <= 0.02
    assert found["unmet_kwh"] / (found["energy_kwh"] + found["unmet_kwh"]) <= 0.02
    for level in ("0.5", "0.8", "0.9", "0.95"):
        assert found["calibration"][level]["lasted"] == pytest.approx(found["calibration"][level]["said"], abs=0.03)


@pytest.mark.realdata
def test_what_is_said_at_work_is_what_lasts(shared_dir, capsys):
    """Not so before forecasts learnt from what became of them: 95.8 % lasted of which 92.1 % was said."""
    data = shared_dir / "data"
    paths = data / "sessions/asensio_us_work_2014_2015.parquet", data / "prices/nl_day_ahead_hourly.parquet"
    how = {"policy": "forecast", "location_type": "work", "power_kw": 7.4, "shift_weeks": 470, "floor_kwh": 0.0}
    assert run(*paths, **how, risk=0.4, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.87 <= found["calibration"]["0.9"]["lasted"] <= 0.93
    for level in ("0.5", "0.8", "0.9", "0.95"):
        assert found["calibration"][level]["lasted"] == pytest.approx(found["calibration"][level]["said"], abs=0.03)

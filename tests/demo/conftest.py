"""Demo days that several tests look at: each is run once, two at a time, because a day takes a core for a while."""

import os
import sys
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from demo_day import CHOSEN_DAYS, Day, begin, begin_command, ended

sys.path.append(str(Path(__file__).parents[1] / "independent"))

SEED, OTHER_SEED = 1, 7
SHELF = Path(os.environ.get("DALSTROOM_SHARED") or Path(__file__).parents[2].parent / "shared")
NL_2024 = SHELF / "data" / "prices" / "nl_day_ahead_hourly.parquet"


def run(folder: Path, seed: int, prices: Path | None = None) -> Day:
    """A day in a fresh process, to its end."""
    assert ended(begin(folder, seed, prices)) == ""
    return Day(folder, seed)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, "Future[Day]"], None, None]:
    """All days, begun as soon as the first is asked for; none is begun any more once the tests are over."""
    there = tmp_path_factory.mktemp("days")
    pool = ThreadPoolExecutor(2)
    recorded = NL_2024 if NL_2024.exists() else CHOSEN_DAYS
    days = {
        "typical": pool.submit(run, there / "typical", SEED),
        "recorded": pool.submit(run, there / "recorded", OTHER_SEED, recorded),
        "printed": pool.submit(_printed, there / "printed"),
    }
    yield days
    pool.shutdown(cancel_futures=True)


def _printed(folder: Path) -> Day:
    """The typical day by the command line: what it prints, nothing else."""
    folder.mkdir()
    (folder / "summary.json").write_text(ended(begin_command(SEED)))
    return Day(folder, SEED)


@pytest.fixture(scope="session")
def typical_day(running: dict[str, "Future[Day]"]) -> Day:
    """Seed 1 on the typical curve."""
    return running["typical"].result()


@pytest.fixture(scope="session")
def recorded_day(running: dict[str, "Future[Day]"]) -> Day:
    """Seed 7 on recorded prices: a day of NL 2024 from the shelf, else one of the three that lie here."""
    return running["recorded"].result()


@pytest.fixture(scope="session")
def printed_again(running: dict[str, "Future[Day]"]) -> bytes:
    """What the command line prints for the typical day, in another process."""
    return running["printed"].result().printed


@pytest.fixture(scope="session")
def nl_2024(shared_dir: Path, recorded_day: Day) -> Day:
    """That day where it is one of the shelf's (at `shared_dir`, else the test is skipped)."""
    assert shared_dir == SHELF
    assert NL_2024.exists()
    return recorded_day


@pytest.fixture(scope="session")
def recorded_prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prices of the recorded day, as a file of comma-separated values."""
    if not NL_2024.exists():
        return CHOSEN_DAYS
    import pyarrow.csv
    import pyarrow.parquet

    path = tmp_path_factory.mktemp("prices") / "nl.csv"
    pyarrow.csv.write_csv(pyarrow.parquet.read_table(NL_2024).select(["ts_utc", "price_eur_mwh"]), path)
    return path

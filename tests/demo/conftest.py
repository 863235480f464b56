"""Demo days that several tests look at: each is run once, two at a time, because a day takes a core for a while."""

import os
import sys
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from demo_day import CHOSEN_DAYS, Day, begin, begin_command, ended

sys.path.append(str(Path(__file__).parents[1] / "independent"))

SEED, OTHER_SEED, NL_SEED = 1, 2, 7
SHELF = Path(os.environ.get("DALSTROOM_SHARED") or Path(__file__).parents[2].parent / "shared")
NL_PRICES = SHELF / "data" / "prices" / "nl_day_ahead_hourly.parquet"


def run(folder: Path, seed: int, prices: Path | None = None) -> Day:
    """A day in a fresh process, to its end."""
    assert ended(begin(folder, seed, prices)) == ""
    return Day(folder, seed)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, "Future[Day]"], None, None]:
    """All days, begun as soon as the first is asked for; none is begun any more once the tests are over."""
    there = tmp_path_factory.mktemp("days")
    pool = ThreadPoolExecutor(2)
    days = {
        "typical": pool.submit(run, there / "typical", SEED),
        "recorded": pool.submit(run, there / "recorded", OTHER_SEED, CHOSEN_DAYS),
        "printed": pool.submit(_printed, there / "printed"),
    }
    if NL_PRICES.exists():
        days["nl-2024"] = pool.submit(run, there / "nl-2024", NL_SEED, NL_PRICES)
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
    """Seed 2 on three recorded days."""
    return running["recorded"].result()


@pytest.fixture(scope="session")
def printed_again(running: dict[str, "Future[Day]"]) -> bytes:
    """What the command line prints for the typical day, in another process."""
    return running["printed"].result().printed


@pytest.fixture(scope="session")
def nl_2024(shared_dir: Path, running: dict[str, "Future[Day]"]) -> Day:
    """Seed 7 on a day of NL 2024, from the shelf (at `shared_dir`, else the test is skipped)."""
    assert shared_dir == SHELF
    return running["nl-2024"].result()

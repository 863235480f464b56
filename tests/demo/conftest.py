"""Demo days that several tests look at: each is run once, two at a time, because a day takes a core for a while."""

import sys
from pathlib import Path

import pytest
from demo_day import CHOSEN_DAYS, Day, begin, begin_command, ended

sys.path.append(str(Path(__file__).parents[1] / "independent"))

SEED = 1
OTHER_SEED = 2
NL_PRICES = Path("data") / "prices" / "nl_day_ahead_hourly.parquet"


@pytest.fixture(scope="session")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Day, Day]:
    """A day on the typical curve and a day on recorded prices."""
    there = tmp_path_factory.mktemp("days")
    days = Day(there / "typical", SEED), Day(there / "recorded", OTHER_SEED)
    running = begin(days[0].folder, SEED), begin(days[1].folder, OTHER_SEED, CHOSEN_DAYS)
    assert [ended(process) for process in running] == ["", ""]
    return days


@pytest.fixture(scope="session")
def typical_day(two_days: tuple[Day, Day]) -> Day:
    """Seed 1 on the typical curve."""
    return two_days[0]


@pytest.fixture(scope="session")
def recorded_day(two_days: tuple[Day, Day]) -> Day:
    """Seed 2 on three recorded days."""
    return two_days[1]


@pytest.fixture(scope="session")
def printed_again() -> bytes:
    """What the command line prints for the typical day, in a process of its own."""
    return ended(begin_command(SEED)).encode()


@pytest.fixture(scope="session")
def nl_2024(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Seed 7 on a day of NL 2024, from the shelf."""
    day = Day(tmp_path_factory.mktemp("days") / "nl-2024", 7)
    assert ended(begin(day.folder, day.seed, shared_dir / NL_PRICES)) == ""
    return day

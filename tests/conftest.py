"""What all tests share: where the reference shelf is, and that a test which needs it cannot skip unseen."""

import asyncio
import os
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from postgres import running_postgres

SHARED = "DALSTROOM_SHARED"
# No test asserts a time: a machine that is busy with something else must not fail a property.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference shelf: $DALSTROOM_SHARED, else ../shared beside the project; the test skips where there is none."""
    folder = Path(os.environ.get(SHARED) or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no reference shelf at {folder}")
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str, None, None]:
    """A PostgreSQL of this test run's own; mark what uses it with `postgres`."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> str:
    """An empty database of one test's own in it."""
    name = f"test_{uuid4().hex}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres_url)
        try:
            await connection.execute(f"create database {name}")
        finally:
            await connection.close()

    asyncio.run(create())
    return postgres_url.rpartition("/")[0] + f"/{name}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what needs the shelf and skips although $DALSTROOM_SHARED says that there is one."""
    report = yield
    xfailed = hasattr(report, "wasxfail")
    if report.skipped and not xfailed and os.environ.get(SHARED) and item.get_closest_marker("realdata"):
        report.outcome = "failed"
        report.longrepr = f"{SHARED} is set, so this test may not skip: {report.longrepr}"
    return report

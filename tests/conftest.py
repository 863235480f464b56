"""What all tests share: where the reference shelf is, and that a test which needs it cannot skip unseen."""

import asyncio
import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import cheap_passwords
import hostile
import open_databases
import pytest
from hypothesis import HealthCheck, settings
from lent import Lender
from postgres import create_database, running_postgres
from sharing import Sharing, how_long
from small_town import found
from xdist.remote import Producer

SHARED = "DALSTROOM_SHARED"
USUAL_PORTS = {8000, 9000}
"""Where `up` listens unless it is told otherwise."""
# No test asserts a time: a machine that is busy with something else must not fail a property. In CI the examples are
# the same each time: it judges what changed. At home they are new ones, which find what nobody thought of.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("house")
open_databases.cost_less()
cheap_passwords.cost_less()
hostile.if_wanted()
ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Let no test listen where another, or a server that somebody runs, may listen at the same time."""
    sys.addaudithook(refuse_usual_ports)


def refuse_usual_ports(event: str, args: tuple[object, ...]) -> None:
    """An audit hook. Raises RuntimeError for a bind to one of the usual ports."""
    if event == "socket.bind" and isinstance(args[1], tuple) and args[1][1] in USUAL_PORTS:
        raise RuntimeError(f"a test listens on port {args[1][1]}: let the system choose one (port 0)")


if "loop" in hostile.WANTED:

    @pytest.fixture(autouse=True)
    def stalls() -> Generator[None, None, None]:
        """Each test on a machine that stands still now and then."""
        with hostile.stalling():
            yield


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
    return asyncio.run(create_database(postgres_url, f"test_{uuid4().hex}"))


@pytest.fixture(scope="session")
def founded_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small town in a SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("founded") / "town.db"
    asyncio.run(found(path))
    return path


@pytest.fixture(scope="session")
def lender(postgres_url: str) -> Generator[Lender, None, None]:
    """Lends small towns on PostgreSQL."""
    lender = Lender(postgres_url)
    yield lender
    lender.close()


@pytest.fixture
def lent_postgres_url(lender: Lender) -> Generator[str, None, None]:
    """A small town on PostgreSQL, for a test that leaves its schema alone."""
    with lender.town() as url:
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector all that collecting makes and leaves for good."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first, else in the order that pytest-randomly gave them."""
    items.sort(key=lambda item: how_long(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing | None:
    """With `--dist loadgroup`, workers share tests as `sharing` says."""
    return Sharing(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what needs the shelf and skips although $DALSTROOM_SHARED says that there is one."""
    report = yield
    xfailed = hasattr(report, "wasxfail")
    if report.skipped and not xfailed and os.environ.get(SHARED) and item.get_closest_marker("realdata"):
        report.outcome = "failed"
        report.longrepr = f"{SHARED} is set, so this test may not skip: {report.longrepr}"
    return report

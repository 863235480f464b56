"""What all tests share: where the reference shelf is, and that a test which needs it cannot skip unseen."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

SHARED = "DALSTROOM_SHARED"
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference shelf: $DALSTROOM_SHARED, else ../shared beside the project; the test skips where there is none."""
    folder = Path(os.environ.get(SHARED) or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"no reference shelf at {folder}")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what needs the shelf and skips although $DALSTROOM_SHARED says that there is one."""
    report = yield
    xfailed = hasattr(report, "wasxfail")
    if report.skipped and not xfailed and os.environ.get(SHARED) and item.get_closest_marker("realdata"):
        report.outcome = "failed"
        report.longrepr = f"{SHARED} is set, so this test may not skip: {report.longrepr}"
    return report

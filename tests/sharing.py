"""How a test run is shared out among workers: long ones begin first, and what is costly to make is made by one worker.

pytest-xdist's own way, a group that a mark names, does nothing under pytest 9.2 (pytest-xdist issue 1386).
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/demo/",  # three demo days
    "tests/test_house.py",  # what the linter says of two copies of the code
)
"""Where all tests look at what was made once: they run in one worker, one after the other."""
LONG = (
    "tests/demo/",
    "tests/cli/test_up_tls.py",
    "tests/journeys/test_killed_before_settlement.py",
    "tests/journeys/test_killed_while_charging.py",
    "tests/conformance/test_stations_at_once.py",
    "tests/cli/test_bench_gateway.py",
    "tests/cli/test_up.py",
    "tests/browser/",
    "tests/conformance/",
    "tests/journeys/",
    "tests/test_house.py",
    "tests/simulator/test_runner_stepped.py",
    "tests/cli/",
)
"""Where a test may take many seconds, the longest first: none of them begins when the others are through."""


class Sharing(LoadScopeScheduling):
    """One test at a time to whoever is free, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    """The name of what a test runs in one worker with: a place of TOGETHER, else it stands alone."""
    return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)


def how_long(nodeid: str) -> int:
    """What tests are to be sorted by: the lower, the earlier it begins."""
    return next((place for place, start in enumerate(LONG) if nodeid.startswith(start)), len(LONG))

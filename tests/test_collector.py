"""Full rounds of the garbage collector are made while nobody waits."""

import asyncio
import contextlib
import gc
import weakref

import pytest

from server import collector
from server.collector import DUE, OVERDUE, is_due


class Knot:
    """What refers to itself."""

    def __init__(self):
        self.me = self


def old_garbage():
    """A knot that small rounds do not look at any more, let go of; and so many rounds that a full one is due."""
    knot = Knot()
    gc.collect()
    for _ in range(DUE):
        gc.collect(1)
    return weakref.ref(knot)


@contextlib.asynccontextmanager
async def sparing(quiet):
    task = asyncio.create_task(collector.spare(quiet, look_s=0.001))
    await asyncio.sleep(0)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_full_round_waits_until_nobody_does():
    before, waiting = gc.get_threshold(), asyncio.Event()
    async with sparing(waiting.is_set):
        knot = old_garbage()
        await asyncio.sleep(0.02)
        assert knot() is not None
        waiting.set()
        async with asyncio.timeout(5):
            while knot() is not None:  # noqa: ASYNC110 -- a collector sets no event
                await asyncio.sleep(0.001)
    assert gc.get_threshold() == before


@pytest.mark.parametrize(
    ("rounds", "quiet", "due"), [(DUE - 1, True, False), (DUE, True, True), (DUE, False, False), (OVERDUE, False, True)]
)
def test_when_a_full_round_is_due(rounds, quiet, due):
    assert is_due(rounds, quiet=quiet) is due

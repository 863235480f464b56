"""Rounds of the garbage collector are short while somebody waits; nothing stays for good for that."""

import asyncio
import contextlib
import ctypes
import gc
import itertools
import os
import subprocess
import sys
import weakref

import pytest

from server import collector

FULL_ROUND_AFTER = gc.get_threshold()[2]


class Knot:
    """What refers to itself."""

    def __init__(self):
        self.me = self


def make_old(times=1):
    """All that is new outlives so many rounds of the second kind."""
    for _ in range(times):
        gc.collect(1)


def nothing_is_old():
    """Else Python makes no full round before much is new beside all that the tests have loaded."""
    gc.freeze()
    gc.collect()


@contextlib.asynccontextmanager
async def sparing(quiet):
    before = gc.get_threshold()
    task = asyncio.create_task(collector.spare(quiet, look_s=0.001))
    await asyncio.sleep(0)

    async def end():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    try:
        yield end
    finally:
        await end()
        gc.freeze()  # as it was: a look at all that the tests have loaded takes a second
    assert gc.get_threshold() == before


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- a collector sets no event
            await asyncio.sleep(0.001)


async def test_new_garbage_is_found_while_somebody_waits_and_python_makes_no_full_round(monkeypatch):
    nothing_is_old()
    monkeypatch.setattr(collector, "DUE", collector.NEVER)
    async with sparing(lambda: False):
        make_old(2 * FULL_ROUND_AFTER)  # by Python's own thresholds a full round would follow now
        whole = gc.get_stats()[2]["collections"]
        knot = weakref.ref(Knot())
        kept = [Knot() for _ in range(8 * collector.YOUNG)]
        assert knot() is None
        assert gc.get_stats()[2]["collections"] == whole
        del kept


async def test_the_end_is_no_time_for_a_full_round(monkeypatch):
    nothing_is_old()
    monkeypatch.setattr(collector, "DUE", collector.NEVER)
    async with sparing(lambda: False) as end:
        kept = [Knot() for _ in range(1_000)]
        make_old(2 * FULL_ROUND_AFTER)
        whole = gc.get_stats()[2]["collections"]
        await end()
        kept += [Knot() for _ in range(10_000)]
        assert gc.get_stats()[2]["collections"] == whole
        del kept


async def test_what_outlived_small_rounds_is_found_soon_and_what_lives_is_kept_out_of_the_next_one():
    async with sparing(lambda: False):
        knot, kept = weakref.ref(Knot()), gc.get_freeze_count()
        make_old(collector.DUE)
        await until(lambda: knot() is None and gc.get_freeze_count() > kept)


async def test_what_comes_all_at_once_is_kept_unseen():
    nothing_is_old()
    async with sparing(lambda: False):
        knot, kept, whole = Knot(), gc.get_freeze_count(), gc.get_stats()[2]["collections"]
        make_old(collector.MANY + 1)
        await until(lambda: gc.get_freeze_count() > kept)
        assert gc.get_stats()[2]["collections"] == whole
        del knot


async def test_what_was_kept_and_became_garbage_waits_until_nobody_does():
    waiting = asyncio.Event()
    async with sparing(waiting.is_set):
        knot, kept = Knot(), gc.get_freeze_count()
        make_old(collector.DUE)
        await until(lambda: gc.get_freeze_count() > kept)
        knot = weakref.ref(knot)
        make_old()
        await asyncio.sleep(0.02)
        assert knot() is not None, "it is in nobody's round"
        waiting.set()
        await until(lambda: knot() is None)


async def test_a_look_that_finds_nobody_by_chance_is_not_quiet(monkeypatch):
    looks, whole = itertools.cycle([True, True, False]), []
    monkeypatch.setattr(collector, "look_at_everything", lambda: whole.append(1))
    async with sparing(lambda: next(looks)):
        make_old(collector.DUE)
        await asyncio.sleep(0.1)
        assert whole == []


async def test_where_nobody_ever_rests_much_growth_is_looked_at_all_the_same(monkeypatch):
    monkeypatch.setattr(collector, "GROWN", 0)
    async with sparing(lambda: False):
        knot = Knot()
        gc.freeze()
        gone = weakref.ref(knot)
        del knot
        make_old(collector.DUE)
        await until(lambda: gone() is None)


async def test_what_c_libraries_freed_is_given_back_now_and_then(monkeypatch):
    given = []
    monkeypatch.setattr(collector, "_trim", given.append)
    monkeypatch.setattr(collector, "GIVE_BACK", 2)
    async with sparing(lambda: False):
        await until(lambda: given[:2] == [0, 0])


def test_where_the_c_library_cannot_be_told_nothing_happens(monkeypatch):
    monkeypatch.setattr(collector, "_trim", None)
    assert collector.give_back() is None


HEAPS = """
import ctypes, sys, threading
from server import collector
collector.share_heaps()
libc, gate = ctypes.CDLL(None), threading.Barrier(9)
libc.fopen.restype = ctypes.c_void_p
def work():
    libc.malloc(1_000)
    gate.wait()
for _ in range(8):
    threading.Thread(target=work).start()
gate.wait()
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="glibc alone says how many heaps there are",
)
@pytest.mark.parametrize(("said", "heaps"), [({}, 2), ({"MALLOC_ARENA_MAX": "4"}, 4)])
def test_threads_share_two_heaps_unless_somebody_said_how_many(said, heaps):
    env = {name: value for name, value in os.environ.items() if "MALLOC" not in name} | said
    done = subprocess.run([sys.executable, "-c", HEAPS], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.count("<heap nr=") == heaps

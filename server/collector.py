"""Python's garbage collector, kept from stopping everything for what is no garbage.

A full round looks at every object that a process holds: 75 ms for its modules alone, and most of a second with some
thousand stations, in which none of them is answered. So what has lived through some rounds is kept out of the next
ones (`gc.freeze`): a round looks at what is new, and is short. What was kept and has become garbage since, in a cycle,
is found once nobody waits, or once so much is kept that it must be.

What C libraries have freed (frames, pages of SQLite) the C library keeps, in ever smaller pieces: it is told to give
whole pages of it back.
"""

import asyncio
import ctypes
import gc
import os
import sys
from collections.abc import Callable

YOUNG, ROUNDS = 5_000, 1
"""A small round after so many new objects, and after two of those one of what outlived them: 15 000, at 1 to 4 us."""
NEVER = 1 << 30
DUE, MANY = 2, 4
"""Rounds of the second kind after which all that is new is looked at and kept: of 30 000 to 60 000 objects.

Where there were more since the last look all came at once, as in a storm, and is no garbage: it is kept unseen.
"""
LOOK_S = 0.25
STILL = 20
"""Looks in a row at which nobody waited: a loop that is too busy to hear anybody also seems quiet, but not for long."""
GROWN = 1_500
"""Rounds of the second kind after which everything is looked at though somebody waits: 22 million objects were new, of
which some 3 % are garbage. Minutes of nothing but work."""
GIVE_BACK = 120
"""Looks after which freed pages are given back: a few ms, in a thread."""
HEAPS, M_ARENA_MAX = 2, -8
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_trim, _tune = getattr(_libc, "malloc_trim", None), getattr(_libc, "mallopt", None)  # glibc alone has them


def share_heaps() -> None:
    """Have all threads share two heaps of the C library's, unless whoever runs us said how many; before there are any.

    Else each has its own, of which what it frees is of no use to any other, and each is as large as it ever was.
    """
    said = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if _tune is not None and not said:
        _tune(M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Let the system have the pages that are free within the C library, where it can be told so."""
    if _trim is not None:
        _trim(0)


def keep_for_good() -> None:
    """Take what a process has made so far out of the collector's rounds: modules, schemas, open connections."""
    gc.collect()
    gc.freeze()


def look_at_everything() -> None:
    """Free all garbage, also what was kept."""
    gc.unfreeze()
    keep_for_good()


async def spare(quiet: Callable[[], bool], look_s: float = LOOK_S) -> None:
    """Make short rounds as they fall due, long ones while nobody waits (`quiet`), and give back; until cancelled."""
    usual = gc.get_threshold()
    gc.set_threshold(YOUNG, ROUNDS, NEVER)
    still = looks = grown = 0
    try:
        while True:
            await asyncio.sleep(look_s)
            looks += 1
            if looks % GIVE_BACK == 0:
                await asyncio.to_thread(give_back)
            still = still + 1 if quiet() else 0
            rounds = gc.get_count()[2]
            if rounds >= DUE:
                (keep_for_good if rounds <= MANY else gc.freeze)()
                grown += rounds
            if grown > GROWN or (grown and still >= STILL):
                look_at_everything()
                still = grown = 0
    finally:
        gc.freeze()  # what has grown old would be due for a full round at once, in the middle of an end
        gc.set_threshold(*usual)

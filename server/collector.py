"""Python's garbage collector, kept from stopping everything for what is no garbage.

A full round looks at every object that a process holds: 75 ms for its modules alone, and most of a second with some
thousand stations, in which none of them is answered. What has no cycles needs no round, and young cycles are found by
the small ones.
"""

import asyncio
import gc
from collections.abc import Callable

YOUNG, ROUNDS = 5_000, 4
"""A small round after so many new objects; after so many small ones one of those that outlived one."""
NEVER = 1 << 30
DUE, OVERDUE = 10, 200
"""Rounds of the second kind after which a full one is due when nobody waits, and after which somebody waits."""
LOOK_S = 1.0


def keep_for_good() -> None:
    """Take what a process has made so far out of the collector's rounds: modules, schemas, open connections.

    For processes of our own, once they are up.
    """
    gc.collect()
    gc.freeze()


async def spare(quiet: Callable[[], bool], look_s: float = LOOK_S) -> None:
    """Make full rounds only while nobody waits, as `quiet` says, or long overdue ones; until cancelled."""
    usual = gc.get_threshold()
    gc.set_threshold(YOUNG, ROUNDS, NEVER)
    try:
        while True:
            await asyncio.sleep(look_s)
            if is_due(gc.get_count()[2], quiet=quiet()):
                gc.collect()
    finally:
        gc.set_threshold(*usual)


def is_due(rounds: int, *, quiet: bool) -> bool:
    """Whether to make a full round, after so many rounds of the second kind since the last."""
    return rounds >= (DUE if quiet else OVERDUE)

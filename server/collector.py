"""Python's garbage collector, kept from stopping everything for what is no garbage.

A full round looks at every object that a process holds: 75 ms for its modules alone, and most of a second with some
thousand stations, in which none of them is answered. So what has lived through a round is kept out of the next ones
(`gc.freeze`): a round looks at what is new, and is short. What was kept and has become garbage since, in a cycle, is
found once nobody waits, or once so much is kept that it must be.
"""

import asyncio
import gc
from collections.abc import Callable

YOUNG, ROUNDS = 5_000, 4
"""A small round after so many new objects; after so many small ones one of those that outlived one."""
NEVER = 1 << 30
DUE = 10
"""Rounds of the second kind after which a round of all that is new is due: 200 000 objects at the most."""
LOOK_S = 1.0
STILL = 5
"""Looks in a row at which nobody waited: a loop that is too busy to hear anybody also seems quiet, but not for long."""
GROWN = 1_000_000
"""Objects more than twice those that were there at the last look at everything, at which everything is looked at."""


def keep_for_good() -> None:
    """Take what a process has made so far out of the collector's rounds: modules, schemas, open connections."""
    gc.collect()
    gc.freeze()


def look_at_everything() -> int:
    """Free all garbage, also what was kept; returns how many objects are kept now."""
    gc.unfreeze()
    keep_for_good()
    return gc.get_freeze_count()


async def spare(quiet: Callable[[], bool], look_s: float = LOOK_S) -> None:
    """Make short rounds as they fall due, and long ones while nobody waits, as `quiet` says; until cancelled."""
    usual = gc.get_threshold()
    gc.set_threshold(YOUNG, ROUNDS, NEVER)
    still, kept, more = 0, gc.get_freeze_count(), False
    try:
        while True:
            await asyncio.sleep(look_s)
            still = still + 1 if quiet() else 0
            due = gc.get_count()[2] >= DUE
            if due:
                keep_for_good()
                more = True
            if (more and still >= STILL) or (due and gc.get_freeze_count() > 2 * kept + GROWN):
                kept, more = look_at_everything(), False
    finally:
        gc.set_threshold(*usual)

"""A machine that is hostile to tests which look too early: its database answers late, its loops stand still at random.

Off unless $DALSTROOM_HOSTILE names them, `database` or `loop` or both: `make hostile`. A test that looks too early is
likely to fail here, and not the same each time; one that waits passes always, so it does on a busy machine too.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import Database

Door = Callable[[Database], AbstractAsyncContextManager[AsyncSession]]
WANTED = frozenset(os.environ.get("DALSTROOM_HOSTILE", "").split())
LATE_S, STALL_S = 0.08, 0.25
BETWEEN_S = 0.01, 0.2
DOORS = {name: getattr(Database, name) for name in ("begin", "read")}
dice = random.Random()


def if_wanted() -> None:
    """Where it is wanted, every database of this process answers late from now on."""
    assert WANTED.issubset({"database", "loop"}), f"DALSTROOM_HOSTILE: {' '.join(sorted(WANTED))}?"
    if "database" in WANTED:
        for name, door in DOORS.items():
            setattr(Database, name, late(door))


def late(door: Door) -> Door:
    """The same door to a database, but half of who goes through waits before, and half after."""

    @asynccontextmanager
    async def slow(database: Database) -> AsyncGenerator[AsyncSession, None]:
        await asyncio.sleep(_wait_s())
        async with door(database) as tx:
            yield tx
        await asyncio.sleep(_wait_s())

    return slow


def _wait_s() -> float:
    return dice.choice((0.0, dice.uniform(0.0, LATE_S)))


@contextmanager
def stalling() -> Generator[None, None, None]:
    """The main thread stands still now and then; threads and other processes go on."""

    over = False

    def stall(*_: object) -> None:
        if over:  # it rang while it was being stopped: to set it again would ring where nobody listens
            return
        time.sleep(dice.uniform(0.0, STALL_S))
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(*BETWEEN_S))

    before = signal.signal(signal.SIGALRM, stall)
    signal.setitimer(signal.ITIMER_REAL, dice.uniform(*BETWEEN_S))
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

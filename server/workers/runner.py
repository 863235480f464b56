"""Does what stands in the outbox: tasks of one key in order, different keys side by side, each until it is done.

What is slow (`outbox.SLOW`) has an order of its own and few places: thousands of lists that stations are to be sent
hold up no plan, and one that is being sent holds up no plan of the same station.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import structlog

from server.storage import outbox
from server.storage.outbox import Task
from server.workers.context import WorkContext

log = structlog.get_logger()
T = TypeVar("T")
Handler = Callable[[WorkContext, Task], Awaitable[str]]
IDLE_LOOK = timedelta(minutes=5)
SLOW_ABREAST = 2
"""So many slow tasks at a time."""
AGAIN_WALL_S = 1.0
"""A database that is away is asked again this often."""


class Failure(msgspec.Struct, frozen=True):
    """Work that ended in an exception of this name, which was logged."""

    why: str


async def attempt(work: Awaitable[T], **facts: object) -> T | Failure:
    """Do a piece of work whose failure must not end the loop that it belongs to; `facts` go to the log with it."""
    try:
        return await work
    except Exception as error:  # one of three in the server: no task ends its worker
        log.exception("work_failed", **facts)
        return Failure(type(error).__name__)


class Runner:
    """Owns the loop. `rested`: set while nothing is left to do. `failures`: unexpected, each logged, tried again."""

    def __init__(self, context: WorkContext, handlers: Mapping[str, Handler], *, abreast: int = 8) -> None:
        """`handlers` by task kind; `abreast`: how many keys at a time (1 makes the order reproducible)."""
        self._context, self._handlers, self._abreast = context, handlers, abreast
        self._wake = asyncio.Event()
        self._running: dict[tuple[bool, str], asyncio.Task[None]] = {}
        self._next_due: datetime | None = None
        self._looked_at: datetime | None = None
        self.rested = asyncio.Event()
        self.looking = False
        self.failures = 0

    def wake(self) -> None:
        """Look into the outbox soon."""
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether a task is being done or due, or a look into the outbox is due or under way."""
        due = self._next_due is not None and self._next_due <= self._context.clock.now()
        return self.looking or due or bool(self._running) or self._wake.is_set()

    async def run(self) -> None:
        """Work until cancelled; what is not done then stays in the outbox."""
        self._wake.set()
        try:
            while True:
                if isinstance(await attempt(self._turn(), what="outbox"), Failure):
                    self.failures += 1
                    await asyncio.sleep(AGAIN_WALL_S)
                    self._wake.set()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _turn(self) -> None:
        await self._sleep()
        self.looking = True
        self._wake.clear()
        await self._start_due()

    async def _sleep(self) -> None:
        if self._wake.is_set():
            return
        clock = self._context.clock
        async with self._context.db.read() as tx:
            due = self._next_due = await outbox.next_due(tx)
            if self._running and self._looked_at is not None and due is not None and due <= self._looked_at:
                # Its key is at work, or all places are taken: the end of that wakes us, or what falls due meanwhile.
                due = await outbox.next_due(tx, self._looked_at)
        self.looking = False
        if due is not None and due <= clock.now():
            return
        if not self._running:
            self.rested.set()
        sleeping = asyncio.ensure_future(clock.sleep_until(due or clock.now() + IDLE_LOOK))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
            self.rested.clear()

    async def _start_due(self) -> None:
        db, clock = self._context.db, self._context.clock
        busy = set(self._running)  # who ends while we look would be done twice: what we read of it is old
        now = self._looked_at = clock.now()
        async with db.read() as tx:
            due = await outbox.due(tx, now)
        starting: dict[tuple[bool, str], Task] = {}
        for task in due:
            lane = (task.slow, task.key)
            if lane not in busy and self._has_room([*self._running, *starting], slow=task.slow):
                starting.setdefault(lane, task)
        if starting:
            async with db.begin() as tx:
                await outbox.start(tx, [task.id for task in starting.values()], clock.now())
        for lane, task in starting.items():
            self._running[lane] = asyncio.create_task(self._do(lane, task))

    def _has_room(self, taken: Sequence[tuple[bool, str]], *, slow: bool) -> bool:
        return len(taken) < self._abreast and not (slow and sum(lane[0] for lane in taken) >= SLOW_ABREAST)

    async def _do(self, lane: tuple[bool, str], task: Task) -> None:
        try:
            if isinstance(await attempt(self._handle(task), task=task.id), Failure):
                await asyncio.sleep(AGAIN_WALL_S)
        finally:
            del self._running[lane]
            self._wake.set()

    async def _handle(self, task: Task) -> None:
        db, clock = self._context.db, self._context.clock
        outcome = await attempt(self._handlers[task.kind](self._context, task), kind=task.kind, task=task.id)
        async with db.begin() as tx:
            if isinstance(outcome, Failure):
                self.failures += 1
                await outbox.failed(tx, task, clock.now(), outcome.why)
            else:
                await outbox.done(tx, [task.id], clock.now(), outcome)

"""Does what stands in the outbox: tasks of one key in order, different keys side by side, each until it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
        self._running: dict[str, asyncio.Task[None]] = {}
        self._next_due: datetime | None = None
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
        self.looking = False
        if due is not None and due <= clock.now():
            if self._running:  # its key is at work: the end of that wakes us
                await self._wake.wait()
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
        async with db.read() as tx:
            due = await outbox.due(tx, clock.now())
        starting: dict[str, Task] = {}
        for task in due:
            if task.key not in busy and len(self._running) + len(starting) < self._abreast:
                starting.setdefault(task.key, task)
        if starting:
            async with db.begin() as tx:
                await outbox.start(tx, [task.id for task in starting.values()], clock.now())
        for task in starting.values():
            self._running[task.key] = asyncio.create_task(self._do(task))

    async def _do(self, task: Task) -> None:
        try:
            if isinstance(await attempt(self._handle(task), task=task.id), Failure):
                await asyncio.sleep(AGAIN_WALL_S)
        finally:
            del self._running[task.key]
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

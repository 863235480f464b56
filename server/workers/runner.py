"""Does what stands in the outbox: tasks of one key in order, different keys side by side, each until it is done.

What is slow (`outbox.SLOW`) has an order of its own and few places: thousands of lists that stations are to be sent
hold up no plan, and one that is being sent holds up no plan of the same station.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage import outbox
from server.storage.outbox import Lane, Task
from server.workers.context import WorkContext

log = structlog.get_logger()
T = TypeVar("T")
Handler = Callable[[WorkContext, Task], Awaitable[str]]
IDLE_LOOK = timedelta(minutes=5)
SLOW_ABREAST = 2
"""So many slow tasks at a time."""
READ_AHEAD = 200
"""Tasks of a look into the outbox: to look costs as much for one as for all that are due."""
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


class Ahead:
    """Tasks that were read and not begun: the slow ones, or the others. `stale`: there may be more by now."""

    def __init__(self, *, slow: bool) -> None:
        self.slow, self.stale = slow, True
        self.tasks: dict[int, Task] = {}

    def startable(self, busy: AbstractSet[Lane], room: int) -> list[Task]:
        """In their order the first of each free lane, as many as there is room for."""
        found: dict[Lane, Task] = {}
        for task in self.tasks.values():
            if len(found) >= room:
                break
            if task.lane not in busy:
                found.setdefault(task.lane, task)
        return list(found.values())

    async def pick(self, tx: AsyncSession, now: datetime, doing: Mapping[Lane, int], room: int) -> list[Task]:
        """`startable`, reading anew only where what was read does not fill the room. `doing`: tasks by their lanes."""
        found = self.startable(doing.keys(), room)
        if len(found) < room and self.stale:
            self.stale = False
            rows = await outbox.due(tx, now, READ_AHEAD, slow=self.slow)
            self.tasks = {task.id: task for task in rows if doing.get(task.lane) != task.id}
            found = self.startable(doing.keys(), room)
            self.stale = self.stale or (len(rows) == READ_AHEAD and bool(found))
        return found


class Runner:
    """Owns the loop. `rested`: set while nothing is left to do. `failures`: unexpected, each logged, tried again.

    A turn is one transaction, however much ended since the last one and however much begins.
    """

    def __init__(self, context: WorkContext, handlers: Mapping[str, Handler], *, abreast: int = 8) -> None:
        """`handlers` by task kind; `abreast`: how many keys at a time (1 makes the order reproducible)."""
        self._context, self._handlers, self._abreast = context, handlers, abreast
        self._wake = asyncio.Event()
        self._running: dict[Lane, asyncio.Task[None]] = {}
        self._doing: dict[Lane, int] = {}
        self._ended: list[tuple[Task, str | Failure]] = []  # and not yet marked so
        self._ahead = Ahead(slow=False), Ahead(slow=True)
        self._next_due: datetime | None = None
        self._looked_at: datetime | None = None
        self.rested = asyncio.Event()
        self.looking = False
        self.failures = 0

    def wake(self) -> None:
        """Look into the outbox soon: something was queued."""
        for ahead in self._ahead:
            ahead.stale = True
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether a task is being done or due, or a look into the outbox is due or under way."""
        due = self._next_due is not None and self._next_due <= self._context.clock.now()
        return self.looking or due or bool(self._doing) or self._wake.is_set()

    async def run(self) -> None:
        """Work until cancelled; what is not done then stays in the outbox."""
        self.wake()
        try:
            while True:
                if isinstance(await attempt(self._turn(), what="outbox"), Failure):
                    self.failures += 1
                    await asyncio.sleep(AGAIN_WALL_S)
                    self.wake()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _turn(self) -> None:
        await self._sleep()
        self.looking = True
        self._wake.clear()
        await self._take_turns()

    async def _sleep(self) -> None:
        if self._wake.is_set():
            return
        clock = self._context.clock
        async with self._context.db.read() as tx:
            due = self._next_due = await outbox.next_due(tx)
            if self._doing and self._looked_at is not None and due is not None and due <= self._looked_at:
                # Its key is at work, or all places are taken: the end of that wakes us, or what falls due meanwhile.
                due = await outbox.next_due(tx, self._looked_at)
        self.looking = False
        if due is None or due > clock.now():
            await self._until(due)
        if not self._wake.is_set():  # something fell due
            self.wake()

    async def _until(self, due: datetime | None) -> None:
        clock = self._context.clock
        if not self._doing:
            self.rested.set()
        sleeping = asyncio.ensure_future(clock.sleep_until(due or clock.now() + IDLE_LOOK))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
            self.rested.clear()

    async def _take_turns(self) -> None:
        """Mark what ended and begin what has its turn; only once that is committed is anything forgotten or done."""
        ended, now = list(self._ended), self._context.clock.now()
        prompt, slow = self._ahead
        if prompt.stale:  # either is read now, or as soon as it has room
            self._looked_at, slow.stale = now, True
        left = {task.lane for task, _ in ended}
        doing = {lane: number for lane, number in self._doing.items() if lane not in left}
        async with self._context.db.begin() as tx:
            await self._mark(tx, ended, now)
            chosen = await self._chosen(tx, now, doing)
            begun = await outbox.start(tx, [task.id for task in chosen], now)
        self._ended = self._ended[len(ended) :]
        self._doing = doing
        for task in chosen:
            self._ahead[task.slow].tasks.pop(task.id, None)
            if task.id in begun:
                self._doing[task.lane] = task.id
                self._running[task.lane] = asyncio.create_task(self._do(task))
        if len(begun) < len(chosen):
            self._wake.set()

    async def _mark(self, tx: AsyncSession, ended: Sequence[tuple[Task, str | Failure]], now: datetime) -> None:
        done: dict[str, list[int]] = {}
        for task, outcome in ended:
            if isinstance(outcome, Failure):
                await outbox.failed(tx, task, now, outcome.why)
            else:
                done.setdefault(outcome, []).append(task.id)
        for outcome, ids in done.items():
            await outbox.done(tx, ids, now, outcome)

    async def _chosen(self, tx: AsyncSession, now: datetime, doing: Mapping[Lane, int]) -> list[Task]:
        """What has its turn: the slow only where nothing else waits for the place, and few of them at a time."""
        prompt, slow = self._ahead
        chosen = await prompt.pick(tx, now, doing, self._abreast - len(doing))
        room = min(self._abreast - len(doing) - len(chosen), SLOW_ABREAST - sum(lane[0] for lane in doing))
        return chosen + (await slow.pick(tx, now, doing, room) if room > 0 else [])

    async def _do(self, task: Task) -> None:
        outcome = await attempt(self._handlers[task.kind](self._context, task), kind=task.kind, task=task.id)
        self.failures += isinstance(outcome, Failure)
        self._ended.append((task, outcome))
        del self._running[task.lane]
        self._wake.set()

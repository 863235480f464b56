"""Transactions that many callers share: what comes while one is under way goes into the next one.

Also what comes while that waits for its turn to write: so nobody waits for two of them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST = 400
"""Items of one transaction: beyond it they wait for the next, so that nobody else waits long for the loop."""
WOKEN = 50
"""Items whose answers are given in one round of the loop: whoever gets one has work to do then."""
AWAY = (sa.exc.InterfaceError, sa.exc.OperationalError, OSError)
"""What is nobody's fault but the database's: one try for all is enough."""


class Together(Generic[Item, Answer]):
    """One kind of work. `work(tx, items)` gives an answer for each item, in their order.

    An item that is alone waits for nobody. Where the work for several fails each is done anew by itself, so that one
    that cannot be done fails alone. Bounded by its callers, of which each waits for its one item.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        work: Callable[[AsyncSession, Sequence[Item]], Awaitable[Sequence[Answer]]],
        linger_s: float = 0.0,
    ) -> None:
        """`begin`: the database's door, to write or to read. `linger_s`: so long after one the next one begins."""
        self._begin, self._work, self._linger_s = begin, work, linger_s
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._began = float("-inf")

    async def do(self, item: Item) -> Answer:
        """The answer to an item, once the transaction that it shared is committed. Raises what the work raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._linger()
                await self._share([])
        finally:
            self._running = None
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _linger(self) -> None:
        """Where another transaction began a moment ago, more are coming: they may come along."""
        loop = asyncio.get_running_loop()
        early_s = self._began + self._linger_s - loop.time()
        if early_s > 0 and len(self._waiting) < MOST:
            await asyncio.sleep(early_s)
        self._began = loop.time()

    async def _share(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        """One transaction: for a batch, or where there is none yet for all who wait when its turn has come."""
        (said,) = await asyncio.gather(self._once(batch), return_exceptions=True)
        if not isinstance(said, BaseException):
            await _tell(batch, said)
            return
        batch = batch or self._next()  # it failed before its turn came
        if len(batch) > 1 and not isinstance(said, AWAY):
            for alone in batch:
                await self._share([alone])
            return
        for _, answer in batch:
            if not answer.done():
                answer.set_exception(said)

    async def _once(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> Sequence[Answer]:
        async with self._begin() as tx:
            if not batch:
                batch += self._next()
            return await self._work(tx, [item for item, _ in batch]) if batch else []

    def _next(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """Who is served next; who has gone meanwhile is not."""
        batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        return [one for one in batch if not one[1].done()]


async def _tell(batch: Sequence[tuple[object, "asyncio.Future[Answer]"]], said: Sequence[Answer]) -> None:
    """Give the answers, a few at a time; all the rest at once where nobody waits for that."""
    told = zip(batch, said, strict=True)
    try:
        for number, ((_, answer), one) in enumerate(told, 1):
            _settle(answer, one)
            if number % WOKEN == 0:
                await asyncio.sleep(0)
    finally:
        for (_, answer), one in told:
            _settle(answer, one)


def _settle(answer: "asyncio.Future[Answer]", said: Answer) -> None:
    if not answer.done():  # who asked may have gone
        answer.set_result(said)

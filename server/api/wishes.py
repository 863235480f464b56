"""A departure stated with a remote start, kept until the session that it is for has opened.

Kept in memory and for a few minutes: a station that accepted starts at once or, once its cable is in, soon.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from server.api.context import ApiContext
from server.bus import Subscription, account_topic
from server.flows import steering
from server.storage import sessions
from shared.sessions import SessionUpdate

WAIT_S = 300.0
"""OCPP 1.6 stations give up on a start without a cable after ConnectionTimeOut, commonly one to three minutes."""


class Wish:
    """One start whose account's news are heard from before it was asked for."""

    def __init__(self, wishes: "Wishes", account_id: UUID) -> None:
        """Made by `Wishes.listening`."""
        self.news: Subscription = wishes.context.bus.subscribe([account_topic(account_id)])
        self.kept = False
        self._wishes, self._account_id = wishes, account_id

    def keep(self, evse_id: UUID, ready_by: datetime) -> None:
        """State `ready_by` for the account's session on this EVSE as soon as it opens."""
        self.kept = True
        self._wishes.begin(self._state(evse_id, ready_by))

    async def _state(self, evse_id: UUID, ready_by: datetime) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not await self._stated(evse_id, ready_by):
                    await anext(self.news)
        except TimeoutError:
            pass
        finally:
            self.news.close()

    async def _stated(self, evse_id: UUID, ready_by: datetime) -> bool:
        context = self._wishes.context
        async with context.db.begin() as tx:
            session = await sessions.open_on(tx, evse_id)
            if session is None or session.account_id != self._account_id:
                return False
            await steering.change(tx, session, SessionUpdate(ready_by=ready_by), context.now())
            return True


class Wishes:
    """The wishes of a running server; `close` drops those that still wait."""

    def __init__(self, context: ApiContext) -> None:
        """None yet."""
        self.context = context
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def listening(self, account_id: UUID) -> Iterator[Wish]:
        """Hear of the account's sessions from now on; a wish that is not kept inside is forgotten."""
        wish = Wish(self, account_id)
        try:
            yield wish
        finally:
            if not wish.kept:
                wish.news.close()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what still waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

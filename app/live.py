"""Live news: one reader per signed-in session of the app, which reconnects by itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from app.failures import ApiProblem
from app.state import AppState, LinkState
from shared.wire import LiveEvent

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0

Stream = Callable[[], AsyncIterator[LiveEvent | None]]


async def follow(state: AppState, stream: Stream, react: Callable[[LiveEvent | None], Awaitable[None]]) -> None:
    """Read `stream` until cancelled or signed out: apply each event, then let `react` ask for what it only named.

    `react(None)` means that the stream is open (again): whatever happened in between was missed. Runs as a task of the
    app's own session, the only place where Flet lets state change. Waits 1 s to 30 s between attempts, with jitter. A
    stream that ends in good order (its token has expired) is opened again without alarm.
    """
    wait = FIRST_WAIT_S
    while True:
        broken = False
        try:
            async for event in stream():
                if event is None:
                    wait = FIRST_WAIT_S
                    state.link.state = LinkState.ONLINE
                else:
                    state.apply(event)
                await react(event)
        except ApiProblem as refused:
            if refused.unauthorized:
                return
            broken = True
        state.link.state = LinkState.OFFLINE if broken else LinkState.CONNECTING
        await asyncio.sleep(wait * (0.5 + random.random() / 2))  # noqa: S311  (spreads reconnects, hides nothing)
        wait = min(LONGEST_WAIT_S, wait * 2)

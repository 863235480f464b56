"""The end of a request that is under way as the server stops: an answer, and no error of ours in the log."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import msgspec

from server.api.errors import problem
from shared.problems import CONTENT_TYPE

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[..., Any], Callable[..., Any]], Awaitable[None]]
STOPPING = problem(HTTPStatus.SERVICE_UNAVAILABLE, "The server stops.")


def ending_well(app: AsgiApp, stopping: asyncio.Event) -> AsgiApp:
    """An app whose requests hear 503 where they are cancelled because the server stops (`stopping` is set).

    A request may wait for what never comes: the rest of its own body. What has begun to be answered just ends.
    """

    async def guarded(scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await app(scope, receive, noting)
        except asyncio.CancelledError:
            if scope["type"] != "http" or not stopping.is_set():
                raise
            await _end(send, began=began)

    return guarded


async def _end(send: Callable[..., Any], *, began: bool) -> None:
    body = b"" if began else msgspec.json.encode(STOPPING)
    if not began:
        told = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), "connection": "close"}
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": STOPPING.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The app in a browser: Flet's ASGI app around it. The one module that knows of fastapi."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flet as ft
import flet_web.fastapi as flet_fastapi

from app.main import entry

SESSION_TIMEOUT_S = 300
"""How long a closed tab's session is kept; Flet's own hour is memory for nothing."""
ROOT = Path(__file__).parent
SCRIPTS = b"script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; object-src 'none'; base-uri 'self'"
"""Scripts are our own. Flet's stock client asks jsdelivr for a plugin (Rive) that this app does not use."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def asgi(api_url: str) -> tuple[Asgi, AbstractAsyncContextManager[None]]:
    """The ASGI app (HTTP and /ws) whose sessions talk to the API at `api_url`, and the context it must run in.

    A mounted app gets no lifespan events, so whoever serves it enters the context. One process only: a session lives
    where it began. Nothing comes from a CDN.
    """
    inner = flet_fastapi.app(
        entry(api_url),
        assets_dir=str(_assets()),
        app_name="Dalstroom",
        app_short_name="Dalstroom",
        app_description="Charge at home and in public in the price valley.",
        no_cdn=True,
        # skwasm, which a Chromium would choose, now and then dies of "memory access out of bounds" (flutter#184858).
        web_renderer=ft.WebRenderer.CANVAS_KIT,
        session_timeout_seconds=SESSION_TIMEOUT_S,
    )
    return _own_scripts(_same_origin(inner)), _running()


def _assets() -> Path:
    """Fonts and icons: beside `app` in a checkout, inside of it in an installed package."""
    packaged = ROOT / "assets"
    return packaged if packaged.is_dir() else ROOT.parent / "assets"


@asynccontextmanager
async def _running() -> AsyncIterator[None]:
    await flet_fastapi.app_manager.start()
    try:
        yield
    finally:
        await flet_fastapi.app_manager.shutdown()


def _own_scripts(inner: Asgi) -> Asgi:
    """Tell browsers to load no script from elsewhere."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"content-security-policy", SCRIPTS)]
            await send(message)

        await inner(scope, receive, with_policy)

    return guarded


def _same_origin(inner: Asgi) -> Asgi:
    """Flet does not look at Origin: without this any web page could open a session here."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not _ours(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await inner(scope, receive, send)

    return guarded


def _ours(scope: Scope) -> bool:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")

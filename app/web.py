"""The app in a browser: Flet's ASGI app around it. The one module that knows of fastapi."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flet as ft
import flet_web.fastapi as flet_fastapi
import msgspec

from app.main import entry
from app.strings import LANGUAGES

SESSION_TIMEOUT_S = 300
"""How long a closed tab's session is kept; Flet's own hour is memory for nothing."""
ROOT = Path(__file__).parent
SCRIPTS = b"script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; object-src 'none'; base-uri 'self'"
"""Scripts are our own. Flet's stock client asks jsdelivr for a plugin (Rive) that this app does not use."""

OF_THE_BODY = (b"content-length", b"etag", b"last-modified", b"accept-ranges")
"""What Flet's server says of its own page holds no longer for the page with a script more."""

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
    return _own_scripts(_same_origin(_tells_when_out_of_reach(inner))), _running()


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


def _tells_when_out_of_reach(inner: Asgi) -> Asgi:
    """Put the script into the page that says when the server is out of reach: the app itself runs there."""
    script = b"<script>" + out_of_reach().encode() + b"</script></head>"

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        page: list[MutableMapping[str, Any]] = []  # its first message, while the rest of it comes

        async def with_script(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                kept = [one for one in message["headers"] if one[0].lower() not in OF_THE_BODY]
                page.append({**message, "headers": kept, "body": b""})
            elif message["type"] == "http.response.body" and page:
                page[0]["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    body = page[0].pop("body").replace(b"</head>", script, 1)
                    if body:  # none where only the head was asked for
                        page[0]["headers"].append((b"content-length", str(len(body)).encode()))
                    await send(page[0])
                    await send({"type": "http.response.body", "body": body})
            else:
                await send(message)

        await inner(scope, receive, with_script)

    return told


def out_of_reach() -> str:
    """The script, with the app's words in each language."""
    said = {
        language: [texts["problem.unreachable"], texts["problem.unreachable.hint"]]
        for language, texts in LANGUAGES.items()
    }
    text = (_assets() / "out_of_reach.js").read_text()
    return text.replace("WORDS = {}", f"WORDS = {msgspec.json.encode(said).decode()}", 1)


def _is_page(start: MutableMapping[str, Any]) -> bool:
    of: dict[bytes, bytes] = {name.lower(): value for name, value in start["headers"]}
    return start["status"] == HTTPStatus.OK and of.get(b"content-type", b"").startswith(b"text/html")


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

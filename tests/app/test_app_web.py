"""The browser's side of the house: what Flet serves, and to whom it opens a session."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from app import web
from app.strings import LANGUAGES


@pytest.fixture
def served() -> web.Asgi:
    return web.asgi("http://127.0.0.1:1")[0]


async def asked_for(served: web.Asgi, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://here") as client:
        return await client.request(method, path)


async def test_every_address_gets_the_app_and_nothing_comes_from_a_cdn(served: web.Asgi) -> None:
    for path in ("/", "/wallet/some-session"):
        page = await asked_for(served, path)
        assert page.status_code == 200
        assert "noCdn=true" in page.text.replace(" ", "")
        assert "<title>Dalstroom</title>" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_the_page_knows_what_to_say_when_its_server_is_out_of_reach(served: web.Asgi) -> None:
    page = await asked_for(served, "/")
    assert page.text.count("out-of-reach") == 1
    assert page.text.index("out-of-reach") < page.text.index("</head>")
    assert int(page.headers["content-length"]) == len(page.content)
    for texts in LANGUAGES.values():
        assert f'["{texts["problem.unreachable"]}","{texts["problem.unreachable.hint"]}"]' in page.text
    head = await asked_for(served, "/", "HEAD")
    assert (head.status_code, head.headers.get("content-length", "unsaid"), head.content) == (200, "unsaid", b"")
    script = await asked_for(served, "/flutter_bootstrap.js")
    assert "out-of-reach" not in script.text
    assert "etag" in script.headers


@pytest.mark.parametrize("path", ["/fonts/Manrope-Bold.ttf", "/icons/icon-192.png", "/favicon.png"])
async def test_fonts_and_icons_are_our_own(served: web.Asgi, path: str) -> None:
    answer = await asked_for(served, path)
    ours = web._assets() / path.removeprefix("/")
    assert answer.content == ours.read_bytes()


async def knock(origin: str | None) -> list[str]:
    """What a browser hears that asks for a socket from a page of `origin`."""
    sent: list[str] = []

    async def flet(_scope: web.Scope, _receive: web.Receive, send: web.Send) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    headers = [(b"host", b"here:8000"), *([(b"origin", origin.encode())] if origin else [])]
    await web._same_origin(flet)({"type": "websocket", "path": "/ws", "headers": headers}, receive, send)
    return sent


async def test_a_page_of_another_origin_gets_no_session() -> None:
    assert await knock("http://evil.example") == ["websocket.close"]
    assert await knock("http://here:8001") == ["websocket.close"]
    assert await knock("http://here:8000") == ["websocket.accept"]
    assert await knock(None) == ["websocket.accept"]


async def test_the_context_starts_and_stops_flets_own_upkeep() -> None:
    _, running = web.asgi("http://127.0.0.1:1")
    async with running:
        pass

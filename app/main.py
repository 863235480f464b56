"""The app's entry: one desk for each session, then the pages."""

import os
from collections.abc import Awaitable, Callable

import flet as ft
import httpx

from app import theme
from app.client import Api
from app.routes import App
from app.state import AppState
from app.store import Store
from app.views import access
from app.views.background import stop_background
from app.views.desk import Desk, seat
from shared.accounts import TokenPair

OPEN_STREET_MAP = "https://tile.openstreetmap.org/{z}/{x}/{y}.png"
"""Whoever serves many drivers sets DALSTROOM_TILES to tiles of their own; empty draws no map under the stations."""


def entry(
    api_url: str | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> Callable[[ft.Page], Awaitable[None]]:
    """The function that Flet calls for every session. Without `api_url` the driver says which server to speak to."""

    async def start(page: ft.Page) -> None:
        state = AppState()

        async def keep(tokens: TokenPair | None) -> None:
            await access.keep_tokens(desk, tokens)

        def start_api(address: str) -> Api:
            return Api(address, keep, transport)

        desk = Desk(
            page=page,
            state=state,
            store=Store(web=page.web),
            api=start_api(api_url or os.environ.get("DALSTROOM_API", "")),
            tiles=os.environ.get("DALSTROOM_TILES", OPEN_STREET_MAP),
            server_is_given=api_url is not None,
            start_api=start_api,
        )

        async def closed() -> None:
            stop_background(page)
            await desk.api.close()

        seat(desk)
        page.title = "Dalstroom"
        page.fonts = dict(theme.FONTS)
        page.theme, page.dark_theme = theme.light(), theme.dark()
        page.on_close = closed
        page.on_connect = state.redraw
        page.render_views(App, desk)

    return start


def run() -> None:
    """Run on this device."""
    ft.run(entry(), assets_dir="assets", no_cdn=True)

"""A screen on which the app runs, against a town at the edge of the network."""

from collections.abc import AsyncIterator

import pytest
from fake_town import Town
from fletkit import Open, Screen, sign_in

from app.main import entry


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
async def open_app(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Starts the app; keyword arguments are the screen's."""
    monkeypatch.setenv("DALSTROOM_TILES", "")
    screens: list[Screen] = []

    async def start(**options: object) -> Screen:
        remembers = options.pop("remembers", {})
        address = options.pop("address", "http://town")
        screen = Screen(**options)  # type: ignore[arg-type]
        screen.device.update(remembers)  # type: ignore[call-overload]
        screens.append(screen)
        return await screen.start(entry(address, town.transport()))  # type: ignore[arg-type]

    yield start
    for screen in screens:
        await screen.close()


@pytest.fixture
def signed_in(open_app: Open) -> Open:
    """Starts the app and signs in as the first person of the demo."""

    async def start(**options: object) -> Screen:
        screen = await open_app(**options)
        await sign_in(screen)
        await screen.until(lambda: screen.has("headline") or screen.has("retry") or screen.has("sums"))
        return screen

    return start

"""A screen on which the app runs, against a town at the edge of the network."""

from collections.abc import AsyncIterator

import pytest
from fake_town import Town
from fletkit import Open, Screen, sign_in

from app.main import entry

STATION_CARDS = ("traits", "certificates", "admission", "reservations", "feeders", "inventory")


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


@pytest.fixture
def operator(open_app: Open, town: Town) -> Open:
    """Starts the app and signs in as somebody who operates stations."""
    town.employ()

    async def start(**options: object) -> Screen:
        screen = await open_app(**options)
        await sign_in(screen)
        await screen.until(lambda: screen.has("op-head") or screen.has("retry") or screen.says("No stations yet."))
        return screen

    return start


@pytest.fixture
def at_station(operator: Open) -> Open:
    """Starts the app and opens a station as somebody who operates it; returns when all its cards are there."""

    async def start(**options: object) -> Screen:
        screen = await operator(**options)
        await screen.until(lambda: screen.has("op-head"))
        await screen.click("station-LOOTS/1")
        await screen.until(lambda: all(screen.has(card) for card in STATION_CARDS))
        return screen

    return start

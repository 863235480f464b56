"""The whole demo as a newcomer starts it, and real windows on it at phone and desktop size."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from demo_town import Demo, free_port
from playwright.sync_api import Browser, Playwright, sync_playwright
from provision import find_chromium
from window import FLAGS, Open, Window

from server.cli import demo_state
from server.settings import Settings

ROOT = Path(__file__).parents[2]
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
START_S = 90
BEGAN = datetime(2026, 1, 14, 0, 30, tzinfo=demo_state.LOCAL).astimezone(UTC)
"""A working night, half past midnight: whoever is home by then plugs in within minutes, and the morning is near."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`dalstroom up --demo` on a clock of 60, with a town of its own that was founded in that night."""
    home, port = tmp_path_factory.mktemp("demo"), free_port()
    settings = Settings(home=home, demo=True)
    demo_state.keep(settings, msgspec.structs.replace(demo_state.load(settings, None), began=BEGAN))
    options = ["up", "--demo", "--speed", "60", "--port", str(port), "--ocpp-port", str(free_port()), "--no-browser"]
    environment = {**os.environ, "DALSTROOM_HOME": str(home), "DALSTROOM_TILES": ""}
    command = [sys.executable, "-c", "from server.cli import main; main()", *options]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        demo = Demo(f"http://127.0.0.1:{port}")
        try:
            _wait(demo, server, home / "log")
            yield demo
        finally:
            demo.close()
            server.send_signal(signal.SIGINT)
            server.wait(15)


def _wait(demo: Demo, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            if demo.drivers():
                return
        except (httpx.HTTPError, ValueError):
            time.sleep(0.3)
    raise AssertionError(f"the demo did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    found = find_chromium()
    assert found is not None, "no Chromium: `make test` finds or installs one"
    browser = playwright.chromium.launch(executable_path=found, headless=True, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def open_window(chromium: Browser, demo: Demo) -> Iterator[Open]:
    """Opens windows of a size on the demo; nothing may leave the machine, and no page may fail."""
    windows: list[Window] = []

    def open_one(size: str, *, dark: bool = False) -> Window:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        window = Window(context, demo.url)
        windows.append(window)
        return window.open()

    yield open_one
    for window in windows:
        window.page.context.close()
        assert window.errors == []

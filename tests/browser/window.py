"""A browser window on the app: Flutter draws on a canvas, so everything is found through its semantics tree."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Locator, expect

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
PATIENCE_MS = 20_000
TABS = {"home": "Home", "public": "Public", "wallet": "Wallet", "tariff": "Tariff", "settings": "Settings"}


class Window:
    """One window; `outside` is what it asked of other machines, `errors` what it complained about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        context.route(lambda url: not url.startswith((self.url, "data:", "blob:")), self._refuse)

    def _refuse(self, route: Any) -> None:
        self.outside.append(route.request.url)
        route.abort()

    def open(self, path: str = "/") -> "Window":
        """Load the app and turn its semantics on."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector("#loading", state="detached", timeout=60_000)
        self.page.wait_for_selector("flt-semantics-placeholder", state="attached")
        self.page.evaluate("document.querySelector('flt-semantics-placeholder').click()")
        self.page.wait_for_selector("flt-semantics", state="attached")
        return self

    @property
    def host(self) -> Locator:
        """The app's semantics, without the announcements that repeat what a snack bar says."""
        return self.page.locator("flt-semantics-host")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.host.get_by_role("button", name=name)

    def tap(self, target: Locator) -> None:
        """Activate through semantics: works for what is scrolled out of sight, too."""
        expect(target.first).to_be_attached(timeout=PATIENCE_MS)
        target.first.dispatch_event("click")

    def go(self, tab: str) -> None:
        name = TABS[tab]
        bar, rail = self.page.get_by_role("tab", name=name), self.button(re.compile(rf"^{name} Tab"))
        self.tap(bar.or_(rail))

    def headline(self) -> Locator:
        return self.host.get_by_role("heading", level=1)

    def picture(self) -> Locator:
        """The price curve, in the words that a screen reader hears."""
        return self.host.get_by_role("img", name=re.compile("^Prices from"))

    def fill(self, label: str, text: str) -> None:
        """Flutter attaches its editing a moment after focus, so typing is checked and repeated."""
        box = self.page.get_by_role("textbox", name=label)
        for _ in range(10):
            box.focus()
            self.page.wait_for_timeout(150)
            box.fill(text)
            self.page.wait_for_timeout(150)
            if box.input_value() == text:
                return
        raise AssertionError(f"could not type into {label}")


Open = Callable[..., Window]

"""What a page says while its server does not answer: in a real Chromium, beside a server that comes and goes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from window import PATIENCE_MS

from app.web import out_of_reach

pytestmark = [pytest.mark.browser, pytest.mark.screen]
HERE = "http://dalstroom.test/"
PAGE = f"<html><head><base href='/'><script>{out_of_reach()}</script></head><body>Working...</body></html>"


class Reach:
    """Whether the server can be reached, and how often it was asked."""

    def __init__(self) -> None:
        self.there, self.asked = True, 0

    def answer(self, route: Route) -> None:
        if not route.request.url.endswith("/api/health"):
            route.fulfill(body=PAGE, content_type="text/html")
            return
        self.asked += 1
        route.fulfill(json={"status": "ok"}) if self.there else route.abort()


@pytest.fixture
def reach() -> Reach:
    return Reach()


@pytest.fixture
def page(chromium: Browser, reach: Reach) -> Iterator[Page]:
    context = chromium.new_context(locale="nl-NL")
    page = context.new_page()
    page.route("**/*", reach.answer)
    page.goto(HERE)
    yield page
    context.close()


def test_it_says_so_in_the_readers_language_and_takes_it_back(page: Page, reach: Reach) -> None:
    alert = page.get_by_role("alert")
    expect(alert).to_have_count(0)
    reach.there = False
    expect(alert).to_contain_text("Geen verbinding met de server.", timeout=PATIENCE_MS)
    expect(alert).to_contain_text("Het laden gaat vanzelf door")
    reach.there = True
    expect(alert).to_have_count(0, timeout=PATIENCE_MS)
    assert reach.asked >= 3

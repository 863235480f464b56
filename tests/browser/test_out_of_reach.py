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
    """Whether the server can be reached."""

    def __init__(self) -> None:
        self.there: bool | int = True  # or the status of what a proxy says instead

    def answer(self, route: Route) -> None:
        if not route.request.url.endswith("/api/health"):
            route.fulfill(body=PAGE, content_type="text/html")
            return
        if self.there is True:
            route.fulfill(json={"status": "ok"})
        elif self.there:
            route.fulfill(status=self.there, body="Bad Gateway", content_type="text/html")
        else:
            route.abort()


@pytest.fixture
def reach() -> Reach:
    return Reach()


@pytest.fixture
def page(chromium: Browser, reach: Reach) -> Iterator[Page]:
    context = chromium.new_context(locale="fr-FR")
    context.add_init_script("Object.defineProperty(navigator, 'languages', {value: ['fr-FR', 'nl-NL', 'en']})")
    page = context.new_page()
    page.route("**/*", reach.answer)
    page.goto(HERE)
    yield page
    context.close()


@pytest.mark.parametrize("gone", [False, 502])
def test_it_says_so_in_the_browsers_language_and_takes_it_back(page: Page, reach: Reach, gone: bool | int) -> None:
    alert = page.get_by_role("alert")
    expect(alert).to_have_count(0)
    reach.there = gone
    expect(alert).to_contain_text("Geen verbinding met de server.", timeout=PATIENCE_MS)
    expect(alert).to_contain_text("Het laden gaat vanzelf door")
    reach.there = True
    expect(alert).to_have_count(0, timeout=PATIENCE_MS)

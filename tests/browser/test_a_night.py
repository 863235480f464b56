"""A night on two screens: at home on a phone, on the street at a desktop, each with a real server, station and car."""

import re
import time
from collections.abc import Callable

import pytest
from demo_town import Demo
from playwright.sync_api import expect
from window import Open, Window

from shared.accounts import DemoDriver
from shared.sessions import SessionState, SessionView

pytestmark = [pytest.mark.browser, pytest.mark.screen]
EVENING_S, NIGHT_S = 90, 180


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def waiting(demo: Demo, driver: DemoDriver) -> SessionView | None:
    """A session that is still to charge by a plan."""
    for one in demo.sessions(driver):
        if one.state is SessionState.OPEN and one.plan.id and any(slot.planned_wh for slot in one.plan.slots):
            return one
    return None


def signed_in(window: Window, driver: DemoDriver) -> None:
    window.tap(window.button(re.compile(re.escape(driver.name))))
    expect(window.headline()).to_be_visible(timeout=30_000)


def sees_the_plan(window: Window) -> str:
    expect(window.picture()).to_be_attached(timeout=30_000)
    label = window.picture().first.get_attribute("aria-label") or ""
    assert "Charging is planned" in label
    return label


def moves_the_departure_and_the_plan_follows(window: Window, demo: Demo, driver: DemoDriver) -> None:
    before = waiting(demo, driver)
    assert before is not None
    chips = ["06:30", "09:00"]
    for chip in chips:
        window.tap(window.host.get_by_role("checkbox", name=chip))
        expect(window.host.get_by_text(re.compile(rf"Ready by (\w+ )?{chip}")).first).to_be_attached(timeout=20_000)
    after = waiting(demo, driver)
    assert after is not None
    assert after.ready_by_source == "stated"
    assert after.plan.id != before.plan.id


def overrides_and_goes_back(window: Window, demo: Demo, driver: DemoDriver) -> None:
    if window.button("Back to the plan").count():  # this driver of the town overrides by herself at eight
        window.tap(window.button("Back to the plan"))
    window.tap(window.button("Charge now"))
    dialog = window.page.get_by_role("alertdialog").or_(window.page.get_by_role("dialog"))
    expect(dialog.first).to_be_attached(timeout=20_000)
    confirm = dialog.first.get_by_role("button", name="Charge now")
    expect(confirm).to_be_enabled(timeout=20_000)
    window.tap(confirm)
    expect(window.button("Back to the plan")).to_be_attached(timeout=20_000)
    assert any(one.override for one in demo.sessions(driver))
    window.tap(window.button("Back to the plan"))
    expect(window.button("Charge now")).to_be_attached(timeout=20_000)
    assert not any(one.override for one in demo.sessions(driver))


def finds_cashback_and_its_receipt(window: Window) -> None:
    window.go("wallet")
    entry = window.button(re.compile("^Cashback"))
    expect(entry.first).to_be_attached(timeout=30_000)
    window.tap(entry)
    expect(window.headline().filter(has_text=re.compile("kWh"))).to_be_attached(timeout=20_000)
    expect(window.host.get_by_text("Recompute it yourself")).to_be_attached()
    window.tap(window.button("Back"))
    expect(window.host.get_by_text("Ready to be paid out")).to_be_attached(timeout=20_000)


def test_a_night_at_home_on_a_phone_and_on_the_street_at_a_desktop(demo: Demo, open_window: Open) -> None:
    home, street = demo.driver("home_fixed"), demo.driver("street_overnight")
    phone, desktop = open_window("phone"), open_window("desktop", dark=True)
    signed_in(phone, home)
    signed_in(desktop, street)

    demo.run(home, 600)
    until(lambda: waiting(demo, home) and waiting(demo, street), EVENING_S, "nobody plugged in this evening")
    demo.run(home, 1)

    for window, driver in ((phone, home), (desktop, street)):
        sees_the_plan(window)
        moves_the_departure_and_the_plan_follows(window, demo, driver)
        overrides_and_goes_back(window, demo, driver)

    demo.run(home, 600)
    until(lambda: not demo.sessions(home) and not demo.sessions(street), NIGHT_S, "nobody unplugged in the morning")
    finds_cashback_and_its_receipt(phone)
    finds_cashback_and_its_receipt(desktop)


SHIFTS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;TZID=Europe/Amsterdam:20250106T060000
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
"""


def gives_the_calendar_of_shifts(window: Window) -> None:
    """From a file of this machine: the shifts are counted, and the next departure is half an hour before the next."""
    with window.page.expect_file_chooser() as chooser:
        window.tap(window.button("Choose a file"))
    chooser.value.set_files({"name": "shifts.ics", "mimeType": "text/calendar", "buffer": SHIFTS.encode()})
    saves = "xpath=preceding::flt-semantics[@role='button'][normalize-space(.)='Save' or @aria-label='Save'][1]"
    save = window.button("Choose a file").locator(saves)  # the other one is of the car
    expect(save).to_be_enabled(timeout=20_000)
    window.tap(save)
    known = re.compile(r"14 shifts in the coming two weeks\. You leave .*05:30")
    expect(window.host.get_by_text(known).first).to_be_attached(timeout=20_000)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_every_page_opens_and_nothing_comes_from_elsewhere(demo: Demo, open_window: Open, size: str) -> None:
    window = open_window(size)
    signed_in(window, demo.driver("street_visitor"))
    for tab, words in (
        ("public", re.compile("free")),
        ("wallet", "Ready to be paid out"),
        ("tariff", "What do you pay at home?"),
        ("settings", "Let the car wait for cheap hours"),
    ):
        window.go(tab)
        expect(window.host.get_by_text(words).first).to_be_attached(timeout=20_000)
    if size == "desktop":
        gives_the_calendar_of_shifts(window)
    assert window.outside == []

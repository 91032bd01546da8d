"""The main job without a mouse: every step is reached by keys, and the focus is never lost on the way."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.flows.attack import attack, noise
from tests.flows.desk import PATIENCE_MS, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MOST_STEPS = 80
FOCUSED = "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent.trim() ?? ''"

AtDesk = Callable[[User], Desk]


@pytest.fixture
def at_desk(browser: Browser, portal: str) -> AtDesk:
    return lambda person: Desk(browser, portal, person)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def reach(page: Page, name: str) -> None:
    """Walk with Tab to the control of this name; a control that keys do not reach is a failure."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name}.")


def go(page: Page, key: str, path: str) -> None:
    """By the two keys of a place, from wherever the focus is."""
    expect(page.locator("#live-state")).to_contain_text("Live", timeout=PATIENCE_MS)
    press(page, "g", key)
    page.wait_for_url(f"**{path}")
    expect(page.locator("#live-state")).to_contain_text("Live", timeout=PATIENCE_MS)


def send(desk: Desk, button: str, reason: str = "") -> None:
    """Answer the open dialog, whose first field has the focus."""
    expect(desk.dialog).to_be_visible()
    if reason:
        expect(desk.dialog.locator("[name=reason]")).to_be_focused()
        desk.page.keyboard.type(reason)
    reach(desk.page, button)
    press(desk.page, "Enter")
    expect(desk.dialog).not_to_be_visible()
    desk.page.wait_for_function("document.activeElement !== document.body")  # else the focus was lost with the dialog


def test_the_main_job_by_keys_alone(at_desk: AtDesk, ada: User, rita: User) -> None:
    device = attack()
    noise(2)
    analyst, responder = at_desk(ada), at_desk(rita)
    open_the_first_incident(analyst)
    isolate_the_node(analyst, device.display_name)
    approve(responder)
    see_it_verified(responder, device.display_name)
    take_it_back(analyst)
    approve(responder)
    resolve(analyst)
    begin_the_review(analyst.page)


def open_the_first_incident(desk: Desk) -> None:
    names = desk.page.locator("table.data tbody .name")
    expect(names).to_have_count(3, timeout=PATIENCE_MS)
    expect(desk.page.locator("#live-state")).to_contain_text("Live")
    press(desk.page, "j")
    expect(names.first).to_be_focused()
    press(desk.page, "Enter")
    desk.page.wait_for_url(re.compile(r"/incidents/\d+/"))


def isolate_the_node(desk: Desk, name: str) -> None:
    expect(desk.pane).to_contain_text(name, timeout=PATIENCE_MS)
    press(desk.page, ".")
    expect(desk.pane.get_by_role("link", name="Isolate…")).to_be_focused()
    press(desk.page, "Enter")
    send(desk, "Request isolation", "Files are being encrypted on it.")


def approve(desk: Desk) -> None:
    go(desk.page, "a", "/actions/")
    expect(desk.page.locator(".approval")).to_have_count(1, timeout=PATIENCE_MS)
    press(desk.page, ".")
    expect(desk.page.locator(".approval").get_by_role("link", name="Approve…")).to_be_focused()
    press(desk.page, "Enter")
    send(desk, "Approve")
    expect(desk.page.locator(".approval")).to_have_count(0, timeout=PATIENCE_MS)


def see_it_verified(desk: Desk, name: str) -> None:
    row = desk.page.locator("tr.tap").filter(has_text=f"Isolate {name}")
    expect(row).to_contain_text("Verified", timeout=PATIENCE_MS)
    press(desk.page, "j", "o")
    expect(desk.pane).to_contain_text("Probe from the device", timeout=PATIENCE_MS)
    press(desk.page, "Escape")
    expect(desk.pane).to_be_hidden()
    expect(row.locator(".name")).to_be_focused()


def take_it_back(desk: Desk) -> None:
    go(desk.page, "a", "/actions/")
    press(desk.page, "]")
    expect(desk.page.locator("nav.tabs a[aria-current]")).to_have_text("History")
    expect(desk.page.locator("tr.tap")).not_to_have_count(0)
    press(desk.page, "j", "o")
    expect(desk.pane.get_by_role("link", name="Release…")).to_be_visible(timeout=PATIENCE_MS)
    press(desk.page, ".")
    expect(desk.pane.get_by_role("link", name="Release…")).to_be_focused()
    press(desk.page, "Enter")
    send(desk, "Request release", "The machine was cleaned.")


def resolve(desk: Desk) -> None:
    page = desk.page
    go(page, "i", "/incidents/")
    expect(page.locator("table.data tbody .name").first).to_be_visible()
    press(page, "j", "Enter")
    page.wait_for_url(re.compile(r"/incidents/\d+/"))
    expect(page.locator("#story-steps")).to_be_visible()
    press(page, "m")
    expect(desk.dialog.locator("[name=display_name]")).to_be_focused()
    press(page, "Tab", "Tab", "Tab")
    expect(desk.dialog.locator("[name=status]")).to_be_focused()
    page.keyboard.type("Resolved")
    press(page, "Tab")
    page.keyboard.type("Malware")
    press(page, "Tab")
    expect(desk.dialog.locator("[name=resolving_comment]")).to_be_focused()
    page.keyboard.type("Cleaned and released.")
    send(desk, "Save")
    desk.see("True positive", within="#incident-head")


def begin_the_review(page: Page) -> None:
    tabs = page.locator("#incident-tabs a")
    press(page, *["]"] * (tabs.count() - 1))
    expect(tabs.last).to_have_attribute("aria-current", "page")
    reach(page, "Begin the review")
    press(page, "Enter")
    expect(page.get_by_label("Summary")).to_be_visible(timeout=PATIENCE_MS)
    reach(page, "Save words")

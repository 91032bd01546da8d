"""The queue in a browser: columns put in order by keys, filters saved and opened, incidents merged."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from tests.flows.attack import noise
from tests.flows.desk import PATIENCE_MS, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AtDesk = Callable[[User], Desk]
HEADS = "table.data thead th:not(.box)"


@pytest.fixture
def at_desk(browser: Browser, portal: str) -> AtDesk:
    return lambda person: Desk(browser, portal, person)


def ready(desk: Desk) -> None:
    """The page's own script has begun."""
    expect(desk.page.locator("#live-state")).to_contain_text("Live", timeout=PATIENCE_MS)


def queue_of(desk: Desk, rows: int) -> None:
    desk.goto("/incidents/")
    expect(desk.page.locator("table.data tbody .name")).to_have_count(rows, timeout=PATIENCE_MS)
    ready(desk)


def test_columns_are_put_in_order_by_keys_and_stay(at_desk: AtDesk, ada: User) -> None:
    noise(2)
    desk = at_desk(ada)
    queue_of(desk, 2)
    desk.page.get_by_role("link", name="Columns").focus()
    desk.page.keyboard.press("Enter")
    expect(desk.dialog.get_by_label("Severity", exact=True)).to_be_focused()
    for key in (*["Alt+ArrowDown"] * 3, "Tab", "Tab", "Tab", "Space"):
        desk.page.keyboard.press(key)
    desk.dialog.get_by_role("button", name="Save columns").click()
    wanted = ["Priority", "Incident", "Status", "Service level", "Alerts", "Severity", "Last activity"]
    expect(desk.page.locator(HEADS)).to_have_text(wanted)
    expect(desk.page.get_by_role("link", name="Columns")).to_be_focused()
    queue_of(desk, 2)
    expect(desk.page.locator(HEADS)).to_have_text(wanted)


def test_filters_are_saved_and_open_the_queue(at_desk: AtDesk, ada: User) -> None:
    noise(2)
    desk = at_desk(ada)
    desk.goto("/incidents/?severity=high")
    ready(desk)
    desk.page.locator("summary", has_text="Views").click()
    desk.page.get_by_role("link", name="Save these filters…").click()
    desk.dialog.get_by_label("Name").fill("Grave ones")
    desk.dialog.get_by_label("Open the queue with these filters").check()
    desk.dialog.get_by_role("button", name="Save filters").click()
    expect(desk.page.locator("summary", has_text="Grave ones")).to_be_visible()
    desk.goto("/incidents/")
    expect(desk.page.locator(".chip b").first).to_have_text("High")


def test_checked_incidents_are_merged(at_desk: AtDesk, ada: User) -> None:
    noise(3)
    desk = at_desk(ada)
    queue_of(desk, 3)
    boxes = desk.page.locator("td.box input")
    boxes.nth(0).check()
    boxes.nth(1).check()
    desk.page.get_by_role("button", name="Merge…").click()
    expect(desk.dialog).to_contain_text("The portal chooses: it is the oldest.")
    desk.dialog.get_by_role("button", name="Merge into INC-").click()
    expect(desk.dialog).not_to_be_visible()
    expect(desk.page.locator("table.data tbody .name")).to_have_count(2)
    expect(desk.page.locator(".toast")).to_contain_text("1 incident merged into INC-")


def test_the_focus_comes_back_to_the_menu_whose_dialog_closed(at_desk: AtDesk, ada: User) -> None:
    desk = at_desk(ada)
    ready(desk)
    menu = desk.page.locator("summary", has_text="Views")
    menu.click()
    desk.page.get_by_role("link", name="Save these filters…").click()
    expect(desk.dialog.get_by_label("Name")).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).not_to_be_visible()
    expect(desk.page.locator("details.drop[open]")).to_have_count(0)
    expect(menu).to_be_focused()

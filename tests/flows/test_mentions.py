"""An @name in a comment is completed by keys, without leaving the text."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from tests.factories.incidents import DeviceFactory, incident_about
from tests.flows.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AtDesk = Callable[[User], Desk]


@pytest.fixture
def at_desk(browser: Browser, portal: str) -> AtDesk:
    return lambda person: Desk(browser, portal, person)


def test_a_name_is_completed_by_keys_and_escape_closes_the_list_alone(at_desk: AtDesk, ada: User, rita: User) -> None:
    incident = incident_about(DeviceFactory.create())
    desk = at_desk(ada)
    desk.goto(f"/incidents/{incident.pk}/comment/")
    text = desk.page.locator("textarea[name=text]")
    text.press_sequentially("Ask @ri")
    offered = desk.page.get_by_role("listbox", name="People").get_by_role("option")
    expect(offered).to_have_text([f"@rita {rita}"])
    expect(text).to_have_attribute("aria-activedescendant", "mention-0")
    text.press("Enter")
    expect(text).to_have_value("Ask @rita ")
    expect(offered).to_have_count(0)
    text.press_sequentially("and @ad")
    expect(offered).to_have_count(1)
    text.press("Escape")
    expect(offered).to_have_count(0)
    expect(text).to_have_value("Ask @rita and @ad")
    expect(text).to_be_focused()

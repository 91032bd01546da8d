"""The portal as a browser meets it."""

import pytest
from playwright.sync_api import Page


@pytest.mark.browser
def test_the_sign_in_page_loads_without_a_complaint_of_the_browser(portal: str, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    answer = page.goto(f"{portal}/accounts/login/")
    assert answer is not None
    assert answer.ok
    assert page.get_by_label("Password").is_visible()
    assert not complaints

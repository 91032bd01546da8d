"""The API's page in a browser."""

import pytest
from playwright.sync_api import Page

from accounts.models import User
from tests.factories.people import PASSWORD


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_shows_the_operations_without_a_complaint(portal: str, page: Page, ada: User) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{portal}/accounts/login/?next=/api/v1/docs/")
    page.locator("input[name=login]").fill("ada")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.locator("[data-tag=incidents]").click()
    operation = page.locator("[data-path='/api/v1/incidents']").first
    operation.wait_for()
    operation.click()
    assert not complaints

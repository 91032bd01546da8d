"""A dialog in a browser: what it says follows what is chosen in it, and what was typed stays where it was typed."""

from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from tests.factories.people import sign_in
from tests.factories.remediation import company
from tests.flows.desk import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_is_said_follows_what_is_chosen(live_server: Any, context: BrowserContext, page: Page, ada: User) -> None:
    name, asked = configured.SESSION_COOKIE_NAME, list[str]()
    cookie = sign_in(Client(), ada).cookies[name].value
    context.add_cookies([{"name": name, "value": cookie, "url": live_server.url}])
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/actions/ask/device/{company().device().pk}/device.isolate/")
    said = page.locator("#consequence")
    expect(said).to_contain_text("Every connection is cut", timeout=PATIENCE_MS)
    page.locator("[name=reason]").fill("Xylophone")
    page.locator("[name=isolation_type][value=selective]").check()
    expect(said).to_contain_text("stay open", timeout=PATIENCE_MS)
    expect(said).not_to_contain_text("Every connection is cut")
    expect(page.locator("[name=reason]")).to_have_value("Xylophone")
    expect(page.locator("[name=isolation_type][value=selective]")).to_be_checked()
    assert any("isolation_type=selective" in url for url in asked)
    assert not [url for url in asked if "Xylophone" in url or "csrf" in url]

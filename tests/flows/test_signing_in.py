"""Signing in with more than a password, in a browser: the code of an app, and a passkey of its authenticator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.accounts.test_second_factor import code_of
from tests.factories.people import PASSWORD
from tests.flows.desk import PATIENCE_MS, Desk
from tests.running_portal import running_portal

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def here(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The portal under a host name, without which there are no passkeys."""
    with running_portal(tmp_path, host="localhost") as url:
        yield url


def with_authenticator(page: Page) -> None:
    """Plug in an authenticator that has verified its person: what a finger on a laptop does."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="my menu").click()
    page.locator("#me-menu").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def give_password(page: Page, name: str) -> None:
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_an_app_is_set_up_and_asked_for(browser: Browser, here: str, ada: User) -> None:
    page = Desk(browser, here, ada).page
    page.goto("/me/factors/")
    page.get_by_role("link", name="Set up").click()
    secret = page.locator("code.secret").inner_text().replace(" ", "")
    page.locator("[name=code]").fill(code_of(secret, step=-1))
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".codes li")).to_have_count(10)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    codes = [line for line in download.value.path().read_text().splitlines() if "-" in line and " " not in line]
    assert len(codes) == 10
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("10 codes left")).to_be_visible()

    sign_out(page)
    give_password(page, "ada")
    expect(page.get_by_role("heading", name="And your second factor")).to_be_visible()
    page.locator("[name=code]").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#main")).to_be_visible(timeout=PATIENCE_MS)
    page.goto("/me/factors/")
    expect(page.get_by_text("by password and app")).to_be_visible()


def test_a_passkey_is_made_and_signs_in_without_the_password_and_beside_it(
    browser: Browser, here: str, ada: User
) -> None:
    page = Desk(browser, here, ada).page
    with_authenticator(page)
    page.goto("/me/factors/passkey/")
    page.locator("[name=name]").fill("Work laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.locator(".codes li")).to_have_count(10)
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("Work laptop")).to_be_visible()

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#main")).to_be_visible(timeout=PATIENCE_MS)

    sign_out(page)
    give_password(page, "ada")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#main")).to_be_visible(timeout=PATIENCE_MS)

    confirm_with_the_passkey(page)


def confirm_with_the_passkey(page: Page) -> None:
    page.goto("/me/confirm/?next=/me/factors/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Sign-in and sessions")).to_be_visible()


def test_under_a_bare_address_the_page_says_why_there_are_no_passkeys(
    client: Client, ada: User, settings: object
) -> None:
    client.force_login(ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    settings.PUBLIC_URL = "http://10.1.2.3:8000"  # type: ignore[attr-defined]
    assert "Passkeys need a host name" in client.get("/me/factors/passkey/").text
    settings.PUBLIC_URL = "http://soc.example.org"  # type: ignore[attr-defined]
    assert "Passkeys need https." in client.get("/me/factors/").text


def test_a_tab_whose_session_ended_says_so_and_leads_to_signing_in(browser: Browser, here: str, ada: User) -> None:
    page = Desk(browser, here, ada).page
    expect(page.locator("#live-state")).to_contain_text("Live", timeout=PATIENCE_MS)
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#live-state")).to_contain_text("Signed out", timeout=PATIENCE_MS)
    page.locator("[data-live-retry]").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

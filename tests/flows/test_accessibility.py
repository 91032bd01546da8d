"""No page has a serious finding of axe-core, in either theme. The pages come from the URL map."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings as configured
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from accounts.models import User
from tests.factories.people import sign_in
from tests.flows.addresses import Address, addresses
from tests.flows.stage import set_stage

AXE = Path(configured.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
# A theme changes colours only, so the second look asks for contrast alone.
RULES: dict[Literal["light", "dark"], str] = {"light": "{}", "dark": "{runOnly: ['color-contrast']}"}
GRAVE = {"serious", "critical"}
# Of a page in a window of 820 pixels: what sticks out of it, and what looks like a button that keys do not reach. A
# button that is off says why, to the eye and to a screen reader.
NARROW: ViewportSize = {"width": 820, "height": 1100}
OUT_OF_REACH = """() => {
    const seen = (one) => one.checkVisibility({ visibilityProperty: true });
    const buttons = [...document.querySelectorAll(".btn, [role=button]")].filter(seen);
    const name = (one) => one.outerHTML.slice(0, 200);
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    return [
        ...buttons.filter((one) => one.tabIndex < 0 && !one.disabled && !one.matches(".off-page")).map(
            (one) => `no key reaches ${name(one)}`),
        ...buttons.filter((one) => one.ariaDisabled === "true" && !one.title &&
            !document.getElementById(one.getAttribute("aria-describedby"))).map(
            (one) => `says no reason: ${name(one)}`),
        ...(wide > 0 ? [`sticks out by ${wide} pixels`] : []),
    ];
}"""
# What a plain look cannot reach, each with its reason.
NOT_LOOKED_AT = {
    "account_logout": "signs the person out; asks nothing on its way",
    "healthz": "answers a machine",
    "metrics": "answers a machine, and nobody without a token",
    "provider_callback": "where a provider sends people back to, with what it vouches for",
    "home": "leads to the queue",
    "reviews:download": "there once a worker has made the PDF",
    "live_response:shell_decide": "a dialog of a shell that somebody else asked for and that waits for a decision",
}

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people(ada: User, rita: User, mona: User, adam: User) -> list[User]:
    return [rita, ada, mona, adam]


@pytest.fixture
def words(ada: User, rita: User, adam: User) -> dict[str, Any]:
    return set_stage(ada, rita, adam)


def test_every_address_is_a_page_a_part_or_a_deed(words: dict[str, Any], people: list[User]) -> None:
    """A page that nobody can open here would never be looked at below."""
    answers = {address: _look(address, words, people)[1] for address in _looked_at()}
    lost = {address.name: answer.status_code for address, answer in answers.items() if answer.status_code >= 400}
    assert {name: status for name, status in lost.items() if status != 405} == {}
    assert sum(_is_page(answer) for answer in answers.values()) > 30


@pytest.mark.slow
def test_no_page_has_a_serious_finding_in_either_theme(
    live_server: Any, context: BrowserContext, page: Page, words: dict[str, Any], people: list[User]
) -> None:
    found: dict[str, list[str]] = {}
    for person, paths in _pages(words, people).items():
        _sign_in(context, live_server.url, person)
        for path in paths:
            page.goto(f"{live_server.url}{path}")
            found[path] = list(_findings(page))
    context.clear_cookies()
    page.goto(f"{live_server.url}/accounts/login/")
    found["sign-in"] = list(_findings(page))
    assert {path: lines for path, lines in found.items() if lines} == {}


def _looked_at() -> list[Address]:
    return [address for address in addresses() if address.name not in NOT_LOOKED_AT]


def _pages(words: dict[str, Any], people: list[User]) -> dict[User, list[str]]:
    """Whole pages by who may open them."""
    pages: dict[User, list[str]] = {person: [] for person in people}
    for address in _looked_at():
        person, answer = _look(address, words, people)
        if _is_page(answer):
            pages[person].append(address.fill(words))
    return pages


def _look(address: Address, words: dict[str, Any], people: list[User]) -> tuple[User, HttpResponse]:
    """The first person whom the address lets in, and what it answered."""
    for person in people:
        answer = sign_in(Client(), person).get(address.fill(words))
        if answer.status_code not in {403, 404}:
            break
    return person, answer  # type: ignore[return-value]


def _is_page(answer: Any) -> bool:
    html = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    return html and not answer.streaming and b"<html" in answer.content


def _sign_in(context: BrowserContext, url: str, person: User) -> None:
    name = configured.SESSION_COOKIE_NAME
    context.clear_cookies()
    context.add_cookies([{"name": name, "value": sign_in(Client(), person).cookies[name].value, "url": url}])


def _findings(page: Page) -> Iterator[str]:
    """Injected by the debugger, so the content policy stays as it is. Parts that come by themselves have come."""
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate(AXE.read_text())
    for theme, rules in RULES.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for one in page.evaluate(f"axe.run(document, {rules}).then(result => result.violations)"):
            if one["impact"] in GRAVE:
                yield from (f"{theme} {one['id']}: {node['html'][:200]}" for node in one["nodes"][:3])
    former = page.viewport_size
    page.set_viewport_size(NARROW)
    yield from page.evaluate(OUT_OF_REACH)
    if former:
        page.set_viewport_size(former)

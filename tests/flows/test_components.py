"""The components in a real browser, under the product's content policy and without a database."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Page, Route, expect

from soc_portal.up.processes import wait_until
from tests.flows.gallery import urls as gallery

AXE = Path(configured.BASE_DIR) / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ["queue", "summary", "incident", "actions", "marks", "confirm", "sign-in", "403", "404", "429", "500"]
RUN_AXE = "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
GRAPH = "import('/static/js/graph.js').then(m => m.graphOf(document.querySelector('[data-graph]')).cy"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The gallery served by a thread of its own; the frame and its context come without anybody signed in."""
    templates = configured.TEMPLATES[0]
    pages = Path(__file__).parent / "gallery" / "pages"
    options = {**templates["OPTIONS"], "context_processors": ["django.template.context_processors.request"]}
    with override_settings(
        ROOT_URLCONF="tests.flows.gallery.urls",
        MIDDLEWARE=[
            "django.middleware.csp.ContentSecurityPolicyMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        TEMPLATES=[{**templates, "DIRS": [*templates["DIRS"], pages], "OPTIONS": options}],
    ):
        server = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override={})
        server.daemon = True
        server.start()
        server.is_ready.wait()
        assert server.error is None
        yield f"http://{server.host}:{server.port}"
        server.terminate()


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser complains about: refused styles and scripts, errors in modules."""
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "console", lambda message: heard.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield heard
    assert heard == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_finding_or_breaks_the_content_policy(
    site: str, page: Page, complaints: list[str], name: str, theme: Any
) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    answer = page.goto(f"{site}/{name}/")
    assert answer is not None
    assert answer.ok
    page.evaluate(AXE.read_text())
    violations = page.evaluate(RUN_AXE)
    found = [
        f"{one['id']}: {one['nodes'][0]['html']}" for one in violations if one["impact"] in {"serious", "critical"}
    ]
    assert found == []


def test_keys_walk_the_list_check_rows_and_open_the_pane(site: str, page: Page, complaints: list[str]) -> None:
    page.goto(f"{site}/queue/")
    for key in ["j", "j", "x"]:
        page.keyboard.press(key)
    second = page.locator("tr.tap").nth(1)
    expect(second.locator(".name")).to_be_focused()
    expect(second.locator("input")).to_be_checked()
    expect(page.locator("[data-bulk]")).to_contain_text("1 checked")
    page.keyboard.press("o")
    expect(page.locator("#pane-title")).to_have_text("Ransomware spreading on 4 hosts")
    expect(second).to_have_attribute("aria-current", "true")
    page.keyboard.press("o")
    expect(page.locator("#pane .body")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#pane > *")).to_have_count(0)
    expect(second.locator(".name")).to_be_focused()


def test_single_keys_are_off_in_fields_and_when_switched_off(site: str, page: Page) -> None:
    page.goto(f"{site}/queue/")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("?jx")
    expect(page.locator("#search")).to_have_value("?jx")
    page.keyboard.press("Escape")
    page.evaluate("document.documentElement.dataset.keys = 'off'")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).not_to_be_visible()


def test_a_confirmation_asks_for_the_reason_and_ends_in_a_toast(site: str, page: Page, complaints: list[str]) -> None:
    page.goto(f"{site}/incident/")
    asking = page.get_by_role("link", name="Isolate FILE-SRV-02")
    asking.click()
    dialog = page.get_by_role("dialog", name="Isolate FILE-SRV-02?")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_role("button", name="Request isolation").click()
    expect(dialog.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Reason").fill("Encryption began at 09:41")
    dialog.get_by_role("button", name="Request isolation").click()
    expect(page.locator("#toasts")).to_contain_text("Isolation requested")
    expect(dialog).not_to_be_visible()
    expect(asking).to_be_focused()


def test_a_live_message_fetches_the_part_that_names_its_topic(site: str, page: Page) -> None:
    page.goto(f"{site}/marks/")
    expect(page.locator("#live-state")).to_contain_text("Live")
    gallery.say("incident.changed", "41")
    gallery.say("incident.changed", "42")
    expect(page.locator("#live-part")).to_contain_text("fetched")


def test_a_message_that_comes_while_an_older_answer_is_on_its_way_is_not_lost(site: str, page: Page) -> None:
    page.goto(f"{site}/queue/")
    expect(page.locator("#live-state")).to_contain_text("Live")
    held: list[Route] = []
    page.route("**/queue/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/queue/"):
        gallery.say("incident.changed", "1040")
    page.evaluate("""() => {
        window.heard = new Promise((resolve) => document.addEventListener("live:message", resolve, { once: true }));
    }""")
    gallery.say("incident.changed", "1040")
    page.evaluate("() => window.heard.then(() => true)")
    with page.expect_request("**/queue/"):
        held[0].continue_()


def test_new_rows_wait_behind_a_count(site: str, page: Page) -> None:
    page.goto(f"{site}/queue/")
    expect(page.locator("#live-state")).to_contain_text("Live")
    for identifier in ["7", "8", "8"]:
        gallery.say("incident.created", identifier)
    expect(page.locator(".new-rows")).to_have_text(re.compile(r"2\s+new since you looked"))
    expect(page.locator("#announce")).to_contain_text("new since you looked")


def test_the_theme_changes_at_once(site: str, page: Page) -> None:
    page.goto(f"{site}/queue/")
    ground = "getComputedStyle(document.body.querySelector('.bar')).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_role("button", name="my menu").click()
    page.get_by_role("radio", name="Dark").check()
    assert page.evaluate(ground) != before
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_step_of_the_story_picks_its_things_in_the_graph(site: str, page: Page, complaints: list[str]) -> None:
    page.goto(f"{site}/incident/")
    chosen = f"{GRAPH}.$(':selected').map(node => node.id()))"
    expect(page.locator(".net canvas.marks")).to_have_count(1)
    expect(page.locator("[data-player]")).to_be_visible()
    page.get_by_role("button", name="One account signs in to 3 devices").click()
    assert sorted(page.evaluate(chosen)) == ["backup", "file02", "fin22", "hr07"]


def test_a_message_about_the_same_takes_the_place_of_the_one_before(site: str, page: Page) -> None:
    page.goto(f"{site}/queue/")
    say = "one => document.dispatchEvent(new CustomEvent('toast', { detail: one }))"
    for title, about in (("Waits", "run:1"), ("Other", "run:2"), ("Withdrawn", "run:1")):
        page.evaluate(say, {"title": title, "about": about})
    expect(page.locator("#toasts [data-toast-title]")).to_have_text(["Other", "Withdrawn"])


def test_the_steps_of_the_story_are_walked_by_key_and_show_their_things(site: str, page: Page) -> None:
    page.goto(f"{site}/incident/")
    chosen = f"{GRAPH}.$(':selected').map(node => node.id()))"
    expect(page.locator(".net canvas.marks")).to_have_count(1)
    page.keyboard.press("j")
    first = page.locator("[data-nodes]").first
    expect(first.get_by_role("button")).to_be_focused()
    expect(first).to_have_attribute("aria-current", "true")
    wanted = sorted(str(first.get_attribute("data-nodes")).split())
    assert wait_until(lambda: sorted(page.evaluate(chosen)) == wanted, seconds=30), page.evaluate(chosen)
    page.keyboard.press("j")
    expect(page.locator("[data-nodes]").nth(1).get_by_role("button")).to_be_focused()


def test_the_things_of_the_graph_are_reached_by_keyboard_with_their_whole_name(
    site: str, page: Page, complaints: list[str]
) -> None:
    page.goto(f"{site}/incident/")
    things = page.get_by_role("list", name="Things of the attack story").get_by_role("button")
    expect(things.first).to_be_attached()
    things.first.focus()
    page.keyboard.press("ArrowDown")
    expect(things.nth(1)).to_be_focused()
    name = page.evaluate(f"{GRAPH}.nodes('.hover').data('label'))")
    expect(page.locator(".graph-tip")).to_contain_text(name)
    expect(things.nth(1)).to_contain_text(name)


def test_more_than_forty_things_are_drawn_as_groups(site: str, page: Page) -> None:
    page.goto(f"{site}/spread/")
    count = f"{GRAPH}.nodes().length)"
    expect(page.locator("[data-graph-group]")).to_be_visible()
    assert page.evaluate(count) < 40
    page.locator("[data-graph-group]").click()
    assert page.evaluate(count) == 55


def test_a_list_that_refreshes_itself_keeps_place_focus_and_checks(
    site: str, page: Page, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 420})
    page.goto(f"{site}/queue/")
    expect(page.locator("#live-state")).to_contain_text("Live")
    for key in [*"jjjjjjjjj", "x", "o"]:
        page.keyboard.press(key)
    expect(page.locator("#pane-title")).to_be_visible()
    scrolled = page.locator(".tablewrap").evaluate("element => element.scrollTop")
    with page.expect_response("**/queue/"):
        gallery.say("incident.changed", "1040")
    row = page.locator("#incident-1040")
    expect(row.locator(".name")).to_be_focused()
    expect(row.locator("input")).to_be_checked()
    expect(row).to_have_attribute("aria-current", "true")
    assert scrolled > 0
    assert page.locator(".tablewrap").evaluate("element => element.scrollTop") == scrolled


def test_a_dialog_gives_the_focus_back_to_what_took_the_place_of_its_opener(site: str, page: Page) -> None:
    page.goto(f"{site}/actions/")
    reject = page.get_by_role("link", name="Reject")
    reject.click()
    expect(page.locator("dialog#dialog")).to_be_visible()
    page.evaluate("document.querySelector('.approval').outerHTML = document.querySelector('.approval').outerHTML")
    page.keyboard.press("Escape")
    expect(page.locator("dialog#dialog")).not_to_be_visible()
    assert page.evaluate("document.activeElement.closest('.approval') !== null")

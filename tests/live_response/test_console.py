"""The console is worked by the keyboard: completion, earlier lines, answers, clearing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from incidents.models import Device
from incidents.services.bindings import bind
from live_response.models import LiveSession
from live_response.services import record
from tests.factories.agents import SETTER, plain_agent
from tests.factories.incidents import DeviceFactory
from tests.factories.live import HeldLine, connected, open_on
from tests.flows.desk import PATIENCE_MS, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AtDesk = Callable[[User], Desk]


@pytest.fixture
def at_desk(browser: Browser, portal: str) -> AtDesk:
    return lambda person: Desk(browser, portal, person)


@pytest.fixture
def device(db: None) -> Device:
    """With an agent that was heard just now: the portal's own sweep ends the session of a lost one."""
    made: Device = DeviceFactory.create()
    agent = plain_agent(made.device_group)
    bind(made, connection=agent.connection, remote_id=agent.device_id, actor=SETTER)
    return made


@pytest.fixture
def session(held: HeldLine, device: Device, rita: User) -> LiveSession:
    return connected(held, device, rita)


def test_that_it_is_connected_shows_also_when_the_word_of_it_was_missed(
    at_desk: AtDesk, held: HeldLine, device: Device, rita: User
) -> None:
    """The agent may answer before the page listens, and what runs then must not run for ever."""
    page = at_desk(rita).page
    page.route("**/live/", lambda route: route.abort())
    session = open_on(device, rita)
    page.goto(f"/live-response/{session.pk}/")
    running = page.locator("#live-jobs")
    expect(running).to_contain_text("connect")
    with page.expect_request(lambda one: one.url.endswith("/jobs/")) as asked:
        held.answer(session.commands.get(number=1), host="fin-ws-1", user="root", folder="/")
    assert asked.value.header_value("X-Unattended") == "1", "a page that looks again by itself keeps nobody signed in"
    expect(running).to_contain_text("Nothing runs", timeout=PATIENCE_MS)
    expect(page.locator("#live-input")).to_be_visible(timeout=PATIENCE_MS)


def test_lines_are_completed_answered_and_brought_back(at_desk: AtDesk, session: LiveSession, rita: User) -> None:
    page = at_desk(rita).page
    page.goto(f"/live-response/{session.pk}/")
    line, log = page.locator("#live-input"), page.locator("[data-console-log]")
    expect(line).to_be_focused()
    page.keyboard.type("he")
    page.keyboard.press("Tab")
    expect(line).to_have_value("help ")
    page.keyboard.type("run")
    page.keyboard.press("Enter")
    expect(log.locator(".typed").last).to_contain_text("Run a script of the library.", timeout=PATIENCE_MS)
    expect(line).to_have_value("")
    page.keyboard.type("nonsense")
    page.keyboard.press("Enter")
    expect(log.locator(".typed").last).to_contain_text("There is no command nonsense", timeout=PATIENCE_MS)
    for expected in ("nonsense", "help run", "help run"):
        page.keyboard.press("ArrowUp")
        expect(line).to_have_value(expected)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(line).to_have_value("")
    page.keyboard.type("cls")
    page.keyboard.press("Enter")
    expect(log.locator(".typed")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_recording_is_played(
    at_desk: AtDesk, session: LiveSession, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is too long for one answer."""
    monkeypatch.setattr(record, "PART", 1)
    page = at_desk(rita).page
    page.goto(f"/live-response/{session.pk}/replay/")
    screen, place = page.locator("[data-replay-screen]"), page.locator("[data-replay-place]")
    expect(screen).to_contain_text("> connect", timeout=PATIENCE_MS)
    place.fill("0")
    expect(screen).not_to_contain_text("Connected")
    page.locator("[data-replay-speed]").select_option("16")
    page.locator("[data-replay-run]").click()
    expect(screen).to_contain_text("> connect", timeout=PATIENCE_MS)
    expect(place).to_have_value("1000", timeout=PATIENCE_MS)

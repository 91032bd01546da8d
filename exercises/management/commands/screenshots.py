"""Pictures of the portal with its demo, for the README and for looking at a change in both themes."""

import contextlib
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management.base import BaseCommand, CommandError, CommandParser
from PIL import Image

from accounts.models import User
from accounts.session_store import SessionStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Window, what is added to the name, themes.
SIZES: "tuple[tuple[ViewportSize, str, tuple[Literal['light', 'dark'], ...]], ...]" = (
    ({"width": 1440, "height": 900}, "", THEMES),
    ({"width": 820, "height": 900}, "-820", THEMES[:1]),
)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
COLOURS, COMMON = 256, 150
SETTLE_MS = 900
SESSION_S = 900


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as one person sees it; `pose` walks there from the queue. `asked_by` first asks for what is shown."""

    name: str
    username: str
    pose: "Callable[[Page], None]"
    asked_by: str = ""


class Command(BaseCommand):
    help = (
        "Take pictures of the queue, an incident, the Action center, a review and the reports of the demo, in both "
        "themes. When nothing waits for a decision, two simulated machines are asked to be isolated and one approved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, default=Path("docs/img"), help="folder (default docs/img)")
        parser.add_argument("--browser", default="chromium", help="the browser's program (default chromium)")
        parser.add_argument("--only", choices=[picture.name for picture in PICTURES], help="only this page")

        parser.add_argument("--narrow", action="store_true", help="also in a window of 820 pixels")

    def handle(self, *args: Any, **options: Any) -> None:
        self.sizes = SIZES if options["narrow"] else SIZES[:1]
        folder: Path = options["out"]
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [picture for picture in PICTURES if options["only"] in {None, picture.name}]
        people = {name for picture in wanted for name in (picture.username, picture.asked_by) if name}
        # Sessions first: while the browser's event loop runs in this thread, Django refuses its database.
        with _sessions(people) as keys, _browser(options["browser"]) as browser:
            for picture in wanted:
                if picture.asked_by:
                    with _context(browser, keys[picture.asked_by]) as context:
                        _ask(context.new_page())
                with _context(browser, keys[picture.username]) as context:
                    self._take(context.new_page(), picture, folder)

    def _take(self, page: "Page", picture: Picture, folder: Path) -> None:
        for size, suffix, themes in self.sizes:
            page.set_viewport_size(size)
            page.goto(f"{settings.PUBLIC_URL}/incidents/")
            picture.pose(page)
            for theme in themes:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                _settle(page)
                file = folder / f"{picture.name}{suffix}-{theme}.png"
                file.write_bytes(_small(page.screenshot()))
                self.stdout.write(f"{file} {file.stat().st_size // 1024} KB")


def _queue(page: "Page") -> None:
    page.locator("#live-state", has_text="Live").wait_for()
    page.locator("table.data tbody tr.tap").first.locator("td").nth(4).click()
    page.locator("#pane-title").wait_for()


def _incident(page: "Page") -> None:
    """The top incident, with the pane of the most suspicious machine."""
    page.locator("table.data tbody .name").first.click()
    page.locator("[data-graph] canvas").first.wait_for()
    _settle(page)
    page.evaluate(CHOOSE_MACHINE, 0)
    page.locator("#pane-title").wait_for()


def _ask(page: "Page") -> None:
    """Two simulated machines of the top incident are to be isolated, unless that was asked for already."""
    page.goto(f"{settings.PUBLIC_URL}/actions/")
    if page.locator(".approval, tr[data-pane]", has_text="Isolate").count():
        return
    page.goto(f"{settings.PUBLIC_URL}/incidents/")
    for place, reason in enumerate(REASONS):
        if place == 0:
            _incident(page)
        page.evaluate(CHOOSE_MACHINE, place)
        _settle(page)
        page.locator("#pane").get_by_role("link", name="Isolate…").click()
        page.locator("#dialog [name=reason]").fill(reason)
        page.locator("#dialog button[type=submit]").click()
        page.locator("#dialog").wait_for(state="hidden")


def _actions(page: "Page") -> None:
    """What waits for a decision, and the story of what was decided last."""
    page.goto(f"{settings.PUBLIC_URL}/actions/")
    page.locator("#live-state", has_text="Live").wait_for()
    done = page.locator("tr[data-pane]", has_text="Verified")
    asked = page.locator(".approval", has_text="Isolate")
    if asked.count() and not done.count():
        asked.first.get_by_role("link", name="Approve…").click()
        page.locator("#dialog button[type=submit]").click()
        done.first.wait_for()
        page.reload()  # without the note about the approval
        page.locator("#live-state", has_text="Live").wait_for()
    done.first.locator("td").nth(1).click()
    page.locator("#pane-title").wait_for()


def _review(page: "Page") -> None:
    page.goto(f"{settings.PUBLIC_URL}/reviews/?state=signed")
    page.locator("table.data tbody a").first.click()
    page.wait_for_url("**/reviews/*/")


def _reports(page: "Page") -> None:
    page.goto(f"{settings.PUBLIC_URL}/reports/?period=quarter")
    page.locator("#live-state", has_text="Live").wait_for()


# Machines in the order of how much the attack went through them.
CHOOSE_MACHINE = """async (place) => {
    const { graphOf } = await import("/static/js/graph.js");
    const graph = graphOf(document.querySelector("[data-graph]"));
    const machines = graph.cy.nodes("[?square]").sort((a, b) => b.degree() - a.degree());
    graph.choose([machines[Math.min(place, machines.length - 1)].id()], { pane: true });
}"""
REASONS = (
    "Credentials were read from its memory; the attacker came from here.",
    "Files are being encrypted on it.",
)
PICTURES = (
    Picture("queue", "analyst", _queue),
    Picture("incident", "analyst", _incident),
    Picture("actions", "responder", _actions, asked_by="analyst"),
    Picture("review", "manager", _review),
    Picture("reports", "manager", _reports),
)


@contextlib.contextmanager
def _browser(program: str) -> "Iterator[Browser]":
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise CommandError("Playwright is not installed: ./soc test installs what developers need.") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_found(program), args=OPTIONS)
        yield browser
        browser.close()


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise CommandError(f"There is no {program} here; name a Chromium with --browser.")
    return path


@contextlib.contextmanager
def _sessions(usernames: Iterable[str]) -> Iterator[dict[str, str]]:
    """A short session for each person, ended afterwards. Who may run this command may read every table anyway."""
    with contextlib.ExitStack() as stack:
        keys = {}
        for username in usernames:
            user = User.objects.filter(username=username).first()
            if user is None:
                raise CommandError(f"There is no {username} here: the pictures show the demo (./soc up).")
            session = SessionStore()
            session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
            session.set_expiry(SESSION_S)
            session.create()
            stack.callback(session.delete)
            keys[username] = str(session.session_key)
        yield keys


@contextlib.contextmanager
def _context(browser: "Browser", session_key: str) -> "Iterator[BrowserContext]":
    context = browser.new_context()
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": session_key, "url": settings.PUBLIC_URL}])
    yield context
    context.close()


def _settle(page: "Page") -> None:
    """Letters, lazy parts and drawings have come."""
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(SETTLE_MS)
    page.locator(".htmx-request").first.wait_for(state="detached")


def _small(png: bytes) -> bytes:
    """At most 256 colours: the commonest, exact, and then the loud ones, however small their marks are."""
    whole = Image.open(io.BytesIO(png)).convert("RGB")
    found = cast("list[tuple[int, tuple[int, int, int]]]", whole.getcolors(whole.width * whole.height))
    found.sort(reverse=True)
    loud = sorted(found[COMMON:], key=lambda one: one[0] * (max(one[1]) - min(one[1])), reverse=True)
    chosen = [*found[:COMMON], *loud][:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in chosen for channel in colour])
    out = io.BytesIO()
    whole.quantize(palette=palette, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()

"""Pictures of the portal with its demo, for the README and for looking at a change in both themes."""

import contextlib
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.management.base import BaseCommand, CommandError, CommandParser
from PIL import Image

from accounts.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 820, "height": 900}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
COLOURS = 256
SETTLE_MS = 900
SESSION_S = 900


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as one person sees it; `pose` walks there from the queue."""

    name: str
    username: str
    pose: "Callable[[Page], None]"


class Command(BaseCommand):
    help = "Take pictures of the queue, an incident, the Action center and a review in both themes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, default=Path("docs/img"), help="folder (default docs/img)")
        parser.add_argument("--browser", default="chromium", help="the browser's program (default chromium)")
        parser.add_argument("--only", choices=[picture.name for picture in PICTURES], help="only this page")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["out"]
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [picture for picture in PICTURES if options["only"] in {None, picture.name}]
        people = {picture.username for picture in wanted}
        # Sessions first: while the browser's event loop runs in this thread, Django refuses its database.
        with _sessions(people) as keys, _browser(options["browser"]) as browser:
            for picture in wanted:
                with _context(browser, keys[picture.username]) as context:
                    self._take(context.new_page(), picture, folder)

    def _take(self, page: "Page", picture: Picture, folder: Path) -> None:
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.goto(f"{settings.PUBLIC_URL}/incidents/")
        picture.pose(page)
        for name, size, theme in [
            *((f"{picture.name}-{theme}", WIDE, theme) for theme in THEMES),
            (f"{picture.name}-820-light", NARROW, THEMES[0]),
        ]:
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            _settle(page)
            file = folder / f"{name}.png"
            file.write_bytes(_small(page.screenshot()))
            self.stdout.write(f"{file} {file.stat().st_size // 1024} KB")


def _queue(page: "Page") -> None:
    page.locator("table.data tbody tr.tap").first.press("o")
    page.locator("#pane-title").wait_for()


def _incident(page: "Page") -> None:
    """The top incident, with the pane of the most suspicious machine."""
    page.locator("table.data tbody .name").first.click()
    page.locator("[data-graph] canvas").first.wait_for()
    _settle(page)
    page.evaluate(
        """async () => {
            const { graphOf } = await import('/static/js/graph.js');
            const graph = graphOf(document.querySelector('[data-graph]'));
            const worst = graph.cy.nodes("[?square][look = 'bad']").sort((a, b) => b.degree() - a.degree())[0];
            graph.choose([(worst ?? graph.cy.nodes("[?square]")[0]).id()], { pane: true });
        }"""
    )
    page.locator("#pane-title").wait_for()


def _actions(page: "Page") -> None:
    """What waits for a decision, and the story of what was decided last."""
    page.goto(f"{settings.PUBLIC_URL}/actions/")
    rows = page.locator("[data-pane]")
    if rows.count():
        rows.first.click()
        page.locator("#pane-title").wait_for()


def _review(page: "Page") -> None:
    page.goto(f"{settings.PUBLIC_URL}/reviews/?state=signed")
    page.locator("table.data tbody a").first.click()
    page.wait_for_url("**/reviews/*/")


PICTURES = (
    Picture("queue", "analyst", _queue),
    Picture("incident", "analyst", _incident),
    Picture("actions", "responder", _actions),
    Picture("review", "manager", _review),
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
    page.wait_for_function("!document.querySelector('.htmx-request')")


def _small(png: bytes) -> bytes:
    """Fewer colours, which a page full of greys hardly shows."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()

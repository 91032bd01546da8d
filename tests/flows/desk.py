"""A person at a browser of their own."""

from typing import Literal

from playwright.sync_api import Browser, Locator, Page, expect

from accounts.models import User
from tests.factories.people import PASSWORD

# A slow machine, with other tests beside it; what is awaited comes within a second or two elsewhere.
PATIENCE_MS = 30_000


class Desk:
    """Signed in through the page, as everybody is."""

    def __init__(self, browser: Browser, url: str, person: User, theme: Literal["light", "dark"] = "light") -> None:
        context = browser.new_context(base_url=url, reduced_motion="reduce", color_scheme=theme)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.goto("/accounts/login/")
        self.page.locator("[name=login]").fill(person.username)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.locator("#rows, h1").first).to_be_visible()

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog#dialog")

    @property
    def pane(self) -> Locator:
        return self.page.locator("#pane")

    def goto(self, path: str) -> None:
        self.page.goto(path)

    def answer(self, reason: str = "") -> None:
        """Give the open dialog its reason and send it; it closes when the portal took it."""
        expect(self.dialog).to_be_visible()
        if reason:
            self.dialog.locator("[name=reason]").fill(reason)
        self.dialog.locator("button[type=submit]").click()
        expect(self.dialog).not_to_be_visible()

    def see(self, text: str, *, within: str = "main") -> None:
        expect(self.page.locator(within).first).to_contain_text(text, timeout=PATIENCE_MS)

    def click_node(self, label: str) -> None:
        """Click a node of the attack graph where it is drawn."""
        net = self.page.locator("[data-graph]")
        net.locator("canvas").first.wait_for()
        where = self.page.evaluate(
            """async (label) => {
                const { graphOf } = await import("/static/js/graph.js");
                for (;;) {
                    const graph = graphOf(document.querySelector("[data-graph]"));
                    const node = graph?.cy.nodes().filter((one) => one.data("label") === label)[0];
                    if (node) return node.renderedPosition();
                    await new Promise(requestAnimationFrame);
                }
            }""",
            label,
        )
        box = net.bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + where["x"], box["y"] + where["y"])

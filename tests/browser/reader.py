"""A person before the pen: a window of the browser, and what went wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Request, expect

AXE = Path(__file__).parent / "axe" / "axe.min.js"
#: Marks a page that is being left: until the next is there, no key is pressed.
_LEAVING = """
const leave = () => { document.documentElement.dataset.leaving = ""; };
navigation.addEventListener("navigate", (event) => {
  if (!event.destination.sameDocument && event.downloadRequest === null) leave();
});
addEventListener("submit", (event) => {
  if (!event.defaultPrevented && event.target.method !== "dialog") leave();
});
"""
#: Lets stand what a page says for 6 seconds only: a slow machine looks later.
_STANDS = """
const later = window.setTimeout;
window.setTimeout = (act, delay, ...more) =>
  delay === 6000 ? 0 : later(act, delay, ...more);
"""
#: Matches on a page that listens to keys.
_LISTENS = "html:not([data-leaving]) hp-keys:not([hidden])"
_TITLES = ".hp-row:visible .hp-open"
#: Tells what the policy of a page's contents forbade, from its first line on.
_POLICE = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


class Reader:
    """A window, with somebody logged in.

    :param name: who, of :data:`.pen.PEOPLE`; ``None`` for a stranger.
    :param below: the path below which the site is, behind a proxy.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        name: str | None,
        below: str = "",
        **context: Any,
    ) -> None:
        self.site = url + below
        self.faults: list[str] = []
        self.asked: list[str] = []
        #: What a test brings about on purpose: such a line of the console is none.
        self.expected: tuple[str, ...] = ()
        usual: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 800},
            "reduced_motion": "reduce",  # colours are judged, never on their way
        }
        self.context = browser.new_context(**{**usual, **context})
        self.context.set_default_timeout(60_000)
        for script in (_POLICE, _LEAVING, _STANDS):
            self.context.add_init_script(f"{{{script}}}")
        if name is not None:
            self.context.request.get(f"{self.site}/login?as={name}")
        self.page: Page = self.context.new_page()
        self._origin = url
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("request", self._ask)

    def open(self, path: str = "") -> Page:
        """Open a page below the pen's address."""
        self.page.goto(f"{self.site}/admin/holdingpen/{path}")
        return self.page

    def press(self, *keys: str) -> None:
        """Press keys, each as soon as the page listens that the last one led to."""
        for key in keys:
            self.page.wait_for_selector(_LISTENS, state="attached")
            self.page.keyboard.press(key)
        self.page.wait_for_selector(_LISTENS, state="attached")

    def rows(self) -> list[str]:
        """Return the titles of the rows that are shown at this moment."""
        found = self.page.locator(_TITLES).all_inner_texts()
        return [each.strip() for each in found]

    def sees(self, *titles: str) -> None:
        """Wait until these are the titles of the rows that are shown."""
        expect(self.page.locator(_TITLES)).to_have_text(list(titles))

    def resize(self, width: int, height: int = 800) -> None:
        """Give the window another size; wait until the page has heard of it."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_function(
            "([width, height]) => innerWidth === width && innerHeight === height",
            arg=[width, height],
        )
        self.page.evaluate(
            "new Promise((done) => requestAnimationFrame("
            "() => requestAnimationFrame(done)))"
        )

    def row(self, oid: int) -> Locator:
        """Return the row of a record."""
        return self.page.locator(f"#r{oid}")

    def focus(self) -> str:
        """Return the id of what has the focus."""
        return str(self.page.evaluate("document.activeElement.id"))

    def violations(self, *rules: str) -> list[str]:
        """Return what axe-core has against the page, each as a line.

        :param rules: only these; all if there are none.
        """
        # Evaluated by the debugger, so that the page's own policy stands.
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(
            "(only) => axe.run(only.length ? { runOnly: only } : {}).then((r) => "
            "r.violations.flatMap((v) => v.nodes.map("
            "(n) => `${v.id}: ${n.target} ${n.failureSummary}`)))",
            list(rules),
        )
        return [str(each) for each in found]

    def width(self) -> tuple[int, int]:
        """Return how wide the page is, and how wide the window."""
        root = self.page.locator("html")
        wide, seen = root.evaluate("(root) => [root.scrollWidth, root.clientWidth]")
        return int(wide), int(seen)

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not any(each in text for each in self.expected):
            self.faults.append(text)

    def _ask(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self._origin + "/", "data:", "blob:")):
            self.faults.append(f"asked elsewhere: {request.url}")

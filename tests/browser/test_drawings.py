"""A graph as the pages draw it: ways, branches, who stands where; as text too."""

from __future__ import annotations

from typing import Any

import pytest
from browser.conftest import Readers
from browser.pen import Pen
from browser.test_pages import hold
from playwright.sync_api import Locator, Page, expect

from invenio_workflows import START, Decision, Fork, Join, Step, start


class Fetch(Step):
    """Fetch it."""

    def execute(self, _input: Any) -> Any:
        return _input["title"]


class Copies(Step):
    """Look for copies."""

    def execute(self, _input: Any) -> Any:
        return 0


class Names(Copies):
    """Find the names."""


class Broken(Step):
    """Ask another library."""

    def execute(self, _input: Any) -> Any:
        raise ConnectionError("503 Service Unavailable")


class Ask(Step):
    """Is it for us?"""

    def execute(self, _input: Any) -> Any:
        self.eng.halt("Is it for us?", action="approval")


class Enough(Decision):
    """Is it good enough?"""

    def transition(self, _input: Any) -> Any:
        return "Improve"


class Improve(Copies):
    """Make it better."""


class Store(Copies):
    """Keep it."""


split, inner = Fork("split"), Fork("inner")
met, first = Join(name="met"), Join("any", name="first")


class Drawn:
    graph = {
        **{START: [Fetch], Fetch: [split], split: [inner, Broken, Ask]},
        **{inner: [Copies, Names], Copies: [first], Names: [first], first: [met]},
        **{Broken: [met], Ask: [met], met: [Enough]},
        **{Enough: [Improve, Store], Improve: [Enough], Store: []},
    }


AS_TEXT = """\
GRAPH, begins with Fetch: here
  Fetch: done (leads to split) – Fetch it.
  split: here (leads to inner, Broken and Ask)
  branch inner of split: done
    inner: done (leads to Copies and Names)
    branch Copies of inner: done
      Copies: done (leads to first) – Look for copies.
    branch Names of inner: not reached
      Names: not reached (leads to first) – Find the names.
    first: done (leads to met) – join any
  branch Broken of split: here
    Broken: failed here (leads to met) – Ask another library.
  branch Ask of split: here
    Ask: here (leads to met) – Is it for us?
  met: not reached (leads to Enough) – join all
  Enough: not reached (leads to Improve or Store) – Is it good enough?
  Improve: not reached (leads to Enough) – Make it better.
  Store: not reached (ends here) – Keep it."""


@pytest.fixture
def drawn(pen: Pen) -> tuple[Pen, int]:
    """A site with one record of a graph."""
    pen.site.ext.register_workflow("drawn", Drawn)
    with pen.app.app_context():
        engine = start("drawn", {"title": "On Ice"}, stop_on_error=False)
        (obj,) = engine.processed_objects
        return pen, obj.id


def open_all(page: Page) -> None:
    for each in page.locator("details:not(.hp-menu)").all():
        each.evaluate("(each) => { each.open = true; }")


def place(page: Page, name: str) -> Locator:
    """Return the place of that name in the drawing, with what is in it."""
    named = page.locator(f".hp-place:has(> .hp-task bdi:text-is('{name}'))")
    expect(named).to_have_count(1)
    return named


def line_below(place: Locator) -> bool:
    """Say whether a line leads on from a place."""
    shown = "(each) => getComputedStyle(each, '::after').display"
    return str(place.evaluate(shown)) != "none"


def test_a_drawn_graph_keeps_the_rules_in_each_theme_and_width(
    drawn: tuple[Pen, int], reader_of: Readers
) -> None:
    pen, oid = drawn
    reader = reader_of(pen, "admin")
    wrong = []
    for path in (str(oid), "definitions/drawn"):
        open_all(reader.open(path))
        wrong += hold(reader, path)
    assert not wrong


def test_a_drawn_graph_says_what_it_shows(
    drawn: tuple[Pen, int], reader_of: Readers
) -> None:
    pen, oid = drawn
    page = reader_of(pen).open(str(oid))
    steps = page.locator("[aria-current=step]")
    expect(steps).to_have_count(3)
    told = [each.split("\n")[0] for each in steps.all_inner_texts()]
    assert [each.split(" ")[0] for each in told] == ["split", "Broken", "Ask"]
    for name, state in (("Fetch", "done"), ("Broken", "failed here"), ("met", "not")):
        expect(place(page, name).locator("> .hp-task .hp-hidden")).to_contain_text(
            state
        )
    ways = {"split": True, "Broken": False, "Enough": True, "Improve": False}
    ways |= {"met": True, "branch Ask of split": True, "first": False}
    assert {name: line_below(place(page, name)) for name in ways} == ways


def test_a_drawn_graph_is_read_as_text_by_keys_alone(
    drawn: tuple[Pen, int], reader_of: Readers
) -> None:
    pen, oid = drawn
    page = reader_of(pen).open(str(oid))
    text = page.locator("#workflow > details pre")
    page.locator("#workflow > details > summary").focus()
    page.keyboard.press("Enter")
    expect(text).to_be_visible()
    assert text.inner_text() == AS_TEXT


def test_a_drawn_graph_in_french(drawn: tuple[Pen, int], reader_of: Readers) -> None:
    pen, oid = drawn
    reader = reader_of(pen, locale="fr-FR")
    page = reader.open(str(oid))
    open_all(page)
    text = page.locator("#workflow > details pre")
    expect(text).to_contain_text("split: ici (mène à inner, Broken et Ask)")
    expect(text).to_contain_text("(mène à Improve ou Store)")
    expect(text).to_contain_text("branche Ask de split: ici")
    expect(text).to_contain_text("met: pas atteinte (mène à Enough) – réunit toutes")
    assert not hold(reader, "in French")

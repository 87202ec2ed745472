"""Every page and every empty state: accessible, within its policy and the screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import expect

from invenio_workflows.store import list_find

#: Themes and widths; the last three differ from the others by their colours alone.
LOOKS: tuple[tuple[Any, int, tuple[str, ...]], ...] = (
    ("light", 1280, ()),
    ("dark", 360, ()),
    ("light", 360, ("color-contrast",)),
    ("dark", 1280, ("color-contrast",)),
    ("light", 2560, ("color-contrast",)),
)
LISTS = {
    "list": "",
    "all": "?group=all&size=50",
    "failed": "?group=failed",
    "in process": "?group=in_process",
    "waiting": "?group=waiting",
    "done": "?group=done&sort=title",
    "nothing of that": "?group=new",
    "nothing matches": "?q=zzzz&workflow=article",
    "filters that match": "?workflow=article&q=neutrino+-boson&age=1d",
    "not understood": "?q=is:purple+older:long",
    "start": "start",
    "no such record": "999999",
}


@pytest.fixture
def reader_of_errors(reader_of: Readers) -> Readers:
    """Make readers who meet refusals on purpose."""

    def make(pen: Pen, name: str | None = "curator") -> Reader:
        made = reader_of(pen, name)
        made.expected = ("404", "403", "409", "422", "401")
        return made

    return make


def hold(reader: Reader, name: str) -> list[str]:
    """Return what is wrong with the page that is shown, in each theme and width."""
    wrong = []
    for theme, width, rules in LOOKS:
        reader.resize(width)
        reader.page.emulate_media(color_scheme=theme)
        found = reader.violations(*rules)
        wide, seen = reader.width()
        if wide > seen:
            found.append(f"{wide} pixels wide, {seen} are seen")
        wrong += [f"{name}, {theme}, {width}: {each}" for each in found]
    return wrong


def test_lists_keep_the_rules_in_each_theme_and_width(
    pen: Pen, reader_of_errors: Readers
) -> None:
    reader = reader_of_errors(pen)
    wrong = []
    for name, path in LISTS.items():
        reader.open(path)
        wrong += hold(reader, name)
    assert not wrong


def test_records_keep_the_rules_in_each_theme_and_width(
    pen: Pen, reader_of_errors: Readers
) -> None:
    reader = reader_of_errors(pen, "admin")
    page = reader.open("?group=all&size=100&sort=oldest")
    links = {}
    for row in page.locator(".hp-row").all():
        label = row.locator(".hp-state").get_attribute("title")
        workflow = row.locator(".hp-about").inner_text()
        is_branch = "branch of" in workflow
        links.setdefault((label, is_branch), row.get_attribute("data-id"))
    assert len(links) >= 6
    halted = links[("Need action", False)]
    more = ["", "/changes", "/fields", "/edit", "/remove", "?level=warning"]
    paths = [f"{halted}{each}" for each in more] + list(links.values())
    paths += ["audit", "audit?actor=2", "audit?object=999999"]
    wrong = []
    for path in dict.fromkeys(paths):
        reader.open(str(path))
        assert "404" not in page.title(), path
        for each in page.locator("details:not(.hp-menu)").all():
            each.evaluate("(each) => { each.open = true; }")
        wrong += hold(reader, str(path))
    assert not wrong


OPENED: dict[str, tuple[str, Callable[[Reader], None]]] = {
    "keys": ("", lambda reader: reader.press("?")),
    "a chosen row": ("", lambda reader: reader.press("j", "j")),
    "a menu": ("", lambda reader: reader.page.get_by_text("Sort:").click()),
    "how to search": (
        "",
        lambda reader: reader.page.get_by_text("How to search").click(),
    ),
}


def test_what_opens_keeps_the_rules_too(pen: Pen, reader_of_errors: Readers) -> None:
    reader = reader_of_errors(pen)
    wrong = []
    for name, (path, act) in OPENED.items():
        reader.open(path)
        act(reader)
        wrong += hold(reader, name)
    assert not wrong


def test_refusals_keep_the_rules_too(pen: Pen, reader_of_errors: Readers) -> None:
    (oid, other) = pen.halted("Refused", 2, needs_reason=["reject"])
    reader, second = reader_of_errors(pen), reader_of_errors(pen)
    page = second.open(f"{oid}")
    reader.open(f"{oid}?from=list")
    reader.page.get_by_role("button", name="Accept").click()
    expect(reader.page.get_by_text(f"Record {oid} is decided.")).to_be_visible()
    wrong = hold(reader, "after a decision")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#alert")).to_be_visible()
    wrong += hold(second, "conflict")
    second.open(f"{other}")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#alert")).to_contain_text("reason")
    wrong += hold(second, "not valid")
    assert not wrong


def test_caught_up_and_not_permitted(pen: Pen, reader_of_errors: Readers) -> None:
    reader = reader_of_errors(pen, "harvester")
    page = reader.open()
    expect(page.locator(".hp-empty")).to_contain_text("All caught up")
    wrong = hold(reader, "caught up")
    nobody = reader_of_errors(pen, "nobody")
    page = nobody.open()
    expect(page.locator("h1")).to_contain_text("not")
    wrong += hold(nobody, "not permitted")
    stranger = reader_of_errors(pen, None)
    page = stranger.open()
    expect(page.locator("h1")).to_contain_text("Log in")
    wrong += hold(stranger, "not logged in")
    assert not wrong


def test_what_was_started_keeps_the_rules_too(pen: Pen, reader_of: Readers) -> None:
    reader = reader_of(pen)
    page = reader.open("start")
    page.get_by_label("article").check()
    page.get_by_label("Data, as JSON").fill('[{"title": "Begun"}, {"title": "Begun"}]')
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("2 records were accepted")).to_be_visible()
    assert not hold(reader, "started")


def test_a_search_that_goes_on_keeps_the_rules_too(
    pen: Pen, reader_of: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen.halted("Haystack", 12)
    reader = reader_of(pen)
    for name, value in (("FEW", 1), ("FIRST_WALK", 3), ("WALK", 5)):
        monkeypatch.setattr(list_find, name, value)
    page = reader.open("?q=lattice&sort=newest&size=10")
    expect(page.get_by_text("Searched a part of the records so far.")).to_be_visible()
    wrong = hold(reader, "search further")
    seen = reader.rows()
    further = page.get_by_role("link", name="Search further")
    for _ in range(50):
        if not further.count():
            break
        with page.expect_navigation():
            further.click()
        seen += reader.rows()
    monkeypatch.undo()
    reader.open("?q=lattice&sort=newest&size=50")
    assert seen == reader.rows() != []
    assert not wrong


def test_a_page_that_has_become_empty_keeps_the_rules_too(
    pen: Pen, reader_of: Readers
) -> None:
    pen.halted("Emptied", 11)
    reader = reader_of(pen)
    page = reader.open("?q=emptied&sort=oldest&size=10")
    page.get_by_role("link", name="Next").click()
    reader.sees("Emptied 11 of 11")
    reader.press("j", "a")
    expect(page.locator(".hp-empty")).to_contain_text("Nothing is left on this page")
    assert not hold(reader, "passed")
    page.get_by_role("link", name="To the first page").click()
    expect(page.locator(".hp-row")).to_have_count(10)


def test_many_values_of_a_facet_keep_the_rules_too(
    pen: Pen, reader_of: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MOST", 1), ("FOLDED", 2)):
        monkeypatch.setattr(f"invenio_workflows.holdingpen.facets.{name}", value)
    reader = reader_of(pen)
    page = reader.open("?group=all")
    summary = page.locator("#filters summary").first
    expect(summary).to_have_text("4 more")
    summary.click()
    expect(page.locator("#filters details p")).to_have_text(
        "2 others are found by workflow:name"
    )
    assert not hold(reader, "many values")


def test_no_worker_for_a_while(
    pen: Pen, reader_of_errors: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "invenio_workflows.holdingpen.listing.idle"
    monkeypatch.setattr(where, lambda *_args: 720.0)
    reader = reader_of_errors(pen)
    page = reader.open()
    expect(page.get_by_text("No worker has run for 12 minutes")).to_be_visible()
    assert not hold(reader, "no worker")


def test_pages_in_french_keep_the_rules_too(pen: Pen, reader_of: Readers) -> None:
    (oid,) = pen.halted("Langue", reasons=["Une copie"])
    reader = reader_of(pen, locale="fr-FR")
    wrong = []
    for path in ("", f"{oid}"):
        page = reader.open(path)
        assert page.locator("html").get_attribute("lang") == "fr"
        expect(page.locator("time").first).to_have_text(re.compile("^(il y a|maint)"))
        wrong += hold(reader, path)
    assert not wrong


def test_the_policy_is_watched(pen: Pen, reader_of: Readers) -> None:
    """What the other tests rely on: a violation is seen."""
    reader = reader_of(pen)
    page = reader.open()
    page.evaluate("""
      const style = document.createElement("style");
      style.textContent = "h1 { color: red }";
      document.head.append(style);
      document.querySelector("h1").append(document.createElement("img"));
      const link = document.createElement("img");
      link.src = "http://127.0.0.1:9/x.png";
      document.body.append(link);
    """)
    wanted = ("policy: style-src-elem", "policy: img-src")
    for _ in range(600):
        page.wait_for_timeout(100)
        seen = [any(each.startswith(it) for each in reader.faults) for it in wanted]
        if all(seen):
            break
    wrong = reader.violations()
    assert any("image-alt" in each for each in wrong)
    reader.faults, reader.expected = [], ("",)  # whatever else is said of them
    assert seen == [True, True]


def test_however_much_is_written_the_decision_is_in_sight(
    pen: Pen, reader_of_errors: Readers
) -> None:
    many = {"authors": ["Curie, Marie"] * 200, "asks": "Is it ours? " * 100}
    many["words"] = "word " * 100  # the last field: beside it stands who set it
    (oid,) = pen.halted("On_the_origin_of_mass_" * 20, **many)
    reader = reader_of_errors(pen)
    page = reader.open(f"{oid}")
    reader.resize(360)
    box = page.get_by_role("button", name="Accept").bounding_box()
    assert box is not None and box["y"] + box["height"] < 800
    assert hold(reader, "much") == []
    reader.resize(360)
    for each in ("h1", ".hp-record-head > p:last-child", ".hp-message"):
        assert page.locator(each).first.evaluate(
            "(it) => it.scrollHeight > it.clientHeight && it.tabIndex === 0"
        ), each
    reader.open(f"{oid}/fields")
    reader.resize(768)
    for cell in page.locator(".hp-changes tr:last-child > *").all():
        box = cell.bounding_box()
        assert box is not None and box["width"] > 90
    short = pen.halted("Short")[0]
    reader.open(f"{short}")
    assert page.locator("h1").get_attribute("tabindex") is None


def test_the_button_of_the_keys_covers_nothing(pen: Pen, reader_of: Readers) -> None:
    reader = reader_of(pen)
    page = reader.open("?group=all")
    button = page.get_by_role("button", name="Keys")
    for width in (768, 1280, 2560):
        reader.resize(width)
        for y in (0, 333, 5000):
            page.evaluate("(y) => scrollTo(0, y)", y)
            box = button.bounding_box()
            rows = page.locator(".hp-rows").bounding_box()
            assert box is not None and rows is not None
            assert box["y"] + box["height"] <= rows["y"], (width, y)

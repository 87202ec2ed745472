"""Without JavaScript, below another path, on a small screen, by the keyboard alone."""

from __future__ import annotations

import re

import pytest
from browser.conftest import Readers
from browser.pen import BELOW, Pen
from browser.reader import Reader
from playwright.sync_api import expect

#: Every path of a page, wherever a page may have one.
LINKS = """() => ["href", "src", "action", "data-src"].flatMap((name) =>
  [...document.querySelectorAll(`[${name}^="/"]`)]
    .map((each) => each.getAttribute(name))
)"""


@pytest.fixture
def plain(pen: Pen, reader_of: Readers) -> Reader:
    """A curator whose browser runs no scripts."""
    return reader_of(pen, java_script_enabled=False)


def test_deciding_without_a_script(pen: Pen, plain: Reader) -> None:
    ids = pen.halted("Plainly", 2)
    page = plain.open("?q=plainly&sort=oldest")
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    plain.row(ids[0]).get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status").first).to_have_text(
        re.compile(f"Record {ids[0]} is decided")
    )
    plain.sees("Plainly 2 of 2")
    page.locator(".hp-open").click()
    page.get_by_label("Why (optional)").fill("not for us")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text(f"Record {ids[1]} is decided")).to_be_visible()


def test_searching_and_paging_without_a_script(pen: Pen, plain: Reader) -> None:
    pen.halted("Paged", 12)
    page = plain.open("?size=10&sort=oldest")
    page.get_by_label("Search records").fill("paged")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(re.compile("q=paged"))
    plain.sees(*(f"Paged {n} of 12" for n in range(1, 11)))
    page.get_by_role("link", name="Next").click()
    titles = page.locator(".hp-row .hp-open")
    expect(titles).to_have_text(["Paged 11 of 12", "Paged 12 of 12"])
    page.get_by_role("link", name="Previous").click()
    expect(titles.first).to_have_text("Paged 1 of 12")
    page.get_by_text("Sort:").click()
    page.get_by_role("link", name="Newest").click()
    expect(titles.first).to_have_text("Paged 12 of 12")
    page.locator(".hp-chip").first.click()
    expect(page.locator(".hp-chip")).to_have_count(0)
    expect(titles).to_have_count(10)


def test_everything_else_without_a_script(pen: Pen, reader_of: Readers) -> None:
    ids = pen.halted("Scriptless", 3)
    reader = reader_of(pen, "admin", java_script_enabled=False)
    page = reader.open(f"{ids[0]}?q=scriptless&sort=oldest")
    page.get_by_label("Comment").fill("seen without a script")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".hp-entry-comment").first).to_contain_text("without a script")
    page.get_by_text("All fields").click()
    expect(page.locator(".hp-tree").first).to_be_visible()
    page.locator(".hp-more > summary").click()
    page.get_by_role("link", name="Edit the data").click()
    text = page.locator("textarea").first
    text.fill(text.input_value().replace("Scriptless 1", "Scriptless one"))
    page.get_by_role("button", name="Show what this changes").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text("Scriptless one")
    page.get_by_role("link", name="What changed").click()
    expect(page.locator(".hp-changes")).to_contain_text("Scriptless one")
    page.go_back()
    page.locator(".hp-more > summary").click()
    page.get_by_role("button", name="Start over from the first task").click()
    expect(page.get_by_text(f"Record {ids[0]} starts over.")).to_be_visible()
    page = reader.open(f"{ids[1]}")
    page.locator(".hp-more > summary").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text(f"Record {ids[1]} is deleted.")).to_be_visible()
    page = reader.open("?q=scriptless&sort=oldest")
    reader.sees("Scriptless 3 of 3")


def test_filters_starting_and_files_without_a_script(
    pen: Pen, reader_of: Readers
) -> None:
    reader = reader_of(
        pen, java_script_enabled=False, viewport={"width": 360, "height": 800}
    )
    page = reader.open("?group=all")
    page.get_by_role("button", name="Filters").click()
    page.locator("#filters").get_by_role("link", name="harvest").click()
    expect(page.locator(".hp-chip")).to_have_text("Remove workflow: harvest")
    page.locator(".hp-bar summary").filter(has_text="Export").click()
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV").click()
    assert "harvest" in file.value.path().read_text("utf-8")
    page.get_by_role("link", name="Start a workflow").click()
    page.get_by_label("article").check()
    page.get_by_label("Data, as JSON").fill('{"title": "Started plainly"}')
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("1 record was accepted")).to_be_visible()
    page.locator(".hp-started a").click()
    expect(page.locator("h1")).to_have_text("Started plainly")


def test_on_a_phone_without_a_script_no_time_lies_over_a_title(
    pen: Pen, reader_of: Readers
) -> None:
    phone = {"viewport": {"width": 360, "height": 800}}
    reader = reader_of(pen, java_script_enabled=False, **phone)
    row = reader.open("").locator(".hp-row").first
    title, when = (row.locator(each).bounding_box() for each in (".hp-open", "time"))
    assert title and when and when["y"] >= title["y"] + title["height"]
    assert row.locator("time").inner_text().endswith(" UTC")


def test_on_a_phone_the_chosen_group_is_in_sight(pen: Pen, reader_of: Readers) -> None:
    reader = reader_of(pen, viewport={"width": 360, "height": 740})
    for group in ("need_action", "waiting", "all"):
        page = reader.open(f"?group={group}")
        reader.press()
        expect(page.locator(".hp-tabs [aria-current]")).to_be_in_viewport(ratio=1)


def test_on_a_phone_the_question_stays_in_sight(pen: Pen, reader_of: Readers) -> None:
    (oid,) = pen.halted("Pocketed", references=[{"raw": str(n)} for n in range(40)])
    reader = reader_of(pen, "admin", viewport={"width": 360, "height": 740})
    page = reader.open(str(oid))
    page.get_by_text("All fields").click()
    page.evaluate("scrollTo(0, 900)")
    asks = page.locator(".hp-asks")
    for part in ("h2", ".hp-message", ".hp-accept", ".hp-reject", ".hp-more"):
        expect(asks.locator(part).first).to_be_in_viewport(ratio=1)
    box = asks.bounding_box()
    assert box is not None and box["height"] < 240
    asks.locator(".hp-more > summary").click()
    for each in asks.locator(".hp-more button, .hp-more a").all():
        each.scroll_into_view_if_needed()
        expect(each).to_be_in_viewport()
    reader.resize(740, 360)
    page.evaluate("scrollTo(0, 900)")
    expect(asks).not_to_be_in_viewport()  # lying down there is no room for it


def test_below_another_path(pen: Pen, reader_of: Readers) -> None:
    ids = pen.halted("Subpath", 3)
    reader = reader_of(pen, below=BELOW)
    page = reader.open("?q=subpath&sort=oldest")
    reader.press("j", "a")
    expect(reader.row(ids[0])).to_have_count(0)
    reader.press("Enter")
    expect(page.locator("h1")).to_have_text("Subpath 2 of 3")
    reader.press("r")
    expect(page.locator("h1")).to_have_text("Subpath 3 of 3")
    reader.press("u")
    below = re.escape(f"{pen.url}{BELOW}/admin/holdingpen/?")
    expect(page).to_have_url(re.compile(f"{below}.*q=subpath"))
    page.get_by_role("link", name="Clear all").click()
    expect(page).not_to_have_url(re.compile("q=subpath"))
    page.get_by_role("link", name="Failed").first.click()
    expect(page).to_have_url(re.compile(f"{below}.*group=failed"))
    for path in ("", f"{ids[2]}", "start"):
        links = reader.open(path).evaluate(LINKS)
        assert [each for each in links if not each.startswith(BELOW)] == []
    outside = [each for each in reader.asked if not each.startswith(pen.url + BELOW)]
    assert outside == []


def test_the_order_of_the_focus_and_that_it_is_seen(curator: Reader) -> None:
    page = curator.open()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    expect(page.get_by_text("Skip to content")).to_be_in_viewport()
    tops = []
    for _ in range(45):
        page.keyboard.press("Tab")
        focused = page.locator("*:focus")
        drawn = focused.evaluate(
            "(each) => { const style = getComputedStyle(each);"
            " const row = each.closest('.hp-here');"
            " return style.outlineStyle !== 'none' && style.outlineWidth !== '0px'"
            " || Boolean(row) && getComputedStyle(row).boxShadow !== 'none'; }"
        )
        assert drawn, focused.evaluate("(each) => each.outerHTML")
        rows = focused.evaluate("(each) => each.closest('.hp-row')?.dataset.id")
        tops += [rows] if rows and (not tops or tops[-1] != rows) else []
    order = [each.get_attribute("data-id") for each in page.locator(".hp-row").all()]
    assert tops == order[: len(tops)] and len(tops) > 2


def test_skipping_to_the_content(curator: Reader) -> None:
    page = curator.open()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize(
    "screen",
    [
        {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
        {"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4},
    ],
    ids=["200 %", "400 %"],
)
def test_a_page_that_is_enlarged_is_read_by_scrolling_down_only(
    pen: Pen, reader_of: Readers, screen: dict[str, object]
) -> None:
    (oid,) = pen.halted("Enlarged" + "x" * 240)
    reader = reader_of(pen, "admin", **screen)
    for path in (
        "",
        f"{oid}",
        f"{oid}/edit",
        f"{oid}/changes",
        "start",
        "?group=failed",
    ):
        reader.open(path)
        wide, seen = reader.width()
        assert wide <= seen, path


def test_the_tree_is_searched_folded_and_copied(pen: Pen, curator: Reader) -> None:
    (oid,) = pen.halted("Treelike")
    curator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = curator.open(str(oid))
    curator.press("/")
    expect(page.locator("#hp-find")).to_be_focused()
    page.keyboard.type("ref. 0")
    hit = page.locator(".hp-hit")
    expect(hit).to_have_count(1)
    expect(hit).to_be_visible()
    expect(page.locator(".hp-tools output")).to_have_text("1")
    page.get_by_role("button", name="Fold or unfold").click()
    page.get_by_role("button", name="Copy as JSON").click()
    expect(page.locator(".hp-said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert '"doi": "10.1103/PhysRevD.1.01"' in copied

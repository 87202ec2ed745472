"""Coming back to a list: the same row, the same place, the same choice."""

from __future__ import annotations

import re

from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import expect

from invenio_workflows.api import resolve

#: The address of a record that was come to from a list.
WALKING = re.compile("walk=")


def place(reader: Reader) -> tuple[int, str]:
    y = reader.page.evaluate("Math.round(scrollY)")
    chosen = reader.page.locator(".hp-here").get_attribute("data-id")
    return y, str(chosen)


def test_back_brings_row_scroll_and_choice(curator: Reader) -> None:
    page = curator.open("?group=all&size=100")
    curator.press(*["j"] * 22)
    page.evaluate("scrollBy(0, 150)")  # the row is in the middle, not at the edge
    before = place(curator)
    assert before[0] > 300
    curator.press("Enter")
    expect(page).to_have_url(WALKING)
    page.go_back()
    expect(page.locator(".hp-here .hp-open")).to_be_focused()
    assert place(curator) == before
    curator.press("j", "k")
    assert place(curator)[1] == before[1]


def test_the_button_brings_them_too(curator: Reader) -> None:
    page = curator.open("?group=all&size=100")
    page.locator(".hp-row .hp-open").nth(20).click()
    expect(page).to_have_url(WALKING)
    page.locator("[data-key=u]").click()
    expect(page).not_to_have_url(WALKING)
    expect(page.locator(".hp-row").nth(20)).to_have_class("hp-row hp-here")
    box = page.locator(".hp-here").bounding_box()
    assert box is not None and 0 < box["y"] < 800


def test_a_record_that_is_gone_leaves_the_choice_at_its_place(
    pen: Pen, curator: Reader
) -> None:
    pen.halted("Gonefrom", 3)
    page = curator.open("?q=gonefrom&sort=oldest")
    curator.press("j", "j", "Enter")
    expect(page.locator("h1")).to_have_text("Gonefrom 2 of 3")
    curator.press("a")
    expect(page.locator("h1")).to_have_text("Gonefrom 3 of 3")
    curator.press("u")
    curator.sees("Gonefrom 1 of 3", "Gonefrom 3 of 3")
    expect(page.locator(".hp-here .hp-open")).to_have_text("Gonefrom 3 of 3")


def test_a_list_that_one_comes_to_anew_begins_at_its_top(curator: Reader) -> None:
    page = curator.open("?group=all&size=100")
    curator.press(*["j"] * 22)
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("link", name="Need action").first.click()
    expect(page).to_have_url(re.compile("group=need_action"))
    page.get_by_role("link", name="All", exact=True).click()
    expect(page).to_have_url(re.compile("group=all"))
    curator.press()
    assert page.locator(".hp-here").count() == 0
    assert page.evaluate("scrollY") == 0


def test_a_shared_address_shows_the_same(pen: Pen, curator: Reader) -> None:
    pen.halted("Shared", 12)
    page = curator.open("?q=shared&sort=oldest&size=10")
    page.get_by_role("link", name="Next").click()
    curator.sees("Shared 11 of 12", "Shared 12 of 12")
    again = page.url
    page.goto("about:blank")
    page.goto(again)
    curator.sees("Shared 11 of 12", "Shared 12 of 12")


def test_a_page_that_was_put_aside_is_asked_for_again(
    pen: Pen, curator: Reader
) -> None:
    ids = pen.halted("Putaside", 2)
    page = curator.open("?q=putaside&sort=oldest")
    curator.press("j", "j")
    with pen.app.app_context():
        resolve(ids[0], None, {"value": "accept"}, "4", None, True)
    with page.expect_navigation():
        page.evaluate(
            "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )
    curator.sees("Putaside 2 of 2")
    expect(page.locator(f"#t{ids[1]}")).to_be_focused()

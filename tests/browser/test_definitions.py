"""The pages of the workflows: accessible, in every theme and width, by keys alone."""

from __future__ import annotations

import re

from browser.conftest import Readers
from browser.pen import Pen
from browser.test_pages import hold
from playwright.sync_api import expect

from invenio_workflows.holdingpen.definitions import SHOWN

PAGES = ("definitions", "definitions/article", "definitions/sides")


def test_the_workflows_keep_the_rules_in_each_theme_and_width(
    pen: Pen, reader_of: Readers
) -> None:
    reader = reader_of(pen, "admin")
    wrong = []
    for path in PAGES:
        page = reader.open(path)
        for each in page.locator("details:not(.hp-menu)").all():
            each.evaluate("(each) => { each.open = true; }")
        wrong += hold(reader, path)
    page.locator(".hp-crowd a").first.click()
    expect(page.get_by_role("heading", level=2).nth(1)).to_contain_text("At ")
    wrong += hold(reader, "at a place")
    assert not wrong


def test_from_the_list_to_those_who_stand_at_a_task_by_keys(
    pen: Pen, reader_of: Readers
) -> None:
    reader = reader_of(pen, "viewer")
    page = reader.open("?workflow=article")
    link = page.get_by_role("link", name="What they do, and who stands where")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    crowd = page.locator(".hp-crowd a", has_text="Need action").first
    number = re.search(r"\d+", crowd.inner_text())
    assert number is not None and 0 < int(number[0]) <= SHOWN
    crowd.focus()
    page.keyboard.press("Enter")
    rows = page.locator(".hp-sleepers li", has_text="Need action")
    expect(rows).to_have_count(int(number[0]))
    page.locator(".hp-sleepers a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#h-workflow a")).to_be_visible()
    page.locator("#h-workflow a").press("Enter")
    expect(page).to_have_url(re.compile("/definitions/article$"))


def test_the_workflows_in_french(pen: Pen, reader_of: Readers) -> None:
    reader = reader_of(pen, "admin", locale="fr-FR")
    page = reader.open("definitions/article")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert not hold(reader, "definition, in French")

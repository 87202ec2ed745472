"""An answer that needs a reason, from the row of a list: by keys, to its field."""

from __future__ import annotations

import re

from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import expect

from invenio_workflows import WorkflowObject


def test_the_key_leads_to_the_field_and_the_answer_is_sent_from_there(
    pen: Pen, curator: Reader
) -> None:
    first, second = pen.halted("Rowreason", 2, needs_reason=["reject"])
    page = curator.open("?q=rowreason&sort=oldest")
    curator.press("j", "r")
    page.wait_for_url(re.compile(f"/{first}.*#hp-reject"))
    expect(page.locator("#hp-reason")).to_be_focused()
    page.keyboard.type("It is a copy")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(rf"/{second}(?!.*#)"))
    with pen.app.app_context():
        kept = WorkflowObject.get(first).extra_data
    assert (kept["approved"], kept["reason"]) == (False, "It is a copy")
    page = curator.open("?q=rowreason&sort=oldest")
    curator.press("j", "a")  # needs none: it is decided in the row
    expect(curator.row(second)).to_have_count(0)


def test_a_reason_that_is_offered_is_chosen_by_keys(
    pen: Pen, reader_of: Readers
) -> None:
    """And an address with a decision at its end decides nothing by itself."""
    said = {"needs_reason": ["reject", "accept"], "reasons": ["Not ours", "A copy"]}
    (oid,) = pen.halted("Rowoffered", **said)
    reader = reader_of(pen)
    page = reader.open("?q=rowoffered")
    reader.press("j", "r")
    expect(page.locator("#hp-canned")).to_be_focused()
    assert reader.violations() == []
    page.keyboard.type("A c")
    page.locator("#hp-reason").fill("of 17")
    page.reload()  # what was typed may be there again
    expect(page.locator("#hp-canned")).to_be_focused()
    with pen.app.app_context():
        assert WorkflowObject.get(oid).extra_data.get("approved") is None
    page.keyboard.type("A c")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: f"/{oid}" not in url)
    with pen.app.app_context():
        kept = WorkflowObject.get(oid).extra_data
    assert kept["approved"] is False and kept["reason"].startswith("A copy")

"""Until when a record may be answered, in the reader's zone and language."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

import pytest
from browser.conftest import Readers
from browser.pen import PEOPLE, Pen
from integration.test_deadlines import pass_time
from playwright.sync_api import expect

from invenio_workflows import WorkflowObject
from invenio_workflows.api import start
from invenio_workflows.jobs import sweep
from invenio_workflows.proxies import current_workflows

#: Where the pictures are put that a person looks at.
PICTURES = os.environ.get("PICTURES")


def asks(pen: Pen, how: dict[str, Any], owner: int = 0) -> int:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Is it about nuclear theory?", action="approval", **how)

    kind = type("Dated", (), {"workflow": [ask], "get_title": staticmethod(title)})
    with pen.app.app_context():
        current_workflows.register_workflow("dated", kind, replace=True)
        given = WorkflowObject({"title": "Dated"}, id_user=owner)
        oid: int = start("dated", [given]).halted_objects[0].id
        return oid


def title(obj: Any) -> str:
    return str(obj.data["title"])


@pytest.fixture
def dated(pen: Pen) -> tuple[int, int, int]:
    """A record that is due, one that is overdue, and the second curator's own."""
    hours = timedelta(hours=50)
    left = {"value": "reject", "reason": "Nobody answered."}
    due = asks(pen, {"deadline": hours, "on_deadline": left})
    over = asks(pen, {"deadline": hours / 2})
    own = asks(pen, {"four_eyes": True, "deadline": hours}, PEOPLE["second"][0])
    with pen.app.app_context():
        pass_time(pen.site, over, 100 * 3600)
        sweep()
    return due, over, own


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_deadline_is_told_in_the_readers_zone(
    pen: Pen, reader_of: Readers, dated: tuple[int, int, int], theme: str
) -> None:
    due, over, own = dated
    zone = {"timezone_id": "Asia/Tokyo", "locale": "en-GB", "color_scheme": theme}
    reader = reader_of(pen, "second", **zone)
    page = reader.open("?q=is:overdue+workflow:dated")
    expect(reader.row(over).locator(".hp-due")).to_contain_text("Overdue ·")
    expect(page.locator(".hp-row")).to_have_count(1)
    page = reader.open("?q=workflow:dated&sort=deadline")
    rows = page.locator(".hp-row")
    expect(rows).to_have_count(3)
    for number, oid in enumerate((over, due, own)):
        expect(rows.nth(number)).to_have_id(f"r{oid}")
    expect(reader.row(due).locator(".hp-due")).to_have_text(
        re.compile("Due · in 2 day")
    )
    expect(reader.row(own).locator("button")).to_have_count(0)
    assert reader.violations() == []
    picture(page, f"list-{theme}")
    with pen.app.app_context():
        deadline = WorkflowObject.get(due).deadline
    there = deadline + timedelta(hours=9)
    page = reader.open(str(due))
    told = page.locator(".hp-by")
    # As the British write it: "Sept", and the year at its turn.
    day = rf"{there.day} {there:%b}t?( {there.year})?"
    when = re.compile(f"Answer by {day}, {there:%H:%M}")
    expect(told).to_have_text(when)
    expect(told).to_contain_text("(in 2 days); then it is rejected.")
    exact = told.locator("time").first.get_attribute("title")
    assert exact is not None and str(there.year) in exact
    assert reader.violations() == []
    picture(page, f"due-{theme}")
    page = reader.open(str(over))
    expect(page.locator(".hp-by.hp-overdue")).to_contain_text("Overdue: it was to be")
    assert reader.violations() == []
    picture(page, f"overdue-{theme}")
    page = reader.open(str(own))
    expect(page.locator(".hp-not-you")).to_have_text(
        "You submitted this record, so somebody else must decide."
    )
    expect(page.locator(".hp-decide")).to_have_count(0)
    assert reader.violations() == []
    picture(page, f"own-{theme}")


def test_on_a_phone_the_deadline_is_in_sight(
    pen: Pen, reader_of: Readers, dated: tuple[int, int, int]
) -> None:
    phone = {"viewport": {"width": 390, "height": 800}}
    reader = reader_of(pen, "second", **phone)
    page = reader.open(str(dated[0]))
    expect(page.locator(".hp-by")).to_be_in_viewport()
    picture(page, "phone")
    page = reader.open("?q=workflow:dated")
    expect(reader.row(dated[0]).locator(".hp-due")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "phone-list")


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")

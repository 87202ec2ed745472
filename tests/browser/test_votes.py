"""Two persons must agree: each sees what the other said, and what lacks."""

from __future__ import annotations

import re
from typing import Any

from browser.conftest import Readers
from browser.pen import Pen
from playwright.sync_api import expect
from pydantic import BaseModel, Field

from invenio_workflows import WorkflowObject, start


def now(pen: Pen, oid: int) -> Any:
    """Return a record as it is kept now."""
    with pen.app.app_context():
        return WorkflowObject.query.get(oid)


def test_two_persons_vote_on_the_record(each_pen: Pen, reader_of: Readers) -> None:
    (oid,) = each_pen.halted("Together", votes=2)
    first, other = reader_of(each_pen), reader_of(each_pen, "second")
    page = first.open(str(oid))
    votes = page.locator(".hp-votes")
    expect(votes).to_contain_text("2 persons must answer alike; 2 votes are missing.")
    expect(votes).to_contain_text("One is enough to reject.")
    expect(votes.locator("li")).to_have_count(0)
    offered = page.locator(".hp-more")
    expect(offered).to_contain_text("Start over from the first task")
    for passing in ("Continue with the next task", "Restart from a task"):
        expect(offered).not_to_contain_text(passing)
    page.locator("#hp-reason").fill("It reads well")
    page.get_by_role("button", name="Accept").click()
    said = f"Your vote on record {oid} is kept; 1 more is needed."
    expect(page.get_by_text(said)).to_be_visible()
    assert now(each_pen, oid).waits_for is None

    first.open(str(oid))
    expect(votes).to_contain_text("1 vote is missing.")
    expect(votes.locator("li")).to_contain_text("You · accept · It reads well")
    expect(votes).to_contain_text("You have voted; another answer replaces yours.")
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    assert first.violations() == []
    expect(page.locator("#timeline")).to_contain_text("voted: accept")

    page = other.open(str(oid))
    votes = page.locator(".hp-votes")
    expect(votes.locator("li")).to_contain_text("2 · accept · It reads well")
    expect(votes).not_to_contain_text("You have voted")
    other.press("a")
    expect(page).not_to_have_url(re.compile(f"/{oid}$"))
    kept = now(each_pen, oid)
    assert kept.waits_for == "queue" and kept.extra_data["approved"] is True


def test_two_persons_vote_in_the_list(each_pen: Pen, reader_of: Readers) -> None:
    ids = each_pen.halted("Inrows", 2, votes=2)
    first, other = reader_of(each_pen), reader_of(each_pen, "second")
    page = first.open("?q=inrows&sort=oldest")
    first.press("j", "a")
    note = first.row(ids[0]).locator(".hp-voted")
    expect(note).to_have_text(
        f"Your vote on record {ids[0]} is kept; 1 more is needed."
    )
    expect(page.locator(f"#t{ids[1]}")).to_be_focused()
    expect(page.locator("#results b")).to_have_text("2")
    first.press("k", "r")  # changes it: one rejection is enough
    expect(first.row(ids[0])).to_have_count(0)
    assert now(each_pen, ids[0]).extra_data["approved"] is False

    first.press("a")
    expect(first.row(ids[1]).locator(".hp-voted")).to_be_visible()
    page.reload()
    said = first.row(ids[1]).locator(".hp-vote")
    expect(said).to_have_text(["1 of 2 votes", "Your vote: accept"])
    assert first.violations() == []
    page = other.open("?q=inrows&sort=oldest")
    expect(page.locator(".hp-vote")).to_have_text(["1 of 2 votes"])
    other.press("j", "a")
    expect(page.locator(".hp-empty")).to_contain_text("Nothing matches")
    assert now(each_pen, ids[1]).extra_data["approved"] is True


def test_in_french_and_on_a_small_screen(pen: Pen, reader_of: Readers) -> None:
    (oid,) = pen.halted("Ensemble", votes=3)
    reader = reader_of(pen, viewport={"width": 360, "height": 740}, locale="fr-FR")
    page = reader.open(str(oid))
    page.get_by_role("button").and_(page.locator(".hp-accept")).click()
    expect(page.locator(".hp-good-notice")).to_be_visible()
    reader.open(str(oid))
    expect(page.locator(".hp-votes li")).to_have_count(1)
    wide, seen = reader.width()
    assert wide <= seen
    assert reader.violations() == []


class Category(BaseModel):
    """What it is filed under."""

    name: str = Field(max_length=40)
    number: int = Field(1, ge=1)


def sort(obj: Any, eng: Any) -> None:
    """Ask two persons for the same values."""
    given = eng.ask(Category, "Which category?", votes=2)
    obj.data["category"] = given.name


def test_two_persons_give_the_same_input(pen: Pen, reader_of: Readers) -> None:
    pen.site.register("filed", sort)
    with pen.app.app_context():
        (obj,) = start("filed", [{"title": "Filed by two"}]).halted_objects
    oid = obj.id
    first, other = reader_of(pen), reader_of(pen, "second")

    def give(reader: Any, name: str) -> None:
        page = reader.open(str(oid))
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Send").last.click()

    give(first, "optics")
    said = f"Your vote on record {oid} is kept; 1 more is needed."
    expect(first.page.get_by_text(said)).to_be_visible()
    page = first.open(str(oid))
    votes = page.locator(".hp-votes")
    expect(votes.locator("li")).to_contain_text("You · gave input, sealed as ")
    expect(page.locator("body")).not_to_contain_text("optics")
    assert first.violations() == []
    give(other, "acoustics")
    expect(other.page.get_by_text(said)).to_be_visible()
    give(other, "optics")
    expect(other.page.get_by_text(f"Record {oid} has your answer.")).to_be_visible()
    assert now(pen, oid).waits_for == "queue"

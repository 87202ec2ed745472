"""What a row of the list says of its question: who must answer, how many, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from people import Browser, PenSite, texts
from sqlalchemy import event

from invenio_workflows import WorkflowObject, start
from invenio_workflows.actions.approval import Approval
from invenio_workflows.api import comment, continue_oid_delayed, resolve
from invenio_workflows.patterns import PARALLEL


@pytest.fixture
def pen(ready_url: str) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    yield site
    site.close()


def asks(pen: PenSite, **said: Any) -> int:
    """Return a record whose task halts like this."""
    asked = {"action": "approval"} | said
    pen.register("review", lambda obj, eng: eng.halt("?", **asked))
    with pen.app.app_context():
        (obj,) = start("review", [{"title": "A"}]).halted_objects
        return int(obj.id)


def row(browser: Browser, oid: int) -> str:
    """The row of a record in the list."""
    page = browser.get("/").text
    (found,) = re.findall(f'<li class="hp-row" id="r{oid}".*?</li>', page, re.DOTALL)
    return str(found)


def pressed(row: str) -> dict[str, str]:
    """What each key of a row does: sends an answer, or leads somewhere."""
    tags = re.findall(r"<(?:a|button) [^>]*data-key[^>]*>", row)
    pairs = [dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in tags]
    return {each["data-key"]: each.get("value") or each["href"] for each in pairs}


def voted(row: str) -> list[str]:
    """What a row says of votes."""
    found = re.findall(r'<span class="hp-label hp-vote"[^>]*>.*?</span>', row)
    return [texts(each) for each in found]


@pytest.mark.parametrize("needs", [["reject"], ["accept"], ["accept", "reject"]])
def test_an_answer_that_needs_a_reason_leads_to_the_field_for_it(
    pen: PenSite, needs: list[str]
) -> None:
    """Whether this halt wants one, or the action always does."""
    curator = pen.browser("curator")
    own = asks(pen, needs_reason=needs)
    pen.ext.register_action("strict", Approval(needs_reason=needs))
    usual = asks(pen, action="strict")
    waived = asks(pen, action="strict", needs_reason=[])
    for oid in (own, usual):
        keys = pressed(row(curator, oid))
        assert set(keys) == {"a", "r"}
        for key, value in (("a", "accept"), ("r", "reject")):
            if value not in needs:
                assert keys[key] == value
                continue
            link = keys[key]
            assert re.fullmatch(rf"/admin/holdingpen/{oid}\?\S+#hp-{value}", link)
    (where,) = {link for link in keys.values() if "#" in link and needs[0] in link}
    record = curator.get(where.removeprefix("/admin/holdingpen"), follow_redirects=True)
    button = re.search(rf'<button [^>]*id="hp-{needs[0]}"[^>]*>', record.text)
    assert button and 'data-needs="hp-reason"' in button[0]
    assert "A reason is needed" in row(curator, own)
    assert pressed(row(curator, waived)) == {"a": "accept", "r": "reject"}


def test_rows_are_alike_only_under_the_same_rules(pen: PenSite, tmp_path: Path) -> None:
    """Whatever of them a template shows; what is alike is rendered once."""
    folder = tmp_path / "workflows" / "actions"
    folder.mkdir(parents=True)
    (folder / "approval_mini.html").write_text(
        "{% set rows_are_alike = true %}{{ rendered() }}"
        "<i>{{ obj.id }}: {{ obj.rules.votes or 1 }}</i>"
    )
    pen.app.template_folder = str(tmp_path)
    rendered: list[None] = []
    pen.app.jinja_env.globals["rendered"] = lambda: rendered.append(None) or ""
    wanted = {asks(pen, votes=votes): votes for votes in (1, 2, 3) * 3}
    page = pen.browser("curator").get("/").text
    found = re.findall(r"<i>(\d+): (\d)</i>", page)
    assert {int(oid): int(votes) for oid, votes in found} == wanted
    assert len(rendered) == 4, "once for each kind, and once to see that they are alike"


def test_a_row_says_how_many_must_answer_and_how_many_did(pen: PenSite) -> None:
    curator, admin = pen.browser("curator"), pen.browser("admin")
    one, oid = asks(pen), asks(pen, votes=3, veto=[])
    pen.ext.register_action("board", Approval(votes=2))
    board, alone = asks(pen, action="board"), asks(pen, action="board", votes=1)
    assert voted(row(curator, one)) == voted(row(curator, alone)) == []
    assert voted(row(curator, oid)) == ["0 of 3 votes"]
    assert voted(row(curator, board)) == ["0 of 2 votes"]
    with pen.app.app_context():
        for who, what in (("3", "accept"), ("ann", "reject"), ("bob", "accept")):
            resolve(oid, "approval", {"value": what}, who)
    said = row(curator, oid)
    assert voted(said) == ["2 of 3 votes", "Your vote: accept"]
    assert "3 persons must answer alike; 1 vote is missing." in said
    assert voted(row(admin, oid)) == ["2 of 3 votes"]
    with pen.app.app_context():
        resolve(oid, "approval", {"value": "reject"}, "3")
        comment(oid, "Hm.", "ann")
    assert voted(row(curator, oid)) == ["2 of 3 votes", "Your vote: reject"]
    with pen.app.app_context():
        continue_oid_delayed(oid, "restart_first")
    page = curator.get("/?group=all").text
    assert voted(page) == ["0 of 2 votes"], "what is asked no more has no votes"


def test_what_a_halt_says_for_rows_costs_them_no_document(pen: PenSite) -> None:
    for _each in range(3):
        asks(pen, needs_reason=["reject"], votes=2)
    made: list[str] = []

    @event.listens_for(pen.ext.engine, "before_cursor_execute")
    def keep(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        made.append(statement)

    assert pen.browser("curator").get("/").status_code == 200
    assert made and not [each for each in made if "extra_data" in each]


@pytest.mark.parametrize("said", ["reject", None, 17, ["reject", 3], [["x"] * 900]])
def test_what_no_answer_is_breaks_no_row(pen: PenSite, said: Any) -> None:
    """A task is not held to what an action of a site may mean by it."""
    oid = asks(pen, needs_reason=said)
    keys = pressed(row(pen.browser("curator"), oid))
    assert set(keys) == {"a", "r"}
    with pen.app.app_context():
        (kept,) = pen.rows("SELECT rules FROM workflows_object WHERE id_parent IS NULL")
    assert len(kept[0] or "") < 1200


def test_a_row_says_that_somebody_else_must_decide(pen: PenSite) -> None:
    pen.register(
        "review",
        lambda obj, eng: eng.halt("?", action="approval", four_eyes=True),
    )
    with pen.app.app_context():
        objects = [WorkflowObject({"n": n}, id_user=n) for n in (3, 1)]
        mine, other = (o.id for o in start("review", objects).halted_objects)
    curator = pen.browser("curator")
    said = row(curator, mine)
    assert "For somebody else to decide" in said and "You submitted this" in said
    assert set(pressed(said)) == {"Enter"}
    assert "somebody else" not in row(curator, other)
    assert "somebody else" not in row(pen.browser("viewer"), mine)


def test_a_record_without_a_title_says_its_number_once(pen: PenSite) -> None:
    oid = asks(pen)
    curator = pen.browser("curator")
    said = texts(row(curator, oid))
    assert said.count(f"Record {oid}") == 1 and f"#{oid}" not in said
    page = curator.get(f"/{oid}").text
    head = page.partition("hp-record-head")[2].partition("</header")[0]
    assert texts(head).count(f"Record {oid}") == 1


def test_branches_that_need_somebody_are_told_in_their_order(pen: PenSite) -> None:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("?", action="approval")

    pen.register("review", PARALLEL([ask], [ask], [ask]))
    with pen.app.app_context():
        obj = start("review", [{"title": "A"}]).processed_objects[0]
    page = pen.browser("curator").get(f"/{obj.id}").text
    asked = page.partition('<section class="hp-asks')[2].partition("</section>")[0]
    assert re.findall(r"Branch (\d)</a> · Need action", asked) == ["0", "1", "2"]


def test_what_set_a_field_is_said_in_words(pen: PenSite) -> None:
    def halts(obj: Any, eng: Any) -> None:
        obj.data["seen"] = True
        eng.halt("?")

    pen.register("review", halts)
    with pen.app.app_context():
        (obj,) = start("review", [{"title": "A"}]).halted_objects
    page = pen.browser("curator").get(f"/{obj.id}/fields").text
    (event,) = set(re.findall(r"event=(\d+)", page))
    page = pen.browser("curator").get(f"/{obj.id}/changes?event={event}").text
    assert "halts halted" in texts(page)

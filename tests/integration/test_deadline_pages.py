"""Until when a record may be answered, and by whom not, as the pages say it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from curators import Browser, admit
from integration.test_deadlines import pass_time
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.api import edit, resolve, start, start_by_wid
from invenio_workflows.calls import Call
from invenio_workflows.jobs import perform, sweep
from invenio_workflows.proxies import current_workflows

REJECT = {"value": "reject", "reason": "Nobody answered."}


def asking(how: dict[str, Any]) -> Any:
    def ask(obj: Any, eng: Any) -> None:
        eng.halt("Is it good?", action="approval", **how)

    return ask


@pytest.fixture
def pen(site: Site) -> Site:
    admit(site.app)
    current_workflows.embeds = False
    return site


def halted(pen: Site, id_user: int = 0, **how: Any) -> int:
    pen.register("asking", asking(how), lambda obj, eng: None)
    obj = start("asking", [WorkflowObject({"title": "A"}, id_user=id_user)])
    oid: int = obj.halted_objects[0].id
    return oid


def text_of(pen: Site, path: str, who: str = "curator") -> str:
    answer = Browser(pen.app, who).get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    plain = re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))
    return re.sub(r"\s+", " ", plain)


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (REJECT, "then it is rejected."),
        ({"value": "accept"}, "then it is accepted."),
        ("error", "then it fails."),
        ("restart_task", "then it asks again."),
        ("task:ask", "then it goes on from ask."),
        (None, "then it is overdue."),
    ],
)
def test_the_page_says_until_when_and_what_is_then(
    pen: Site, then: Any, told: str
) -> None:
    oid = halted(pen, deadline=timedelta(days=2, hours=12), on_deadline=then)
    page = text_of(pen, f"/{oid}")
    match = re.search(
        r"Answer by (\d{4}-\d\d-\d\d \d\d:\d\d) UTC \(in 2 days\); (.*)", page
    )
    assert match is not None
    assert match[2].startswith(told)
    assert f"{WorkflowObject.get(oid).deadline:%Y-%m-%d %H:%M}" == match[1]


def test_what_is_overdue_is_told_in_the_list_and_on_the_page(pen: Site) -> None:
    oid = halted(pen, deadline=timedelta(days=3))
    assert "Due ·" in text_of(pen, "/")
    pass_time(pen, oid, 5 * 86400)
    sweep()
    assert "Overdue ·" in text_of(pen, "/")
    page = text_of(pen, f"/{oid}")
    assert "Overdue: it was to be answered by" in page
    assert "(2 days ago)" in page or "(47 hours ago)" in page


def test_the_timeline_says_that_nobody_answered(pen: Site) -> None:
    oid = halted(pen, deadline=60, on_deadline=REJECT)
    pass_time(pen, oid)
    sweep()
    perform(Call((oid,)))
    page = text_of(pen, f"/{oid}")
    assert "nobody answered in time: it was rejected" in page
    assert "Nobody answered." in page
    assert "Somebody" not in page, "it was no person's decision"


def test_who_submitted_is_offered_no_buttons_and_told_why(pen: Site) -> None:
    browser = Browser(pen.app, "5")
    oid = halted(pen, 5, four_eyes=True)
    page = browser.get(f"/{oid}").get_data(as_text=True)
    assert "You submitted this record, so somebody else must decide." in page
    assert 'value="accept"' not in page
    assert f"/{oid}/continue" not in page and "Restart from a task" not in page
    rows = browser.get("/").get_data(as_text=True)
    assert 'value="accept"' not in rows and "hp-look" in rows
    run = halted(pen, 0, four_eyes=True)
    edit(run, {"title": "B"}, "5")
    assert f'action="/admin/holdingpen/{run}/resolve"' in browser.get("/").get_data(
        as_text=True
    )
    both = halted(pen, 0, four_eyes=["submitter", "editors"], deadline=60)
    edit(both, {"title": "B"}, "5")
    assert f'action="/admin/holdingpen/{both}/resolve"' not in browser.get(
        "/"
    ).get_data(as_text=True)
    other = halted(pen, 6, four_eyes=True)
    assert 'value="accept"' in browser.get(f"/{other}").get_data(as_text=True)


def test_who_submitted_and_posts_all_the_same_is_refused(pen: Site) -> None:
    browser = Browser(pen.app, "5")
    oid = halted(pen, 5, four_eyes=True)
    answer = browser.send(f"/{oid}/resolve", value="accept")
    assert answer.status_code == 403
    assert "somebody else must decide" in answer.get_data(as_text=True)
    assert WorkflowObject.get(oid).status.name == "HALTED"


# --- lists ----------------------------------------------------------------------------


def ids(text: str) -> list[int]:
    return [int(each) for each in re.findall(r'data-id="(\d+)"', text)]


def listed(pen: Site, query: str) -> list[int]:
    return ids(Browser(pen.app, "curator").get(f"/?{query}").get_data(as_text=True))


def test_the_list_finds_what_is_overdue(pen: Site) -> None:
    late, soon = halted(pen, deadline=60), halted(pen, deadline=60)
    never = halted(pen)
    pass_time(pen, late)
    assert listed(pen, "q=is:overdue") == [late]
    assert listed(pen, "q=is:overdue+OR") == []
    assert set(listed(pen, "")) == {late, soon, never}
    page = text_of(pen, "/?q=-is:overdue")
    assert "A record is never “overdue”" in page or "not possible" in page
    assert "is:overdue" in text_of(pen, "/?q=is:nonsense"), "named where one errs"


@pytest.mark.parametrize("titled", [False, True])
def test_the_list_is_sorted_by_deadline(pen: Site, titled: bool) -> None:
    """Those that have none come last; an answer takes the place away, no edit does."""
    hooks: dict[str, Any] = {}
    if titled:
        hooks = {"get_title": staticmethod(lambda obj: "T")}

    def make(**how: Any) -> int:
        pen.register("asking", asking(how), lambda obj, eng: None, **hooks)
        oid: int = start("asking", [{"title": "A"}]).halted_objects[0].id
        return oid

    latest, none, soonest = make(deadline=9000), make(), make(deadline=60)
    middle = make(deadline=600)
    assert listed(pen, "sort=deadline") == [soonest, middle, latest, none]
    assert listed(pen, "sort=-deadline") == [latest, middle, soonest, none]
    assert "Deadline, the soonest first" in text_of(pen, "/")
    WorkflowObject.get(soonest).save()
    assert listed(pen, "sort=deadline") == [soonest, middle, latest, none]
    edit(soonest, {"title": "B"}, "ann")
    assert listed(pen, "sort=deadline") == [soonest, middle, latest, none]
    for oid in (soonest, middle):
        resolve(oid, "approval", {"value": "accept"}, "ann")
    assert listed(pen, "sort=deadline&group=all")[0] == latest
    start_by_wid(WorkflowObject.get(latest).id_workflow)
    left = pen.rows("SELECT id_object FROM workflows_sort WHERE name = 'deadline'")
    assert {each.id_object for each in left} == {latest}, "it asks again"

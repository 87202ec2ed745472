"""The page of a record: everything that is known, for who may know it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from curators import Browser, admit, page
from markupsafe import Markup
from people import texts
from sites import Site
from sqlalchemy import event

from invenio_workflows import WorkflowObject
from invenio_workflows.api import cancel, comment, edit, resolve, start
from invenio_workflows.decisions import decision
from invenio_workflows.definitions import WorkflowBase
from invenio_workflows.patterns import IF, PARALLEL
from invenio_workflows.proxies import current_workflows

HOSTILE = (
    "<script>alert(1)</script> javascript:alert(1) \u202egnp.exe \x00\x1b[31m "
    "\"'><img src=x onerror=alert(1)>"
)


def enrich(obj: Any, eng: Any) -> None:
    """Add what is known of it."""
    obj.data["enriched"] = True
    obj.log.info("Enriched it")


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it good?", action="approval")


def publish(obj: Any, eng: Any) -> None:
    obj.data["published"] = True


def fail(obj: Any, eng: Any) -> None:
    raise ConnectionError("The source answers 503")


@pytest.fixture
def pen(site: Site) -> Site:
    admit(site.app)
    current_workflows.embeds = False
    site.register("asking", enrich, ask, publish, get_title=staticmethod(title))
    return site


def title(obj: Any) -> str:
    return str(obj.data["title"])


def begin(workflow: str, *data: Any) -> int:
    start(workflow, list(data) or [{"title": "On Rain"}], stop_on_error=False)
    found = WorkflowObject.query.filter_by(
        workflow_name=workflow, id_parent=None, id_fork=None
    )
    oid: int = found.order_by("-id").first().id
    return oid


def test_it_says_what_is_asked_and_why(pen: Site) -> None:
    text = page(pen, f"/{begin('asking')}", "curator")
    for said in (
        "On Rain",
        "Need action",
        "Approve or reject",
        "Is it good?",
        "Enriched it",
        "Add what is known of it.",
    ):
        assert said in text
    assert text.count('method="post"') == text.count('name="csrf_token"')
    assert 'aria-current="step"' in text


def test_who_may_only_look_has_no_form(pen: Site) -> None:
    text = page(pen, f"/{begin('asking')}")
    assert "Is it good?" in text and 'method="post"' not in text


def test_every_status_has_a_page(pen: Site) -> None:
    pen.register("failing", fail)
    pen.register("split", PARALLEL(ask, [enrich]), publish)
    pen.register("waiting", lambda obj, eng: eng.wait("A pause", seconds=3600))
    pen.register("choosing", IF(lambda obj, eng: True, [enrich]), publish)
    for name in ("failing", "split", "waiting", "choosing"):
        oid = begin(name)
        for person in ("viewer", "admin"):
            page(pen, f"/{oid}", person)
    for obj in WorkflowObject.query.all():  # snapshots and branches too
        for tail in ("", "/changes", "/fields", "/data.json"):
            page(pen, f"/{obj.id}{tail}", "admin")


def test_an_error_says_its_last_line_first_and_who_failed_alike(pen: Site) -> None:
    pen.register("failing", fail)
    begin("failing", {"n": 1})
    begin("failing", {"n": 2})
    oid = begin("failing", {"n": 3})
    text = page(pen, f"/{oid}", "curator")
    assert "ConnectionError: The source answers 503" in text
    assert text.index("answers 503") < text.index("Traceback (most recent")
    assert "2 other records failed alike" in text and "newest" not in text
    first = re.search(r'hp-main-button"[^>]*>([^<]+)<', text[text.index("hp-asks") :])
    assert first and first.group(1) == "Run this task again"


def test_of_very_many_failures_the_newest_are_looked_at_and_it_says_so(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invenio_workflows.store.relations.MOST_FAILED", 3)
    monkeypatch.setattr("invenio_workflows.holdingpen.record.MOST_FAILED", 3)
    pen.register("failing", fail)
    for n in range(5):
        oid = begin("failing", {"n": n})
    text = page(pen, f"/{oid}", "curator")
    assert "2 other records failed alike (of the newest 3 failures)" in texts(text)


def test_what_changed_is_told_field_by_field(pen: Site) -> None:
    oid = begin("asking", {"title": "On Rain", "year": 1900})
    edit(oid, {"title": "On Snow", "year": 1900, "enriched": True}, "ann")
    text = page(pen, f"/{oid}/changes")
    rows = re.findall(r'<tr class="hp-change-(\w+)">\s*<th.*?<bdi>(\w+)</bdi>', text)
    assert rows == [("changed", "title"), ("added", "enriched")]
    events = {e.kind: e.seq for e in WorkflowObject.get(oid).history()}
    text = page(pen, f"/{oid}/changes?event={events['Edited']}")
    assert "On Snow" in text and "enriched" not in text
    page(pen, f"/{oid}/changes?event=4711", code=404)
    assert "No field differs" in page(pen, f"/{oid}/changes?event={events['Halted']}")
    for tail in ("event=x", "from=99999999999", "to=-1", "from=0"):
        page(pen, f"/{oid}/changes?{tail}")


def test_each_field_says_who_set_it_last(pen: Site) -> None:
    oid = begin("asking", {"title": "On Rain", "year": 1900})
    edit(oid, {"title": "On Snow", "year": 1900, "enriched": True}, "ann")
    text = page(pen, f"/{oid}/fields")
    rows = re.findall(
        r"<tr><th.*?<bdi>(\w+)</bdi>.*?<td>(?!<bdi)(.*?)</td>", text, re.S
    )
    told = {name: re.sub(r"<[^>]+>", " ", by).split()[0] for name, by in rows}
    assert told == {"title": "ann", "enriched": "enrich", "year": "as"}


def test_beyond_the_newest_changes_it_says_since_when(
    pen: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    oid = begin("asking", {"title": "A", "n": 0, "old": 1})
    for n in range(1, 6):
        edit(oid, {"title": "A", "n": n, "old": 1}, "ann")
    found = current_workflows.records.data_changes(oid, 3)
    assert [c.data["n"] for c in found.changes] == [3, 4, 5]
    assert found.before["n"] == 2 and not found.complete
    whole = current_workflows.records.data_changes(oid)
    assert whole.complete and whole.before == {"title": "A", "n": 0, "old": 1}
    monkeypatch.setattr("invenio_workflows.store.record_queries.MOST_LETTERS", 60)
    text = page(pen, f"/{oid}/fields")
    assert "unchanged since at least" in text


def test_results_are_shown_all_and_by_templates_of_ours_only(pen: Site) -> None:
    def report(obj: Any, eng: Any) -> None:
        obj.add_task_result("score", {"points": 1})
        obj.add_task_result("score", {"points": 2})
        obj.add_task_result(
            "table",
            {"columns": ["a"], "rows": [["cell-1"]]},
            "workflows/results/table.html",
        )
        obj.add_task_result(
            "list", [{"a": 1, "b": HOSTILE}], "workflows/results/table.html"
        )
        files = {
            "files": [{"name": HOSTILE, "size": 2048, "url": "javascript:alert(1)"}]
        }
        obj.add_task_result("files", files, "workflows/results/files.html")
        matches = {"matches": [{"id": 1, "title": "M", "url": "https://example.org/"}]}
        obj.add_task_result("matches", matches, "workflows/results/matches.html")
        pair = {"before": {"x": 1}, "after": {"x": 2}}
        obj.add_task_result("pair", pair, "workflows/results/difference.html")
        for name in (
            "workflows/results/../holdingpen/base.html",
            "../../etc/passwd",
            "/etc/passwd",
            "workflows/holdingpen/base.html",
            "workflows/results/none.html",
            "workflows/results/\n.html",
            7,
        ):
            obj.add_task_result("outside", {"kept": "shown anyway"}, name)
        obj.add_task_result("odd", {"url_for": 1, "_": 2, "tree_of_value": 3})
        obj.update_task_results("own", ["plain"])

    pen.register("reporting", report, ask)
    text = page(pen, f"/{begin('reporting')}")
    assert text.count(">points</bdi>") == 2
    assert text.count("shown anyway") == 7 and "cannot be shown" not in text
    assert "cell-1" in text and "https://example.org/" in text and "2.0 kB" in text
    safe(text)


def safe(text: str) -> None:
    """Nothing of a stranger's text is more than text."""
    assert "<script>alert" not in text and "<img src=x" not in text
    assert 'href="javascript:' not in text
    text = re.sub(r'(value="[^"]*")|(<textarea.*?</textarea>)', "", text, flags=re.S)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)


def test_strange_texts_stay_texts_everywhere(pen: Site) -> None:
    def strange(obj: Any, eng: Any) -> None:
        obj.log.error(HOSTILE)
        obj.add_task_result(HOSTILE, HOSTILE)
        eng.halt(HOSTILE, action="approval", reasons=[HOSTILE])

    def throw(obj: Any, eng: Any) -> None:
        raise ValueError(HOSTILE)

    data = {"title": HOSTILE, HOSTILE: {"in": [HOSTILE, "javascript:alert(1)"]}}
    pen.register("strange", strange, throw, get_title=staticmethod(title))
    oid = begin("strange", data)
    comment(oid, HOSTILE, HOSTILE)
    for tail in ("", "/changes", "/fields", "/edit", "/remove", "?of=<script>alert(1)"):
        safe(page(pen, f"/{oid}{tail}", "admin"))
    resolve(oid, None, {"value": "reject", "reason": HOSTILE}, HOSTILE)
    safe(page(pen, f"/{oid}", "admin"))


def test_a_megabyte_of_text_is_cut(pen: Site) -> None:
    long = "x" * 1_000_000
    oid = begin(
        "asking", {"title": long, "list": list(range(20_000)), "deep": deep(60)}
    )
    text = page(pen, f"/{oid}")
    assert len(text) < 1_500_000 and "and 998,000 letters" in text.replace(
        "998000", "998,000"
    )
    assert "and" in text and "more" in text
    page(pen, f"/{oid}/fields")
    page(pen, f"/{oid}/changes")
    assert "in a page at most 300,000 are edited" in page(pen, f"/{oid}/edit", "admin")


def deep(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = {"in": [value]}
    return value


def test_hidden_fields_are_for_those_who_edit(pen: Site) -> None:
    def formatter(obj: Any, of: str) -> str:
        return repr(obj.data)

    pen.register(
        "private",
        enrich,
        ask,
        hidden_fields=["contact.mail", "key"],
        formatter=staticmethod(formatter),
    )
    secret = {"contact": {"mail": "SECRET", "name": "open"}, "key": "SECRET"}
    oid = begin("private", secret)
    edit(oid, {**secret, "key": "SECRET2", "enriched": True}, "ann")
    seq = WorkflowObject.get(oid).revision
    for tail in ("", "/changes", "/fields", "/data.json", f"/changes?event={seq}"):
        assert (
            "SECRET" in page(pen, f"/{oid}{tail}", "editor") or not tail[1:6] != "chan"
        )
        text = page(pen, f"/{oid}{tail}")
        assert "SECRET" not in text and '"key"' not in text, tail
    assert "open" in page(pen, f"/{oid}/fields")
    page(pen, f"/{oid}/edit", "viewer", 403)


def test_a_definition_that_is_gone_hides_everything(pen: Site) -> None:
    oid = begin("asking", {"title": "SECRET"})
    state = pen.app.extensions["invenio-workflows"]
    del state.workflows._things["asking"]
    for tail in ("", "/changes", "/fields", "/data.json"):
        assert "SECRET" not in page(pen, f"/{oid}{tail}")
        page(pen, f"/{oid}{tail}", "editor")
    assert "not registered any more" in page(pen, f"/{oid}", "editor")


def test_only_markup_is_html(pen: Site) -> None:
    made: dict[str, Any] = {"title": "<b>t</b>", "body": "<i>b</i>"}
    pen.register(
        "showing",
        ask,
        get_title=staticmethod(lambda obj: made["title"]),
        formatter=staticmethod(lambda obj, of: made["body"]),
    )
    oid = begin("showing")
    text = page(pen, f"/{oid}")
    assert "<b>t" not in text and "<i>b" not in text
    made.update(title=Markup("<b>t</b>"), body=Markup("<i>b</i>"))
    text = page(pen, f"/{oid}")
    assert "<b>t</b>" in text and "<i>b</i>" in text
    made.update(body={"key": ["in a tree"]})
    assert "in a tree" in page(pen, f"/{oid}")


def test_hooks_that_fail_break_no_page(pen: Site) -> None:
    def breaks(obj: Any, **kwargs: Any) -> Any:
        raise KeyError("no")

    hooks = dict.fromkeys(
        ("get_title", "get_description", "formatter"), staticmethod(breaks)
    )
    pen.register("broken", ask, **hooks)
    oid = begin("broken")
    text = page(pen, f"/{oid}")
    assert f"Record {oid}" in text and "the formatter failed" in text


def test_the_timeline_has_pages_and_levels(pen: Site, monkeypatch: Any) -> None:
    def loud(obj: Any, eng: Any) -> None:
        for n in range(25):
            obj.log.info("line %s", n)
        obj.log.warning("beware")

    monkeypatch.setattr("invenio_workflows.holdingpen.timeline.SIZE", 10)
    pen.register("loud", loud, ask)
    oid = begin("loud")
    comment(oid, "Look here", "ann")
    seen: list[str] = []
    path: str | None = f"/{oid}"
    while path is not None:
        text = page(pen, path)
        seen += re.findall(r'<li id="([ecl]\d+)"', text)
        more = re.search(r'href="(\?before=[^"]+)#timeline"', text)
        path = f"/{oid}{more.group(1)}".replace("&amp;", "&") if more else None
        assert len(seen) < 100
    assert len(seen) == len(set(seen))
    logs = [each for each in seen if each[0] == "l"]
    assert len(logs) == 26 and len([each for each in seen if each[0] == "c"]) == 1
    assert {f"e{e.seq}" for e in WorkflowObject.get(oid).history()} <= set(seen)
    text = page(pen, f"/{oid}?level=warning")
    assert "beware" in text and "line 3" not in text and "Look here" in text
    for tail in ("level=odd", "before=yesterday", "before=0001-01-01T00:00:00"):
        page(pen, f"/{oid}?{tail}")


def test_what_a_running_one_was_asked_is_told(pen: Site) -> None:
    def asked_of(obj: Any, eng: Any) -> None:
        current_workflows.audit.comment(
            WorkflowObject.get(obj.id), decision("cancel", "bob", reason="Enough")
        )

    pen.register("long", asked_of, ask)
    oid = begin("long")
    text = page(pen, f"/{oid}")
    assert "asked to cancel it" in text and "Enough" in text
    cancel(oid, "ann", reason="No")
    text = page(pen, f"/{oid}")
    assert text.count("asked to cancel it") == 1 and "was cancelled" in text


def test_a_page_takes_a_fixed_number_of_statements(pen: Site) -> None:
    start("asking", [{"title": f"No {n}"} for n in range(30)])
    pen.register("failing", fail)
    statements: list[str] = []

    def listen(connection: Any, cursor: Any, text: str, *more: Any) -> None:
        statements.append(text)

    for oid in (begin("failing"), begin("asking")):
        comment(oid, "Look", "ann")
        for person, most in (("editor", 19), ("admin", 20)):  # the audit is one more
            statements.clear()
            event.listen(pen.ext.engine, "before_cursor_execute", listen)
            page(pen, f"/{oid}", person)
            event.remove(pen.ext.engine, "before_cursor_execute", listen)
            assert len([each for each in statements if "SELECT" in each]) <= most


def test_what_is_repeated_is_folded(pen: Site) -> None:
    def again(obj: Any, eng: Any) -> None:
        for _ in range(5):
            obj.log.info("the same")

    pen.register("again", again, ask)
    text = page(pen, f"/{begin('again')}")
    assert "and 4 times more before" in text


def test_the_drawing_says_done_here_and_not_reached(pen: Site) -> None:
    pen.register("drawn", enrich, IF(lambda obj, eng: True, [ask]), publish)
    text = page(pen, f"/{begin('drawn')}")
    states = re.findall(r'hp-place-(\w+)( hp-pattern)?"', text)
    assert states == [
        ("done", ""),
        ("here", " hp-pattern"),
        ("here", ""),
        ("ahead", ""),
    ]
    assert "enrich: done" in text and "publish: not reached" in text


def test_branches_are_drawn_where_each_stands(pen: Site) -> None:
    pen.register("split", PARALLEL([enrich, ask], [enrich]), publish)
    text = page(pen, f"/{begin('split')}")
    states = re.findall(r'hp-place-(\w+)"', text)
    assert states == ["done", "here", "done", "ahead"]
    assert "branch 0" in text and "Branches" in text


def test_previous_and_next_walk_the_list_as_it_was(pen: Site) -> None:
    start("asking", [{"title": f"No {n}"} for n in range(5)])
    ids = [o.id for o in WorkflowObject.query.filter_by(status=2).order_by("id")]
    browser = Browser(pen.app, "curator")
    answer = browser.get(f"/{ids[2]}?sort=oldest")
    assert answer.status_code == 303
    to = answer.location.split("holdingpen")[1]
    assert re.fullmatch(rf"/{ids[2]}\?walk=[\w-]+", to)
    text = page(pen, to, "curator")
    assert "3 of 5" in text and f'rel="next" href="/admin/holdingpen/{ids[3]}?' in text
    assert f'rel="prev" href="/admin/holdingpen/{ids[1]}?' in text
    assert "/admin/holdingpen/?sort=oldest" in text
    start("asking", [{"title": "New"}])
    WorkflowObject.get(ids[3]).delete()
    text = page(pen, to, "curator")
    assert "3 of 5" in text and f'rel="next" href="/admin/holdingpen/{ids[4]}?' in text
    assert "of 5" not in page(pen, f"/{ids[2]}?walk=unknown", "curator")


def test_a_walk_of_somebody_else_tells_nothing_of_what_one_may_not_see(
    pen: Site,
) -> None:
    """Neither that there is a record, nor how many, nor what it is called."""
    pen.register("another", ask, get_title=staticmethod(title))
    ids = []
    for n, workflow in enumerate(("asking", "another", "asking", "another", "asking")):
        start(workflow, {"title": f"No {n} of {workflow}"})
        ids.append(WorkflowObject.query.filter_by(status=2).order_by("-id").first().id)
    answer = Browser(pen.app, "admin").get(f"/{ids[1]}?sort=oldest")
    to = answer.location.split("holdingpen")[1]
    assert "2 of 5" in page(pen, to, "admin")
    walk = to.partition("?")[2]
    theirs = page(pen, to, "stranger")
    assert "1 of 2" in theirs and "of asking" not in theirs
    shown = set(map(int, re.findall(r"holdingpen/(\d+)", theirs)))
    assert {ids[1], ids[3]} <= shown and not shown & {ids[0], ids[2], ids[4]}
    assert 'rel="prev"' not in theirs
    assert "2 of 2" in page(pen, f"/{ids[3]}?{walk}", "stranger")
    for oid in (ids[0], ids[2], 999_999):
        page(pen, f"/{oid}?{walk}", "stranger", 404)
    sent = Browser(pen.app, "stranger").send(
        f"/{ids[3]}/resolve", f"/{ids[3]}?{walk}", value="accept"
    )
    assert sent.status_code == 303 and "holdingpen/?" in sent.location, sent.location


def test_on_a_direct_link_they_go_through_the_usual_list(pen: Site) -> None:
    for n in range(3):
        begin("asking", {"title": f"No {n}"})
    ids = [o.id for o in WorkflowObject.query.filter_by(status=2).order_by("id")]
    text = page(pen, f"/{ids[1]}")
    assert f'rel="next" href="/admin/holdingpen/{ids[0]}"' in text
    assert f'rel="prev" href="/admin/holdingpen/{ids[2]}"' in text
    assert 'rel="prev"' not in page(pen, f"/{ids[2]}")


def test_the_list_beside_a_record_is_that_around_it(pen: Site) -> None:
    start("asking", [{"title": f"No {n}"} for n in range(60)])
    ids = [o.id for o in WorkflowObject.query.filter_by(status=2).order_by("-id")]
    for at, first in ((0, 0), (30, 18), (59, 35)):
        text = page(pen, f"/{ids[at]}")
        beside = text[text.index("hp-beside") : text.index("</nav>", 2000)]
        shown = re.findall(r'href="/admin/holdingpen/(\d+)"( aria-current)?', beside)
        assert [int(oid) for oid, _ in shown] == ids[first : first + 25]
        assert [int(oid) for oid, here in shown if here] == [ids[at]]
        step = re.search(r'rel="next" href="/admin/holdingpen/(\d+)"', text)
        assert (int(step[1]) if step else None) == (ids[at + 1] if at < 59 else None)
    done = begin("asking")
    cancel(done, "ann")
    text = page(pen, f"/{done}")
    assert f'href="/admin/holdingpen/{ids[0]}"' in text
    assert 'aria-current="page"' not in text


def test_no_page_has_script_or_style_of_its_own(pen: Site) -> None:
    oid = begin("asking")
    for tail in ("", "/changes", "/fields", "/edit", "/remove"):
        text = page(pen, f"/{oid}{tail}", "admin")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", text)


def test_a_workflow_without_a_formatter_shows_the_fields_at_once(pen: Site) -> None:
    class Plain(WorkflowBase):
        workflow = [ask]

    pen.ext.register_workflow("plain", Plain)
    text = page(pen, f"/{begin('plain')}", "curator")
    data = text[text.index('id="data"') : text.index('id="timeline"')]
    assert "On Rain" in data
    assert "No data" not in data and "All fields" not in data

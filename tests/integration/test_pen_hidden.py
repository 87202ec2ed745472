"""Hidden fields: who may not edit is never told what they hold, whatever they ask."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import DictLoader
from people import PEOPLE, Browser, PenSite, texts

from invenio_workflows import edit, resolve, start
from invenio_workflows.actions import Resolution
from invenio_workflows.api import comment, delete

SECRET = "hush-hush"
PATHS = "/ /export.csv /export.jsonl /arrivals /audit /audit.jsonl".split()
HIDDEN = ("contact.email", "referees.*.name", "report", "_tasks_results.verdict")


def data_of(n: int) -> dict[str, Any]:
    return {
        "title": f"T{n}",
        "n": n,
        "contact": {"email": SECRET, "city": "Bern"},
        "referees": [{"name": SECRET, "grade": "good"}],
    }


def report(obj: Any, eng: Any) -> None:
    """Leave results: by a hidden name, and with what is hidden inside of them."""
    obj.data["report"] = SECRET
    try:
        int(SECRET)
    except ValueError:
        obj.log.exception("It has no number")
    obj.add_task_result("report", {"all": SECRET})
    obj.add_task_result("verdict", SECRET)
    obj.add_task_result("contact.email", SECRET)
    obj.add_task_result(
        "copy", {"of": [{"contact": {"email": SECRET, "city": "Bern"}}]}
    )
    pair = {"before": {"report": "was " + SECRET}, "after": {"report": SECRET, "n": 3}}
    obj.add_task_result("pair", pair, "workflows/results/difference.html")


def decide(obj: Any, eng: Any) -> None:
    if obj.data.get("fails"):
        raise ValueError(f"{SECRET} is no address")
    eng.halt("Which?", action="mail", contact={"email": SECRET, "city": "Rome"})


class Mail:
    """An action that shows what the halt gave along, and all that it is given."""

    name, title = "mail", "Mail"

    def render_mini(self, obj: Any) -> Any:
        return "mail.html", {"said": repr((obj.data, obj.extra_data))}

    def render(self, obj: Any) -> Any:
        return {"side": ("mail.html", {"said": repr((obj.data, obj.extra_data))})}

    def resolve(self, obj: Any, form: Any, actor: Any) -> Any:
        return Resolution("sent", start_point=None)


def everything(obj: Any, **_: Any) -> str:
    return repr((obj.data, obj.extra_data))


@pytest.fixture
def pen(ready_url: str, tmp_path: Any) -> Iterator[PenSite]:
    site = PenSite(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.app.jinja_loader = DictLoader({"mail.html": "{{ said }}"})
    site.ext.register_action("mail", Mail())
    site.register("other", decide)
    hooks = "get_title get_description get_search_text get_additional formatter".split()
    site.register(
        *("review", report, decide),
        hidden_fields=HIDDEN,
        get_sort_data=lambda obj: {"contact": everything(obj)},
        **dict.fromkeys(hooks, everything),
    )
    yield site
    site.close()


def put(pen: PenSite, data: Any) -> int:
    with pen.app.app_context():
        start("review", data, stop_on_error=False)
    found = "SELECT max(id) FROM workflows_object WHERE id_parent IS NULL"
    return int(pen.value(found))


def asked(browser: Browser, oid: int) -> Iterator[tuple[str, str]]:
    """Every page, file and answer that is to be had about a record."""
    tails = ["", "/data.json", "/changes", "/fields", "/changes?event=1"]
    tails += [f"/changes?event={n}" for n in range(2, 7)] + ["/changes?from=1&to=3"]
    tails += ["/remove", "/edit", "/resolve", "?of=hd", "?level=error", "?before=9.9.9"]
    for tail in tails:
        yield tail, browser.get(f"/{oid}{tail}").text
    for path in PATHS:
        yield path, browser.get(f"{path}?group=all&sort=contact").text


def test_nobody_but_an_editor_reads_what_is_hidden(pen: PenSite) -> None:
    halted, failed = put(pen, data_of(1)), put(pen, data_of(2) | {"fails": True})
    snapshot = pen.value(f"SELECT id FROM workflows_object WHERE id_parent = {halted}")
    with pen.app.app_context():
        edit(halted, data_of(3) | {"report": SECRET + " anew"}, "ann")
        edit(halted, data_of(4) | {"report": SECRET + " again"}, "ann")
    for oid in (halted, failed, snapshot):
        for name in ("viewer", "curator", "remover"):
            for path, text in asked(pen.browser(name), oid):
                assert SECRET not in text, (oid, name, path)
    seen = dict(asked(pen.browser("editor"), halted))
    for path in ("", "/data.json", "/changes", "/fields", "/export.jsonl", "/"):
        assert SECRET in seen[path], path


def test_what_is_not_hidden_is_there(pen: PenSite) -> None:
    text = pen.browser("viewer").get(f"/{put(pen, data_of(1))}").text
    assert "Bern" in text and "good" in text and "<bdi>copy</bdi>" in text
    assert "<h3><bdi>report</bdi>" not in text and "<bdi>verdict</bdi>" not in text
    assert "<bdi>contact.email</bdi>" not in text
    assert "It has no number" in text and "Traceback" not in text
    assert "Rome" in pen.browser("curator").get("/").text


def test_an_error_is_told_by_its_kind(pen: PenSite) -> None:
    oid = put(pen, data_of(1) | {"fails": True})
    for name, all_of_it in (("viewer", False), ("curator", False), ("editor", True)):
        for path in (f"/{oid}", "/?group=failed", "/export.csv?group=failed"):
            text = pen.browser(name).get(path).text
            assert "ValueError" in text, (name, path)
            assert (f"{SECRET} is no address" in text) is all_of_it, (name, path)
        assert ("Traceback" in pen.browser(name).get(f"/{oid}").text) is all_of_it


def test_a_refusal_tells_only_what_may_be_seen(pen: PenSite) -> None:
    oid = put(pen, data_of(1))
    seen = pen.value(f"SELECT seq FROM workflows_object WHERE id = {oid}")
    with pen.app.app_context():
        edit(oid, data_of(2) | {"report": SECRET + " anew"}, "ann")
    form = {"_revision": str(seen), "value": "accept"}
    for name, verb, told in (
        ("curator", "resolve", False),
        ("editor", "resolve", True),
        ("remover", "delete", False),
        ("remover", "cancel", False),
        ("remover", "restart", False),
    ):
        for accept in ("text/html", "application/json"):
            headers = {"Accept": accept}
            answer = pen.browser(name).post(f"/{oid}/{verb}", form, headers=headers)
            assert answer.status_code == 409
            assert (SECRET in answer.text) is told, (name, accept)
            assert "T2" in answer.text


def test_nothing_that_is_hidden_can_be_searched_for(pen: PenSite) -> None:
    put(pen, data_of(1))
    put(pen, data_of(2) | {"fails": True})
    for table in ("workflows_text", "workflows_sort"):
        kept = repr(pen.rows(f"SELECT * FROM {table}")).replace(" ", "")
        assert "hush" not in kept
    for name in ("viewer", "editor"):
        page = pen.browser(name).get(f"/?group=all&q={SECRET}")
        assert "Nothing matches" in page.text


def test_of_a_workflow_that_is_gone_nothing_made_of_the_data_is_told(
    pen: PenSite,
) -> None:
    oid = put(pen, data_of(1) | {"fails": True})
    del pen.ext.state.workflows._things["review"]
    for path, text in asked(pen.browser("viewer"), oid):
        assert SECRET not in text and "Bern" not in text, path
    assert SECRET in pen.browser("editor").get(f"/{oid}").text


def test_what_people_decided_is_for_those_who_administer(pen: PenSite) -> None:
    oid = put(pen, data_of(1))
    with pen.app.app_context():
        resolve(oid, "mail", {"contact": {"email": SECRET}}, actor="ann")
    for name in ("viewer", "curator", "editor", "nobody"):
        assert pen.browser(name).get("/audit.jsonl").status_code == 403
    answer = pen.browser("stranger").get("/audit.jsonl")  # of the workflow `other`
    assert (answer.status_code, answer.text) == (200, "")
    (line,) = pen.browser("admin").get("/audit.jsonl").text.splitlines()
    found = json.loads(line)
    assert (found["object"], found["actor"], found["verb"]) == (oid, "ann", "resolve")
    assert SECRET in line
    for query, there in (
        (f"object={oid}", True),
        (f"object={oid + 1}", False),
        ("workflow=other", False),
        ("actor=ann&workflow=review", True),
    ):
        assert bool(pen.browser("admin").get(f"/audit.jsonl?{query}").text) is there
    for query in ("object=x", f"object={2**63}", "object=²", "actor=%00", "before=x"):
        for path in ("/audit", "/audit.jsonl"):
            answer = pen.browser("admin").get(f"{path}?{query}")
            assert answer.status_code == 400, query


def test_the_audit_is_read_by_those_who_administer_that_workflow(pen: PenSite) -> None:
    oid = put(pen, data_of(1))
    with pen.app.app_context():
        start("other", {})
        form = {"contact": {"email": SECRET, "city": "Oslo"}}
        resolve(oid, "mail", form, actor="ann")
        comment(oid, "<b>Hm</b>\u202e", "bob")
        delete(oid, "ann", reason="A copy")
    for name in ("viewer", "curator", "editor", "nobody"):
        assert pen.browser(name).get("/audit").status_code == 403
        assert "holdingpen/audit" not in pen.browser(name).get("/").text
    admin, stranger = pen.browser("admin"), pen.browser("stranger")
    theirs = stranger.get("/audit").text  # who administers `other`
    assert "No decision matches." in theirs
    for browser in (admin, stranger):
        assert 'href="/admin/holdingpen/audit"' in browser.get("/").text
    text = admin.get("/audit").text
    for said in ("ann", "bob", "deleted it", "commented", "A copy", "Oslo", SECRET):
        assert said in text, said
    assert text.index("deleted it") < text.index("commented") < text.index("mail: sent")
    assert "&lt;b&gt;Hm" in text and "<b>Hm" not in text and "\u202e" not in text
    assert f'href="/admin/holdingpen/audit.jsonl?object={oid}&amp;actor=ann"' in (
        admin.get(f"/audit?object={oid}&actor=ann").text
    )
    for query, there in (
        (f"object={oid}", True),
        (f"object={oid + 1}", False),
        ("workflow=other", False),
        ("actor=ann&workflow=review", True),
        ("before=1", False),
    ):
        assert ("deleted it" in admin.get(f"/audit?{query}").text) is there, query


def test_who_administers_but_may_not_edit_does_not_read_what_is_hidden(
    pen: PenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    rights = {"view": "review", "admin": "review"}
    monkeypatch.setitem(PEOPLE, "viewer", (2, rights))
    oid = put(pen, data_of(1))
    with pen.app.app_context():
        resolve(
            oid, "mail", {"contact": {"email": SECRET, "city": "Oslo"}}, actor="ann"
        )
    for path in ("/audit", "/audit.jsonl", f"/{oid}"):
        text = pen.browser("viewer").get(path).text
        assert "Oslo" in text and SECRET not in text, path
    del pen.ext.state.workflows._things["review"]
    for path in ("/audit", "/audit.jsonl"):
        assert "Oslo" not in pen.browser("viewer").get(path).text


def test_of_many_decisions_some_are_on_a_page(
    pen: PenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invenio_workflows.holdingpen.auditing.SIZE", 3)
    oid = put(pen, data_of(1))
    with pen.app.app_context():
        for n in range(7):
            comment(oid, f"Comment {n}", "ann" if n else "bob")
    admin = pen.browser("admin")

    def pages(query: str) -> list[list[str]]:
        found, path = [], f"/audit{query}"
        while path:
            text = admin.get(path).text
            found.append(re.findall(r"<bdi>Comment (\d)</bdi>", text))
            further = r'holdingpen(/audit[^"]*before=[^"]*)"[^>]*>(?:Earlier|Search)'
            older = re.search(further, text)
            path = html.unescape(older[1]) if older else ""
        return found

    assert pages("") == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    monkeypatch.setattr("invenio_workflows.store.audit._LOOKED_AT", 4)
    assert pages("?actor=bob") == [[], ["0"]], "those of others are looked at in turn"
    assert pages("?actor=nobody") == [[], []]
    assert pages(f"?object={oid}&actor=bob") == [["0"]]


def test_the_page_of_a_record_has_its_audit_for_those_who_administer(
    pen: PenSite,
) -> None:
    oid = put(pen, data_of(1))
    assert (
        "Nobody decided anything about it yet."
        in pen.browser("admin").get(f"/{oid}").text
    )
    with pen.app.app_context():
        edit(oid, data_of(4), "ann", reason="A typo", origin="cli")
    text = texts(pen.browser("admin").get(f"/{oid}").text)
    audit = text[text.index(" Audit ") :]
    assert "ann edited the data revision" in audit and "· command" in audit
    assert "A typo" in audit and "title" in audit
    for name in ("viewer", "editor", "curator"):
        assert 'id="audit"' not in pen.browser(name).get(f"/{oid}").text

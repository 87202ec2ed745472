"""Deciding in the pages: by POST, on the revision that was seen, by who may."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from curators import PEN, PEOPLE, Browser, admit
from sites import Site

from invenio_workflows import WorkflowObject
from invenio_workflows.actions import Action, Approval, Resolution
from invenio_workflows.api import comment, delete, edit, resolve, start
from invenio_workflows.proxies import current_workflows

#: Every changing route of a record, and what one must be permitted.
ROUTES = {
    "resolve": "decide",
    "comment": "decide",
    "continue": "restart",
    "restart_task": "restart",
    "restart_from": "restart",
    "restart": "restart",
    "restart_alike": "restart",
    "cancel": "restart",
    "save": "edit",
    "delete": "delete",
}
PAGES = {"": "view", "/changes": "view", "/fields": "view", "/data.json": "view"}
PAGES |= {"/edit": "edit", "/remove": "delete"}


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
    site.register("asking", ask, publish, hidden_fields=["key"])
    site.register("failing", fail, publish)
    return site


def halted(**data: Any) -> int:
    oid: int = start("asking", [data or {"title": "A"}]).halted_objects[0].id
    return oid


def failed() -> int:
    start("failing", [{"title": "A"}], stop_on_error=False)
    oid: int = WorkflowObject.query.filter_by(status=5).order_by("-id").first().id
    return oid


def state(oid: int) -> tuple[str, str | None]:
    obj = WorkflowObject.get(oid)
    return obj.status.name, obj.waits_for


def audit() -> list[Any]:
    return list(current_workflows.audit.all())


def test_a_decision_queues_the_record_and_leads_to_the_next(pen: Site) -> None:
    first, second = halted(), halted()
    seen = WorkflowObject.get(second).revision
    browser = Browser(pen.app, "curator")
    answer = browser.send(f"/{second}/resolve", value="accept", reason="It is fine.")
    assert answer.status_code == 303
    assert answer.location == f"{PEN}/{first}"
    assert state(second) == ("WAITING", "queue")
    (row,) = audit()
    assert (row.actor, row.origin, row.value) == ("curator", "page", "accept")
    assert (row.reason, row.revision) == ("It is fine.", seen)
    text = browser.get(f"/{first}").get_data(as_text=True)
    assert f"Record {second} is decided." in text
    answer = browser.send(f"/{first}/resolve", value="reject")
    assert answer.location == f"{PEN}/"
    assert "Queued" in browser.get(f"/{first}").get_data(as_text=True)


def test_it_goes_on_through_the_walk(pen: Site) -> None:
    ids = [halted() for _ in range(3)]
    browser = Browser(pen.app, "curator")
    to = browser.get(f"/{ids[0]}?sort=oldest").location.removeprefix(PEN)
    answer = browser.send(f"/{ids[0]}/resolve", page=to, value="accept")
    walk = to.split("?")[1]
    assert answer.location == f"{PEN}/{ids[1]}?{walk}"
    to = f"/{ids[2]}?{walk}"
    answer = browser.send(f"/{ids[2]}/resolve", page=to, value="accept")
    assert answer.location == f"{PEN}/?sort=oldest"


def test_from_a_row_it_goes_back_to_that_list_and_nowhere_else(pen: Site) -> None:
    browser = Browser(pen.app, "curator")
    for back, to in (
        (f"{PEN}/?sort=oldest&page=2", f"{PEN}/?sort=oldest&page=2"),
        ("https://evil.example/?x=1", f"{PEN}/?x=1"),
        ("//evil.example/", f"{PEN}/"),
        ("javascript:alert(1)", f"{PEN}/"),
        ("?a=\r\nSet-Cookie: x=1", f"{PEN}/?a=Set-Cookie:%20x=1"),
        ("http://[", f"{PEN}/"),
        ("?" + "a" * 10_000, f"{PEN}/"),
    ):
        oid = halted()
        answer = browser.send(f"/{oid}/resolve", value="accept", _back=back)
        assert (answer.status_code, answer.location) == (303, to), back
        assert "Set-Cookie" not in answer.headers.get("x", "")


@pytest.mark.parametrize(
    ("verb", "start_point"),
    [
        ("continue", "continue_next"),
        ("restart_task", "restart_task"),
        ("restart", "restart_first"),
        ("restart_from", "task:publish"),
    ],
)
def test_who_restarts_sends_it_to_the_worker(
    pen: Site, verb: str, start_point: str
) -> None:
    oid = failed()
    browser = Browser(pen.app, "curator")
    answer = browser.send(f"/{oid}/{verb}", task="publish", reason="Once more")
    assert answer.status_code == 303 and state(oid) == ("WAITING", "queue")
    (row,) = audit()
    assert (row.verb, row.action, row.reason) == ("continue", start_point, "Once more")


def test_a_task_that_there_is_not_is_said(pen: Site) -> None:
    oid = failed()
    for task in ("nothing", "", "x" * 1000):
        answer = Browser(pen.app, "curator").send(f"/{oid}/restart_from", task=task)
        assert answer.status_code == 422 and state(oid) == ("ERROR", None)


def test_all_that_failed_alike_run_again(pen: Site) -> None:
    ids = [failed() for _ in range(3)]
    answer = Browser(pen.app, "curator").send(f"/{ids[0]}/restart_alike")
    assert answer.status_code == 303
    assert [state(oid)[0] for oid in ids] == ["ERROR", "WAITING", "WAITING"]
    assert len(audit()) == 2


def test_cancel_comment_and_delete(pen: Site) -> None:
    oid = halted()
    browser = Browser(pen.app, "admin")
    assert browser.send(f"/{oid}/comment", text=" Look! ").status_code == 303
    assert browser.send(f"/{oid}/comment", text=" ").status_code == 422
    assert "Look!" in browser.get(f"/{oid}").get_data(as_text=True)
    assert browser.send(f"/{oid}/cancel").status_code == 303
    assert state(oid)[0] == "CANCELLED"
    answer = browser.send(f"/{oid}/delete", page=f"/{oid}/remove", reason="A copy")
    assert answer.status_code == 303 and browser.get(f"/{oid}").status_code == 404
    told = [(row.verb, row.actor, row.reason) for row in audit()]
    assert told == [
        ("comment", "admin", "Look!"),
        ("cancel", "admin", None),
        ("delete", "admin", "A copy"),
    ]


# --- editing --------------------------------------------------------------------------


def test_what_an_edit_changes_is_shown_before_it_is_kept(pen: Site) -> None:
    oid = halted(title="A", n=1)
    browser = Browser(pen.app, "editor")
    form = {"page": f"/{oid}/edit", "data": '{"title": "B", "n": 1}'}
    answer = browser.send(f"/{oid}/save", **form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "This is what you change" in text
    assert re.findall(r"<(?:del|ins)><bdi>(\w+)", text) == ["A", "B"]
    assert WorkflowObject.get(oid).data["title"] == "A" and audit() == []
    answer = browser.send(f"/{oid}/save", **form, confirm="1", reason="typo")
    assert answer.status_code == 303
    assert WorkflowObject.get(oid).data == {"title": "B", "n": 1}
    (row,) = audit()
    assert (row.verb, row.form, row.reason) == ("edit", {"changed": ["title"]}, "typo")
    assert state(oid) == ("HALTED", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": NaN}',
        "[" * 5000 + "]" * 5000,
        '{"$datetime": "never"}',
        '{"$decimal": "x"}',
        '{"$tuple": 7}',
        '{"a": 1e999}',
        "x" * 400_000,
    ],
)
def test_what_is_no_data_stays_in_the_form(pen: Site, text: str) -> None:
    oid = halted()
    browser = Browser(pen.app, "editor")
    for confirm in (None, "1"):
        answer = browser.send(
            f"/{oid}/save", page=f"/{oid}/edit", data=text, confirm=confirm
        )
        assert answer.status_code == 422, answer.get_data(as_text=True)[-900:]
    assert WorkflowObject.get(oid).data == {"title": "A"}


def test_the_definition_checks_what_is_edited(pen: Site) -> None:
    def validate(obj: Any, data: Any) -> None:
        if not data.get("title"):
            raise ValueError("A title is <b>missing</b>.")

    pen.register("checked", ask, validate=staticmethod(validate))
    oid = start("checked", [{"title": "A"}]).halted_objects[0].id
    answer = Browser(pen.app, "editor").send(
        f"/{oid}/save", page=f"/{oid}/edit", data="{}"
    )
    assert answer.status_code == 422
    assert "A title is &lt;b&gt;missing" in answer.get_data(as_text=True)


# --- what changed meanwhile -----------------------------------------------------------


def seen_by(pen: Site, person: str, oid: int, page: str = "") -> dict[str, str]:
    text = Browser(pen.app, person).get(f"/{oid}{page}").get_data(as_text=True)
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))


@pytest.mark.parametrize("verb", ["resolve", "continue", "restart", "cancel", "delete"])
def test_on_what_changed_nothing_is_decided(pen: Site, verb: str) -> None:
    oid = halted(title="A", key="SECRET")
    browser = Browser(pen.app, "admin")
    old = {"_revision": str(WorkflowObject.get(oid).revision)}
    edit(oid, {"title": "B", "key": "SECRET"}, "ann")
    rows = len(audit())
    form = {**old, "value": "accept", "reason": "My long reason"}
    answer = browser.send(f"/{oid}/{verb}", **form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Meanwhile ann edited the data." in text
    assert re.findall(r"<(?:del|ins)><bdi>(\w+)", text) == ["A", "B"]
    assert "SECRET" not in text[: text.index("hp-asks")]
    assert state(oid) == ("HALTED", None) and len(audit()) == rows
    assert "My long reason" in text or verb != "resolve"
    # … and the decision is offered anew, on what is there now.
    now = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
    assert now["_revision"] == str(WorkflowObject.get(oid).revision)
    again = browser.send(f"/{oid}/{verb}", **{**form, **now})
    assert again.status_code == 303


def test_the_answer_to_a_program_says_the_same(pen: Site) -> None:
    oid = halted(title="A", key="SECRET")
    browser = Browser(pen.app, "curator")
    seen = WorkflowObject.get(oid).revision
    edit(oid, {"title": "B", "key": "SECRET2"}, "ann")
    asks = {"Accept": "application/json", "X-CSRFToken": browser.token(f"/{oid}")}
    form = {"value": "accept", "_action": "approval"}
    answer = browser.post(f"/{oid}/resolve", asks, **form, _revision=seen)
    told = answer.get_json()
    assert answer.status_code == 409 and told["by"] == "ann"
    change = {"field": "title", "kind": "changed", "before": "A", "after": "B"}
    assert told["changes"] == [change]  # not the hidden one
    assert told["revision"] == seen + 1 and told["group"] == "need_action"
    answer = browser.post(f"/{oid}/resolve", asks, **form, _revision=told["revision"])
    told = answer.get_json()
    assert answer.status_code == 200 and told["label"] == "Queued"
    assert told["group"] == "in_process" and told["next"] == f"{PEN}/"


def test_an_edit_of_what_changed_shows_both(pen: Site) -> None:
    oid = halted(title="A")
    browser = Browser(pen.app, "editor")
    form = seen_by(pen, "editor", oid, "/edit")
    edit(oid, {"title": "B"}, "ann")
    token = {"csrf_token": browser.token(f"/{oid}/edit")}
    answer = browser.post(
        f"/{oid}/save", **{**form, **token, "data": '{"title": "MINE"}', "confirm": "1"}
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "MINE" in text
    assert WorkflowObject.get(oid).data == {"title": "B"}


def test_of_two_curators_one_wins_and_the_other_is_told_by_whom(pen: Site) -> None:
    oid = halted()
    both, told = threading.Barrier(2), {}

    class Slow(Approval):
        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            both.wait(60)
            return super().resolve(obj, form, actor)

    pen.ext.register_action("approval", Slow, replace=True)

    def decide(person: str) -> None:
        answer = Browser(pen.app, person).send(f"/{oid}/resolve", value="accept")
        told[person] = (answer.status_code, answer.get_data(as_text=True))

    people = [threading.Thread(target=decide, args=(who,)) for who in ("ann", "bob")]
    for each in people:
        each.start()
    for each in people:
        each.join(60)
    assert sorted(code for code, _ in told.values()) == [303, 409]
    (winner,) = [who for who, (code, _) in told.items() if code == 303]
    (text,) = [text for code, text in told.values() if code == 409]
    assert f"Meanwhile {winner} accepted it." in text
    assert [row.actor for row in audit()] == [winner]


def test_what_was_written_to_a_question_that_is_gone_is_still_there(pen: Site) -> None:
    oid = halted()
    form = seen_by(pen, "curator", oid)
    resolve(oid, None, {"value": "accept"}, "ann", delayed=True)
    browser = Browser(pen.app, "curator")
    token = browser.token(f"/{oid}")
    form |= {"csrf_token": token, "_action": "approval", "value": "reject"}
    answer = browser.post(f"/{oid}/resolve", **form, reason="My long <reason>")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Meanwhile ann accepted it." in text
    assert "What you had typed" in text and "My long &lt;reason&gt;" in text
    assert "Nothing is asked of you" in text and "It halted" not in text
    assert "It asks nothing of you any more." in text and "decide anew" not in text
    typed = text[text.index("hp-typed") : text.index("</dl>")]
    assert "reject" not in typed and form["csrf_token"] not in typed


def test_what_the_status_does_not_allow_is_not_offered_and_a_409(pen: Site) -> None:
    oid = halted()
    browser = Browser(pen.app, "admin")
    resolve(oid, None, {"value": "accept"}, "ann", delayed=True)
    text = browser.get(f"/{oid}").get_data(as_text=True)
    offered = re.findall(rf'action="{PEN}/{oid}/(\w+)"', text)
    assert sorted(set(offered)) == ["cancel", "comment"]
    revision = WorkflowObject.get(oid).revision
    for verb in ("resolve", "continue", "restart", "restart_task", "delete"):
        answer = browser.send(f"/{oid}/{verb}", _revision=revision, value="accept")
        assert answer.status_code == 409, verb
        said = f"Record {oid} is “Queued”, so this is not possible."
        assert said in answer.get_data(as_text=True)
    for page in ("/edit", "/remove"):
        assert browser.get(f"/{oid}{page}").status_code == 409


def test_who_decides_on_what_is_deleted_is_told_by_whom(pen: Site) -> None:
    oid = halted()
    forms = {who: seen_by(pen, who, oid) for who in ("curator", "stranger")}
    delete(oid, "ann")
    for who, code in (("curator", 409), ("stranger", 404)):
        browser = Browser(pen.app, who)
        form = {**forms[who], "csrf_token": browser.token(), "value": "accept"}
        answer = browser.post(f"/{oid}/resolve", **form)
        assert answer.status_code == code
        told = f"ann deleted record {oid} meanwhile." in answer.get_data(as_text=True)
        assert told == (code == 409)


def test_another_question_is_not_answered(pen: Site) -> None:
    oid = halted()
    answer = Browser(pen.app, "curator").send(
        f"/{oid}/resolve", value="accept", _action="merge"
    )
    assert answer.status_code == 409 and state(oid) == ("HALTED", None)


def test_an_answer_that_is_none_is_said_and_kept_in_the_form(pen: Site) -> None:
    pen.ext.register_action("approval", Approval(needs_reason=["reject"]), replace=True)
    oid = halted()
    browser = Browser(pen.app, "curator")
    answer = browser.send(f"/{oid}/resolve", value="reject")
    assert answer.status_code == 422 and "Say why" in answer.get_data(as_text=True)
    answer = browser.send(f"/{oid}/resolve", value="what?", reason="Kept <b>")
    assert answer.status_code == 422
    assert "Kept &lt;b&gt;" in answer.get_data(as_text=True)
    assert state(oid) == ("HALTED", None) and audit() == []


def test_a_site_has_actions_of_its_own(pen: Site) -> None:
    class Merge(Action):
        name = "merge"
        title = "Merge <both>"

        def render(self, obj: Any) -> dict[str, Any]:
            raise KeyError("broken")

        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            if form["value"] == "wait":
                return Resolution("wait", start_point=None)
            obj.data["with"] = form["value"]
            obj.continue_workflow(delayed=True)
            return Resolution("merged")

    pen.ext.register_action("merge", Merge)
    pen.register("merging", lambda obj, eng: eng.halt("Which?", action="merge"))
    oid = start("merging", [{}]).halted_objects[0].id
    browser = Browser(pen.app, "curator")
    text = browser.get(f"/{oid}").get_data(as_text=True)
    assert "Merge &lt;both&gt;" in text and 'name="value"' in text
    assert browser.send(f"/{oid}/resolve", value="wait").status_code == 303
    assert state(oid) == ("HALTED", None)
    assert browser.send(f"/{oid}/resolve", value="17").status_code == 303
    assert state(oid) == ("WAITING", "queue")
    assert [row.value for row in audit()] == ["wait", "17"]


# --- as an attacker -------------------------------------------------------------------


@pytest.mark.parametrize("person", ["", *PEOPLE])
def test_who_may_do_what(pen: Site, person: str) -> None:
    verbs, workflow = PEOPLE.get(person, ((), None))
    here = workflow in (None, "asking")
    for path, verb in PAGES.items():
        oid = halted()
        for url in (f"/{oid}{path}", f"/{oid + 1000}{path}"):
            code = Browser(pen.app, person).get(url).status_code
            if not person:
                assert code == 401
            elif not here or url.startswith(f"/{oid + 1000}"):
                assert code == 404, (url, person)
            else:
                assert code == (200 if verb in verbs else 403), (url, person)
    for path, verb in ROUTES.items():
        for method in ("get", "put", "delete", "patch"):
            client: Any = pen.app.test_client()
            answer = getattr(client, method)(
                f"{PEN}/{oid}/{path}", headers={"Person": person} if person else {}
            )
            assert answer.status_code in (400, 401, 405), (path, method)
        browser = Browser(pen.app, person)
        token = browser.token(f"/{oid}")
        before = pen.rows("SELECT id, seq, status FROM workflows_object ORDER BY id")
        rows = len(audit())
        allowed = here and verb in verbs
        for target in (oid, oid + 1000):
            if allowed and target == oid:
                continue
            form = {"csrf_token": token, "value": "accept", "_revision": "2"}
            code = browser.post(f"/{target}/{path}", **form).status_code
            if not person:
                assert code == 401
            else:
                missing = target != oid or not here
                assert code == (404 if missing else 403), (path, person)
        now = pen.rows("SELECT id, seq, status FROM workflows_object ORDER BY id")
        assert now == before and len(audit()) == rows


def test_without_the_token_of_ones_own_session_nothing_changes(pen: Site) -> None:
    oid = halted()
    browser, other = Browser(pen.app, "admin"), Browser(pen.app, "admin")
    right = browser.token(f"/{oid}")
    revision = str(WorkflowObject.get(oid).revision)
    for path in ROUTES:
        for token in (
            None,
            "",
            "wrong",
            right[:-1],
            other.token(f"/{oid}"),
            "x" * 9999,
        ):
            form = {"value": "accept", "_revision": revision, "data": "{}", "text": "x"}
            answer = browser.post(f"/{oid}/{path}", **form, csrf_token=token)
            assert answer.status_code == 400, (path, token)
    assert state(oid) == ("HALTED", None) and audit() == []


def test_without_the_revision_nothing_is_decided(pen: Site) -> None:
    oid = halted()
    browser = Browser(pen.app, "admin")
    for path in set(ROUTES) - {"comment", "restart_alike"}:
        for revision in ("", "x", "-1", "1e3", "9" * 30, "²"):
            answer = browser.send(f"/{oid}/{path}", _revision=revision, value="accept")
            assert answer.status_code == 400, (path, revision)
    assert state(oid) == ("HALTED", None)


def test_ids_that_are_none_are_not_found(pen: Site) -> None:
    browser = Browser(pen.app, "admin")
    for oid in ("0", str(2**63), "9" * 40, "-1", "x"):
        assert browser.get(f"/{oid}").status_code == 404


def test_strange_answers_are_kept_as_texts(pen: Site) -> None:
    oid = halted()
    reason = "<script>alert(1)</script>\u202e\x00" + "x" * 100_000
    browser = Browser(pen.app, "curator<script>")
    answer = browser.send(f"/{oid}/resolve", value="accept", reason=reason)
    assert answer.status_code == 303
    (row,) = audit()
    assert len(row.reason) <= 10_000 and "_left_out" in json.dumps(row.form)
    text = browser.get(f"/{oid}").get_data(as_text=True)
    assert "<script>alert" not in text and "\u202e" not in text
    comment(oid, "\u202e\x00", "ann")
    assert "\u202e" not in browser.get(f"/{oid}").get_data(as_text=True)

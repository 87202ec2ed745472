"""What people decide is kept with the decision, for good, and guarded by revisions."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo
from sites import Site
from sqlalchemy.exc import DBAPIError

from invenio_workflows import WorkflowObject
from invenio_workflows.actions import Action, Resolution
from invenio_workflows.api import (
    cancel,
    comment,
    continue_oid,
    continue_oid_delayed,
    delete,
    edit,
    resolve,
    start,
)
from invenio_workflows.cli import workflows
from invenio_workflows.errors import IllegalMove, ObjectNotFound
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus

ACCEPT = {"value": "accept", "reason": "looks fine"}


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it good?", action="approval")


def publish(obj: Any, eng: Any) -> None:
    obj.data["published"] = True


def fail(obj: Any, eng: Any) -> None:
    raise ValueError("no")


@pytest.fixture(autouse=True)
def nobody_works(site: Site) -> None:
    """What is delayed stays in its queue."""
    current_workflows.embeds = False


@pytest.fixture
def halted(site: Site) -> WorkflowObject:
    site.register("asking", ask, publish)
    start("asking", [{"title": "A"}])
    obj: WorkflowObject = WorkflowObject.query.filter_by(
        workflow_name="asking", id_parent=None
    ).one()
    return obj


def audit() -> list[Any]:
    return list(current_workflows.audit.all())


def test_an_answer_is_kept_with_who_why_and_on_which_revision(
    site: Site, halted: WorkflowObject
) -> None:
    seen = halted.revision
    resolve(halted.id, "approval", ACCEPT, "ann", seen, origin="page")
    (row,) = audit()
    assert (row.actor, row.origin, row.verb) == ("ann", "page", "resolve")
    assert (row.action, row.value, row.reason) == ("approval", "accept", "looks fine")
    assert (row.id_object, row.revision, row.workflow) == (halted.id, seen, "asking")
    assert row.form == ACCEPT and row.id_workflow == halted.id_workflow


def test_each_verb_leaves_its_row(site: Site) -> None:
    site.register("failing", fail)
    start("failing", [{"n": 1}], stop_on_error=False)
    oid = WorkflowObject.query.filter_by(status=5).one().id
    edit(oid, {"n": 2}, "ann", reason="typo")
    comment(oid, " See the ticket. ", "bob")
    continue_oid_delayed(oid, "restart_task", actor="ann", reason="again")
    cancel(oid, "cid")
    delete(oid, "dan", origin="cli")
    rows = [(r.verb, r.actor, r.action, r.reason) for r in audit()]
    assert rows == [
        ("edit", "ann", None, "typo"),
        ("comment", "bob", None, "See the ticket."),
        ("continue", "ann", "restart_task", "again"),
        ("cancel", "cid", None, None),
        ("delete", "dan", None, None),
    ]
    assert audit()[0].form == {"changed": ["n"]}


def test_what_a_program_does_in_nobodys_name_is_in_history_alone(
    site: Site, halted: WorkflowObject
) -> None:
    continue_oid(halted.id)
    delete(halted.id)
    assert audit() == []


def test_it_outlives_the_object_and_nobody_changes_it(
    site: Site, halted: WorkflowObject
) -> None:
    resolve(halted.id, "approval", ACCEPT, "ann")
    delete(halted.id, "bob")
    assert [row.verb for row in audit()] == ["resolve", "delete"]
    for statement in (
        "DELETE FROM workflows_audit",
        "UPDATE workflows_audit SET actor='x'",
    ):
        with site.ext.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.exec_driver_sql(statement)
    assert [row.actor for row in audit()] == ["ann", "bob"]


def test_no_row_without_its_decision(
    site: Site, halted: WorkflowObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: Any) -> None:
        raise RuntimeError("the database went away")

    for name in ("sql", "queue", "keep"):
        monkeypatch.setattr(f"invenio_workflows.store.{name}.settle_run", breaks)
    for verb in (
        lambda: resolve(halted.id, "approval", ACCEPT, "ann"),
        lambda: resolve(halted.id, "approval", ACCEPT, "ann", delayed=True),
        lambda: edit(halted.id, {"title": "B"}, "ann"),
        lambda: cancel(halted.id, "ann"),
        lambda: delete(halted.id, "ann"),
    ):
        with pytest.raises(RuntimeError):
            verb()
    assert audit() == []
    assert (
        site.value("SELECT status FROM workflows_object WHERE id_parent IS NULL") == 2
    )


def test_no_decision_without_its_row(
    site: Site, halted: WorkflowObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("invenio_workflows.store.audit.WRITE", breaks)
    monkeypatch.setattr("invenio_workflows.store.audit.keep", breaks)
    monkeypatch.setattr("invenio_workflows.store.keep.keep", breaks)
    before = site.rows("SELECT id, seq, status FROM workflows_object ORDER BY id")
    for verb in (
        lambda: resolve(halted.id, "approval", ACCEPT, "ann", delayed=True),
        lambda: continue_oid(halted.id, actor="ann"),
        lambda: edit(halted.id, {"title": "B"}, "ann"),
        lambda: cancel(halted.id, "ann"),
        lambda: delete(halted.id, "ann"),
        lambda: comment(halted.id, "well", "ann"),
    ):
        with pytest.raises(RuntimeError):
            verb()
    assert (
        site.rows("SELECT id, seq, status FROM workflows_object ORDER BY id") == before
    )


def test_who_saw_an_older_revision_is_told_who_decided(
    site: Site, halted: WorkflowObject
) -> None:
    seen = halted.revision
    edit(halted.id, {"title": "B"}, "ann", seen)
    for verb in (
        lambda: resolve(halted.id, "approval", ACCEPT, "bob", seen),
        lambda: continue_oid(halted.id, actor="bob", revision=seen),
        lambda: continue_oid_delayed(halted.id, actor="bob", revision=seen),
        lambda: edit(halted.id, {"title": "C"}, "bob", seen),
        lambda: cancel(halted.id, "bob", seen),
        lambda: delete(halted.id, "bob", seen),
    ):
        with pytest.raises(IllegalMove, match="ann decided meanwhile: edit") as caught:
            verb()
        assert caught.value.details["by"] == "ann"
        assert caught.value.details["seen"] == seen
        assert caught.value.details["revision"] == seen + 1
    assert len(audit()) == 1


def test_a_comment_changes_no_revision(site: Site, halted: WorkflowObject) -> None:
    comment(halted.id, "Look at page 3.", "ann")
    resolve(halted.id, "approval", ACCEPT, "bob", halted.revision)
    assert [row.verb for row in audit()] == ["comment", "resolve"]
    for text in ("  ", "x" * 10_001, None):
        with pytest.raises(ValueError):
            comment(halted.id, text, "ann")  # type: ignore[arg-type]


def test_of_two_at_once_one_wins_and_the_other_is_told_by_whom(
    site: Site, halted: WorkflowObject
) -> None:
    both, told = threading.Barrier(2), {}
    find = type(current_workflows.actions["approval"]).resolve

    class Meeting(type(current_workflows.actions["approval"])):  # type: ignore[misc]
        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            both.wait(60)  # both have read the object by now
            return find(self, obj, form, actor)

    site.ext.register_action("approval", Meeting, replace=True)

    def decide(who: str) -> None:
        with site.app.app_context():
            try:
                resolve(halted.id, "approval", ACCEPT, who, halted.revision, True)
                told[who] = ""
            except IllegalMove as error:
                told[who] = error.message

    threads = [threading.Thread(target=decide, args=(who,)) for who in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (winner,) = [who for who, message in told.items() if not message]
    (loser,) = set(told) - {winner}
    assert f"{winner} decided meanwhile: approval, accept" in told[loser]
    assert [row.actor for row in audit()] == [winner]


def test_data_are_edited_where_the_object_stands(
    site: Site, halted: WorkflowObject
) -> None:
    obj = edit(halted.id, {"title": "B"}, "ann", halted.revision)
    now = WorkflowObject.get(halted.id)
    assert (now.data, now.status) == ({"title": "B"}, ObjectStatus.HALTED)
    assert now.get_action() == "approval" and now.revision == obj.revision
    event = now.history()[-1]
    assert (event.kind, event.payload["actor"]) == ("Edited", "ann")
    edit(halted.id, {"title": "B"}, "ann")  # nothing changed: nothing is kept
    assert WorkflowObject.get(halted.id).revision == obj.revision
    resolve(halted.id, "approval", ACCEPT)
    with pytest.raises(IllegalMove, match="edit"):
        edit(halted.id, {"title": "C"}, "ann")


def test_a_definition_says_which_data_are_valid(site: Site) -> None:
    def validate(obj: Any, data: Any) -> None:
        if not data["title"]:
            raise ValueError("A title is missing.")

    site.register("checked", ask, validate=staticmethod(validate))
    start("checked", [{"title": "A"}])
    oid = WorkflowObject.query.filter_by(status=2).one().id
    for data, said in (({"title": ""}, "A title"), ({}, "could not be checked")):
        with pytest.raises(ValueError, match=said):
            edit(oid, data, "ann")
    assert WorkflowObject.get(oid).data == {"title": "A"} and audit() == []


def test_an_action_that_goes_on_by_itself_is_guarded_too(site: Site) -> None:
    class ByItself(Action):
        name = "by-itself"

        def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
            obj.data["by"] = form["value"]
            obj.continue_workflow("continue_next", delayed=form.get("delayed", False))
            return Resolution("done")

    site.ext.register_action("by-itself", ByItself)

    def halt(obj: Any, eng: Any) -> None:
        eng.halt("?", action="by-itself")

    site.register("own", halt, publish)
    for delayed in (False, True):
        start("own", [{}])
        obj = WorkflowObject.query.filter_by(status=2).one()
        form = {"value": "x", "delayed": delayed}
        assert resolve(obj.id, "by-itself", form, "ann", obj.revision) is None
        row = audit()[-1]
        assert (row.id_object, row.actor, row.value) == (obj.id, "ann", "x")
        now = WorkflowObject.get(obj.id)
        assert now.data["by"] == "x"
        assert [e.kind for e in now.history()].count("Resolved") == 1
        assert now.status == (ObjectStatus.WAITING if delayed else 1)
        with pytest.raises(IllegalMove, match="ann decided meanwhile"):
            resolve(obj.id, "by-itself", form, "bob", obj.revision)


def test_a_large_form_is_kept_by_the_names_of_its_fields(
    site: Site, halted: WorkflowObject
) -> None:
    reason = "x" * 100_000
    resolve(halted.id, "approval", {"value": "reject", "reason": reason}, "ann\0")
    (row,) = audit()
    assert row.form["_fields"] == ["value", "reason"]
    assert len(row.reason) == 10_000 and row.actor == "ann\ufffd"


def test_the_command_prints_and_exports(site: Site, halted: WorkflowObject) -> None:
    info = ScriptInfo(create_app=lambda: site.app)

    def flask(*words: str) -> str:
        told = CliRunner().invoke(workflows, ["audit", *words], obj=info)
        assert told.exit_code == 0, told.output
        return told.output

    assert flask() == "No decision matches.\n"
    comment(halted.id, "One\nmore \x1b[31m", "ann")
    resolve(halted.id, "approval", ACCEPT, "bob", origin="rest")
    lines = flask().splitlines()
    assert len(lines) == 2 and "bob (rest)" in lines[1] and "\x1b" not in lines[0]
    out = flask("--json", "--actor", "bob")
    (row,) = map(json.loads, out.splitlines())
    assert (row["object"], row["value"], row["form"]) == (halted.id, "accept", ACCEPT)


def test_many_are_read_in_batches(site: Site, halted: WorkflowObject) -> None:
    for number in range(12):
        comment(halted.id, str(number), "ann")
    current = "invenio_workflows.store.audit._BATCH"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current, 5)
        assert [row.reason for row in audit()] == [str(n) for n in range(12)]
    assert [r.reason for r in current_workflows.audit.of(halted.id, 2)] == ["10", "11"]


def test_who_is_not_there_has_no_decisions(site: Site) -> None:
    for verb in (resolve, cancel, delete):
        with pytest.raises(ObjectNotFound):
            verb(4711, actor="ann")
    with pytest.raises(ValueError, match="origin"):
        cancel(4711, "ann", origin="mail")


def test_a_walk_is_kept_as_it_was_for_a_day(site: Site) -> None:
    walks = current_workflows.walks
    walk = walks.begin(range(1, 2000), "?is=halted")
    assert len(walk.ids) == 1000 and walks.get(walk.key) == walk
    assert walks.get("x") is None and walks.get("x" * 100) is None
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_walk SET created = '2020-01-01 00:00:00.000000'"
        )
    assert walks.get(walk.key) is None
    walks.begin([1], "")
    assert site.value("SELECT count(*) FROM workflows_walk") == 1

"""``flask workflows upgrade-check``: new code under objects that sleep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sites import Site
from sqlalchemy import event
from terminals import Terminal

from invenio_workflows import START, Fork, Join, api, task
from invenio_workflows.actions.core import Action
from invenio_workflows.actions.input_form import InputForm
from invenio_workflows.definition.loops import FOR
from invenio_workflows.errors import ConfigurationError, WorkflowWorkerError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.patterns import PARALLEL
from invenio_workflows.settling import apply
from invenio_workflows.store import standing
from invenio_workflows.upgrading import check, refuse_orphans


def begin(obj: Any, eng: Any) -> None:
    obj.data["begun"] = True


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


def end(obj: Any, eng: Any) -> None:
    obj.data["ended"] = True


def named(name: str) -> Any:
    """The task that asks, under another name."""

    @task(name)
    def other(obj: Any, eng: Any) -> None:
        eng.halt("Is it ours?", action="approval")

    return other


@pytest.fixture
def desk(make_site: Callable[..., Site], ready_url: str) -> Iterator[Terminal]:
    """Three objects of `review` that ask."""
    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        site.register("review", begin, ask, end)
        api.start("review", [{}, {}, {}], stop_on_halt=False)
        yield Terminal(site.app, site)


def ids(desk: Terminal) -> list[int]:
    rows = desk.site.rows(
        "SELECT id FROM workflows_object WHERE id_parent IS NULL ORDER BY id"
    )
    return [row.id for row in rows]


def checked(desk: Terminal, *words: Any, code: int = 0) -> list[Any]:
    done = desk.run("upgrade-check", *words, "--json")
    assert done.exit_code == code, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_where_nothing_changed_nothing_is_said_and_no_object_is_read(
    desk: Terminal,
) -> None:
    seen: list[str] = []
    engine = desk.site.ext.engine

    def listen(on: Any, cursor: Any, text: str, *more: Any) -> None:
        seen.append(text)

    event.listen(engine, "before_cursor_execute", listen)
    said = desk("upgrade-check")
    event.remove(engine, "before_cursor_execute", listen)
    assert said == "Every object that sleeps goes on where it stands.\n"
    assert checked(desk) == []
    assert not any("fence" in each for each in seen), seen


def test_of_one_that_runs_it_is_said_that_it_does(desk: Terminal) -> None:
    said = []

    def look(obj: Any, eng: Any) -> None:
        said.append(desk("upgrade-check").splitlines())

    desk.site.register("looks", look)
    api.start("looks", {})
    assert said[0][-1] == (
        "Running now, so it may stop anywhere: 1 object. Ask again when the workers "
        "of the old code have ended."
    )


def test_one_that_only_moved_is_told_with_its_place_and_goes_on(desk: Terminal) -> None:
    desk.site.register("review", end, begin, [ask, begin], end)
    first, *_ = ids(desk)
    assert desk("upgrade-check").splitlines() == [
        f"MOVED  review: 3 objects at ask ({', '.join(map(str, ids(desk)))})",
        "  Its place is 2/0 now; they go on there.",
        "Nothing has to be done: all of them go on.",
    ]
    api.resolve(first, "approval", {"value": "accept"})
    assert WorkflowObject.query.get(first).data["ended"]
    assert checked(desk)[0]["objects"] == 2


def test_an_orphan_is_told_with_what_is_proposed_and_why(desk: Terminal) -> None:
    desk.site.register("review", begin, named("ask_them"), end)
    done = desk.run("upgrade-check")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"ORPHANED  review: 3 objects at ask ({', '.join(map(str, ids(desk)))})",
        "  The workflow 'review' was edited: the task 'ask', at which the object "
        "stands, is no longer in it. Put it back under that name, or go on from "
        "another one (restart_first, task:<name>).",
        "3 objects cannot go on.",
        "To say yourself what ask is now: "
        "flask workflows upgrade-check --map OLD=NEW --apply",
    ]
    desk.site.register("review", begin, named("ask_it"), end)
    lines = desk.run("upgrade-check").stdout.splitlines()
    assert lines[2] == (
        "  Proposed: ask is ask_it now, for its name is like ask, and it comes after "
        "begin, as ask did, and it stands where ask stood."
    )
    assert lines[4] == ("To map them like that: flask workflows upgrade-check --apply")


def test_what_is_proposed_is_applied_and_told_in_events_and_audit(
    desk: Terminal,
) -> None:
    desk.site.register("review", begin, named("ask_it"), end)
    before = {oid: WorkflowObject.query.get(oid) for oid in ids(desk)}
    said = desk("upgrade-check", "--apply").splitlines()
    assert said == [
        "3 objects mapped.",
        "Every object that sleeps goes on where it stands.",
    ]
    for oid, was in before.items():
        obj = WorkflowObject.query.get(oid)
        assert obj.revision == was.revision + 1 and obj.status == was.status
        assert obj.extra_data["_last_task_name"] == "ask_it"
        last = obj.history()[-1]
        assert (last.kind, last.task, last.message) == (
            "Mapped",
            "ask_it",
            "ask → ask_it",
        )
        (row,) = desk.site.ext.state.audit.of(oid)
        assert (row.verb, row.value, row.origin) == ("map", "ask → ask_it", "cli")
        assert row.actor and "its name is like ask" in (row.reason or "")
        assert row.revision == was.revision
        api.resolve(oid, "approval", {"value": "accept"}, revision=obj.revision)
        assert WorkflowObject.query.get(oid).data["ended"]


def test_a_person_says_what_a_task_is_now(desk: Terminal) -> None:
    desk.site.register("review", begin, named("quite_different"), end)
    assert checked(desk, code=1)[0]["to"] is None
    told = checked(desk, "--map", "ask=quite_different", code=1)
    assert told[0]["to"] == "quite_different" and told[0]["reasons"] == []
    said = desk.run("upgrade-check", "--map", "ask=quite_different").stdout
    assert "  As you say, ask is quite_different now.\n" in said
    words = "upgrade-check --map ask=quite_different --apply"
    assert f"To map them like that: flask workflows {words}\n" in said
    assert checked(desk, "--map", "ask=quite_different", "--apply") == [{"mapped": 3}]


def test_between_the_same_neighbours_stands_the_same_task(desk: Terminal) -> None:
    first, *_ = ids(desk)
    api.resolve(first, "approval", {"value": "accept"})
    desk.site.register("review", begin, named("quite_different"), end)
    (told,) = checked(desk, code=1)
    assert told["to"] == "quite_different" and told["reasons"] == [
        "it comes after begin, as ask did",
        "it comes before end, as ask did",
        "it stands where ask stood",
    ]


def test_what_there_was_before_is_not_what_is_gone(desk: Terminal) -> None:
    desk.site.register("longer", begin, ask, named("ask_it"), end)
    done = api.start("longer", [{}, {}], stop_on_halt=False).halted_objects[0].id
    for _ in range(2):
        api.resolve(done, "approval", {"value": "accept"})
    desk.site.register("longer", begin, named("ask_it"), end)
    (told,) = checked(desk, "--workflow", "longer", code=1)
    assert told["task"] == "ask" and told["to"] is None


def test_what_a_person_says_is_not_taken_where_it_means_nothing(desk: Terminal) -> None:
    desk.site.register("review", begin, named("ask_it"), end)
    for words, sentence in {
        "ask=nope": "The workflow 'review' has no tasks 'nope'; name one that it has "
        "once.",
        "asks=end": "Nothing called 'asks' is gone; gone are: ask.",
    }.items():
        assert desk.refused("upgrade-check", "--map", words, "--apply") == sentence
    assert "is not OLD=NEW" in desk.refused("upgrade-check", "--map", "ask", code=2)
    told = checked(desk, "--map", "ask=", "--apply", code=1)
    assert told[0]["objects"] == 3 and told[-1] == {"mapped": 0}
    said = desk.refused("upgrade-check", "--workflow", "nope")
    assert said == "There is no workflow 'nope'; there are review."


def test_one_that_moved_meanwhile_is_left_alone(desk: Terminal) -> None:
    first, *rest = ids(desk)
    desk.site.register("review", begin, named("ask_it"), end)
    found = check()
    api.cancel(first)
    assert apply(found, "ann") == len(rest)
    assert [e.kind for e in WorkflowObject.query.get(first).history()][-1] == (
        "Cancelled"
    )


def test_all_are_mapped_or_none(desk: Terminal, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "_BATCH", 2)
    desk.site.register("review", begin, named("ask_it"), end)
    found, calls = check(), []

    def listen(on: Any, cursor: Any, text: str, *more: Any) -> None:
        if text.startswith("INSERT INTO workflows_audit"):
            calls.append(text)
            if len(calls) == 2:
                raise RuntimeError("The power went.")

    engine = desk.site.ext.engine
    event.listen(engine, "before_cursor_execute", listen)
    with pytest.raises(RuntimeError):
        apply(found, "ann")
    event.remove(engine, "before_cursor_execute", listen)
    assert len(calls) == 2 and check()[0].number == 3
    assert desk.site.value("SELECT count(*) FROM workflows_audit") == 0
    assert apply(check(), "ann") == 3 and check() == []


def test_objects_in_a_loop_and_in_branches_are_looked_at_one_by_one(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        site.register("loop", FOR([1, 2], "n", [begin, ask]))
        site.register("split", PARALLEL([begin, ask], [end, named("other")]))
        api.start("loop", {})
        api.start("split", {})
        site.register("loop", begin, ask)
        site.register("split", PARALLEL([begin, begin, ask], [end, named("new")]))
        found = {(each.workflow, each.meaning, each.task) for each in check()}
        assert found == {
            ("loop", "moved", "ask"),
            ("split", "moved", "ask"),
            ("split", "orphaned", "other"),
        }
        site.register("loop", FOR([1, 2], "n", [begin, FOR([1], "m", ask)]))
        told = [each for each in check("loop") if each.meaning == "orphaned"]
        assert "has not entered" in told[0].why and told[0].to == ""


def test_a_node_in_a_branch_of_a_fork_is_mapped_and_the_branches_meet(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    def graph(asks: Any) -> Any:
        split, meet = Fork("split"), Join(name="meet")
        return {
            START: [begin],
            begin: [split],
            split: [one, two],
            one: [asks],
            asks: [meet],
            two: [meet],
            meet: [end],
        }

    def one(obj: Any, eng: Any) -> str:
        return "given"

    def two(obj: Any, eng: Any) -> int:
        return 2

    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        site.ext.register_workflow("forked", graph(ask))
        api.start("forked", {})
        site.ext.register_workflow("forked", graph(named("ask_it")), replace=True)
        (found,) = check()
        assert (found.meaning, found.task, found.to) == ("orphaned", "ask", "ask_it")
        assert apply([found], "ann") == 1 and check() == []
        branch = WorkflowObject.query.filter_by(status=2).one()
        api.continue_oid(branch.id)
        assert WorkflowObject.query.get(branch.id_fork).data["ended"]


def test_a_fork_of_another_name_goes_on_with_branches_that_ended_before(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    def one(obj: Any, eng: Any) -> str:
        return "given"

    def two(obj: Any, eng: Any) -> int:
        return 2

    class Meet(Join):
        def execute(self, _input: Any = None, *args: Any, **kwargs: Any) -> Any:
            self.obj.data["joined"] = _input

    def graph(split: str, asks: Any) -> Any:
        fork = Fork(split)
        edges = {START: [begin], begin: [fork], fork: [one, two], Meet: [end]}
        return {**edges, one: [asks], asks: [Meet], two: [Meet]}

    site = make_site(ready_url, tables=False)
    with site.app.app_context():
        site.ext.register_workflow("forked", graph("split", ask))
        obj = api.start("forked", {}).objects[0]
        after = graph("quite_different", named("ask_it"))
        site.ext.register_workflow("forked", after, replace=True)
        found = check()
        assert {(each.task, each.lost, each.to) for each in found} == {
            ("split", "split", "quite_different"),
            ("ask", "ask", "ask_it"),
        }
        assert apply(found, "ann") == 2 and check() == []
        branch = WorkflowObject.query.filter_by(status=2).one()
        api.continue_oid(branch.id)
        obj = WorkflowObject.query.get(obj.id)
        assert obj.data["joined"] == {"one": "given", "two": 2} and obj.data["ended"]


# --- a workflow that is called otherwise ----------------------------------------------


@pytest.fixture
def renamed(make_site: Callable[..., Site], ready_url: str) -> Iterator[Terminal]:
    """`review`, in which some sleep, ended and have not begun, is `inspection` now."""
    before = make_site(ready_url, tables=False)
    with before.app.app_context():
        before.ext.state.embeds = False
        before.register("review", begin, ask, end)
        before.ext.state.known.sync(before.ext.state.catalogue.facts())
        uuid = api.start("review", [{}, {}, {}], stop_on_halt=False).uuid
        first = WorkflowObject.query.filter_by(id_workflow=uuid, status=2).first()
        api.resolve(first.id, "approval", {"value": "accept"})
        api.start_delayed("review", {})
    site = make_site(ready_url, tables=False)
    site.register("inspection", begin, ask, end)
    with site.app.app_context():
        yield Terminal(site.app, site)


def test_a_workflow_that_is_called_otherwise_is_found_and_goes_on(
    renamed: Terminal,
) -> None:
    site = renamed.site
    (told,) = checked(renamed, code=1)
    assert (told["lost"], told["to"], told["objects"]) == ("review", "inspection", 3)
    assert told["reasons"] == ["it has the same tasks as review had"]
    assert renamed("upgrade-check", "--apply").splitlines()[0] == "3 objects mapped."
    names = "SELECT DISTINCT name FROM workflows_run"
    assert [row.name for row in site.rows(names)] == ["inspection"]
    names = "SELECT DISTINCT workflow FROM workflows_object WHERE workflow <> ''"
    assert [row.workflow for row in site.rows(names)] == ["inspection"]
    for obj in WorkflowObject.query.filter_by(status=2).all():
        assert obj.history()[-1].message == "review → inspection"
        api.resolve(obj.id, "approval", {"value": "accept"})
        assert WorkflowObject.query.get(obj.id).data["ended"]
    rows = site.rows("SELECT workflow, verb FROM workflows_audit ORDER BY id")
    assert [tuple(row) for row in rows[1:4]] == [("review", "map")] * 3


def test_a_workflow_is_mapped_to_what_a_person_says(renamed: Terminal) -> None:
    renamed.site.register("other", end)
    for words, said in {
        "review=nope": "There is no workflow 'nope'; there are inspection, other",
        "reviews=other": "Nothing called 'reviews' is gone; gone are: review.",
    }.items():
        assert renamed.refused("upgrade-check", "--map", words).startswith(said)
    done = renamed.run("upgrade-check", "--map", "review=other", "--apply")
    assert "3 objects mapped." in done.stdout and done.exit_code == 1
    assert "ORPHANED  other: 2 objects at ask" in done.stdout


def test_two_workflows_that_are_new_and_alike_are_not_proposed(
    renamed: Terminal,
) -> None:
    renamed.site.register("survey", begin, ask, end)
    assert checked(renamed, code=1)[0]["to"] is None
    known = renamed.site.ext.state.known
    known.sync(renamed.site.ext.state.catalogue.facts())
    assert checked(renamed, code=1)[0]["to"] is None


def test_a_workflow_and_an_action_that_are_gone_are_told(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    class Shout(Action):
        pass

    def shout(obj: Any, eng: Any) -> None:
        eng.halt("Loud?", action="shout")

    before = make_site(ready_url, tables=False)
    with before.app.app_context():
        before.ext.state.embeds = False
        before.ext.register_action("shout", Shout)
        before.register("loud", shout)
        before.register("gone", ask)
        api.start("loud", {})
        api.start("gone", {})
        api.start_delayed("gone", [{}, {}])
    site = make_site(ready_url, tables=False)
    site.register("loud", shout)
    with site.app.app_context():
        desk = Terminal(site.app, site)
        done = desk.run("upgrade-check")
        assert done.exit_code == 1
        heads = [line for line in done.stdout.splitlines() if line[0] != " "]
        assert heads[0].startswith("ORPHANED  gone: 3 objects (")
        assert heads[1].startswith("QUESTION  loud: 1 object, asking for shout (")
        assert heads[2] == "4 objects cannot go on."
        assert heads[3].startswith("To say yourself what gone is now: flask workflows ")
        assert "put it back under that name" in done.stdout
        assert "so nobody can answer it." in done.stdout


def test_a_question_that_is_asked_otherwise_now_is_told(desk: Terminal) -> None:
    class Form(Action):
        def changed(self, payload: Any) -> str:
            return "" if payload.get("v") == 2 else "It asks for other fields now."

    def fill(obj: Any, eng: Any) -> None:
        eng.halt("Fill in", action="form", v=obj.data["v"])

    desk.site.ext.register_action("form", Form)
    desk.site.register("forms", fill)
    api.start("forms", [{"v": v} for v in (1, 1, 2)], stop_on_halt=False)
    (told,) = checked(desk)
    assert (told["meaning"], told["task"], told["objects"]) == ("question", "form", 2)
    assert told["why"] == "It asks for other fields now." and not told["blocks"]


class Category(BaseModel):
    name: str


def test_input_that_is_asked_by_another_schema_now_is_told(
    desk: Terminal, monkeypatch: Any
) -> None:
    def fill(obj: Any, eng: Any) -> None:
        eng.ask(Category, "Which?")

    desk.site.register("fills", fill)
    api.start("fills", [{}, {}], stop_on_halt=False)
    assert checked(desk) == []

    class Other(BaseModel):
        name: str
        code: int

    monkeypatch.setattr(sys.modules[__name__], "Category", Other)
    (told,) = checked(desk, "--workflow", "fills")
    assert (told["meaning"], told["task"], told["objects"]) == ("question", "input", 2)
    assert told["why"].endswith(
        "Category has other fields now than when the question was asked."
    )
    gone = InputForm().changed({"schema": {}, "of": "nowhere:Model"})
    assert gone.startswith("There is no nowhere:Model any more; an answer is")


# --- workers --------------------------------------------------------------------------


def test_a_worker_refuses_orphans_where_that_is_set(
    make_site: Callable[..., Site], ready_url: str
) -> None:
    site = make_site(ready_url, tables=False, WORKFLOWS_REFUSE_ORPHANS=True)
    with site.app.app_context():
        site.register("review", begin, ask, end)
        oid = api.start("review", {}).halted_objects[0].id
        refuse_orphans()
        site.register("review", begin, end)
        with pytest.raises(WorkflowWorkerError) as told:
            refuse_orphans()
        assert str(told.value).startswith(
            "WORKFLOWS_REFUSE_ORPHANS is set, and some objects cannot go on with this "
            f"code, so the worker does not begin. Object {oid}: The workflow 'review' "
        )
        desk = Terminal(site.app)
        for name in ("worker", "rq-worker"):
            said = desk.refused(name)
            assert said.endswith("Run: flask workflows upgrade-check.")
        site.register("review", begin, [ask], end)
        refuse_orphans()


def test_threads_of_a_process_that_delays_something_refuse_them_too(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = {"WORKFLOWS_LOCAL_THREADS": 1, "WORKFLOWS_REFUSE_ORPHANS": True}
    site = make_site(sqlite_ready_url, tables=False, **config)
    with site.app.app_context():
        site.register("review", begin, ask, end)
        api.start("review", {})
        site.register("review", begin, end)
        result = api.start_delayed("review", {})
        assert "so the worker does not begin. Object 1: " in caplog.text
        site.register("review", begin, ask, end)
        api.start_delayed("review", {})
        result.get(timeout=60)
        assert WorkflowObject.query.filter_by(status=2).count() >= 2


def test_without_the_setting_a_worker_looks_at_nothing(desk: Terminal) -> None:
    desk.site.register("review", begin, end)
    refuse_orphans()
    with pytest.raises(ConfigurationError, match="must be True or False, not 'yes'"):
        Site("sqlite://", tables=False, WORKFLOWS_REFUSE_ORPHANS="yes")


CELERY_SITE = """
from celery import Celery
from flask import Flask

from invenio_workflows import InvenioWorkflows

app = Flask("site")
app.config.update(
    SQLALCHEMY_DATABASE_URI={url!r},
    WORKFLOWS_WORKER="celery",
    WORKFLOWS_REFUSE_ORPHANS=True,
)
celery_app = Celery("site", broker="memory://")
app.extensions["celery"] = celery_app
ext = InvenioWorkflows(app)
"""


def test_a_worker_of_celery_refuses_them_too(
    make_site: Callable[..., Site], sqlite_ready_url: str, tmp_path: Path
) -> None:
    site = make_site(sqlite_ready_url, tables=False)
    with site.app.app_context():
        site.register("review", begin, ask, end)
        api.start("review", {})
    (tmp_path / "celery_site.py").write_text(CELERY_SITE.format(url=sqlite_ready_url))
    words = ["-A", "celery_site:celery_app", "worker", "-c", "1", "-P", "prefork"]
    done = subprocess.run(
        [sys.executable, "-m", "celery", *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert done.returncode == 1
    assert "is not registered any more" in done.stderr
    assert done.stderr.rstrip().endswith("Run: flask workflows upgrade-check.")

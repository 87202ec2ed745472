"""Fork and Join among everything else: databases, workers, a person, pages."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from acceptance.crash import processes
from curators import Browser, admit
from sites import Site
from terminals import Terminal

from invenio_workflows import (
    START,
    Decision,
    Fork,
    Join,
    Step,
    WorkflowObject,
    cancel,
    continue_oid,
    recover,
    resolve,
    start,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import WorkflowError
from invenio_workflows.jobs import perform, sweep
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.worker_result import AsynchronousResultWrapper

S, R = ObjectStatus, WorkflowStatus
SOON = 60.0
DEADLY = {"is": False}

checks, met = Fork("checks"), Join(name="met")


class Read(Step):
    def execute(self, _input: Any) -> Any:
        return {"title": _input["title"].lower()}


class Ask(Decision):
    """Is it worth it?"""

    def execute(self, _input: Any) -> Any:
        self.obj.data["asked"] = _input["title"]
        if not self.obj.extra_data.get("sure"):
            self.eng.halt("Is it worth it?", action="approval")

    def transition(self, _input: Any) -> Any:
        return 0 if self.obj.extra_data.get("approved", True) else 1


class Praise(Step):
    def execute(self, _input: Any) -> Any:
        if DEADLY["is"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return f"praised {_input['title']}"


class Copies(Step):
    def execute(self, _input: Any) -> Any:
        if self.obj.data.get("breaks"):
            raise ValueError("no copies")
        self.obj.data["copies"] = 0
        return [_input]


class Sum(Step):
    def execute(self, _input: Any) -> Any:
        self.obj.data["sum"] = _input


GRAPH = {
    START: [Read],
    Read: [checks],
    checks: [Ask, Copies],
    Ask: [Praise, met],
    Praise: [met],
    Copies: [met],
    met: [Sum],
}
SUMMED = {"Ask": "praised on ice", "Copies": [{"title": "on ice"}]}
DONE = {"title": "On Ice", "asked": "on ice", "copies": 0, "sum": SUMMED}


@pytest.fixture
def forked(site: Site) -> Site:
    site.ext.register_workflow("checks", GRAPH)
    return site


@pytest.fixture
def idle(make_site: Callable[..., Site], ready_url: str) -> Iterator[Site]:
    """A site that leaves everything to worker processes, of which there is none."""
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.ext.register_workflow("checks", GRAPH)
    with site.app.app_context():
        yield site


def now(obj: Any) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(obj if isinstance(obj, int) else obj.id)
    return found


def branches(obj: Any) -> list[WorkflowObject]:
    query = WorkflowObject.query.filter_by(id_fork=now(obj).id)
    found: list[WorkflowObject] = query.order_by("id").all()
    return found


def named(*objects: Any) -> list[str]:
    return [now(obj).status.name for obj in objects]


def begun(**data: Any) -> tuple[WorkflowObject, WorkflowObject, WorkflowObject]:
    """Return the object, and its branches: one asks a person, one has copies."""
    eng = start("checks", {"title": "On Ice", **data}, stop_on_error=False)
    (obj,) = eng.processed_objects
    asked, copies = branches(obj)
    return obj, asked, copies


def tasks(obj: Any) -> list[str]:
    kinds = ("TaskFinished", "Halted", "Waiting")
    history = current_workflows.queries.history(now(obj).id)
    return [str(event.task) for event in history if event.kind in kinds]


def test_a_person_decides_on_a_branch_and_the_object_goes_on(forked: Site) -> None:
    obj, asked, copies = begun()
    assert named(obj, asked, copies) == ["WAITING", "HALTED", "COMPLETED"]
    assert now(asked).get_action() == "approval"
    resolve(asked.id, "approval", {"value": "accept"})
    assert named(obj, asked) == ["COMPLETED", "COMPLETED"]
    assert now(obj).data == DONE
    assert tasks(obj) == ["Read", "checks", "met", "Sum"]
    assert tasks(asked) == ["Ask", "Praise"]
    assert forked.run_status(obj.id_workflow) == R.COMPLETED
    results = now(obj).get_tasks_results()
    assert [each["result"] for each in results["Praise"]] == ["praised on ice"]


def test_an_answer_may_lead_a_branch_to_the_join_at_once(forked: Site) -> None:
    obj, asked, _ = begun()
    resolve(asked.id, "approval", {"value": "reject"})
    assert now(obj).data["sum"]["Ask"] == {"title": "on ice"}


def test_workers_share_the_branches(forked: Site) -> None:
    data = [{"title": "On Ice", "n": n} for n in range(6)]
    result = start_delayed("checks", data)
    eng = result.get(timeout=SOON)
    assert eng.status == R.HALTED
    halted = WorkflowObject.query.filter_by(status=S.HALTED).all()
    assert len(halted) == 6
    for asked in halted:
        resolve(asked.id, "approval", {"value": "accept"}, delayed=True)
    assert result.get(timeout=SOON).status == R.COMPLETED
    for n, obj in enumerate(eng.processed_objects):
        assert obj.data == {**DONE, "n": n}


def test_each_branch_may_be_another_workers(idle: Site) -> None:
    result = start_delayed("checks", {"title": "On Ice"})
    (oid,) = (obj.id for obj in current_workflows.queries.objects(run=result.uuid))
    perform(Call((oid,)))
    asked, copies = branches(oid)
    assert named(oid, asked, copies) == ["WAITING", "WAITING", "WAITING"]
    edited = {**GRAPH, checks: [Copies, Ask]}
    idle.ext.register_workflow("checks", edited, replace=True)
    perform(Call((copies.id,)))
    assert tasks(copies) == ["Copies"], "not what is the second branch now"
    perform(Call((asked.id,)))
    resolve(asked.id, "approval", {"value": "accept"}, delayed=True)
    perform(Call((asked.id,)))
    assert named(oid, asked, copies) == ["WAITING", "COMPLETED", "COMPLETED"]
    perform(Call((oid,)))
    assert now(oid).data == DONE


def test_a_branch_that_fails_is_continued_alone(forked: Site) -> None:
    obj, asked, copies = begun(breaks=True)
    resolve(asked.id, "approval", {"value": "accept"})
    assert named(obj, asked, copies) == ["WAITING", "COMPLETED", "ERROR"]
    assert forked.run_status(obj.id_workflow) == R.ERROR
    mended = now(copies)
    mended.data["breaks"] = False
    mended.save()
    continue_oid(copies.id, "restart_task")
    assert now(obj).data == {**DONE, "breaks": False}


def test_a_join_that_too_many_miss_is_an_error(forked: Site) -> None:
    obj, asked, _ = begun()
    cancel(asked.id)
    sweep()
    ended(obj)
    assert "2 of 2 branches must be done, and 1 were" in now(obj).get_error_message()[0]
    continue_oid(obj.id, "continue_next")
    assert now(obj).data["sum"] == {"Copies": [{"title": "on ice"}]}


def ended(obj: Any) -> None:
    """Wait until nothing of the run moves."""
    AsynchronousResultWrapper(now(obj).id_workflow).get(timeout=SOON)


def test_the_first_is_enough_for_any(forked: Site) -> None:
    first = Join("any", name="met")
    graph = {
        **{START: [Read], Read: [checks], checks: [Ask, Copies], Ask: [Praise, first]},
        **{Praise: [first], Copies: [first], first: [Sum]},
    }
    forked.ext.register_workflow("checks", graph, replace=True)
    obj, asked, copies = begun()
    assert named(obj, asked, copies) == ["COMPLETED", "CANCELLED", "COMPLETED"]
    assert now(obj).data["sum"] == {"Copies": [{"title": "on ice"}]}


@pytest.mark.parametrize(
    ("start_point", "made", "again"),
    [
        ("restart_task", 4, ["checks"]),
        ("restart_prev", 4, ["Read", "checks"]),
        ("restart_first", 4, ["Read", "checks"]),
        ("task:Sum", 2, ["Sum"]),
    ],
)
def test_the_object_that_waits_is_restarted(
    forked: Site, start_point: str, made: int, again: list[str]
) -> None:
    obj, asked, _ = begun()
    continue_oid(obj.id, start_point)
    assert tasks(obj)[2:] == again
    assert len(branches(obj)) == made and named(asked) == ["CANCELLED"]
    if made == 4:
        resolve(branches(obj)[2].id, "approval", {"value": "accept"})
        assert now(obj).data == DONE


def test_a_branch_is_restarted_within_itself(forked: Site) -> None:
    obj, asked, _ = begun()
    continue_oid(asked.id, "restart_first")
    assert tasks(asked) == ["Ask", "Ask"] and named(asked) == ["HALTED"]
    continue_oid(asked.id, "task:Copies")
    assert "a branch keeps to its own" in now(asked).get_error_message()[0]
    continue_oid(asked.id, "task:Praise")
    assert now(obj).data == DONE


def test_a_process_that_is_killed_in_a_branch_loses_only_that_node(
    forked: Site,
) -> None:
    obj, asked, _ = begun()

    def dies() -> None:
        DEADLY["is"] = True
        resolve(asked.id, "approval", {"value": "accept"})

    forked.session.remove()
    forked.ext.engine.dispose()
    assert processes.forked(dies) == -signal.SIGKILL
    assert named(obj, asked) == ["WAITING", "RUNNING"]
    list(recover())
    ended(obj)
    assert named(obj, asked) == ["COMPLETED", "COMPLETED"]
    assert tasks(asked) == ["Ask", "Praise"] and now(obj).data == DONE


def test_edits_under_branches_that_sleep(forked: Site) -> None:
    class First(Step):
        def execute(self, _input: Any) -> Any:
            raise AssertionError("it is past that")

    obj, asked, _ = begun()
    edited = {**GRAPH, checks: [Copies, First], First: [Ask]}
    forked.ext.register_workflow("checks", edited, replace=True)
    resolve(asked.id, "approval", {"value": "accept"})
    assert now(obj).data == DONE
    obj, asked, _ = begun_in(forked)
    forked.ext.register_workflow("checks", {START: [Read]}, replace=True)
    resolve(asked.id, "approval", {"value": "accept"})
    assert named(obj, asked) == ["WAITING", "ERROR"]
    assert "'Ask', at which the object stands, is" in now(asked).get_error_message()[0]


def begun_in(site: Site) -> Any:
    site.ext.register_workflow("checks", GRAPH, replace=True)
    return begun()


def test_what_two_branches_made_of_one_key_names_the_join(forked: Site) -> None:
    class Other(Copies):
        def execute(self, _input: Any) -> Any:
            self.obj.data["copies"] = 1

    graph = {
        **{START: [checks], checks: [Copies, Other], Copies: [met], Other: [met]},
    }
    forked.ext.register_workflow("clash", graph)
    with pytest.raises(WorkflowError, match=r"data\['copies'\].*the Join met a merge"):
        start("clash", {"title": "On Ice"})


# --- seen -----------------------------------------------------------------------------


def places(browser: Browser, obj: Any) -> list[tuple[str, str]]:
    """The places that the page of a record draws, each with its state."""
    text = browser.get(f"/{obj.id}").get_data(as_text=True)
    return re.findall(r'hp-place-(\w+)[ "].*?<bdi>(.*?)</bdi>', text, re.DOTALL)


def test_the_pages_draw_the_branches_and_where_they_stand(forked: Site) -> None:
    admit(forked.app)
    obj, asked, _ = begun()
    browser = Browser(forked.app, "admin")
    text = browser.get(f"/{obj.id}").get_data(as_text=True)
    drawn = places(browser, obj)
    assert drawn == [
        ("here", "GRAPH, begins with Read"),
        ("done", "Read"),
        ("here", "checks"),
        ("here", "branch Ask of checks"),
        ("here", "Ask"),
        ("ahead", "Praise"),
        ("done", "branch Copies of checks"),
        ("done", "Copies"),
        ("ahead", "met"),
        ("ahead", "Sum"),
    ]
    assert "leads to Ask and Copies" in text and "join all" in text
    drawn = places(browser, asked)
    assert {name: state for state, name in drawn} == {
        **{"GRAPH, begins with Read": "here", "Read": "done", "checks": "done"},
        **{"branch Ask of checks": "here", "Ask": "here", "Praise": "ahead"},
        **{"branch Copies of checks": "ahead", "Copies": "ahead"},
        **{"met": "ahead", "Sum": "ahead"},
    }, "what was done before it was a branch is done"


def test_the_page_draws_branches_of_branches_and_which_failed(forked: Site) -> None:
    inner, first = Fork("inner"), Join("any", name="first")
    graph = {
        **{START: [checks], checks: [inner, Copies], inner: [Read, Ask]},
        **{Read: [first], Ask: [Praise, first], Praise: [first]},
        **{first: [met], Copies: [met], met: [Sum]},
    }
    forked.ext.register_workflow("nested", graph)
    admit(forked.app)
    given = {"title": "On Ice", "breaks": True}
    (obj,) = start("nested", given, stop_on_error=False).processed_objects
    drawn = {name: state for state, name in places(Browser(forked.app, "admin"), obj)}
    assert drawn["checks"] == "here" and drawn["Copies"] == "failed"
    assert [drawn[name] for name in ("inner", "Read", "first")] == ["done"] * 3
    assert drawn["branch Read of inner"] == "done"
    assert drawn["branch Copies of checks"] == "here"


def test_a_terminal_says_which_branches_an_object_waits_for(forked: Site) -> None:
    obj, asked, copies = begun()
    flask = Terminal(forked.app)
    told = flask("object", str(obj.id))
    assert (
        f"waits for its branches: {asked.id} HALTED, {copies.id} COMPLETED" in told
    ), told
    assert f"branch 0 of object {obj.id}" in flask("object", str(asked.id))
    shown = flask("definitions", "show", "checks")
    assert "checks" in shown and "→ Ask & Copies" in shown

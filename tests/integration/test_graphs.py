"""A graph among everything else: databases, workers, a person, pages, a terminal."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from acceptance.crash import processes
from curators import Browser, admit
from sites import Site
from terminals import Terminal

from invenio_workflows import (
    START,
    Decision,
    Step,
    WorkflowObject,
    continue_oid,
    order_workflow_execution,
    recover,
    resolve,
    start,
    start_delayed,
    steps,
    workflows,
)
from invenio_workflows.errors import DefinitionChanged, WorkflowDefinitionError
from invenio_workflows.patterns import GRAPH, RUN_WF
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus
from invenio_workflows.worker_result import AsynchronousResultWrapper

DEADLY = {"is": False}


class Count(Step):
    """Counts the letters."""

    def execute(self, _input: Any, external_input: Any) -> Any:
        return len(_input["title"])


class IsLong(Decision):
    def transition(self, _input: Any, external_input: Any) -> Any:
        return 0 if _input > 4 else "ask"


def shorten(obj: Any, eng: Any) -> Any:
    """Cut it."""
    obj.data["title"] = obj.data["title"][:-1]
    return obj.data


def ask(obj: Any, eng: Any) -> Any:
    eng.halt("Is it good?", action="approval")


class Die(Step):
    """The process ends here, if it is a deadly one."""

    def execute(self, _input: Any, external_input: Any) -> Any:
        if DEADLY["is"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return [_input]


class Keep(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.extra_data["kept"] = _input


class Take(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.data["taken"] = _input


GRAPH_OF_ALL = {
    START: [Count],
    Count: [IsLong],
    IsLong: [shorten, ask],
    shorten: [Count],
    ask: [Die],
    Die: [Take],
}
BEFORE = [*["Count", "IsLong", "shorten"] * 2, "Count", "IsLong", "ask"]


@pytest.fixture
def graph(site: Site) -> Site:
    kind = type("titles", (), {"graph": GRAPH_OF_ALL})
    site.ext.register_workflow("titles", kind)
    return site


def now(obj: Any) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(obj if isinstance(obj, int) else obj.id)
    return found


def tasks(oid: int) -> list[str]:
    """The tasks that finished, by the events."""
    kinds = ("TaskFinished", "Halted")
    history = current_workflows.queries.history(oid)
    return [str(event.task) for event in history if event.kind in kinds]


def begun() -> int:
    (obj,) = start("titles", {"title": "On Ice"}).processed_objects
    assert (obj.status, obj.get_action()) == (ObjectStatus.HALTED, "approval")
    oid: int = obj.id
    return oid


def test_a_graph_is_run_halts_and_is_continued(graph: Site) -> None:
    oid = begun()
    assert tasks(oid) == BEFORE
    resolve(oid, "approval", {"value": "accept"})
    obj = now(oid)
    assert obj.status == ObjectStatus.COMPLETED
    assert tasks(oid) == [*BEFORE, "Die", "Take"]
    assert obj.data == {"title": "On I", "taken": [4]}
    results = obj.get_tasks_results()
    assert {name: [each["result"] for each in results[name]] for name in results} == {
        "Count": [4],
        "shorten": [{"title": "On I"}],
        "Die": [[4]],
    }
    kept = [
        current_workflows.queries.at(oid, each).get_tasks_results()["Count"]
        for each in current_workflows.queries.history(oid)
        if each.task == "Count"
    ]
    assert [each["result"] for [each] in kept] == [6, 5, 4], (
        "the events have what the document has no more"
    )


def test_a_graph_is_left_to_a_worker(graph: Site) -> None:
    result = start_delayed("titles", [{"title": "On Ice"}, {"title": "Ice"}])
    first, second = (obj.id for obj in result.get(timeout=60).processed_objects)
    assert tasks(first) == BEFORE
    assert tasks(second) == ["Count", "IsLong", "ask"]
    resolve(second, "approval", {"value": "accept"})
    assert now(second).data["taken"] == [3]


def test_order_workflow_execution_starts_one_object_without_data(graph: Site) -> None:
    class MyWorkflow(workflows.Workflow):
        DIGRAPH = {steps.__start__: [Die], Die: [Keep]}

    graph.ext.register_workflow("MyWorkflow", MyWorkflow)
    before = graph.counts()
    with pytest.raises(WorkflowDefinitionError, match="MyWorkflow"):
        order_workflow_execution(workflow_id="Another")
    assert graph.counts() == before
    oid = order_workflow_execution(workflow_id="MyWorkflow")
    AsynchronousResultWrapper(now(oid).id_workflow).get(timeout=60)
    assert now(oid).status == ObjectStatus.COMPLETED
    assert (now(oid).data, now(oid).extra_data["kept"]) == (None, [None])


@pytest.mark.parametrize(
    ("start_point", "then"),
    [
        ("restart_task", ["ask"]),
        ("restart_prev", ["IsLong", "ask"]),
        ("task:Take", ["Take"]),
        ("restart_first", ["Count", "IsLong", "ask"]),
    ],
)
def test_a_graph_is_restarted_where_one_says(
    graph: Site, start_point: str, then: list[str]
) -> None:
    oid = begun()
    continue_oid(oid, start_point)
    assert tasks(oid)[len(BEFORE) :] == then


def test_a_process_that_is_killed_in_a_node_loses_only_that(graph: Site) -> None:
    oid = begun()

    def dies() -> None:
        DEADLY["is"] = True
        resolve(oid, "approval", {"value": "accept"})

    graph.session.remove()
    graph.ext.engine.dispose()
    assert processes.forked(dies) == -signal.SIGKILL
    assert now(oid).status == ObjectStatus.RUNNING
    assert [each.outcome for each in recover()] == [ObjectStatus.COMPLETED]
    assert tasks(oid) == [*BEFORE, "Die", "Take"]
    assert now(oid).data == {"title": "On I", "taken": [4]}


def test_what_cannot_be_kept_is_an_error_and_never_hangs(graph: Site) -> None:
    def give(obj: Any, eng: Any) -> Any:
        return object()

    graph.ext.register_workflow("giving", {START: [give], give: [Take]})
    eng = start("giving", [{}, {}], stop_on_error=False)
    for obj in eng.processed_objects:
        assert obj.status == ObjectStatus.ERROR
        assert "what give returned" in obj.get_error_message()[0]


def test_an_edited_graph_goes_on_at_the_node_of_that_name(graph: Site) -> None:
    def new(obj: Any, eng: Any) -> Any:
        return "new"

    oid, gone = begun(), begun()
    edited = {START: [ask], ask: [new], new: [Take]}
    graph.ext.register_workflow("titles", edited, replace=True)
    continue_oid(oid)
    assert tasks(oid)[len(BEFORE) :] == ["new", "Take"]
    assert now(oid).data["taken"] == "new"
    graph.ext.register_workflow("titles", {START: [Take]}, replace=True)
    with pytest.raises(DefinitionChanged):
        continue_oid(gone)
    assert now(gone).status == ObjectStatus.ERROR
    assert "'ask', at which the object stands, is no longer" in str(
        now(gone).get_error_message()
    )


# --- seen -----------------------------------------------------------------------------


def test_the_record_page_draws_the_graph_and_where_the_object_stands(
    graph: Site,
) -> None:
    admit(graph.app)
    oid = begun()
    text = Browser(graph.app, "admin").get(f"/{oid}").get_data(as_text=True)
    drawn = re.findall(r'hp-place-(\w+)[ "].*?<bdi>(.*?)</bdi>', text, re.DOTALL)
    assert drawn == [
        ("here", "GRAPH, begins with Count"),
        ("done", "Count"),
        ("done", "IsLong"),
        ("done", "shorten"),
        ("here", "ask"),
        ("ahead", "Die"),
        ("ahead", "Take"),
    ]
    assert "leads to shorten or ask" in text and "ends here" in text
    assert "IsLong: done (leads to shorten or ask)" in text
    nodes = ["Count", "IsLong", "shorten", "ask", "Die", "Take"]
    assert re.findall(r"<option[^>]*>(\w+)</option>", text)[-6:] == nodes


@pytest.fixture
def flask(make_site: Callable[..., Site], ready_url: str) -> Terminal:
    site = make_site(ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    kind = type("titles", (), {"graph": GRAPH_OF_ALL})
    site.ext.register_workflow("titles", kind)
    inner = RUN_WF([shorten, ask], comment="by hand")
    nested = {START: [Count], Count: [inner], inner: [IsLong], IsLong: [inner, Take]}
    site.register("nested", shorten, GRAPH(nested), shorten)
    return Terminal(site.app)


def test_a_terminal_shows_a_graph(flask: Terminal) -> None:
    assert flask("definitions", "show", "titles").splitlines()[2:] == [
        "└─ GRAPH, begins with Count",
        "   ├─ Count                  Counts the letters.  → IsLong",
        "   ├─ IsLong                 → shorten | ask",
        "   ├─ shorten                Cut it.  → Count",
        "   ├─ ask                    → Die",
        "   ├─ Die                    The process ends here, if it is a deadly one.  "
        "→ Take",
        "   └─ Take                   → the end",
    ]
    [graph] = flask.json("definitions", "show", "titles")["workflow"]
    nodes = graph["branches"][0]["workflow"]
    assert {each["task"]: each["leads_to"] for each in nodes} == {
        "Count": ["IsLong"],
        "IsLong": ["shorten", "ask"],
        "shorten": ["Count"],
        "ask": ["Die"],
        "Die": ["Take"],
        "Take": [],
    }


def test_check_17_a_drawing_has_the_edges_of_the_graph(flask: Terminal) -> None:
    def edges(name: str) -> list[str]:
        drawn = flask("definitions", "show", name, "--dot").splitlines()
        return [line.strip() for line in drawn if "->" in line]

    assert edges("titles") == [
        "start -> t0_0;",
        "t0_0 -> t0_1;",
        't0_1 -> t0_2 [label="0"];',
        't0_1 -> t0_3 [label="1"];',
        "t0_2 -> t0_0;",
        "t0_3 -> t0_4;",
        "t0_4 -> t0_5;",
        "t0_5 -> end;",
    ]
    assert edges("nested") == [
        "start -> t0;",
        't1_1_begin -> t1_1_0 [label="by hand"];',
        "t1_1_0 -> t1_1_1;",
        "t0 -> t1_0;",
        "t1_0 -> t1_1_begin;",
        "t1_1_1 -> t1_2;",
        't1_2 -> t1_1_begin [label="0"];',
        't1_2 -> t1_3 [label="1"];',
        "t1_3 -> t2;",
        "t2 -> end;",
    ]

"""The checks of the reference about graphs, by number: Python, a terminal, the pen.

W1, W3, W4, W5, W9, W10, W12, W15 and W19, and checks 1 to 5, 12, 13, 14 and 17. What
they say of input, of the table of definitions and of output is checked beside this.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
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
    continue_oid,
    order_workflow_execution,
    start,
    start_delayed,
)
from invenio_workflows.calls import Call
from invenio_workflows.errors import WorkflowDefinitionError, WorkflowError
from invenio_workflows.jobs import perform
from invenio_workflows.models import ObjectStatus
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import WorkflowStatus
from invenio_workflows.worker_result import AsynchronousResultWrapper

S = ObjectStatus
RAN: list[str] = []


class A(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        return 1


class B(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        return _input + 1


class Decision1(Decision):
    """Which of the two?"""

    def transition(self, _input: Any, external_input: Any) -> Any:
        return self.obj.data["to"]


class Step2a(B):
    """The one."""


class Step2b(B):
    """The other."""


class Step3(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        RAN.append("Step3")
        self.obj.data["by"] = _input


class Round(Decision):
    def execute(self, _input: Any, external_input: Any) -> Any:
        return _input + 1

    def transition(self, _input: Any, external_input: Any, result: int) -> Any:
        return 0 if result < self.obj.data["rounds"] else "Step3"


class Bad(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        return {"date": date, "object": object()}


README: dict[Any, Any] = {
    START: [A],
    A: [Decision1],
    Decision1: [Step2a, Step2b],
    Step2a: [Step3],
    Step2b: [Step3],
}
split, meet = Fork("split"), Join(name="meet")
FORKED = {
    **{START: [A], A: [split], split: [Step2a, Step2b], Step2a: [meet]},
    **{Step2b: [meet], meet: [Step3]},
}
GRAPHS: dict[str, Any] = {
    "chain": {START: [A], A: [B]},
    "readme": README,
    "cycle": {START: [A], A: [Round], Round: [Round, Step3]},
    "bad": {START: [A], A: [Bad], Bad: [Step3]},
    "forked": FORKED,
}


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    RAN.clear()
    site = Site(database_url)
    for name, graph in GRAPHS.items():
        site.ext.register_workflow(name, type(name, (), {"graph": graph}))
    admit(site.app)
    with site.app.app_context():
        yield site
    site.close()


@pytest.fixture
def terminal(site: Site) -> Terminal:
    return Terminal(site.app, site)


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site.app, "admin")


def now(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(oid)
    return found


def tasks(oid: int) -> list[str]:
    kinds = ("TaskFinished", "Waiting", "Halted")
    history = current_workflows.queries.history(oid)
    return [str(event.task) for event in history if event.kind in kinds]


def returned(obj: Any) -> dict[str, Any]:
    kept = obj.get_tasks_results()
    return {name: results[0]["result"] for name, results in kept.items()}


def ran(name: str, data: Any) -> WorkflowObject:
    obj: WorkflowObject = start(name, [data], stop_on_error=False).processed_objects[0]
    return obj


def typed(terminal: Terminal, name: str, data: Any) -> int:
    """Start by a terminal; return the id of the object."""
    words = ("start", name, "-i", "-", "-t", "jsonl", "--keep-going", "--json")
    done = terminal.run(*words, input=json.dumps(data) + "\n")
    run = json.loads(done.stdout)["run"]
    rows = terminal.lines("objects", "--run", run)
    (oid,) = (row["id"] for row in rows if row["id_fork"] is None)
    return int(oid)


def clicked(browser: Browser, name: str, data: Any) -> int:
    """Start by the pen; return the id of the object when it stopped."""
    form = {"csrf_token": browser.token("/start"), "workflow": name}
    answer = browser.post("/start/run", **form, data=json.dumps(data))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    uuid = answer.location.rpartition("run=")[2]
    try:
        AsynchronousResultWrapper(uuid).get(timeout=60)
    except WorkflowError:
        pass  # that is read of the object
    (obj,) = WorkflowObject.query.filter_by(
        id_workflow=uuid, id_parent=None, id_fork=None
    ).all()
    oid: int = obj.id
    return oid


# --- 1: what flows --------------------------------------------------------------------


def test_check_1_a_step_is_given_what_the_one_before_returned(site: Site) -> None:
    """Check 1: START → A (returns 1) → B (returns _input + 1). By Python."""
    obj = ran("chain", 0)
    assert obj.status == S.COMPLETED
    assert returned(obj) == {"A": 1, "B": 2}


def test_check_1_at_a_terminal_and_in_the_pen(
    site: Site, terminal: Terminal, browser: Browser
) -> None:
    """Check 1: by a terminal and the pen, which show what each node returned."""
    # What a command sends after this, another process would carry out.
    for oid in (clicked(browser, "chain", 0), typed(terminal, "chain", 0)):
        assert returned(now(oid)) == {"A": 1, "B": 2}
        text = browser.get(f"/{oid}").get_data(as_text=True)
        assert re.search(r"hp-place-done.*?<bdi>B</bdi>", text, re.DOTALL)
        assert [row["task"] for row in results(terminal, oid)] == ["A", "B"]


def results(terminal: Terminal, oid: int) -> list[dict[str, Any]]:
    told = terminal.json("object", str(oid))
    kept = told["results"]
    return [{"task": name, "result": kept[name][0]["result"]} for name in kept]


# --- 2: where it goes -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "way"), [(0, "Step2a"), (1, "Step2b"), ("Step2b", "Step2b")]
)
def test_check_2_a_decision_says_which_edge(site: Site, to: Any, way: str) -> None:
    """Check 2: the README's graph by 0, by 1, and by a name."""
    obj = ran("readme", {"to": to})
    assert tasks(obj.id) == ["A", "Decision1", way, "Step3"]


@pytest.mark.parametrize("to", [7, -1, "Nobody"])
def test_check_2_what_is_no_edge_is_an_error_everywhere(
    site: Site, terminal: Terminal, browser: Browser, to: Any
) -> None:
    """Check 2: 7, -1 and an unknown name are ERROR, with the node and its edges."""
    words = f"The transition of Decision1 gave {to!r}, which is none of its edges: "
    words += "0 Step2a, 1 Step2b."
    ours = ran("readme", {"to": to}).id
    oids = [ours, clicked(browser, "readme", {"to": to})]
    for oid in [*oids, typed(terminal, "readme", {"to": to})]:
        obj = now(oid)
        assert (obj.status, tasks(oid)) == (S.ERROR, ["A"])
        assert words in obj.get_error_message()[0]
        assert "none of its edges: 0 Step2a, 1 Step2b." in terminal("object", str(oid))
        text = browser.get(f"/{oid}").get_data(as_text=True)
        assert "none of its edges: 0 Step2a, 1 Step2b." in text
    mended = now(ours)
    mended.data = {"to": 1}
    mended.save()
    terminal("continue", str(ours), "--from", "restart_task")
    assert tasks(ours) == ["A", "Decision1", "Step2b", "Step3"]


# --- 3: what is refused ---------------------------------------------------------------

WRONG = {
    "an unknown edge": ({START: [A], A: ["Nobody"]}, "A leads to 'Nobody'"),
    "an unreachable node": ({START: [A], B: [A]}, "no way leads from START to B"),
    "no start": ({A: [B]}, "START has 0 edges"),
    "two edges of a step": ({START: [A], A: [B, Step3]}, "A has 2 edges"),
    "no edge of a decision": (
        {START: [Decision1]},
        "the decision Decision1 has no edges",
    ),
    "a branch that meets nobody": (
        {START: [split], split: [A, B], A: [meet]},
        "B, in the branch B of the Fork split, ends the graph",
    ),
}


@pytest.mark.parametrize(("graph", "words"), WRONG.values(), ids=WRONG)
def test_check_3_a_graph_that_cannot_be_is_refused(
    site: Site, graph: Any, words: str
) -> None:
    """Check 3: at registration, with the node; nothing is registered, or replaced."""
    before = dict(current_workflows.workflows)
    for name in ("wrong", "chain"):
        with pytest.raises(WorkflowDefinitionError, match=re.escape(words)) as told:
            site.ext.register_workflow(name, graph, replace=name == "chain")
        assert repr(name) in str(told.value)
    assert dict(current_workflows.workflows) == before
    assert returned(ran("chain", 0)) == {"A": 1, "B": 2}


# --- 4: cycles ------------------------------------------------------------------------


def test_check_4_a_cycle_of_2000_rounds(site: Site) -> None:
    """Check 4: 2000 rounds; the document has what each node returned last."""
    obj = ran("cycle", {"rounds": 2000})
    assert obj.status == S.COMPLETED and obj.data["by"] == 2000
    assert returned(obj) == {"A": 1, "Round": 2000}
    assert len(obj.encoded()[1]) < 2000 and len(obj.cursor or "") < 500
    history = current_workflows.queries.history(obj.id)
    rounds = [event for event in history if event.task == "Round"]
    assert len(rounds) == 1999


def test_check_4_the_ceiling_is_that_of_the_loops(site: Site) -> None:
    """Check 4: ``max_rounds`` ends a cycle that would not."""
    kind = type("cycle", (), {"graph": GRAPHS["cycle"], "max_rounds": 10})
    site.ext.register_workflow("cycle", kind, replace=True)
    obj = ran("cycle", {"rounds": 2000})
    assert obj.status == S.ERROR
    assert "came to the node Round 10 times" in obj.get_error_message()[0]


# --- 5: edited under it ---------------------------------------------------------------

MY_STEPS = """
from invenio_workflows import Step


class First(Step):
    def execute(self, _input):
        return ["First"]


class Second(Step):
    def execute(self, _input):
        if self.obj.data.get("asks"):
            self.eng.halt("Is it?", action="approval")
        return [*_input, "Second"]


class Third(Step):
    def execute(self, _input):
        self.obj.data["ran"] = [*_input, "Third"]
"""
MY_WORKFLOWS = """
from invenio_workflows import START

import my_steps


class Three:
    graph = {
        START: [my_steps.First],
        my_steps.First: [my_steps.Second],
        my_steps.Second: [my_steps.Third],
    }
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The modules of a site: its steps, and its workflows."""
    (tmp_path / "my_steps.py").write_text(MY_STEPS)
    (tmp_path / "my_workflows.py").write_text(MY_WORKFLOWS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("my_steps"), importlib.import_module("my_workflows")
    for name in ("my_steps", "my_workflows"):
        del sys.modules[name]


def test_check_5_only_the_steps_are_loaded_anew(
    site: Site, modules: Any, terminal: Terminal, browser: Browser
) -> None:
    """Check 5: the module of the steps alone is loaded anew; all three steps run."""
    my_steps, my_workflows = modules
    site.ext.register_workflow("three", my_workflows.Three)
    asleep = ran("three", {"asks": True})
    old = my_steps.First
    importlib.reload(my_steps)
    assert my_steps.First is not old
    oids = [clicked(browser, "three", {}), typed(terminal, "three", {})]
    for oid in [*oids, ran("three", {}).id]:
        assert now(oid).data["ran"] == ["First", "Second", "Third"]
    site.ext.register_workflow("three", my_workflows.Three, replace=True)
    assert ran("three", {}).data["ran"] == ["First", "Second", "Third"]
    mixed = {**my_workflows.Three.graph, my_steps.Second: [my_steps.Third]}
    site.ext.register_workflow("three", {"graph": mixed}["graph"], replace=True)
    assert ran("three", {}).data["ran"] == ["First", "Second", "Third"]
    continue_oid(asleep.id)
    assert now(asleep.id).data["ran"] == ["First", "Third"], "it halted in Second"
    assert tasks(asleep.id) == ["First", "Second", "Third"]


# --- 12 and 13: by whom it is moved ---------------------------------------------------


@pytest.mark.parametrize("name", ["readme", "forked"])
def test_check_12_now_or_by_a_worker(site: Site, name: str) -> None:
    """Check 12: ``start`` returns the run; what is delayed is one when it is done.

    With Celery and RQ, in processes of their own: ``test_workers.py``, "forked".
    """
    engine = start(name, [{"to": 0}])
    assert engine.status == WorkflowStatus.COMPLETED
    result = start_delayed(name, [{"to": 0}])
    assert isinstance(result, AsynchronousResultWrapper)
    assert result.get(timeout=60).status == WorkflowStatus.COMPLETED
    one, other = (each.processed_objects[0] for each in (engine, result.get()))
    assert one.data == other.data and tasks(one.id) == tasks(other.id)


def test_check_12_order_workflow_execution(site: Site) -> None:
    """Check 12, W9: one object without data, and its id at once."""
    oid = order_workflow_execution(workflow_id="chain")
    AsynchronousResultWrapper(now(oid).id_workflow).get(timeout=60)
    assert returned(now(oid)) == {"A": 1, "B": 2}


@pytest.mark.parametrize("name", ["readme", "forked"])
def test_check_13_a_message_that_comes_twice_does_nothing(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Check 13: the task of a worker, called twice with one run; then both at once."""
    obj = ran(name, {"to": 0})
    before = current_workflows.queries.history(obj.id)
    with caplog.at_level(logging.INFO):
        perform(Call((obj.id,)))
        perform(Call((obj.id,)))
    assert caplog.text.count("there is nothing to do") == 2
    assert RAN == ["Step3"] and now(obj.id).status == S.COMPLETED
    assert len(current_workflows.queries.history(obj.id)) == len(before)
    assert site.run_status(obj.id_workflow) == WorkflowStatus.COMPLETED


def test_check_13_two_workers_that_take_one_message(site: Site) -> None:
    """Check 13: of two that begin at once, one moves the object."""
    site.app.config["WORKFLOWS_LOCAL_THREADS"] = 0
    result = start_delayed("readme", [{"to": 0}])
    (oid,) = (each.id for each in current_workflows.queries.objects(run=result.uuid))

    def work() -> None:
        with site.app.app_context():
            perform(Call((oid,)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    result.get(timeout=60)
    assert RAN == ["Step3"]


# --- 14: what cannot be kept ----------------------------------------------------------


def test_check_14_a_bad_result_never_hangs(
    site: Site, terminal: Terminal, browser: Browser
) -> None:
    """Check 14: ERROR within the call, by whichever way; the object is not RUNNING."""
    oids = [
        ran("bad", {}).id,
        clicked(browser, "bad", {}),
        typed(terminal, "bad", {}),
    ]
    with pytest.raises(WorkflowError, match="what Bad returned"):
        start("bad", [{}])
    for oid in oids:
        obj = now(oid)
        assert (obj.status, returned(obj)) == (S.ERROR, {"A": 1})
        assert "what Bad returned" in obj.get_error_message()[0]
        assert "what Bad returned" in browser.get(f"/{oid}").get_data(as_text=True)
        terminal("continue", str(oid), "--from", "continue_next")
        assert now(oid).data["by"] == 1, "it hands on what it was given"


def test_check_14_a_date_is_kept(site: Site) -> None:
    """Check 14: what our JSON holds beyond JSON is given on as it was (DESIGN 6.10)."""

    def today(obj: Any, eng: Any) -> Any:
        return {"day": date(2026, 11, 21), "set": {1, 2}, 3: (4,)}

    site.ext.register_workflow("dates", {START: [today], today: [Step3]})
    given = {"day": date(2026, 11, 21), "set": {1, 2}, 3: (4,)}
    assert ran("dates", {}).data["by"] == given


# --- 17: what is known of it ----------------------------------------------------------


@pytest.mark.parametrize("name", ["readme", "cycle", "forked"])
def test_check_17_the_edges_that_are_shown_are_those_of_the_graph(
    terminal: Terminal, browser: Browser, name: str
) -> None:
    """Check 17: as JSON, as a drawing for Graphviz, and on the page of a record."""
    graph = GRAPHS[name]

    def called(node: Any) -> str:
        return str(getattr(node, "task_name", None) or node.__name__)

    edges = {called(n): [*map(called, graph[n])] for n in graph if n is not START}
    edges |= {"Step3": []}
    told = terminal.json("definitions", "show", name)
    assert leads(told["workflow"]) == edges
    dot = terminal("definitions", "show", name, "--dot")
    nodes = dict(re.findall(r'^ *(t\w+) \[label="(\w+)', dot, re.M))
    drawn = re.findall(r"^ *(t\w+) -> (t\w+)", dot, re.M)
    assert {(nodes[one], nodes[other]) for one, other in drawn} == {
        (one, other) for one in edges for other in edges[one]
    }
    assert dot.count("{") == dot.count("}") == 1
    oid = ran(name, {"to": 0, "rounds": 2}).id
    text = browser.get(f"/{oid}").get_data(as_text=True)
    for node, following in edges.items():
        assert f"<bdi>{node}</bdi>" in text
        *others, last = following or [""]
        ways = [f"{', '.join(others)} {word} {last}" for word in ("and", "or")]
        said = [f"leads to {way}" for way in (ways if others else [last]) if last]
        assert any(each in text for each in said or ["ends here"])


def leads(places: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return where each node leads, those in branches too."""
    found: dict[str, list[str]] = {}
    for place in places:
        if "leads_to" in place:
            found[place["task"]] = place["leads_to"]
        for branch in place.get("branches", ()):
            found |= leads(branch["workflow"])
    return found

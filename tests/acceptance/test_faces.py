"""Each check 1–20 of the reference holds through Python, a terminal and the pen.

Most tests of a check go through all three themselves: ``test_graph_checks.py`` (1, 2,
5, 14, 17), ``test_input_checks.py`` with ``test_pen_checks.py`` (6, 7, 9), and
``test_output.py`` (19). Here is what those leave out. Some a face has no part in:

- 3, 15: the pen registers and syncs nothing; it shows what is known, and starts that.
- 11: a form is a thing of the pen; a terminal names the fields that it wants.
- 16: ``test_definitions.py`` (Python, terminal), ``test_pen_removed.py``.
- 20: the doctor is a command; what it finds is no matter of a page.
- 8, 18: they are about REST.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance.test_graph_checks import (
    GRAPHS,
    RAN,
    WRONG,
    clicked,
    now,
    ran,
    returned,
    tasks,
    typed,
)
from celery import Celery
from curators import Browser, admit
from pydantic import BaseModel
from sites import Site
from terminals import Terminal

from invenio_workflows import START, Step, start, start_delayed
from invenio_workflows.actions import asked_of
from invenio_workflows.calls import Call
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.jobs import perform
from invenio_workflows.models import ObjectStatus
from invenio_workflows.proxies import current_workflows
from invenio_workflows.signals import input_required
from invenio_workflows.states import WorkflowStatus
from invenio_workflows.worker_result import AsynchronousResultWrapper

S = ObjectStatus
ANSWERED: list[int] = []


class Ask(Step):
    class UserInputSchema(BaseModel):
        some_data: int

    def execute(self, _input: Any, external_input: Any) -> Any:
        ANSWERED.append(external_input["some_data"])


class cycle:
    """That of the check, with one commit for all of its rounds."""

    graph = GRAPHS["cycle"]
    checkpoint = "object"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all of these: with another database the faces are no others."""
    site = Site(f"sqlite:///{tmp_path_factory.mktemp('faces') / 'workflows.db'}")
    graphs = {**GRAPHS, "ask": {START: [Ask]}}
    for name, graph in graphs.items():
        kind = cycle if name == "cycle" else type(name, (), {"graph": graph})
        site.ext.register_workflow(name, kind)
    admit(site.app)
    with site.app.app_context():
        # Threads that carry out what is delayed: after a command none would begin.
        start_delayed("chain", [0]).get(timeout=60)
    yield site
    site.close()


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()
    ANSWERED.clear()


@pytest.fixture
def terminal(site: Site) -> Iterator[Terminal]:
    with site.app.app_context():
        yield Terminal(site.app, site)


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site.app, "admin")


def each_way(terminal: Terminal, browser: Browser, name: str, data: Any) -> list[int]:
    """Start by Python, the pen and a terminal; return the ids, in this order."""
    ours = ran(name, data).id
    return [ours, clicked(browser, name, data), typed(terminal, name, data)]


@pytest.mark.parametrize(("to", "way"), [(0, "Step2a"), (1, "Step2b")])
def test_check_2_a_decision_leads_on_by_each_face(
    terminal: Terminal, browser: Browser, to: int, way: str
) -> None:
    for oid in each_way(terminal, browser, "readme", {"to": to}):
        assert tasks(oid) == ["A", "Decision1", way, "Step3"]
        text = browser.get(f"/{oid}").get_data(as_text=True)
        assert f"{way}: done" in text and text.count(": not reached") == 1
        assert way in terminal("object", oid)


def test_check_3_what_was_refused_is_nowhere_to_be_started(
    site: Site, terminal: Terminal, browser: Browser
) -> None:
    graph, words = WRONG["an unreachable node"]
    with pytest.raises(WorkflowDefinitionError, match=words):
        site.ext.register_workflow("wrong", graph)
    assert "wrong" not in terminal.json("definitions", "check")["definitions"]
    assert "no workflow 'wrong'" in terminal.refused("start", "wrong").lower()
    assert 'value="wrong"' not in browser.get("/start").get_data(as_text=True)
    form = {"csrf_token": browser.token("/start"), "workflow": "wrong", "data": "{}"}
    assert browser.post("/start/run", **form).status_code >= 400
    assert current_workflows.definition("chain"), "the others are as they were"


def test_check_4_a_cycle_of_many_rounds_by_each_face(
    terminal: Terminal, browser: Browser
) -> None:
    """More than a recursion takes; 2000 by Python: ``test_graph_checks.py``."""
    for oid in each_way(terminal, browser, "cycle", {"rounds": 500}):
        obj = now(oid)
        assert obj.status == S.COMPLETED and obj.data["by"] == 500
        assert returned(obj) == {"A": 1, "Round": 500}
        assert terminal.json("object", oid)["results"]["Round"][0]["result"] == 500
        text = browser.get(f"/{oid}").get_data(as_text=True)
        assert "Round: done (leads to Round or Step3)" in text


def test_check_9_of_two_answers_at_a_terminal_one_is_taken(terminal: Terminal) -> None:
    oid = typed(terminal, "ask", 1)
    seen = ("--revision", now(oid).revision)
    terminal("input", oid, "--set", "some_data=3", *seen)
    terminal.refused("input", oid, "--set", "some_data=4", *seen)
    assert ANSWERED == [3]


def test_check_10_a_receiver_is_told_once_by_each_face(
    terminal: Terminal, browser: Browser
) -> None:
    told: list[Any] = []

    def hear(obj: Any, action: str, json_schema: Any, halt: str) -> None:
        told.append((obj.id, action, json_schema["required"], halt))

    with input_required.connected_to(hear):
        oids = each_way(terminal, browser, "ask", 1)
    halts = [getattr(asked_of(now(oid)), "halt", None) for oid in oids]
    assert told == [
        (oid, "input", ["some_data"], halt)
        for oid, halt in zip(oids, halts, strict=True)
    ]


def test_check_11_a_terminal_names_the_fields_of_the_form(
    terminal: Terminal, browser: Browser
) -> None:
    for oid in each_way(terminal, browser, "ask", 1):
        assert "some_data: integer, required" in terminal("object", oid)
        text = browser.get(f"/{oid}").get_data(as_text=True)
        assert 'name="some_data" type="number"' in text


def test_check_12_now_or_by_a_worker_by_each_face(
    terminal: Terminal, browser: Browser
) -> None:
    words = ("start", "readme", "-i", "-", "-t", "jsonl", "--delayed", "--json")
    done = terminal.run(*words, input=json.dumps({"to": 0}) + "\n")
    result = AsynchronousResultWrapper(json.loads(done.stdout)["run"])
    assert result.get(timeout=60).status == WorkflowStatus.COMPLETED
    (obj,) = result.get().processed_objects
    oids = [obj.id, *each_way(terminal, browser, "readme", {"to": 0})]
    assert len({json.dumps(now(oid).data) for oid in oids}) == 1
    assert len({tuple(tasks(oid)) for oid in oids}) == 1


def test_check_12_with_celery_that_is_eager(tmp_path: Path) -> None:
    """With workers of Celery and RQ: ``test_workers.py``, "forked"."""
    celery = Celery("eager", broker="memory://", set_as_current=False)
    celery.conf.task_always_eager = True
    site = Site(f"sqlite:///{tmp_path / 'eager.db'}", WORKFLOWS_WORKER="celery")
    site.ext.init_celery(celery)
    with site.app.app_context():
        site.ext.register_workflow("readme", GRAPHS["readme"])
        result = start_delayed("readme", [{"to": 1}])
        assert isinstance(result, AsynchronousResultWrapper)
        assert result.get(timeout=60).status == WorkflowStatus.COMPLETED
    site.close()
    assert RAN == ["Step3"]


def test_check_13_a_message_that_comes_again_does_nothing_by_each_face(
    terminal: Terminal, browser: Browser
) -> None:
    for oid in each_way(terminal, browser, "readme", {"to": 0}):
        before = current_workflows.queries.history(oid)
        for _ in range(2):
            perform(Call((oid,)))
        assert len(current_workflows.queries.history(oid)) == len(before)
        assert "COMPLETED" in terminal("object", oid)
    assert RAN == ["Step3"] * 3
    assert "othing" in terminal("recover")


def test_check_15_what_sync_wrote_is_told_by_each_face(
    site: Site, terminal: Terminal, browser: Browser
) -> None:
    """With files that change, and processes: ``test_definition_checks.py``."""
    terminal("definitions", "sync")
    site.ext.register_workflow("later", GRAPHS["chain"])
    assert terminal("definitions", "sync").startswith("created 1, updated 0")
    known = [row.name for row in current_workflows.known.all()]
    assert known == [row["name"] for row in terminal.lines("definitions", "list")]
    assert "later" in known
    assert "/definitions/later" in browser.get("/definitions").get_data(as_text=True)
    assert start("later", [0]).status == WorkflowStatus.COMPLETED

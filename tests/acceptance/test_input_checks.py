"""The checks of the reference about input, by number, through Python and the terminal.

W2, W3, W11, W13, W20 and checks 2, 6, 7, 9, 10, 12 and 13; and the README of django-wfe
with its names replaced by ours, with what it says that it cannot do.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr
from sites import Site
from terminals import Terminal

from invenio_workflows import (
    WorkflowObject,
    order_workflow_execution,
    provide_external_input,
    provide_input,
    start,
    steps,
    workflows,
)
from invenio_workflows.actions import asked_of
from invenio_workflows.calls import Call
from invenio_workflows.errors import IllegalMove, InputNotValid
from invenio_workflows.jobs import perform
from invenio_workflows.models import JobState, ObjectStatus
from invenio_workflows.proxies import current_workflows
from invenio_workflows.signals import input_required
from invenio_workflows.store.queries import HistoryEvent

PROCESSED: list[Any] = []


def process(value: Any) -> None:
    PROCESSED.append(value)


# --- the README, as it is written there -----------------------------------------------


class Step1(steps.Step):
    def execute(self, _input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        # some fancy logic here
        return {"from": "Step1"}


class Step2(steps.Step):
    class UserInputSchema(BaseModel):
        some_data: int

    def execute(self, _input=None, external_input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        process(external_input["some_data"])
        return external_input["some_data"]


class Decision1(steps.Decision):
    class UserInputSchema(BaseModel):
        output: int = 0

    def transition(self, _input=None, external_input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        # some fancy logic here, defining int: output
        output = external_input["output"]
        return output


class Step2a(steps.Step):
    def execute(self, _input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        return ["a", _input]


class Step2b(steps.Step):
    def execute(self, _input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        return ["b", _input]


class Step3(steps.Step):
    def execute(self, _input=None, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.obj.data = _input


class MyWorkflow(workflows.Workflow):
    DIGRAPH = {
        steps.__start__: [Step1],
        Step1: [Step2],
        Step2: [Decision1],
        Decision1: [Step2a, Step2b],
        Step2a: [Step3],
        Step2b: [Step3],
    }


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """A site with the workflow of the README."""
    PROCESSED.clear()
    site = Site(database_url)
    site.ext.register_workflow("MyWorkflow", MyWorkflow)
    with site.app.app_context():
        yield site
    site.close()


@pytest.fixture
def terminal(site: Site) -> Terminal:
    return Terminal(site.app, site)


def now(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(oid)
    return found


def asking() -> int:
    """The id of an object that Step2 asks about."""
    (obj,) = start("MyWorkflow", [None]).halted_objects
    oid: int = obj.id
    return oid


def settled(oid: int) -> WorkflowObject:
    """The object, when no worker is at work on it."""
    for _ in range(2400):
        obj = now(oid)
        if obj.status not in (ObjectStatus.RUNNING, ObjectStatus.WAITING):
            return obj
        threading.Event().wait(0.05)
    raise AssertionError(f"{obj!r} does not stop")


def test_w9_w11_the_readme_runs_with_its_names_replaced(site: Site) -> None:
    job_id = order_workflow_execution(workflow_id="MyWorkflow")

    for given in ({"some_data": 3}, {"output": 1}):
        job = settled(job_id)
        assert job.status == JobState.INPUT_REQUIRED
        provide_external_input(job_id=job.id, external_data=given)

    job = settled(job_id)
    assert (job.status, job.data) == (ObjectStatus.COMPLETED, ["b", 3])
    assert PROCESSED == [3]


MY_STEPS = """
from invenio_workflows import steps
from pydantic import BaseModel


class Step1(steps.Step):
    def execute(self, _input=None, *args, **kwargs):
        return 1


class Decision1(steps.Decision):
    class UserInputSchema(BaseModel):
        some_data: int

    def transition(self, _input=None, external_input=None, *args, **kwargs):
        output = external_input["some_data"]
        return output


class Step2a(steps.Step):
    def execute(self, _input=None, *args, **kwargs):
        return "a"


class Step2b(Step2a):
    def execute(self, _input=None, *args, **kwargs):
        return "b"


class Step3(steps.Step):
    def execute(self, _input=None, *args, **kwargs):
        self.obj.data = _input
"""
MY_WORKFLOW = """
from invenio_workflows import workflows, steps
from ..my_steps import *

class MyWorkflow(workflows.Workflow):
    DIGRAPH = {
        steps.__start__: [Step1],
        Step1: [Decision1],
        Decision1: [Step2a, Step2b],
        Step2a: [Step3],
        Step2b: [Step3],
    }
"""


def test_w5_w6_the_readme_in_files_of_a_package(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its graph as it is written there, with ``import *``; ordered by the row's id."""
    home = tmp_path / "my_wfe_app"
    (home / "workflows").mkdir(parents=True)
    (home / "my_steps.py").write_text(MY_STEPS)
    (home / "workflows" / "MyWorkflow.py").write_text(MY_WORKFLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    site = Site(sqlite_url, WORKFLOWS_PACKAGES=["my_wfe_app"])
    with site.app.app_context():
        state = site.ext.state
        assert state.known.sync(state.catalogue.facts()).created == ["MyWorkflow"]
        job_id = order_workflow_execution(workflow_id=1)
        assert settled(job_id).status == JobState.INPUT_REQUIRED
        provide_external_input(job_id=job_id, external_data={"some_data": 1})
        job = settled(job_id)
        assert (job.status, job.data) == (ObjectStatus.COMPLETED, "b")
        (graph,) = Terminal(site.app).json("definitions", "show", "MyWorkflow")[
            "workflow"
        ]
    site.close()
    places = graph["branches"][0]["workflow"]
    assert {place["task"]: place["leads_to"] for place in places} == {
        **{"Step1": ["Decision1"], "Decision1": ["Step2a", "Step2b"]},
        **{"Step2a": ["Step3"], "Step2b": ["Step3"], "Step3": []},
    }


def test_what_the_readme_says_it_cannot_do(site: Site) -> None:
    """A callback when input is needed, and something that fills it in."""

    def fill_in(obj: Any, action: str, json_schema: Any, halt: str) -> None:
        values = {"some_data": 7, "output": 0}
        wanted = {name: values[name] for name in json_schema["properties"]}
        provide_input(obj.id, wanted)

    with input_required.connected_to(fill_in):
        (obj,) = start("MyWorkflow", [None]).processed_objects
    obj = now(obj.id)
    assert (obj.status, obj.data) == (ObjectStatus.COMPLETED, ["a", 7])
    assert PROCESSED == [7]


# --- the checks -----------------------------------------------------------------------


@pytest.mark.parametrize(("index", "branch"), [(0, "a"), (1, "b")])
def test_check_2_a_decision_takes_the_edge_that_a_person_chose(
    terminal: Terminal, index: int, branch: str
) -> None:
    oid = asking()
    provide_input(oid, {"some_data": 1})
    terminal("input", oid, "--set", f"output={index}")
    assert now(oid).data == [branch, 1]


@pytest.mark.parametrize("index", [7, -1])
def test_check_2_an_edge_that_there_is_not_is_an_error(
    terminal: Terminal, index: int
) -> None:
    oid = asking()
    provide_input(oid, {"some_data": 1})
    done = terminal.run("input", oid, "--set", f"output={index}")
    assert done.exit_code == 1
    obj = now(oid)
    assert obj.status == ObjectStatus.ERROR
    title, _ = obj.get_error_message()
    assert "Decision1" in title and "0 Step2a, 1 Step2b" in title


class Name(BaseModel):
    name: str


class Text(BaseModel):
    title: str = Field(max_length=90, description="As the cover says")
    by: list[Name] = Field([], max_length=9)
    pin: SecretStr | None = None


def test_check_6_input_is_required(terminal: Terminal) -> None:
    oid = asking()
    obj = now(oid)
    assert (obj.status, obj.get_action()) == (ObjectStatus.HALTED, "input")
    asked = asked_of(obj)
    assert asked is not None
    assert asked.schema["properties"]["some_data"]["type"] == "integer"
    assert PROCESSED == []
    told = terminal.json("object", oid)
    assert told["action"] == "input"
    assert told["input"]["schema"]["required"] == ["some_data"]
    assert "some_data: integer, required" in terminal("object", oid)


def test_check_7_input_is_provided_by_python(site: Site) -> None:
    oid = asking()
    before = site.rows("SELECT * FROM workflows_object ORDER BY id")
    events = site.counts()
    for wrong in ({"some_data": "x"}, {}, {"some_data": 3, "more": 4}):
        with pytest.raises(InputNotValid):
            provide_input(oid, wrong)
    assert site.rows("SELECT * FROM workflows_object ORDER BY id") == before
    assert (site.counts(), PROCESSED) == (events, [])
    provide_input(oid, {"some_data": 3})
    assert PROCESSED == [3]
    provide_input(oid, {})
    assert now(oid).status == ObjectStatus.COMPLETED


def test_check_7_input_is_provided_at_the_terminal(
    terminal: Terminal, tmp_path: Any
) -> None:
    oid = asking()
    revision = now(oid).revision
    for wrong in ("some_data=x", "more=3"):
        done = terminal.run("input", oid, "--set", wrong)
        assert done.exit_code == 1 and "some_data" in done.stderr
    assert (now(oid).revision, PROCESSED) == (revision, [])
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"some_data": 3}))
    terminal("input", oid, "-i", answer, "--revision", revision)
    assert PROCESSED == [3]
    terminal.refused("input", oid, "--set", "output=0", "--revision", revision)
    terminal("input", oid, "--set", "output=0")
    assert now(oid).status == ObjectStatus.COMPLETED


def test_an_answer_at_the_terminal_is_for_the_question_that_was_read(
    terminal: Terminal, site: Site
) -> None:
    def ask(obj: Any, eng: Any) -> None:
        obj.data = [eng.ask(Name, "First?").name, eng.ask(Name, "Second?").name]

    site.register("twice", ask)
    oid = start("twice", [{}]).halted_objects[0].id

    class Slow(io.BytesIO):
        """An answer that comes when somebody else has given theirs."""

        def read(self, *size: Any) -> bytes:
            if size != (0,) and now(oid).get_action_message() == "First?":
                provide_input(oid, {"name": "fast"})
            return super().read(*size)

    read = now(oid)
    done = terminal.run("input", oid, "-i", "-", input=Slow(b'{"name": "slow"}'))
    assert done.exit_code == 1 and "changed since it was seen" in done.stderr
    assert now(oid).get_action_message() == "Second?"
    with pytest.raises(IllegalMove):
        provide_input(read, {"name": "slow"})
    terminal("input", oid, "--set", "name=slow")
    assert now(oid).data == ["fast", "slow"]


def test_the_terminal_says_what_is_asked_until_when_and_what_is_then(
    terminal: Terminal, site: Site
) -> None:
    left = {"title": "none", "by": [], "pin": "1234"}

    def ask(obj: Any, eng: Any) -> None:
        times = {"deadline": timedelta(days=7), "remind": [timedelta(days=1)]}
        eng.ask(Text, "Which text?", on_deadline=left, **times)

    site.register("texts", ask)
    oid = start("texts", [{}]).halted_objects[0].id
    lines = terminal("input", oid).splitlines()
    assert lines[:6] == [
        "Which text?",
        "  title: string, required, letters at most: 90. As the cover says",
        "  by: list of object, [] if it is left out, items at most: 9",
        "    name: string, required",
        "  pin: secret or null, may be left out",
        lines[5],
    ]
    assert lines[5].startswith("Answer by: ") and "(in 7 days); then" in lines[5]
    assert '"pin": "**********"' in lines[5]
    assert lines[6].startswith("Reminders: ")
    revision = now(oid).revision
    assert f"workflows input {oid} --revision {revision} --set" in lines[7]
    told = terminal.json("input", oid)
    assert (told["revision"], told["remind"]) == (revision, [86400.0])
    assert told["then"]["pin"] == "**********" and told["deadline"]


def test_check_9_of_two_answers_one_is_taken(site: Site) -> None:
    oid = asking()
    seen = now(oid).revision  # it may stand at its next question when the second comes
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def answer(number: int) -> None:
        with site.app.app_context():
            ready.wait(60)
            try:
                provide_input(oid, {"some_data": number}, seen)
                outcomes.append("taken")
            except IllegalMove:
                outcomes.append("refused")
            except Exception as error:
                outcomes.append(repr(error))

    people = [threading.Thread(target=answer, args=(number,)) for number in (1, 2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(outcomes) == ["refused", "taken"]
    assert len(PROCESSED) == 1


def test_check_10_a_receiver_is_told_once(site: Site) -> None:
    told: list[Any] = []

    def hear(obj: Any, action: str, json_schema: Any, halt: str) -> None:
        told.append((obj.id, action, json_schema["title"], halt))

    with input_required.connected_to(hear):
        oid = asking()
        asked = asked_of(now(oid))
    assert asked is not None
    assert told == [(oid, "input", "UserInputSchema", asked.halt)]


def test_check_12_and_13_an_answer_that_a_worker_takes_twice_is_used_once(
    site: Site,
) -> None:
    oid = asking()
    result = provide_input(oid, {"some_data": 3}, delayed=True)
    assert result is not None
    result.get(timeout=60)
    assert settled(oid).get_action_message() == "Decision1 needs input."
    for _ in range(2):  # the message comes again
        perform(Call((oid,)))
    assert PROCESSED == [3]
    assert now(oid).get_action_message() == "Decision1 needs input."


def test_w13_what_was_given_is_in_the_history(site: Site) -> None:
    oid = asking()
    provide_input(oid, {"some_data": 3}, actor="ann")
    history: list[HistoryEvent] = now(oid).history()
    kinds = [(event.kind, event.task) for event in history]
    assert ("InputAsked", "Step2") in kinds and ("TaskFinished", "Step2") in kinds
    (given,) = [event for event in history if event.kind == "Resolved"]
    assert given.payload["actor"] == "ann"
    assert now(oid).get_tasks_results()["Step2"][0]["result"] == 3
    form = site.value("SELECT form FROM workflows_audit")
    form = json.loads(form) if isinstance(form, str) else form
    assert form == {"some_data": 3}
    assert current_workflows.audit.last(oid, 0).action == "input"


def test_w20_run_up_to_the_first_input_answer_and_look(terminal: Terminal) -> None:
    assert "Need action" in terminal("start", "MyWorkflow")
    assert "Step2 needs input." in terminal("objects", "--status", "halted")
    (listed,) = terminal.lines("objects", "--status", "halted")
    oid = listed["id"]
    assert listed["action"] == "input"
    assert "it asks: input: Decision1 needs input." in terminal(
        "input", oid, "--set", "some_data=3"
    )
    terminal("input", oid, "--set", "output=0")
    assert "COMPLETED" in terminal("object", oid)

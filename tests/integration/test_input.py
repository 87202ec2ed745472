"""Input that people give: asked, validated, given once; on both databases."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from acceptance.crash import processes
from pydantic import AfterValidator, BaseModel, Field, SecretStr, field_validator
from sites import Site
from terminals import Terminal

from invenio_workflows import (
    START,
    Decision,
    Step,
    WorkflowObject,
    continue_oid,
    provide_external_input,
    provide_input,
    recover,
    resolve,
    resume_objects_in_workflow,
    signals,
    start,
)
from invenio_workflows.actions import asked_of
from invenio_workflows.errors import (
    DataTooLarge,
    IllegalMove,
    InputNotValid,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
)
from invenio_workflows.jobs import sweep
from invenio_workflows.proxies import current_workflows
from invenio_workflows.states import ObjectStatus as S

BROKEN = {"times": 0}
DEADLY = {"is": False}


class Category(BaseModel):
    name: Literal["paper", "thesis"]
    pages: int = Field(1, ge=1)

    @field_validator("pages")
    @classmethod
    def not_thirteen(cls, pages: int) -> int:
        if pages == 13:
            raise ValueError("13 is no good number")
        return pages


class Reason(BaseModel):
    text: str


def classify(obj: Any, eng: Any) -> None:
    obj.data["runs"] = obj.data.get("runs", 0) + 1
    category = eng.ask(Category, "Which category?")
    again = eng.ask(Category, "And the other?")
    reason = eng.ask(Reason, "Why?")
    assert isinstance(category, Category)
    if BROKEN["times"]:
        BROKEN["times"] -= 1
        raise KeyError("broken")
    if DEADLY["is"]:
        os.kill(os.getpid(), signal.SIGKILL)
    obj.data["got"] = [category.name, again.name, again.pages, reason.text]


def count(obj: Any, eng: Any) -> None:
    obj.data["after"] = obj.data.get("after", 0) + 1


def now(oid: int) -> WorkflowObject:
    found: WorkflowObject = WorkflowObject.get(oid)
    return found


@pytest.fixture
def asking(site: Site) -> Iterator[int]:
    """The id of an object that asks for the first of three."""
    BROKEN["times"], DEADLY["is"] = 0, False
    site.register("classify", classify, count)
    yield begun()
    BROKEN["times"], DEADLY["is"] = 0, False


def begun() -> int:
    (obj,) = start("classify", {"title": "On ice"}).halted_objects
    oid: int = obj.id
    return oid


def give(oid: int, data: dict[str, Any], **kwargs: Any) -> WorkflowObject:
    provide_input(oid, data, **kwargs)
    return now(oid)


def test_three_asks_in_one_task_get_their_answers_in_the_same_places(
    asking: int,
) -> None:
    obj = now(asking)
    assert (obj.status, obj.get_action()) == (S.HALTED, "input")
    assert obj.data == {"title": "On ice"}, "what the asking task changed is undone"
    asked = asked_of(obj)
    assert asked is not None
    assert (asked.question, asked.name) == ("Which category?", "Category")
    assert asked.schema["properties"]["name"]["enum"] == ["paper", "thesis"]
    first = asked.halt
    obj = give(asking, {"name": "paper"})
    asked = asked_of(obj)
    assert asked is not None and asked.question == "And the other?"
    assert asked.halt != first
    obj = give(asking, {"name": "thesis", "pages": "300"})
    assert obj.get_action_message() == "Why?"
    assert obj.data == {"title": "On ice"}
    obj = give(asking, {"text": "so"})
    assert obj.status == S.COMPLETED
    assert obj.data == {
        "title": "On ice",
        "runs": 1,
        "got": ["paper", "thesis", 300, "so"],
        "after": 1,
    }
    assert "answers" not in obj.cursor, "an answer is used once"
    kinds = [event.kind for event in obj.history()]
    assert kinds == [
        "Started",
        *["InputAsked", "Resolved"] * 3,
        "TaskFinished",
        "TaskFinished",
        "Finished",
    ]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({}, [["name"]]),
        ({"name": "book", "pages": 0}, [["name"], ["pages"]]),
        ({"name": "paper", "pages": 13}, [["pages"]]),
        ({"name": "paper", "colour": "red"}, [["colour"]]),
        ({"name": "paper", "pages": None}, [["pages"]]),
    ],
)
def test_a_bad_answer_leaves_the_object_as_it_was(
    site: Site, asking: int, data: dict[str, Any], where: list[list[str]]
) -> None:
    before = site.rows("SELECT * FROM workflows_object ORDER BY id")
    counts = site.counts()
    with pytest.raises(InputNotValid) as refused:
        provide_input(asking, data)
    assert [each["loc"] for each in refused.value.errors] == where
    assert all(each["msg"] and each["type"] for each in refused.value.errors)
    assert isinstance(refused.value, (ValueError, WorkflowAPIError))
    assert where[0][0] in str(refused.value)
    assert site.rows("SELECT * FROM workflows_object ORDER BY id") == before
    assert site.counts() == counts


@pytest.mark.parametrize("data", [[], None, "text", 3, {1: 2}])
def test_what_is_no_object_is_refused(asking: int, data: Any) -> None:
    with pytest.raises(InputNotValid, match="object of fields"):
        provide_input(asking, data)


def test_without_an_answer_it_does_not_continue(asking: int) -> None:
    obj = now(asking)
    with pytest.raises(IllegalMove, match="provide_input"):
        continue_oid(asking)
    with pytest.raises(IllegalMove, match="provide_input"):
        obj.continue_workflow(delayed=True)
    assert list(resume_objects_in_workflow(obj.id_workflow)) == []
    assert now(asking).revision == obj.revision
    continue_oid(asking, "restart_task")
    assert now(asking).get_action_message() == "Which category?"


def test_resolve_is_the_same(asking: int) -> None:
    resolve(asking, "input", {"name": "paper"})
    provide_external_input(job_id=asking, external_data={"name": "paper"})
    assert now(asking).get_action_message() == "Why?"


def test_a_stale_answer_is_refused_and_one_that_asks_for_nothing(asking: int) -> None:
    revision = now(asking).revision
    give(asking, {"name": "paper"}, revision=revision)
    with pytest.raises(IllegalMove, match="changed since it was seen"):
        give(asking, {"name": "thesis"}, revision=revision)
    give(asking, {"name": "paper"})
    give(asking, {"text": "so"})
    with pytest.raises(IllegalMove):
        give(asking, {"text": "so"})


def test_answers_are_kept_when_the_task_fails(asking: int) -> None:
    BROKEN["times"] = 2
    give(asking, {"name": "paper"})
    give(asking, {"name": "paper"})
    with pytest.raises(WorkflowError, match="broken"):
        give(asking, {"text": "so"})
    assert now(asking).status == S.ERROR
    with pytest.raises(WorkflowError, match="broken"):
        continue_oid(asking, "restart_task")
    continue_oid(asking, "restart_task")
    obj = now(asking)
    assert obj.status == S.COMPLETED and obj.data["got"][3] == "so"
    continue_oid(asking, "restart_task")
    assert now(asking).data["after"] == 2
    continue_oid(asking, "restart_prev")
    obj = now(asking)
    assert obj.get_action_message() == "Which category?", "it finished, so it asks anew"
    give(asking, {"name": "paper"})
    for start_point in ("restart_first", "task:classify"):
        continue_oid(asking, start_point)
        assert now(asking).get_action_message() == "Which category?"


def test_a_killed_process_loses_no_answer(site: Site, asking: int) -> None:
    def dies() -> None:
        DEADLY["is"] = True
        with site.app.app_context():
            give(asking, {"text": "so"})

    give(asking, {"name": "paper"})
    give(asking, {"name": "thesis", "pages": 2})
    site.ext.engine.dispose()
    assert processes.forked(dies) == -signal.SIGKILL
    assert now(asking).status == S.RUNNING
    assert [found.outcome for found in recover()] == [S.COMPLETED]
    obj = now(asking)
    assert obj.data["got"] == ["paper", "thesis", 2, "so"]
    assert (obj.data["runs"], obj.data["after"]) == (1, 1)


def test_of_two_answers_at_once_one_wins(site: Site, asking: int) -> None:
    give(asking, {"name": "paper"})
    give(asking, {"name": "paper"})
    ran: list[Any] = []
    ready = threading.Barrier(2)
    told: list[str] = []

    def answer(text: str) -> None:
        with site.app.app_context():
            ready.wait(60)
            try:
                provide_input(asking, {"text": text}, actor=text)
                ran.append(text)
            except IllegalMove as error:
                told.append(str(error))

    people = [threading.Thread(target=answer, args=(who,)) for who in ("ann", "bob")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert len(ran) == len(told) == 1, (ran, told)
    obj = now(asking)
    assert obj.data["got"][3] == ran[0]
    assert (obj.data["runs"], obj.data["after"]) == (1, 1)


def test_a_worker_goes_on_with_a_delayed_answer(site: Site, asking: int) -> None:
    run = now(asking).id_workflow
    for data in ({"name": "paper"}, {"name": "paper"}, {"text": "so"}):
        result = provide_input(asking, data, delayed=True)
        assert result is not None and result.uuid == run
        result.get(timeout=60)
    assert now(asking).data["got"][3] == "so"


def test_an_answer_that_cannot_be_kept_is_refused(site: Site, asking: int) -> None:
    give(asking, {"name": "paper"})
    give(asking, {"name": "paper"})
    with pytest.raises(InputNotValid):
        give(asking, {"text": object()})
    with pytest.raises(DataTooLarge, match="WORKFLOWS_MAX_DATA_SIZE"):
        give(asking, {"text": "x" * 11_000_000})
    assert now(asking).get_action_message() == "Why?"


# --- steps -----------------------------------------------------------------------


class First(Step):
    def execute(self, _input: Any, external_input: Any) -> Any:
        assert external_input == {}
        return 20


class Ask(Step):
    """Takes a number."""

    class UserInputSchema(BaseModel):
        some_data: int
        when: date = date(2026, 1, 1)

    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.data.setdefault("seen", []).append(external_input)
        if BROKEN["times"]:
            BROKEN["times"] -= 1
            raise KeyError("broken")
        return _input + external_input["some_data"]


class Where(Decision):
    question = "Where to?"

    class UserInputSchema(BaseModel):
        to: str

    def execute(self, _input: Any, external_input: Any) -> Any:
        if self.obj.data.get("halts"):
            self.eng.halt("Look first.")
        return _input

    def transition(self, _input: Any, external_input: Any, result: Any) -> Any:
        return external_input["to"]


class Last(Step):
    def execute(self, _input: Any) -> Any:
        self.obj.data["last"] = _input


@pytest.fixture
def steps(site: Site) -> Site:
    BROKEN["times"] = 0
    graph = {START: [First], First: [Ask], Ask: [Where], Where: [Ask, Last]}
    site.ext.register_workflow("steps", type("steps", (), {"graph": graph}))
    return site


def test_a_step_and_a_decision_ask_before_they_run(steps: Site) -> None:
    (obj,) = start("steps", {}).halted_objects
    asked = asked_of(obj)
    assert asked is not None
    assert (asked.question, obj.data) == ("Ask needs input.", {})
    obj = give(obj.id, {"some_data": "3"})
    assert obj.data["seen"] == [{"some_data": 3, "when": date(2026, 1, 1)}]
    assert obj.get_action_message() == "Where to?"
    obj = give(obj.id, {"to": "Ask"})
    assert obj.get_action_message() == "Ask needs input.", "each round asks anew"
    obj = give(obj.id, {"some_data": 4, "when": "2026-02-03"})
    assert obj.data["seen"][1]["when"] == date(2026, 2, 3)
    obj = give(obj.id, {"to": "Last"})
    assert (obj.status, obj.data["last"]) == (S.COMPLETED, 27)


def test_a_step_that_failed_is_not_asked_again_and_one_that_finished_is(
    steps: Site,
) -> None:
    (obj,) = start("steps", {}).halted_objects
    BROKEN["times"] = 1
    with pytest.raises(WorkflowError, match="broken"):
        give(obj.id, {"some_data": 3})
    continue_oid(obj.id, "restart_task")
    assert now(obj.id).get_action_message() == "Where to?"
    continue_oid(obj.id, "restart_prev")
    obj = give(obj.id, {"some_data": 5})
    obj = give(obj.id, {"to": "Last"})
    assert obj.data["last"] == 25, "it had the _input that it had before"


def test_a_decision_that_halts_knows_its_answer_afterwards(steps: Site) -> None:
    (obj,) = start("steps", {"halts": True}).halted_objects
    give(obj.id, {"some_data": 3})
    obj = give(obj.id, {"to": "Last"})
    assert (obj.get_action(), obj.get_action_message()) == (None, "Look first.")
    continue_oid(obj.id)
    obj = now(obj.id)
    assert (obj.status, obj.data["last"]) == (S.COMPLETED, 23)
    assert "given" not in obj.cursor


def test_a_schema_is_read_anew_each_time_it_halts(
    steps: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(BaseModel):
        some_data: int
        why: str

    (obj,) = start("steps", {}).halted_objects
    monkeypatch.setattr(Ask, "UserInputSchema", Other)
    continue_oid(obj.id, "restart_task")
    asked = asked_of(now(obj.id))
    assert asked is not None and list(asked.schema["properties"]) == [
        "some_data",
        "why",
    ]
    with pytest.raises(InputNotValid, match="why"):
        give(obj.id, {"some_data": 3})
    assert give(obj.id, {"some_data": 3, "why": "x"}).get_action_message() == (
        "Where to?"
    )


def test_what_cannot_be_asked_is_refused_when_it_is_registered(site: Site) -> None:
    class Wrong(Step):
        UserInputSchema = dict

        def execute(self, _input: Any) -> Any: ...

    with pytest.raises(WorkflowDefinitionError, match="UserInputSchema of the node W"):
        site.ext.register_workflow(
            "wrong", type("wrong", (), {"graph": {START: [Wrong]}})
        )


# --- models that cannot be found --------------------------------------------------


def odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("not odd")
    return number


def test_a_local_model_is_known_where_it_was_asked_with(site: Site) -> None:
    class Local(BaseModel):
        number: Annotated[int, AfterValidator(odd)]

    def ask(obj: Any, eng: Any) -> None:
        obj.data["number"] = eng.ask(Local, "Which?").number

    site.register("local", ask)
    (obj,) = start("local", {}).halted_objects
    with pytest.raises(InputNotValid, match="not odd"):
        give(obj.id, {"number": 2})
    assert give(obj.id, {"number": 3}).data == {"number": 3}


def test_elsewhere_the_json_schema_is_checked_and_the_model_when_it_runs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(BaseModel):
        number: Annotated[int, Field(gt=0), AfterValidator(odd)]
        password: SecretStr = SecretStr("x")

    def ask(obj: Any, eng: Any) -> None:
        obj.data["number"] = eng.ask(Local, "Which?").number

    site.register("local", ask)
    (obj,) = start("local", {}).halted_objects
    monkeypatch.setattr("invenio_workflows.schemas._known", {})
    for wrong, where in (
        ({"number": "x"}, "number"),
        ({"number": 0}, "number"),
        ({"number": 1, "more": 2}, "more"),
        ({}, "number"),
    ):
        with pytest.raises(InputNotValid) as refused:
            give(obj.id, wrong)
        assert [each["loc"] for each in refused.value.errors] == [[where]]
    obj = give(obj.id, {"number": 2, "password": "hunter2!"})
    asked = asked_of(obj)
    assert asked is not None and obj.status == S.HALTED
    assert [(e["loc"], e["msg"]) for e in asked.errors] == [(["number"], "not odd")]
    obj = give(obj.id, {"number": 3})
    assert (obj.status, obj.data) == (S.COMPLETED, {"number": 3})


# --- secrets ------------------------------------------------------------------------


class Login(BaseModel):
    user: str
    password: SecretStr = Field(min_length=8)


def test_a_secret_stands_in_no_log_no_history_and_no_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def ask(obj: Any, eng: Any) -> None:
        seen.append(eng.ask(Login, "Who?").password.get_secret_value())

    site.register("login", ask)
    (obj,) = start("login", {}).halted_objects
    with pytest.raises(InputNotValid) as refused:
        give(obj.id, {"user": "ann", "password": "tooshrt"})
    assert "tooshrt" not in f"{refused.value} {refused.value.errors}"
    assert refused.value.__cause__ is None
    give(obj.id, {"user": "ann", "password": "hunter2-hunter2"}, actor="ann")
    assert seen == ["hunter2-hunter2"]
    assert "hunter2" not in caplog.text
    for table in ("object", "event", "log", "audit", "text", "sort"):
        rows = site.rows(f"SELECT * FROM workflows_{table}")
        assert "hunter2" not in str(rows), table
    form = site.value("SELECT form FROM workflows_audit")
    assert "ann" in str(form) and "****" in str(form)


# --- the signal ---------------------------------------------------------------------

OWED = "SELECT count(*) FROM workflows_object WHERE announce_at IS NOT NULL"


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    told: list[Any] = []

    def hear(obj: Any, action: str, json_schema: Any, halt: str) -> None:
        told.append((obj.id, action, json_schema and list(json_schema), halt))
        status = current_workflows.queries.query().get(obj.id).status
        assert status == S.HALTED, "it is sent after the commit"

    with signals.input_required.connected_to(hear):
        yield told


def test_the_signal_is_sent_once_for_each_halt(
    site: Site, heard: list[Any], asking: int
) -> None:
    (first,) = heard
    assert first[:2] == (asking, "input") and "properties" in first[2]
    asked = asked_of(now(asking))
    assert asked is not None and asked.halt == first[3]
    give(asking, {"name": "paper"})
    assert len(heard) == 2 and heard[1][3] != first[3]
    sweep()
    assert len(heard) == 2
    assert site.value(OWED) == 0


def test_the_signal_is_sent_for_every_action(site: Site, heard: list[Any]) -> None:
    def approve(obj: Any, eng: Any) -> None:
        eng.halt("Good?", action="approval")

    def rest(obj: Any, eng: Any) -> None:
        eng.halt("No action.")

    site.register("approves", approve, rest)
    (obj,) = start("approves", {}).halted_objects
    assert heard == [(obj.id, "approval", None, f"{obj.id}-{obj.revision}")]
    resolve(obj.id, "approval", {"value": "accept"})
    assert now(obj.id).status == S.HALTED and len(heard) == 1


def test_a_halt_that_was_not_announced_is_announced_by_a_sweep(
    site: Site, heard: list[Any]
) -> None:
    def killed(obj: Any, **values: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def dies() -> None:
        with site.app.app_context(), signals.input_required.connected_to(killed):
            start("classify", {})

    site.register("classify", classify, count)
    site.ext.engine.dispose()
    assert processes.forked(dies) == -signal.SIGKILL
    (oid,) = site.rows(
        "SELECT id FROM workflows_object WHERE status = 2 AND id_parent IS NULL"
    )[0]
    assert heard == []
    sweep()
    assert heard == [], "its own process may yet do it"
    past = "'2020-01-01 00:00:00.000000'"
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE workflows_object SET announce_at = {past} "
            "WHERE announce_at IS NOT NULL"
        )
    sweep()
    asked = asked_of(now(oid))
    assert asked is not None
    assert [(each[0], each[1], each[3]) for each in heard] == [
        (oid, "input", asked.halt)
    ]
    sweep()
    assert len(heard) == 1


def test_where_nobody_listens_nothing_is_owed(site: Site, asking: int) -> None:
    assert site.value(OWED) == 0


# --- at a terminal ------------------------------------------------------------------


def test_the_terminal_says_what_is_asked_and_takes_the_answer(
    site: Site, asking: int
) -> None:
    terminal = Terminal(site.app)
    told = terminal("object", asking)
    assert "input: Which category?" in told
    assert "name: one of paper, thesis, required" in told
    assert "pages: integer, 1 if it is left out, from 1" in told
    assert f"input {asking} --set FIELD=VALUE" in told
    assert terminal("input", asking).startswith("Which category?\n  name: one of")
    assert terminal.json("input", asking)["schema"]["required"] == ["name"]
    assert terminal.json("object", asking)["input"]["name"] == "Category"
    assert terminal.refused("continue", asking).startswith(
        f"Object {asking} asks for input"
    )
    terminal("input", asking, "--set", "name=paper", "--set", "pages=3")
    told = terminal("input", asking, "-i", "-", input='{"name": "thesis", "pages": 4}')
    assert "it asks: input: Why?" in told
    terminal("input", asking, "-i", "-", "--set", "text=so", input='{"text": 1}')
    assert now(asking).data["got"] == ["paper", "thesis", 4, "so"]
    assert (
        terminal("input", asking) == f"Object {asking} is Done and asks for no input.\n"
    )


def test_the_terminal_has_a_line_for_each_field_that_is_not_valid(
    site: Site, asking: int
) -> None:
    terminal = Terminal(site.app)
    revision = now(asking).revision
    done = terminal.run("input", asking, "--set", "name=book", "--set", "x=1")
    assert (done.exit_code, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["  name", "  x", "Error"]
    done = terminal.run("input", asking, "--set", "name=book", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["errors"][0]["loc"] == ["name"]
    assert "is not JSON" in terminal.refused("input", asking, "-i", "-", input="{")
    assert "JSON object" in terminal.refused("input", asking, "-i", "-", input="[]")
    assert "FIELD=VALUE" in terminal.refused("input", asking, "--set", "x", code=2)
    assert "changed since" in terminal.refused(
        *("input", asking, "--set", "name=paper", "--revision", 1)
    )
    assert now(asking).revision == revision

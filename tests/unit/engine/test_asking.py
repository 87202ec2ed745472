"""``eng.ask`` in memory: what is undone, what is kept, where it cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.parallel import PARALLEL
from invenio_workflows.definition.patterns import IF, TRY
from invenio_workflows.definition.retry import Retry
from invenio_workflows.definition.steps import START, Step
from invenio_workflows.definition.workflow import task
from invenio_workflows.errors import (
    DataNotSerializable,
    IllegalMove,
    InputNotValid,
    WorkflowDefinitionError,
    WorkflowError,
)
from invenio_workflows.states import ObjectStatus as S
from invenio_workflows.testing import run


class Number(BaseModel):
    number: int


class Other(BaseModel):
    number: int


def ask(obj: Any, eng: Any) -> None:
    obj.data.setdefault("got", []).append(eng.ask(Number, "Which?").number)


def test_what_the_asking_task_changed_is_undone_and_its_log_is_kept() -> None:
    calls: list[int] = []

    def before(obj: Any, eng: Any) -> None:
        obj.data["before"] = 1

    def asks(obj: Any, eng: Any) -> None:
        obj.data["before"] += 1
        obj.extra_data["mine"] = 1
        eng.add("count")
        eng.extra_data["shared"] = 1
        obj.log.info("I ask.")
        eng.once("mail", calls.append, 1)
        eng.ask(Number)

    result = run([before, asks], {})
    assert (result.status, result.message) == (S.HALTED, "")
    assert result.data == {"before": 1}
    assert "mine" not in result.extra_data and result.engine.extra_data == {}
    assert result.log == ["I ask."]
    result.provide_input({"number": 1})
    assert (result.status, result.data) == (S.COMPLETED, {"before": 2})
    assert result.engine.extra_data == {"count": 1, "shared": 1}
    assert calls == [1], "what was done once is not done again"
    assert result.tasks == ["before", "asks"]


def test_each_ask_gets_its_answer_by_the_name_of_its_model_and_the_order() -> None:
    """Also where a task asks in another order than before."""

    def asks(obj: Any, eng: Any) -> None:
        first = eng.ask(Number).number
        if first == 1:
            obj.data["other"] = eng.ask(Other).number
        obj.data["numbers"] = [first, eng.ask(Number).number]

    result = run([asks], {}, answers=[{"number": n} for n in (1, 2, 3)])
    assert result.data == {"other": 2, "numbers": [1, 3]}
    assert run([asks], {}, answers=[{"number": 5}, {"number": 6}]).data == {
        "numbers": [5, 6]
    }


def test_a_retry_is_not_asked_again_and_a_try_is() -> None:
    failures = [1, 2]

    @task(retry=Retry(times=2, backoff=0))
    def retried(obj: Any, eng: Any) -> None:
        ask(obj, eng)
        if failures:
            raise KeyError(failures.pop())

    result = run([retried], {}).provide_input({"number": 1})
    for _ in range(2):
        assert result.status == S.WAITING
        result.go_on("restart_task")
    assert (result.status, result.data) == (S.COMPLETED, {"got": [1]})

    def fails(obj: Any, eng: Any) -> None:
        if obj.data["got"] == [1]:
            raise KeyError

    result = run([TRY([ask, fails], retry=1)], {})
    result.provide_input({"number": 1})
    assert result.status == S.HALTED, "the list begins anew"


def test_a_loop_asks_in_each_round_and_a_branch_for_itself() -> None:
    answers = [{"number": n} for n in (1, 2, 3)]
    loop = FOR([1, 2, 3], "x", [ask])
    assert run([loop], {}, answers=answers).data == {"got": [1, 2, 3]}

    def merge(obj: Any, branches: Any) -> None:
        obj.data["all"] = [branch.data["got"] for branch in branches]

    result = run([PARALLEL([ask], [ask], merge=merge)], {})
    for number, branch in enumerate(result.branches):
        assert branch.get_action() == "input"
        result.provide_input({"number": number}, branch)
    assert (result.status, result.data["all"]) == (S.COMPLETED, [[0], [1]])


def test_a_function_in_a_graph_asks_too() -> None:
    def node(obj: Any, eng: Any) -> Any:
        return eng.ask(Number).number

    class Take(Step):
        def execute(self, _input: Any) -> Any:
            self.obj.data["took"] = _input

    graph = GRAPH({START: [node], node: [Take]})
    assert run([graph], {}, answers=[{"number": 4}]).data == {"took": 4}


def test_only_a_task_may_ask() -> None:
    def condition(obj: Any, eng: Any) -> Any:
        return eng.ask(Number).number

    with pytest.raises(WorkflowError, match="Move the call into a task"):
        run([IF(condition, [ask])], {})
    result = run([lambda obj, eng: None], {})
    with pytest.raises(WorkflowError, match="none is at work"):
        result.engine.ask(Number)


def test_it_is_asked_by_a_model_and_by_nothing_else() -> None:
    with pytest.raises(WorkflowError, match="pydantic.BaseModel") as failed:
        run([lambda obj, eng: eng.ask(dict)], {})
    assert isinstance(failed.value.__cause__, WorkflowDefinitionError)
    with pytest.raises(WorkflowError, match="use eng.ask"):
        run([lambda obj, eng: eng.halt("Which?", action="input")], {})


def test_an_answer_in_memory_is_checked_too() -> None:
    result = run([ask], {})
    with pytest.raises(InputNotValid):
        result.provide_input({"number": "x"})
    assert result.status == S.HALTED
    with pytest.raises(IllegalMove):
        result.go_on()
    result.provide_input({"number": 1})
    with pytest.raises(IllegalMove):
        result.provide_input({"number": 1})


def test_what_json_cannot_keep_is_no_answer() -> None:
    class Anything(BaseModel):
        value: Any

    def ask(obj: Any, eng: Any) -> None:
        obj.data = eng.ask(Anything).value

    result = run([ask], {})
    with pytest.raises(DataNotSerializable, match=r"the input\.value is a .*object"):
        result.provide_input({"value": object()})
    assert result.provide_input({"value": [1]}).data == [1]


def test_an_answer_that_is_not_valid_when_the_task_runs_is_asked_for_again() -> None:
    """It is as if the model had become stricter meanwhile."""
    strict, runs = [False], [0]

    class Moody(BaseModel):
        number: int

        def model_post_init(self, context: Any) -> None:
            if strict[0]:
                raise ValueError("not today")

    def asks(obj: Any, eng: Any) -> None:
        runs[0] += 1
        strict[0] = runs[0] == 3
        obj.data["numbers"] = [eng.ask(Number).number, eng.ask(Moody).number]

    result = run([asks], {})
    result.provide_input({"number": 1}).provide_input({"number": 2})
    assert result.asked is not None and result.asked.name == "Moody"
    assert [each["msg"] for each in result.asked.errors] == ["not today"]
    strict[0] = False
    result.provide_input({"number": 3})
    assert result.data["numbers"] == [1, 3], "the first is not asked for again"


def test_what_a_task_was_given_is_not_the_next_ones_when_it_is_passed_over() -> None:
    def fails(obj: Any, eng: Any) -> None:
        eng.ask(Number, "One?")
        raise ValueError("on purpose")

    result = run([fails, ask], {}, answers=[{"number": 1}], stop_on_error=False)
    assert result.status == S.ERROR
    assert result.go_on("continue_next").message == "Which?"
    assert result.provide_input({"number": 2}).data == {"got": [2]}


def test_a_task_that_waits_to_run_again_keeps_what_it_was_given() -> None:
    def waits(obj: Any, eng: Any) -> None:
        ask(obj, eng)
        if len(obj.data["got"]) < 2:
            eng.wait(event="paid", timeout=60, then="restart_task")

    result = run([waits], {}, answers=[{"number": 1}])
    assert result.status == S.WAITING
    result.pass_time(61)
    assert (result.status, result.data) == (S.COMPLETED, {"got": [1, 1]})

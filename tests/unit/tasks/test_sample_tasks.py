"""The small tasks of the document do what it says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from unit.engine.world import FakeRun, Thing, World, ran

from invenio_workflows.engine import WorkflowEngine
from invenio_workflows.errors import WorkflowHalt
from invenio_workflows.patterns import IF, WHILE
from invenio_workflows.tasks import sample_tasks as tasks
from invenio_workflows.tasks import simplified_data_tasks, workflows_tasks


def done(task: Any, data: Any, **extra: Any) -> Thing:
    obj = Thing(data)
    obj.extra_data = extra
    task(obj, WorkflowEngine(FakeRun(), {"key": "shared"}))  # type: ignore[arg-type]
    return obj


def test_the_workflow_of_the_document() -> None:
    class myworkflow:
        """Add 20 to integer and halt if higher."""

        workflow = [tasks.add_data(20), tasks.halt_if_higher_than_20]

    world = World(lambda: myworkflow, 5)
    assert (world.process().status, world.data) == ("Halted", 25)
    assert World(lambda: myworkflow, 0).process().status == "Finished"


@pytest.mark.parametrize(
    ("task", "before", "after"),
    [
        (tasks.add_data(2), 1, 3),
        (tasks.subtract(2), 1, -1),
        (tasks.set_data("x"), 1, "x"),
        (tasks.reduce_data_by_one(3), 10, 7),
        (tasks.sleep_task(0), 1, 1),
        (tasks.halt_if_higher_than_20, 20, 20),
        (tasks.halt_if_data_less_than(3), 3, 3),
        (tasks.task_reduce_and_halt, 0, 0),
        (tasks.task_b, 20, 20),
        (tasks.add_metadata(), {}, {"meta1": "hippo"}),
        (simplified_data_tasks.task_a(4), 1, 5),
        (simplified_data_tasks.task_b, 20, 20),
    ],
)
def test_what_each_does_to_the_data(task: Any, before: Any, after: Any) -> None:
    assert done(task, before).data == after


@pytest.mark.parametrize(
    ("task", "data", "action"),
    [
        (tasks.approve_record, 1, "approval"),
        (tasks.halt_if_higher_than_20, 21, None),
        (tasks.halt_if_data_less_than(3), 2, None),
        (tasks.halt_whatever, 0, None),
        (tasks.task_reduce_and_halt, 2, None),
        (simplified_data_tasks.task_b, 19, None),
        (workflows_tasks.interrupt_workflow, 0, None),
    ],
)
def test_those_that_halt(task: Any, data: Any, action: str | None) -> None:
    with pytest.raises(WorkflowHalt) as caught:
        done(task, data)
    assert caught.value.action == action
    assert caught.value.message
    assert ran([task], data).status == "Halted"


def test_a_book_gets_another_animal() -> None:
    assert done(tasks.add_metadata(), {"content_type": "book"}).data["meta1"] == (
        "elephant"
    )


def test_task_reduce_and_halt_counts_down() -> None:
    world = ran([WHILE(lambda obj, eng: obj.data > 0, tasks.task_reduce_and_halt)], 2)
    assert (world.status, world.data) == ("Halted", 1)
    assert (world.process().data, world.process().status) == (0, "Finished")


def test_extra_data_of_object_and_run() -> None:
    set_it = done(tasks.set_obj_extra_data_key("a", 1), 0)
    assert set_it.extra_data == {"a": 1}
    eng: Any = SimpleNamespace(extra_data={"key": "shared"})
    assert tasks.get_obj_extra_data_key("a")(set_it, eng) == 1
    assert tasks.get_eng_extra_data_key("key")(set_it, eng) == "shared"
    assert tasks.get_data(Thing(9), eng) == 9


def test_the_conditions_ask_data_and_approval() -> None:
    assert tasks.lower_than_20(Thing(19), None) is True
    assert tasks.lower_than_20(Thing(20), None) is False
    obj = Thing()
    assert tasks.was_approved(obj, None) is False
    obj.extra_data["approved"] = True
    assert tasks.was_approved(obj, None) is True
    assert ran([IF(tasks.lower_than_20, tasks.add_data(1))], 19).data == 20


def test_generate_error_fails_its_object() -> None:
    world = ran([tasks.generate_error], 1)
    assert world.status == "Failed"
    assert isinstance(world.error, ZeroDivisionError)


def test_task_b_adds_a_result_to_what_is_small() -> None:
    results, lines = [], []
    obj: Any = SimpleNamespace(
        data=1,
        add_task_result=lambda *result: results.append(result),
        log=SimpleNamespace(info=lines.append),
    )
    tasks.task_b(obj, None)
    assert results == [("task_b", {"a": 12, "b": 13, "c": 14})]
    assert lines == ["data < 20"]


def test_log_info_writes_a_text_or_what_a_function_gives() -> None:
    lines: list[str] = []
    log = SimpleNamespace(info=lambda line, *args: lines.append(line % args))
    eng: Any = SimpleNamespace(log=log)
    workflows_tasks.log_info("100 %")(None, eng)
    workflows_tasks.log_info(lambda obj, eng: "given")(None, eng)
    assert lines == ["100 %", "given"]


def test_write_something_generic_hands_one_text_to_each_function() -> None:
    lines: list[str] = []
    parts = ["data: ", lambda obj, eng: obj.data, "."]
    write = workflows_tasks.write_something_generic
    write(parts, [lines.append, lines.append])(Thing(3), None)
    write("one", lines.append)(Thing(), None)
    assert lines == ["data: 3.", "data: 3.", "one"]

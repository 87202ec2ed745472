"""A workflow in memory behaves as it does in a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from invenio_workflows import signals
from invenio_workflows.errors import DataNotSerializable, IllegalMove, WorkflowError
from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.testing import run


def add(number):
    def add_number(obj, eng):
        obj.data += number

    return add_number


def halt_if_high(obj, eng):
    if obj.data > 20:
        eng.halt("Too high.", action="approval")


def fail(obj, eng):
    obj.data = "half done"
    obj.log.info("about to fail")
    raise ValueError("no")


@pytest.mark.parametrize("name", ["id", "id_workflow", "cursor", "position"])
def test_a_task_does_not_become_another_object(name):
    def mistaken(obj, eng):
        setattr(obj, name, 999)

    told = f"Inside a task the engine keeps obj.{name}; a task may set data_type, id_u"
    with pytest.raises(WorkflowError, match=told):
        run([mistaken], {})


def test_a_task_may_describe_its_object():
    def describe(obj, eng):
        obj.data_type, obj.uri, obj.id_user = "book", "urn:x", 7

    obj = run([describe], {}).obj
    assert (obj.data_type, obj.uri, obj.id_user) == ("book", "urn:x", 7)


def test_three_lines_are_enough():
    result = run([add(20), halt_if_high], 10)
    assert result.data == 30
    assert result.status == ObjectStatus.HALTED
    assert (result.message, result.action) == ("Too high.", "approval")
    assert result.tasks == ["add_number", "halt_if_high"]


def test_a_halted_object_goes_on_with_the_next_task():
    result = run([add(20), halt_if_high, add(1)], 10).go_on()
    assert (result.data, result.status) == (31, ObjectStatus.COMPLETED)
    assert result.action is None and result.message == ""


def test_a_halted_object_may_run_its_task_again():
    result = run([add(20), halt_if_high], 10).go_on("restart_prev")
    assert result.data == 50
    assert result.status == ObjectStatus.HALTED


def test_a_finished_object_does_not_go_on():
    with pytest.raises(IllegalMove, match="COMPLETED"):
        run([add(1)], 1).go_on()


def test_an_unknown_start_point_is_refused():
    with pytest.raises(ValueError, match="restart_first"):
        run([halt_if_high], 30).go_on("sideways")


def test_a_single_task_is_a_workflow():
    assert run(add(1), 1).data == 2


def test_a_class_is_a_workflow():
    class Review:
        workflow = [add(1), add(2)]

    assert run(Review, 1).data == 4


def test_an_error_is_raised_and_what_the_task_did_undone():
    with pytest.raises(WorkflowError, match="no") as raised:
        run([add(1), fail], 1)
    assert isinstance(raised.value.__cause__, ValueError)


def test_an_error_is_kept_with_the_object_when_asked_for():
    result = run([add(1), fail, add(1)], 1, stop_on_error=False)
    assert result.status == ObjectStatus.ERROR
    assert result.data == 2
    assert result.error == "ValueError: no"
    assert result.log == ["about to fail"]
    assert result.engine.status == WorkflowStatus.ERROR


def test_the_failed_task_is_passed_over_by_continuing():
    result = run([add(1), fail, add(1)], 1, stop_on_error=False).go_on()
    assert (result.data, result.status) == (3, ObjectStatus.COMPLETED)


def test_what_json_cannot_hold_fails_the_task():
    def keep_an_object(obj, eng):
        obj.data = {"deep": [object()]}

    with pytest.raises(WorkflowError, match=r"data of object 1\.deep\[0\]") as raised:
        run([keep_an_object], 1)
    assert isinstance(raised.value.__cause__, DataNotSerializable)


def test_each_object_has_its_turn_and_they_share_the_run():
    def count(obj, eng):
        eng.add("seen", obj.data)
        eng.append("order", obj.data)

    result = run([count], 1, 2, 3, started_by="test")
    assert result.engine.extra_data["seen"] == 6
    assert result.engine.extra_data["order"] == [1, 2, 3]
    assert result.engine.extra_data["started_by"] == "test"
    assert [obj.status for obj in result.objects] == [ObjectStatus.COMPLETED] * 3
    assert len(result.engine.objects) == 6
    assert len(result.engine.initial_objects) == 3


def test_a_halt_stops_the_others_only_when_asked_to():
    assert run([halt_if_high], 30, 1).objects[1].status == ObjectStatus.COMPLETED
    halted = run([halt_if_high], 30, 1, stop_on_halt=True)
    assert halted.objects[1].status == ObjectStatus.INITIAL


def test_stop_leaves_the_later_objects_new():
    def stop(obj, eng):
        eng.stop()

    first, second = run([stop, add(1)], 1, 2).objects
    assert (first.status, first.data) == (ObjectStatus.COMPLETED, 1)
    assert second.status == ObjectStatus.INITIAL


def test_abort_undoes_the_task_and_cancels():
    def abort(obj, eng):
        obj.data = "half done"
        eng.abort()

    first, second = run([add(1), abort], 1, 2).objects
    assert (first.status, first.data) == (ObjectStatus.CANCELLED, 2)
    assert second.status == ObjectStatus.INITIAL


def test_a_keyboard_interrupt_leaves_an_error_not_a_running_object():
    def interrupted(obj, eng):
        raise KeyboardInterrupt

    seen = []

    def note(obj, eng):
        seen.append(obj)

    with pytest.raises(KeyboardInterrupt):
        run([note, interrupted], 1)
    assert seen[0].status == ObjectStatus.ERROR


# --- time -----------------------------------------------------------------------------


def asking(**how):
    def ask(obj, eng):
        eng.halt("Well?", action="approval", **how)

    return ask


def publish(obj, eng):
    obj.data = obj.extra_data.get("approved")


def test_time_that_passes_gives_the_answer_of_the_deadline():
    hour = timedelta(hours=1)
    left = asking(deadline=2 * hour, on_deadline={"value": "reject"})
    result = run([left, publish], 1)
    assert result.obj.deadline == result.store.clock.now + 2 * hour
    assert result.pass_time(hour).status == ObjectStatus.HALTED
    assert result.pass_time(3601).status == ObjectStatus.COMPLETED
    assert result.data is False and result.obj.deadline is None


def test_time_that_passes_goes_on_elsewhere_or_ends_in_an_error():
    def escalate(obj, eng):
        obj.data = "escalated"

    left = asking(deadline=60, on_deadline="task:escalate")
    assert run([left, publish, escalate], 1).pass_time(61).data == "escalated"
    result = run(
        [asking(deadline=60, on_deadline="error"), publish], 1, stop_on_error=False
    )
    assert result.pass_time(61).status == ObjectStatus.ERROR
    assert "Nobody answered" in result.error
    assert result.go_on("restart_task").status == ObjectStatus.HALTED, "it asks again"


def test_time_that_passes_sends_reminders_once_each_in_their_order():
    told = []

    def hear(sender, **values):
        told.append((values.get("number"), values["halt"]))

    with (
        signals.reminder.connected_to(hear),
        signals.deadline_passed.connected_to(hear),
    ):
        result = run([asking(deadline=100, remind=[10, 50])], 1)
        result.pass_time(60).pass_time(60).pass_time(60)
    assert [number for number, _ in told] == [1, 2, None]
    assert len({halt for _, halt in told}) == 1
    assert result.status == ObjectStatus.HALTED


def test_an_answer_before_the_deadline_is_the_one_that_counts():
    result = run([asking(deadline=60, on_deadline={"value": "reject"}), publish], 1)
    result.extra_data["approved"] = True
    result.go_on().pass_time(100)
    assert (result.data, result.status) == (True, ObjectStatus.COMPLETED)


def test_time_that_passes_wakes_timers():
    def sleep(obj, eng):
        eng.wait("a bit", seconds=60)

    def expect(obj, eng):
        eng.wait("mail", event="mail", timeout=60, then="error")

    result = run([sleep, add(1), expect], 1, stop_on_error=False)
    assert result.pass_time(59).status == ObjectStatus.WAITING
    assert result.pass_time(2).data == 2
    assert result.pass_time(50).status == ObjectStatus.WAITING
    assert result.pass_time(10).status == ObjectStatus.ERROR


def test_what_cannot_be_is_refused_at_the_halt():
    for how, told in (
        ({"deadline": datetime(2020, 1, 1, tzinfo=UTC)}, "has passed"),
        ({"deadline": 60, "on_deadline": "nowhere"}, "no on_deadline"),
        ({"deadline": 60, "on_deadline": {"value": "maybe"}}, "approval refuses"),
    ):
        with pytest.raises(WorkflowError, match=told):
            run([asking(**how)], 1)


def test_time_that_passes_gives_the_values_that_were_left():
    class Category(BaseModel):
        name: str

    def sort(obj, eng):
        left = {"name": "paper"}
        obj.data = eng.ask(Category, deadline=60, on_deadline=left).name

    result = run([sort, add("s")], "")
    assert result.pass_time(59).status == ObjectStatus.HALTED
    assert result.pass_time(2).data == "papers"

"""What flows through a graph, where it goes, and where it is taken up."""

from __future__ import annotations

import tracemalloc
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel
from unit.engine.world import FakeRun, Thing, World, compiled, tell

from invenio_workflows import START, Decision, Step
from invenio_workflows.definition import task
from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.patterns import RUN_WF
from invenio_workflows.engine import Cursor, Machine, WorkflowEngine
from invenio_workflows.errors import DefinitionChanged, WorkflowError
from invenio_workflows.states import ObjectStatus
from invenio_workflows.testing import Result, run


class One(Step):
    def execute(self, _input: Any) -> Any:
        return 1


class More(Step):
    def execute(self, _input: Any = None, *args: Any, **kwargs: Any) -> Any:
        return _input + 1


class Note(Step):
    """Writes down what it is given."""

    def execute(self, _input: Any, external_input: Any) -> Any:
        self.obj.extra_data.setdefault("noted", []).append(_input)
        return _input


class Chosen(Decision):
    def transition(self, _input: Any, external_input: Any) -> Any:
        return self.obj.data["to"]


def left(obj: Any, eng: Any) -> Any:
    return "left"


def right(obj: Any, eng: Any) -> Any:
    return "right"


README = {
    START: [One],
    One: [Chosen],
    Chosen: [left, right],
    left: [Note],
    right: [Note],
}


def returned(result: Result) -> dict[str, Any]:
    results = result.obj.get_tasks_results()
    assert all(len(each) == 1 for each in results.values())
    return {name: each[0]["result"] for name, each in results.items()}


# --- what flows ---------------------------------------------------------------


def test_check_1_a_step_is_given_what_the_one_before_returned() -> None:
    result = run({START: [One], One: [More]}, 0)
    assert result.status == ObjectStatus.COMPLETED
    assert returned(result) == {"One": 1, "More": 2}


def test_the_first_node_is_given_the_objects_data() -> None:
    assert returned(run({START: [More]}, 41)) == {"More": 42}


@pytest.mark.parametrize(
    ("to", "way"),
    [(0, "left"), (1, "right"), ("left", "left"), ("right", "right"), (True, "right")],
)
def test_check_2_a_decision_gives_an_index_or_a_name(to: Any, way: str) -> None:
    result = run(README, {"to": to})
    assert result.tasks == ["One", "Chosen", way, "Note"]
    assert result.extra_data["noted"] == [way]


@pytest.mark.parametrize("to", [7, 2, -1, "Note", "", None, 0.0, [0]])
def test_check_2_a_transition_that_is_no_edge_is_an_error(to: Any) -> None:
    with pytest.raises(WorkflowError) as told:
        run(README, {"to": to})
    assert told.value.message == (
        f"The transition of Chosen gave {to!r}, which is none of its edges: "
        "0 left, 1 right."
    )


def test_a_decision_hands_on_what_it_was_given_or_what_its_execute_returned() -> None:
    assert run({START: [One], One: [Chosen], Chosen: [Note]}, {"to": 0}).extra_data[
        "noted"
    ] == [1]

    class Both(Chosen):
        def execute(self, _input: Any, **more: Any) -> Any:
            return {"more": _input + 1}

        def transition(self, _input: Any, result: Any, **more: Any) -> Any:
            assert (_input, result) == (1, {"more": 2})
            result["more"] = _input  # its own
            return 0

    result = run({START: [One], One: [Both], Both: [Note]}, {})
    assert result.extra_data["noted"] == [{"more": 2}]
    assert returned(result)["Both"] == {"more": 2}


def test_what_a_node_is_given_is_its_own() -> None:
    def make(obj: Any, eng: Any) -> Any:
        return obj.data["list"]

    class Change(Step):
        def execute(self, _input: Any) -> Any:
            self.obj.data["list"].append(2)
            self.obj.get_tasks_results()["make"][0]["result"].append(3)
            assert _input == [1]
            _input.append(4)
            return (_input, {"day": date(2026, 11, 21)})

    graph = {START: [make], make: [Change], Change: [Note], Note: [stops]}
    result = run(graph, {"list": [1]})
    assert result.data == {"list": [1, 2]}
    assert result.go_on("task:Change").data == {"list": [1, 2, 2]}
    assert result.extra_data["noted"] == [([1, 4], {"day": date(2026, 11, 21)})] * 2


@pytest.mark.parametrize("value", [object(), {1, object()}, float("nan"), [print]])
def test_check_14_what_json_cannot_keep_is_an_error_at_once(value: Any) -> None:
    def give(obj: Any, eng: Any) -> Any:
        return value

    with pytest.raises(WorkflowError, match="what give returned"):
        run({START: [give], give: [Note]}, {})


def test_what_cannot_be_kept_leaves_nothing_of_its_node() -> None:
    class Bad(Step):
        def execute(self, _input: Any) -> Any:
            self.obj.data = object()
            return 5

    result = run({START: [One], One: [Bad], Bad: [Note]}, {}, stop_on_error=False)
    assert result.status == ObjectStatus.ERROR
    assert result.go_on("continue_next").extra_data["noted"] == [1]
    assert returned(result) == {"One": 1, "Note": 1}


def test_the_document_keeps_what_each_node_returned_last() -> None:
    class Count(Decision):
        def execute(self, _input: Any, **more: Any) -> Any:
            self.obj.add_task_result("Count", "mine")
            return self.obj.data["n"]

        def transition(self, _input: Any, **more: Any) -> Any:
            self.obj.data["n"] += 1
            return "Count" if self.obj.data["n"] < 3 else "Silent"

    def silent(obj: Any, eng: Any) -> Any:
        return obj.data["n"] if eng.extra_data.get("loud") else None

    graph = {START: [Count], Count: ["Count", task("Silent")(silent)]}
    result = run(graph, {"n": 0})
    kept = result.obj.get_tasks_results()
    assert [each["result"] for each in kept["Count"]] == [2, "mine", "mine", "mine"]
    assert "Silent" not in kept


def test_a_node_that_halts_hands_on_what_it_was_given() -> None:
    def approve(obj: Any, eng: Any) -> Any:
        eng.halt("Is it?", action="approval")

    result = run({START: [One], One: [approve], approve: [Note]}, {})
    assert (result.status, result.action) == (ObjectStatus.HALTED, "approval")
    assert result.go_on().extra_data["noted"] == [1]


def test_a_decision_that_halts_is_asked_when_it_goes_on() -> None:
    class Approved(Decision):
        def execute(self, _input: Any, **more: Any) -> Any:
            self.eng.halt("Is it?", action="approval")

        def transition(self, _input: Any, **more: Any) -> Any:
            return "right" if self.obj.extra_data["approved"] else "left"

    result = run({START: [Approved], Approved: [left, right]}, {})
    result.obj.extra_data["approved"] = True
    assert result.go_on().tasks == ["Approved", "right"]


class Number(BaseModel):
    n: int


class Asked(Decision):
    """Asks for a number, and then whether it is right."""

    UserInputSchema = Number

    def transition(self, _input: Any, external_input: Any) -> Any:
        self.obj.data.append(external_input)
        return "right"


class HaltsFirst(Asked):
    def execute(self, _input: Any, **more: Any) -> Any:
        self.eng.halt("Is it?", action="approval", deadline=60, on_deadline="error")


class HaltsDeciding(Asked):
    def transition(self, _input: Any, external_input: Any) -> Any:
        if "approved" not in self.obj.extra_data:
            self.eng.halt("Is it?", action="approval")
        return super().transition(_input, external_input)


@pytest.mark.parametrize("decision", [HaltsFirst, HaltsDeciding])
def test_a_decision_that_halts_has_what_it_was_given_when_it_goes_on(
    decision: Any,
) -> None:
    graph = {START: [decision], decision: [left, right]}
    result = run(graph, [], answers=[{"n": 3}])
    assert result.action == "approval"
    result.obj.extra_data["approved"] = True
    assert result.go_on().tasks[-1] == "right"
    assert result.data == [{"n": 3}]


def test_a_transition_that_halts_keeps_what_the_execute_before_it_returned() -> None:
    class Doubts(Decision):
        def execute(self, _input: Any) -> Any:
            return 5

        def transition(self, _input: Any, result: Any, **more: Any) -> Any:
            if "approved" not in self.obj.extra_data:
                self.eng.halt("Is it?", action="approval")
            self.obj.data.append(result)
            return 0

    result = run({START: [Doubts], Doubts: [Note]}, [])
    assert (result.action, returned(result)) == ("approval", {"Doubts": 5})
    result.obj.extra_data["approved"] = True
    assert (result.go_on().data, result.extra_data["noted"]) == ([5], [5])


def test_a_decision_that_is_run_again_has_nothing_of_the_time_before() -> None:
    class Twice(Decision):
        def execute(self, _input: Any) -> Any:
            if self.obj.data.append("ran") or len(self.obj.data) > 1:
                self.eng.halt("the second time")
            return 5

        def transition(self, _input: Any, result: Any) -> Any:
            if len(self.obj.data) == 1:
                self.eng.halt("the first time")
            return 0

    result = run({START: [One], One: [Twice], Twice: [Note]}, [])
    assert result.message == "the first time"
    assert result.go_on("restart_task").message == "the second time"
    assert result.go_on().extra_data["noted"] == [1]


def test_a_decision_whose_question_expired_left_nothing_as_one_that_failed() -> None:
    graph = {START: [HaltsFirst], HaltsFirst: [left, right]}
    result = run(graph, [], answers=[{"n": 3}], stop_on_error=False)
    result.pass_time(61)
    assert result.status == ObjectStatus.ERROR
    assert result.go_on("continue_next").data == [{}]


def test_a_decision_that_cannot_decide_stands_at_itself() -> None:
    result = run(README, {"to": 9}, stop_on_error=False)
    for _ in range(2):
        assert result.status == ObjectStatus.ERROR
        assert "none of its edges" in str(result.error)
        assert result.obj.extra_data["_last_task_name"] == "Chosen"
        result.go_on("continue_next")
    result.obj.data = {"to": 1}
    assert result.go_on("restart_task").tasks == ["One", "Chosen", "right", "Note"]


def test_a_decision_that_was_passed_over_is_asked_where_it_leads() -> None:
    class Doubting(Decision):
        def execute(self, _input: Any) -> Any:
            raise ValueError("on purpose")

        def transition(self, _input: Any, result: Any) -> Any:
            return 1

    result = run({START: [Doubting], Doubting: [left, right]}, {}, stop_on_error=False)
    assert result.go_on("continue_next").tasks == ["right"]


def test_a_jump_has_no_meaning_in_a_graph() -> None:
    def jump(obj: Any, eng: Any) -> Any:
        eng.jump_call(1)

    with pytest.raises(WorkflowError, match="jump is a node of a graph"):
        run({START: [jump], jump: [left]}, {})


def test_an_instance_is_a_step_with_arguments() -> None:
    class Add(Step):
        def __init__(self, number: int, name: str) -> None:
            self.number, self.task_name = number, name

        def execute(self, _input: Any) -> Any:
            assert not hasattr(self, "seen")
            self.seen = True
            return _input + self.number

    one, ten = Add(1, "one"), Add(10, "ten")
    assert returned(run({START: [one], one: [ten]}, 0)) == {"one": 1, "ten": 11}
    assert returned(run({START: [one], one: [ten]}, 0)) == {"one": 1, "ten": 11}


def test_in_a_list_a_graph_begins_with_the_data_and_ends_in_the_list() -> None:
    tasks = [
        tell("a"),
        GRAPH({START: [Note], Note: [(tell("b"), tell("c"))]}),
        tell("d"),
    ]
    result = run(tasks, [])
    assert result.data == ["a", "b", "c", "d"]
    assert result.extra_data["noted"] == [["a"]]


def test_a_list_in_a_graph_hands_on_what_it_was_given() -> None:
    listed = RUN_WF([FOR([1, 2], "i", [tell("b")])], comment="listed")
    result = run({START: [One], One: ["listed"], listed: [Note]}, [])
    assert (result.data, result.extra_data["noted"]) == (["b", "b"], [1])


def test_run_wf_runs_a_graph() -> None:
    inner = type("inner", (), {"graph": {START: [One], One: [Note]}})
    result = run([tell("a"), RUN_WF(inner), tell("b")], [])
    assert (result.data, result.extra_data["noted"]) == (["a", "b"], [1])


# --- where it goes on -----------------------------------------------------------


def stops(obj: Any, eng: Any) -> Any:
    eng.halt()


CHAIN = {START: [One], One: [More], More: [Note], Note: [stops], stops: [left]}


@pytest.mark.parametrize(
    ("start_point", "tasks", "noted"),
    [
        ("continue_next", ["left"], [2]),
        ("restart_task", ["stops"], [2]),
        ("restart_prev", ["Note", "stops"], [2, 2]),
        ("restart_first", ["One", "More", "Note", "stops"], [2, 2]),
        ("task:More", ["More", "Note", "stops"], [2, 2]),
        ("task:left", ["left"], [2]),
    ],
)
def test_a_restarted_node_is_given_what_it_was_given(
    start_point: str, tasks: list[str], noted: list[Any]
) -> None:
    result = run(CHAIN, {})
    assert result.tasks == ["One", "More", "Note", "stops"]
    result.go_on(start_point)
    assert result.tasks[4:] == tasks
    assert result.extra_data["noted"] == noted


def test_a_restarted_node_is_not_given_what_it_made_of_it() -> None:
    class Change(Step):
        def execute(self, _input: Any) -> Any:
            _input.append(2)
            self.obj.data["saw"].append(list(_input))
            self.eng.halt()

    def make(obj: Any, eng: Any) -> Any:
        return [1]

    result = run({START: [make], make: [Change]}, {"saw": []})
    assert result.go_on("restart_task").data["saw"] == [[1, 2], [1, 2]]


def test_restart_prev_leads_back_the_way_that_the_object_came() -> None:
    graph = {**README, Note: [stops]}
    for to in ("left", "right"):
        result = run(graph, {"to": to})
        assert result.go_on("restart_prev").tasks[4:] == ["stops", "Note", "stops"]
        result.go_on("task:Note")
        source = World(lambda: graph, {"to": to}).process()
        source.process("restart_prev")
        assert source.names == ["One", "Chosen", to, "Note", "stops", "Note", "stops"]
    result = run({START: [stops], stops: [left]}, {})
    assert result.go_on("restart_prev").tasks == ["stops", "stops"]


def test_into_a_list_and_out_of_it_again_leads_the_way_of_the_graph() -> None:
    listed = (tell("a"), task("second")(tell("b")))
    result = run({START: [One], One: [listed], listed: [More], More: [stops]}, [])
    assert returned(result) == {"One": 1, "More": 2}
    result.go_on("task:second")
    assert result.tasks[5:] == ["second", "More", "stops"]
    assert returned(result)["More"] == 2  # not what a node behind it was given
    result.go_on("restart_prev").go_on("restart_prev")
    assert result.tasks[8:] == ["More", "stops"] * 2

    result = run({START: [stops], stops: [listed], listed: [left]}, [])
    result.go_on("task:second").go_on("restart_prev")
    assert result.data == ["b", "a", "b"]


def test_a_node_may_send_the_object_back_the_way_it_came() -> None:
    def back(obj: Any, eng: Any) -> Any:
        if len(obj.extra_data["noted"]) < 3:
            eng.restart_from("restart_prev")

    result = run({**README, Note: [back]}, {"to": "right"})
    assert result.tasks[2:] == ["right", *["Note", "back"] * 3]
    assert result.extra_data["noted"] == ["right"] * 3


def test_in_a_cycle_a_restarted_node_is_given_what_it_had_then() -> None:
    class Again(Decision):
        def transition(self, _input: Any, external_input: Any) -> Any:
            return "Plus" if _input < 3 else "stops"

    class Plus(Step):
        def execute(self, _input: Any) -> Any:
            return _input + 1

    graph = {START: [Plus], Plus: [Again], Again: [Plus, stops], stops: [Note]}
    result = run(graph, 0)
    assert result.tasks == [*["Plus", "Again"] * 3, "stops"]
    result.go_on("task:Plus").go_on("task:Again").go_on()
    assert result.tasks[7:] == ["Plus", "Again", "stops", "Again", "stops", "Note"]
    assert result.extra_data["noted"] == [3]


def test_a_node_can_be_the_start_of_an_object_that_never_ran() -> None:
    world = World(lambda: CHAIN, 5).process("task:More")
    assert world.names == ["More", "Note", "stops"]
    assert "6" in world.kept["extra"]


# --- cycles ---------------------------------------------------------------------


class Round(Decision):
    def execute(self, _input: Any) -> Any:
        return (_input if isinstance(_input, int) else 0) + 1

    def transition(self, _input: Any, result: int) -> Any:
        return "Round" if result < self.obj.data else "left"


def walked(rounds: int, **ceilings: int) -> tuple[Any, Thing, int]:
    """Run a cycle, keeping nothing; return the last event and the longest cursor."""
    graph = {START: [One], One: [Round], Round: [Round, left]}
    source = type("cycle", (), {"graph": graph, **ceilings})
    definition = compiled(lambda: source)
    obj, eng = Thing(rounds), WorkflowEngine(FakeRun(definition.max_rounds))  # type: ignore[arg-type]
    machine = Machine(definition, obj, eng, Cursor())
    longest, last = 0, None
    for number, last in enumerate(machine.run()):  # noqa: B007
        if number % 9 == 0:
            longest = max(longest, len(machine.cursor() or ""))
    return last, obj, longest


def memory(rounds: int) -> int:
    tracemalloc.start()
    walked(rounds)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return highest


def test_check_4_a_cycle_of_100_000_rounds_ends() -> None:
    last, obj, longest = walked(100_000)
    assert type(last).__name__ == "Finished"
    [kept] = obj.extra_data["_tasks_results"]["Round"]
    assert kept["result"] == 100_000
    assert longest < walked(100)[2] + 30, "the numbers in it get longer"


def test_a_cycle_takes_no_memory() -> None:
    memory(100)
    assert memory(3_000) < memory(100) + 5_000


def test_a_cycle_has_the_ceiling_of_the_loops() -> None:
    last, _, _ = walked(12, max_rounds=10)
    assert "came to the node Round 10 times" in str(last.error)
    last, _, _ = walked(11, max_rounds=10)  # it is given a 1
    assert type(last).__name__ == "Finished"


def test_a_ceiling_holds_though_the_cycle_grows() -> None:
    class Wider(Decision):
        """Goes by a node in which the object never was, when it has gone round."""

        def transition(self, _input: Any, **more: Any) -> Any:
            self.obj.data += 1
            return "left" if self.obj.data == 3 else 0

    graph = {START: [Wider], Wider: [Wider, left], left: [Wider]}
    source = type("wide", (), {"graph": graph, "max_rounds": 5})
    result = run(source, 0, stop_on_error=False)
    assert "came to the node Wider 5 times" in str(result.error)
    assert result.data == 5


# --- edited under a sleeping object ------------------------------------------------


def slept(before: Any, after: Any) -> World:
    world = World(lambda: before, {}).process()
    assert world.status == "Halted"
    world.source = lambda: after
    return world.process()


EDITS = {
    "a node before it": {START: [left], left: [stops], stops: [Note]},
    "in another order": {Note: [right], stops: [Note], One: [stops], START: [One]},
    "into a list": [tell("x"), GRAPH({START: [One], One: [stops], stops: [Note]})],
    "a cycle": {START: [One], One: [stops], stops: [Note], Note: [More], More: [right]},
}


@pytest.mark.parametrize("after", EDITS.values(), ids=EDITS)
def test_check_5_it_goes_on_at_the_node_of_that_name(after: Any) -> None:
    world = slept({START: [One], One: [stops], stops: [Note]}, after)
    assert world.status == "Finished"
    assert '"noted":[1]' in world.kept["extra"], "nothing is shortened"


def test_a_node_that_is_gone_is_an_error_that_says_so() -> None:
    with pytest.raises(DefinitionChanged, match="'stops'.*no longer in it"):
        slept({START: [One], One: [stops], stops: [Note]}, {START: [One], One: [Note]})


def test_from_a_node_that_is_gone_another_is_given_what_it_gave() -> None:
    world = World(lambda: {START: [One], One: [stops], stops: [Note]}, {}).process()
    world.source = lambda: {START: [One], One: [Note]}
    assert world.process("task:Note").status == "Finished"
    assert '"noted":[1]' in world.kept["extra"]


def test_an_edge_that_is_gone_is_an_error_that_says_so() -> None:
    world = World(lambda: README, {"to": "right"}, die_after=True)
    while "Chosen" not in world.names:
        world.process("resume")
    graph = {START: [One], One: [Chosen], Chosen: [left], left: [Note]}
    world.source, world.die_after = (lambda: graph), False
    world.process("resume")
    assert world.status == "Failed"
    assert "Chosen chose 'right', to which it leads no more" in str(world.error)


def test_what_flows_is_not_given_to_another_graph() -> None:
    """Of two graphs in one list each has its own notes, also after an edit."""

    class Said(Step):
        def execute(self, _input: Any) -> Any:
            self.obj.extra_data["said"] = _input

    two = GRAPH({START: [More], More: [stops], stops: [Note]})
    world = World(lambda: [two], 5).process()
    world.source = lambda: [two, GRAPH({START: [Said]})]
    assert world.process().status == "Finished"
    assert '"noted":[6]' in world.kept["extra"]
    assert '"said":5' in world.kept["extra"]

"""What flows through Fork, branches and Join, and where each of them is taken up."""

from __future__ import annotations

from typing import Any

import pytest
from unit.engine.world import FakeRun, Thing

from invenio_workflows import START, Decision, Fork, Join, Step
from invenio_workflows.definition import compile_workflow, task
from invenio_workflows.definition.graph import GRAPH
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.parallel import PARALLEL
from invenio_workflows.definition.patterns import RUN_WF
from invenio_workflows.engine import Cursor, Machine, WorkflowEngine
from invenio_workflows.errors import DefinitionChanged, WorkflowError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import (
    Failed,
    ObjectStatus,
    Started,
    TaskSkipped,
    Waiting,
)
from invenio_workflows.testing import Result, run

S = ObjectStatus
split, meet = Fork("split"), Join(name="meet")
inner, outer = Fork("inner"), Join(name="inner end")


class Prepare(Step):
    def execute(self, _input: Any) -> Any:
        return {"n": 5}


class Left(Step):
    def execute(self, _input: Any) -> Any:
        self.obj.data["left"] = dict(_input)
        _input["n"] += 1
        return _input["n"]


class More(Step):
    def execute(self, _input: Any) -> Any:
        return _input * 10


class Report(Step):
    def execute(self, _input: Any) -> Any:
        self.obj.data.setdefault("reports", []).append(_input)
        return "reported"


def right(obj: Any, eng: Any) -> Any:
    obj.data["right"] = True
    return "r"


def ask(obj: Any, eng: Any) -> Any:
    if not obj.data.get("answered"):
        eng.halt("Is it?", action="approval")
    return "answered"


def breaks(obj: Any, eng: Any) -> Any:
    if not obj.extra_data.get("mended"):
        raise ValueError("on purpose")
    return "mended"


PLAIN = {
    START: [Prepare],
    Prepare: [split],
    split: [Left, right],
    Left: [More],
    More: [meet],
    right: [meet],
    meet: [Report],
}


def joined(result: Result) -> Any:
    [report] = result.data["reports"]
    return report


def branch(result: Result, number: int) -> WorkflowObject:
    return [b for b in result.branches if b.branch == number][-1]


# --- what flows -----------------------------------------------------------------------


def test_branches_are_given_what_came_before_and_the_join_what_they_returned() -> None:
    result = run(PLAIN, {})
    assert result.status == S.COMPLETED
    assert result.tasks == ["Prepare", "split", "meet", "Report"]
    assert [result.tasks_of(b) for b in result.branches] == [
        ["Left", "More"],
        ["right"],
    ]
    assert joined(result) == {"Left": 60, "right": "r"}
    assert result.data["left"] == {"n": 5} and result.data["right"] is True
    kept = result.obj.get_tasks_results()
    assert {name: [r["result"] for r in each] for name, each in kept.items()} == {
        "Prepare": [{"n": 5}],
        "Left": [6],
        "More": [60],
        "right": ["r"],
        "Report": ["reported"],
    }


def test_a_fork_at_the_start_gives_each_branch_its_own_data() -> None:
    class Look(Step):
        def execute(self, _input: Any) -> Any:
            assert _input is self.obj.data
            _input["seen"] = 1

    def still(obj: Any, eng: Any) -> Any:
        return sorted(obj.data)

    graph = {
        **{START: [split], split: [Look, still], Look: [meet], still: [meet]},
        meet: [Report],
    }
    result = run(graph, {"a": 1})
    assert joined(result) == {"Look": None, "still": ["a"]}
    assert result.data["seen"] == 1


def test_a_join_of_ones_own_works_on_what_the_branches_gave() -> None:
    class Total(Join):
        def execute(self, _input: Any, external_input: Any) -> Any:
            assert [b.branch for b in self.eng.branches] == [0, 1]
            return _input["Left"] + len(_input["right"])

    graph = {**PLAIN, More: [Total], right: [Total], Total: [Report]}
    del graph[meet]
    assert joined(run(graph, {})) == 61


def test_a_join_may_be_the_end_and_the_classes_themselves_the_nodes() -> None:
    graph = {START: [Fork], Fork: [right, Prepare], right: [Join], Prepare: [Join]}
    assert run(graph, {}).tasks == ["Fork", "Join"]


def test_a_branch_that_is_a_list_or_another_fork_is_named_after_it() -> None:
    def one(obj: Any, eng: Any) -> Any:
        obj.data["one"] = 1
        return 1

    listed = RUN_WF([FOR([1, 2], "i", [one])], comment="listed")
    graph = {
        **{START: [Prepare], Prepare: [split], split: [listed, inner], listed: [meet]},
        **{inner: [Left, right], Left: [outer], right: [outer], outer: [More2]},
        **{More2: [meet], meet: [Report]},
    }
    result = run(graph, {})
    assert result.status == S.COMPLETED
    assert joined(result) == {
        "listed": {"n": 5},
        "inner": {"joined": {"Left": 6, "right": "r"}},
    }


class Keep(Step):
    def execute(self, _input: Any) -> Any:
        return _input


class Keep2(Keep):
    """Another one."""


class More2(Step):
    def execute(self, _input: Any) -> Any:
        return {"joined": _input}


def test_cycles_go_round_in_a_branch_and_around_fork_and_join() -> None:
    class Count(Step):
        def execute(self, _input: Any) -> Any:
            return 1 + (_input if isinstance(_input, int) else 0)

    class Enough(Decision):
        def transition(self, _input: Any) -> Any:
            return "meet" if _input >= 3 else "Count"

    class Again(Decision):
        def execute(self, _input: Any) -> Any:
            self.obj.data["rounds"] = self.obj.data.get("rounds", 0) + 1
            return _input

        def transition(self, _input: Any) -> Any:
            return "split" if self.obj.data["rounds"] < 3 else "Report"

    graph = {
        **{START: [split], split: [Count, right], Count: [Enough]},
        **{Enough: [Count, meet], right: [meet], meet: [Again]},
        **{Again: [split, Report]},
    }
    result = run(graph, {})
    assert result.tasks == [*["split", "meet", "Again"] * 3, "Report"]
    assert len(result.branches) == 6
    assert joined(result) == {"Count": 3, "right": "r"}
    kept = result.obj.get_tasks_results()
    assert [len(results) for results in kept.values()] == [1] * len(kept)
    assert kept["Count"][0]["result"] == 3


def test_what_two_made_of_one_key_is_an_error_that_names_the_join() -> None:
    def put(value: int) -> Any:
        def put(obj: Any, eng: Any) -> None:
            obj.data["x"] = value

        return task(f"put {value}")(put)

    def merge(obj: Any, branches: list[Any]) -> None:
        obj.data["x"] = [branch.data["x"] for branch in branches]

    def graph(join: Any) -> Any:
        one, two = put(1), put(2)
        return {START: [split], split: [one, two], one: [join], two: [join]}

    with pytest.raises(WorkflowError, match=r"data\['x'\].*Give the Join meet a merge"):
        run(graph(meet), {})
    assert run(graph(Join(merge=merge)), {}).data == {"x": [1, 2]}
    failed = run({**graph(meet), meet: [Report]}, {}, stop_on_error=False)
    assert (failed.status, failed.obj.data) == (S.ERROR, {})
    assert joined(failed.go_on("continue_next")).keys() == {"put 1", "put 2"}

    class Largest(Join):
        def merge(self, obj: Any, branches: list[Any]) -> None:
            obj.data["x"] = max(branch.data["x"] for branch in branches)

        def execute(self, _input: Any) -> Any:
            self.obj.data["given"] = sorted(_input)

    assert run(graph(Largest), {}).data == {"x": 2, "given": ["put 1", "put 2"]}


@pytest.mark.parametrize(
    ("join", "given", "statuses"),
    [
        ("any", {"right": "r"}, ["CANCELLED", "COMPLETED", "CANCELLED"]),
        (2, {"right": "r", "Prepare2": 1}, ["CANCELLED", "COMPLETED", "COMPLETED"]),
    ],
)
def test_any_and_so_many_cancel_the_rest(join: Any, given: Any, statuses: Any) -> None:
    def prepare(obj: Any, eng: Any) -> Any:
        return 1

    third, end = task("Prepare2")(prepare), Join(join, name="end")
    graph = {
        **{START: [split], split: [ask, right, third], ask: [end], right: [end]},
        **{third: [end], end: [Report]},
    }
    result = run(graph, {})
    assert joined(result) == given
    assert [b.status.name for b in result.branches] == statuses


# --- where it goes on -----------------------------------------------------------------

ASKING = {
    **{START: [Prepare], Prepare: [split], split: [Left, right], right: [meet]},
    **{Left: [ask], ask: [More2], More2: [meet], meet: [Report]},
}


def test_a_person_decides_on_the_branch() -> None:
    result = run(ASKING, {})
    asked = branch(result, 0)
    assert (result.status, asked.status) == (S.WAITING, S.HALTED)
    assert result.go_on(obj=asked).status == S.COMPLETED
    assert joined(result) == {"Left": {"joined": 6}, "right": "r"}


@pytest.mark.parametrize(
    ("start_point", "tasks"),
    [
        ("continue_next", ["More2"]),
        ("restart_task", ["ask", "More2"]),
        ("restart_prev", ["Left", "ask", "More2"]),
        ("restart_first", ["Left", "ask", "More2"]),
        ("task:Left", ["Left", "ask", "More2"]),
        ("task:More2", ["More2"]),
    ],
)
def test_a_branch_is_restarted_at_its_own_nodes(
    start_point: str, tasks: list[str]
) -> None:
    result = run(ASKING, {})
    asked = branch(result, 0)
    asked.data["answered"] = True
    result.go_on(start_point, obj=asked)
    assert result.tasks_of(asked)[2:] == tasks
    assert result.data["left"] == {"n": 5}, "what it was given is given again"
    last = 6 if start_point in ("continue_next", "task:More2") else "answered"
    assert joined(result) == {"Left": {"joined": last}, "right": "r"}


@pytest.mark.parametrize("name", ["right", "meet", "split", "Prepare", "Report"])
def test_a_branch_keeps_to_its_own_nodes(name: str) -> None:
    result = run(ASKING, {}, stop_on_error=False)
    asked = branch(result, 0)
    result.go_on(f"task:{name}", obj=asked)
    assert asked.status == S.ERROR
    assert "a branch keeps to its own" in asked.get_error_message()[0]


def test_the_object_stays_out_of_its_branches() -> None:
    result = run({**PLAIN, meet: [Report], Report: [ask]}, {})
    with pytest.raises(DefinitionChanged, match="stays out of it"):
        result.go_on("task:Left")


@pytest.mark.parametrize(
    ("start_point", "tasks", "made"),
    [
        ("restart_task", ["split", "meet", "Report"], 4),
        ("restart_prev", ["Prepare", "split", "meet", "Report"], 4),
        ("restart_first", ["Prepare", "split", "meet", "Report"], 4),
        ("task:split", ["split", "meet", "Report"], 4),
        ("task:Report", ["Report"], 2),
    ],
)
def test_the_object_that_waits_is_restarted(
    start_point: str, tasks: list[str], made: int
) -> None:
    result = run(ASKING, {})
    result.obj.data["answered"] = True
    result.go_on(start_point)
    assert result.tasks[2:] == tasks
    assert len(result.branches) == made


def test_from_the_join_one_goes_back_to_the_fork_or_joins_again() -> None:
    fails = {"times": 1}

    class Failing(Join):
        def execute(self, _input: Any) -> Any:
            if fails["times"]:
                raise ValueError("on purpose")
            return _input

    graph = {**PLAIN, More: [Failing], right: [Failing], Failing: [Report]}
    del graph[meet]
    result = run(graph, {}, stop_on_error=False)
    assert result.status == S.ERROR and "left" not in result.data
    fails["times"] = 0
    result.go_on("restart_task")
    assert joined(result) == {"Left": 60, "right": "r"}
    fails["times"] = 1
    passed = run(graph, {}, stop_on_error=False).go_on("continue_next")
    assert passed.tasks[-1] == "Report"
    assert joined(passed) == {"Left": 60, "right": "r"}, "what it was given"
    assert "left" not in passed.data
    back = run(graph, {}, stop_on_error=False)
    fails["times"] = 0
    back.go_on("restart_prev")
    assert len(back.branches) == 4 and joined(back) == {"Left": 60, "right": "r"}


def test_a_join_whose_fork_was_passed_by_says_so() -> None:
    result = run({START: [Prepare], Prepare: [ask], ask: [split], **rest()}, {})
    with pytest.raises(WorkflowError, match="split made none yet; go on from task:sp"):
        result.go_on("task:meet")


def test_a_fork_whose_branches_could_not_be_kept_makes_them_when_passed_over() -> None:
    definition = compile_workflow("test", {START: [split], **rest()})

    def machine(text: str | None) -> Machine:
        eng = WorkflowEngine(FakeRun(9))  # type: ignore[arg-type]
        return Machine(definition, Thing({}), eng, Cursor.decode(text))

    first = machine(None)
    events = first.run()
    assert [type(next(events)) for _ in "12"] == [Started, Waiting]
    assert type(events.throw(OSError("no room for them"))) is Failed
    again = machine(first.cursor()).run("continue_next")
    assert [type(event) for event in again] == [Started, TaskSkipped, Waiting]


def rest() -> dict[Any, Any]:
    return {split: [Left, right], Left: [meet], right: [meet]}


def test_a_join_is_not_given_the_branches_of_another_fork() -> None:
    graph = {
        **{START: [Prepare], Prepare: [split], **rest(), meet: [inner]},
        **{inner: [More2, up], More2: [outer], up: [outer], outer: [ask]},
    }
    result = run(graph, {})
    assert result.status == S.HALTED
    with pytest.raises(WorkflowError, match="meet joins branches, and split made none"):
        result.go_on("task:meet")


def test_a_branch_that_failed_goes_on_alone() -> None:
    graph = {
        **{START: [split], split: [breaks, right], breaks: [More2], More2: [meet]},
        **{right: [meet], meet: [Report]},
    }
    result = run(graph, {}, stop_on_error=False)
    broken = branch(result, 0)
    assert (result.status, broken.status) == (S.WAITING, S.ERROR)
    broken.extra_data["mended"] = True
    result.go_on("restart_task", obj=broken)
    assert joined(result)["breaks"] == {"joined": "mended"}
    result = run(graph, {}, stop_on_error=False)
    result.go_on("continue_next", obj=branch(result, 0))
    assert joined(result)["breaks"] == {"joined": {}}, "the data that it was given"


def test_to_leave_the_graph_in_a_branch_is_to_end_the_branch() -> None:
    def leave(obj: Any, eng: Any) -> Any:
        obj.data["gone"] = 1
        eng.break_current_loop()

    graph = {
        **{START: [Prepare], Prepare: [split], split: [Left, right], Left: [leave]},
        **{leave: [More], More: [meet], right: [meet], meet: [Report]},
    }
    result = run(graph, {})
    assert result.tasks_of(branch(result, 0)) == ["Left", "leave"]
    assert joined(result) == {"Left": 6, "right": "r"}
    assert result.data["gone"] == 1


def test_forks_stand_in_lists_loops_and_blocks() -> None:
    graph = {START: [split], **rest2()}
    tasks = [FOR([1, 2], "i", [GRAPH(graph)]), PARALLEL([GRAPH(graph)], [tell_it])]
    result = run(tasks, {})
    assert result.status == S.COMPLETED and len(result.branches) == 8
    assert result.data == {"right": True, "up": True, "told": True}


def rest2() -> dict[Any, Any]:
    return {split: [up, right], up: [meet], right: [meet]}


def up(obj: Any, eng: Any) -> Any:
    obj.data["up"] = True


def tell_it(obj: Any, eng: Any) -> Any:
    obj.data["told"] = True


def test_the_ceiling_holds_in_a_branch() -> None:
    class Round(Decision):
        def transition(self, _input: Any) -> Any:
            return "Round"

    source = type(
        "w",
        (),
        {
            "graph": {
                **{START: [split], split: [Round, right], Round: [Round, meet]},
                right: [meet],
            },
            "max_rounds": 10,
        },
    )
    with pytest.raises(WorkflowError, match="came to the node Round 10 times"):
        run(source, {})


NESTED = {
    **{START: [Prepare], Prepare: [split], split: [Left, right], right: [meet]},
    **{Left: [inner], inner: [ask, Keep2], ask: [outer], Keep2: [outer]},
    **{outer: [More2], More2: [meet], meet: [Report]},
}


@pytest.mark.parametrize(
    ("start_point", "tasks"),
    [
        ("continue_next", []),
        ("restart_first", ["ask"]),
        ("restart_prev", ["ask"]),
        ("task:ask", ["ask"]),
    ],
)
def test_a_branch_of_a_branch_is_restarted_within_itself(
    start_point: str, tasks: list[str]
) -> None:
    result = run(NESTED, {})
    asked = next(b for b in result.branches if b.status == S.HALTED)
    asked.data["answered"] = True
    result.go_on(start_point, obj=asked)
    assert result.tasks_of(asked)[1:] == tasks
    last = 6 if start_point == "continue_next" else "answered"
    joined_inside = {"joined": {"ask": last, "Keep2": 6}}
    assert joined(result) == {"Left": joined_inside, "right": "r"}


@pytest.mark.parametrize("name", ["Left", "More2", "inner", "Keep2", "right", "meet"])
def test_a_branch_of_a_branch_keeps_to_its_own_nodes(name: str) -> None:
    result = run(NESTED, {}, stop_on_error=False)
    asked = next(b for b in result.branches if b.status == S.HALTED)
    result.go_on(f"task:{name}", obj=asked)
    assert asked.status == S.ERROR
    assert "a branch keeps to its own" in asked.get_error_message()[0]
    asked.data["answered"] = True
    assert result.go_on("restart_first", obj=asked).status == S.COMPLETED


def test_a_node_that_moves_to_the_branch_around_is_no_place_of_the_inner() -> None:
    moved = {**NESTED, inner: [up, Keep2], up: [outer], outer: [ask], ask: [More2]}
    with pytest.raises(DefinitionChanged, match="a branch keeps to its own"):
        slept(NESTED, moved)


def wishes(**wish: Any) -> Any:
    """Return a function that wishes something of the run, the first time."""
    [(name, arguments)] = wish.items()

    def wishing(obj: Any, eng: Any) -> Any:
        eng.add("wishes")
        if eng.extra_data["wishes"] == 1:
            getattr(eng, name)(*arguments)
        return "granted"

    return wishing


def forked_with(wishing: Any) -> Any:
    return {
        **{START: [Prepare], Prepare: [split], split: [Left, right], right: [meet]},
        **{Left: [wishing], wishing: [More2], More2: [meet], meet: [Report]},
    }


@pytest.mark.parametrize(
    ("wish", "tasks", "given"),
    [
        ({"restart_from": ["restart_first"]}, ["Left", "wishing", "More2"], "granted"),
        ({"restart_from": ["restart_prev"]}, ["Left", "wishing", "More2"], "granted"),
        ({"restart_from": ["restart_task"]}, ["wishing", "More2"], "granted"),
        ({"restart_from": ["task:More2"]}, ["More2"], 6),
        ({"wait": []}, [], None),
        ({"skip_token": []}, [], 6),
        ({"continue_next_token": []}, [], 6),
        ({"break_current_loop": []}, [], 6),
    ],
    ids=str,
)
def test_what_a_node_wishes_is_its_branchs(
    wish: Any, tasks: list[str], given: Any
) -> None:
    result = run(forked_with(wishes(**wish)), {})
    wishing = branch(result, 0)
    if "wait" in wish:
        assert (wishing.status, result.status) == (S.WAITING, S.WAITING)
        result.go_on(obj=wishing)
        tasks, given = ["More2"], 6
    done = [name for name in result.tasks_of(wishing) if name != "wishing"]
    assert done == ["Left", *(name for name in tasks if name != "wishing")]
    last = {"joined": given} if tasks else given
    assert joined(result) == {"Left": last, "right": "r"}
    assert result.data["left"] == {"n": 5}


def test_a_branch_that_aborts_is_cancelled_and_one_that_leaves_it_fails() -> None:
    result = run(forked_with(wishes(abort=[])), {}, stop_on_error=False)
    assert branch(result, 0).status == S.CANCELLED
    assert result.status == S.ERROR
    assert "2 of 2 branches must be done, and" in str(result.error)
    outside = forked_with(wishes(restart_from=["task:Prepare"]))
    result = run(outside, {}, stop_on_error=False)
    assert branch(result, 0).status == S.ERROR
    assert "a branch keeps to its own" in branch(result, 0).get_error_message()[0]
    assert result.go_on("continue_next", obj=branch(result, 0)).status == S.COMPLETED


# --- edited under sleeping branches ---------------------------------------------------


def slept(before: Any, after: Any) -> Result:
    result = run(before, {})
    asked = next(b for b in result.branches if b.status == S.HALTED)
    result._definition = compile_workflow("test", after)
    return result.go_on(obj=asked)


def edited(**graph: Any) -> dict[Any, Any]:
    """ASKING, with other edges; by the names of the nodes."""
    nodes = [Prepare, split, Left, right, ask, More2, meet, Report, up, Keep]
    known = {getattr(each, "task_name", None) or each.__name__: each for each in nodes}
    changed = {known[name]: edges for name, edges in graph.items()}
    return {START: [Prepare], **ASKING, **changed}


EDITS = {
    "branches in another order": edited(split=[right, Left]),
    "a node before the first": edited(split=[up, right], up=[Left]),
    "a node behind": edited(More2=[Keep], Keep=[meet]),
    "one branch more": edited(split=[up, Left, right], up=[meet]),
    "into the other branch": edited(
        split=[Left, right], Left=[meet], right=[ask], More2=[meet]
    ),
}


@pytest.mark.parametrize("after", EDITS.values(), ids=EDITS)
def test_a_branch_goes_on_at_the_node_of_that_name(after: Any) -> None:
    result = slept(ASKING, after)
    assert result.status == S.COMPLETED
    assert joined(result) == {"Left": {"joined": 6}, "right": "r"}


def test_the_join_may_get_another_name() -> None:
    class Again(Join):
        """The same."""

    after = {**edited(More2=[Again], right=[Again]), Again: [Report]}
    del after[meet]
    assert joined(slept(ASKING, after)) == {"Left": {"joined": 6}, "right": "r"}


GONE = {
    "the node": ({**edited(Left=[More2])}, "'ask'.*no longer in it", ask),
    "the branches": (
        {START: [Prepare], Prepare: [ask], ask: [Report]},
        "a branch keeps to its own",
        None,
    ),
    "past the join": (
        edited(Left=[meet], right=[meet], meet=[ask], ask=[Report]),
        "a branch keeps to its own",
        More2,
    ),
}


@pytest.mark.parametrize(("after", "words", "without"), GONE.values(), ids=GONE)
def test_a_branch_whose_place_is_gone_is_an_error(
    after: Any, words: str, without: Any
) -> None:
    after.pop(without, None)
    with pytest.raises(DefinitionChanged, match=words):
        slept(ASKING, after)


@pytest.mark.parametrize(
    ("start_point", "tasks", "given"),
    [
        ("task:More2", ["More2"], 6),
        ("restart_first", ["Left", "More2"], 6),
        ("task:Left", ["Left", "More2"], 6),
    ],
)
def test_a_branch_whose_place_is_gone_goes_on_from_another(
    start_point: str, tasks: list[str], given: Any
) -> None:
    after, _, without = GONE["the node"]
    after.pop(without, None)
    result = run(ASKING, {}, stop_on_error=False)
    asked = branch(result, 0)
    result._definition = compile_workflow("test", after)
    assert result.go_on(obj=asked).status == S.WAITING
    assert asked.status == S.ERROR
    for name in ("right", "meet"):
        result.go_on(f"task:{name}", obj=asked)
        assert "a branch keeps to its own" in asked.get_error_message()[0]
    result.go_on(start_point, obj=asked)
    assert result.tasks_of(asked)[2:] == tasks
    assert joined(result) == {"Left": {"joined": given}, "right": "r"}


def test_a_fork_of_another_name_has_no_branches_that_sleep() -> None:
    other = Fork("other")
    after = {**edited(Prepare=[other]), other: [Left, right]}
    del after[split]
    with pytest.raises(DefinitionChanged, match="'split'|inside branch Left of other"):
        slept(ASKING, after)

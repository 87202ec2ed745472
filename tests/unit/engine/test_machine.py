"""What the engine does at each wish of a task, at each start point, in each pattern."""

from __future__ import annotations

from typing import Any

import pytest
from unit.engine.world import FakeRun, Thing, World, asks, compiled, ran, tell

from invenio_workflows.definition.loops import FOR, FOREACH, SIMPLE_FOR, WHILE
from invenio_workflows.definition.patterns import (
    BREAK,
    CHOICE,
    CMP,
    IF,
    IF_ELSE,
    SIMPLE_MERGE,
    STOP,
    TASK_JUMP_BWD,
    TRY,
)
from invenio_workflows.engine import Cursor, Machine, WorkflowEngine
from invenio_workflows.errors import DefinitionChanged, WorkflowDefinitionError
from invenio_workflows.states import Failed, TaskRetried

A, B, C, D = map(tell, "abcd")


def yes(obj: Any, eng: Any) -> bool:
    return True


def no(obj: Any, eng: Any) -> bool:
    return False


def fail(obj: Any, eng: Any) -> None:
    obj.data = [*(obj.data or []), "lost"]
    raise ValueError("on purpose")


def kinds(world: World) -> list[str]:
    return [entry[0] for entry in world.trace]


def limited(tasks: list[Any], **ceilings: int) -> Any:
    return lambda: type("limited", (), {"workflow": tasks, **ceilings})()


# --- wishes ------------------------------------------------------------------


def test_a_halt_keeps_the_tasks_changes_and_goes_on_after_it() -> None:
    world = ran([A, asks("halt", message="why", action="approval"), B])
    assert (world.status, world.data) == ("Halted", ["a", "halt"])
    assert world.process().data == ["a", "halt", "b"]
    assert world.status == "Finished"


def test_a_wait_is_no_halt() -> None:
    assert ran([asks("wait", message="for it"), B]).status == "Waiting"


def test_a_stop_ends_the_object_and_the_run() -> None:
    definition = compiled([A, STOP(), B])
    obj, eng = Thing(), WorkflowEngine(FakeRun())  # type: ignore[arg-type]
    *_, last = Machine(definition, obj, eng, Cursor()).run()
    assert (type(last).__name__, last.run_ends) == ("Finished", True)  # type: ignore[attr-defined]
    assert obj.data == ["a"]


@pytest.mark.parametrize("wish", ["continue_next_token", "skip_token"])
def test_ending_an_object_at_any_depth_leaves_it_done(wish: str) -> None:
    world = ran([A, [IF(yes, [asks(wish), B])], C])
    assert (world.status, world.data) == ("Finished", ["a", wish])


def test_an_abort_undoes_the_task() -> None:
    world = ran([A, asks("abort"), B])
    assert (world.status, world.data) == ("Aborted", ["a"])


def test_a_break_leaves_its_list_only() -> None:
    assert ran([[A, [B, asks("break_current_loop"), D], C], D]).data == [
        "a",
        "b",
        "break_current_loop",
        "c",
        "d",
    ]


def test_a_break_in_a_body_leaves_the_loop() -> None:
    assert ran([WHILE(yes, [A, BREAK(), B]), C]).data == ["a", "c"]
    assert ran([FOR([1, 2], "i", [A, BREAK(), B]), C]).data == ["a", "c"]


def test_a_break_at_the_top_ends_the_object() -> None:
    world = ran([A, BREAK(), B])
    assert (world.status, world.data) == ("Finished", ["a"])


def test_a_break_out_of_foreach_gives_the_data_back() -> None:
    world = ran([FOREACH([1, 2], None, [BREAK()], "ASC"), A], ["x"])
    assert world.data == ["x", "a"]


@pytest.mark.parametrize(
    ("offset", "after"),
    [(1, "bcd"), (2, "cd"), (3, "d"), (4, ""), (99, "")],
)
def test_a_jump_forward_is_relative_and_ends_at_the_end(
    offset: int, after: str
) -> None:
    world = ran([[asks("jump_call", offset=offset), B, C, D]])
    assert world.data == ["jump_call", *after]
    assert world.status == "Finished"


@pytest.mark.parametrize(
    ("offset", "again"), [(0, "b"), (-1, "ab"), (-2, "ab"), (-99, "ab")]
)
def test_a_jump_back_is_clamped_to_the_first(offset: int, again: str) -> None:
    def jump(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, "b"]
        if obj.data.count("b") < 2:
            eng.jump_call(offset)

    assert ran([A, jump]).data == ["a", "b", *again]


def test_jumps_back_are_counted() -> None:
    world = World(limited([A, TASK_JUMP_BWD(-1)], max_rounds=3)).process()
    assert world.status == "Failed"
    assert world.data == ["a"] * 4
    assert "max_rounds" in str(world.error)


def test_a_jump_may_land_on_a_pattern() -> None:
    assert ran([asks("jump_call", offset=2), A, IF(yes, B), C]).data == [
        "jump_call",
        "b",
        "c",
    ]


def test_a_jump_to_another_object_is_refused() -> None:
    world = ran([asks("jump_token", offset=1)])
    assert world.status == "Failed"
    assert "continue_next_token" in str(world.error)


@pytest.mark.parametrize("point", ["restart_first", "task:a"])
def test_a_task_may_restart_its_object(point: str) -> None:
    def again(obj: Any, eng: Any) -> None:
        if obj.data.count("a") < 2:
            eng.restart_from(point)

    assert ran([A, [B, again], C]).data == ["a", "b", "a", "b", "c"]


def test_restarts_have_a_ceiling() -> None:
    tasks = [A, asks("restart_from", start_point="restart_first")]
    world = World(limited(tasks, max_restarts=2)).process()
    assert (world.status, world.data.count("a")) == ("Failed", 3)
    assert "max_restarts" in str(world.error)


def test_a_restart_at_an_unknown_point_is_the_tasks_failure() -> None:
    world = ran([A, asks("restart_from", start_point="task:nowhere")])
    assert world.status == "Failed"
    assert "Its tasks: a, restart_from" in str(world.error)
    assert "restart_first" in str(ran([asks("restart_from", start_point="x")]).error)


# --- conditions ----------------------------------------------------------------


def test_a_wish_in_a_condition_is_an_error() -> None:
    world = ran([A, IF(lambda obj, eng: eng.halt("no"), B)])
    assert world.status == "Failed"
    assert "only a task may halt" in str(world.error)


def broken_once() -> Any:
    answers = [True, ZeroDivisionError()]

    def ask(obj: Any, eng: Any) -> Any:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    tasks = [A, IF(ask, B), C]
    return lambda: tasks


def test_a_failed_condition_is_named_after_its_pattern_and_asked_again() -> None:
    world = World(broken_once()).process()
    assert world.status == "Failed"
    assert world.trace[-1][:2] == ("Failed", "IF")
    assert world.process("restart_task").data == ["a", "b", "c"]


def test_a_failed_condition_can_be_passed() -> None:
    world = World(broken_once()).process()
    assert world.process("continue_next").data == ["a", "c"]
    assert "TaskSkipped" in kinds(world)


def test_an_exception_undoes_the_task_and_stands_at_it() -> None:
    world = ran([A, fail, B])
    assert (world.status, world.data) == ("Failed", ["a"])
    assert Cursor.decode(world.cursor).task_name == "fail"
    assert world.process("continue_next").data == ["a", "b"]


# --- start points ------------------------------------------------------------


def asleep(mode: str) -> World:
    """Return an object that sleeps at ``c`` of ``[a, [b, c, d]]`` in a mode."""

    def c(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, "c"]
        if obj.data.count("c") == 1 and not obj.world.woken:
            if mode == "failed":
                raise ValueError
            eng.halt()

    world = World(lambda: [A, [B, c, D]])
    world.woken = False  # type: ignore[attr-defined]
    world.process()
    world.woken = True  # type: ignore[attr-defined]
    return world


@pytest.mark.parametrize(
    ("mode", "point", "then"),
    [
        ("after", "continue_next", "d"),
        ("after", "restart_task", "cd"),
        ("after", "restart_prev", "bcd"),
        ("after", "restart_first", "abcd"),
        ("after", "task:b", "bcd"),
        ("after", "resume", "d"),
        ("failed", "continue_next", "d"),
        ("failed", "restart_task", "cd"),
        ("failed", "restart_prev", "bcd"),
        ("failed", "restart_first", "abcd"),
        ("failed", "task:d", "d"),
        ("failed", "resume", "cd"),
    ],
)
def test_each_start_point_in_each_mode(mode: str, point: str, then: str) -> None:
    world = asleep(mode)
    before = world.data
    assert world.process(point).data == [*before, *then]


@pytest.mark.parametrize(
    "point",
    ["continue_next", "restart_task", "restart_prev", "restart_first", "resume"],
)
def test_every_start_point_begins_at_the_first_task_when_nothing_ran(
    point: str,
) -> None:
    assert World(lambda: [A, B]).process(point).data == ["a", "b"]


def test_restart_prev_at_the_first_task_runs_the_first_task() -> None:
    world = ran([asks("halt"), B])
    assert world.process("restart_prev").data == ["halt", "halt"]


def test_restart_prev_of_a_finished_object_runs_the_last_two() -> None:
    assert ran([A, B, C]).process("restart_prev").data == ["a", "b", "c", "b", "c"]


def test_an_unknown_task_to_start_from_is_refused() -> None:
    with pytest.raises(WorkflowDefinitionError, match="Its tasks: a"):
        World(lambda: [A]).process("task:z")


def test_one_cannot_start_in_the_middle_of_a_loop() -> None:
    with pytest.raises(DefinitionChanged, match="not entered"):
        World(lambda: [A, FOR([1], "i", B)]).process("task:b")


def test_going_on_past_the_end_of_a_list_goes_on_outside() -> None:
    assert ran([[A, asks("halt")], B]).process().data == ["a", "halt", "b"]


def test_going_on_after_a_halt_in_a_branch_skips_the_other_branch() -> None:
    world = ran([IF_ELSE(yes, [asks("halt")], [A]), B])
    assert world.process().data == ["halt", "b"]


def test_going_on_in_a_while_runs_the_rest_and_asks_again() -> None:
    short = WHILE(lambda obj, eng: len(obj.data or []) < 3, [asks("halt"), A])
    world = ran([short, B]).process()
    assert world.data == ["halt", "a", "halt"]
    assert world.process().data == ["halt", "a", "halt", "a", "b"]


# --- loops -------------------------------------------------------------------


def shown(*names: str) -> Any:
    def show(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), [eng.extra_data.get(name) for name in names]]

    return show


def test_a_while_has_a_ceiling() -> None:
    world = World(limited([WHILE(yes, A)], max_rounds=3)).process()
    assert (world.status, world.data) == ("Failed", ["a"] * 3)
    assert "max_rounds" in str(world.error)


def test_a_for_has_a_ceiling() -> None:
    world = World(limited([FOR(range(9), "i", A)], max_rounds=3)).process()
    assert (world.status, world.data) == ("Failed", ["a"] * 3)


@pytest.mark.parametrize(("order", "seen"), [("ASC", [1, 2, 3]), ("DSC", [3, 2, 1])])
@pytest.mark.parametrize("called", [True, False])
def test_a_for_shows_each_item_in_its_order(
    order: str, seen: list[int], called: bool
) -> None:
    items: Any = (lambda obj, eng: [1, 2, 3]) if called else [1, 2, 3]
    world = ran([FOR(items, "i", [shown("i")], order=order), shown("i")])
    assert world.data == [*([item] for item in seen), [None]]
    assert world.run_extra == {}, "the variable is never the run's"


def test_a_for_gives_its_item_to_a_setter() -> None:
    def setter(obj: Any, eng: Any, item: Any) -> None:
        obj.extra_data["item"] = item

    def use(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), obj.extra_data["item"]]

    assert ran([FOR(lambda obj, eng: iter("xy"), setter, use)]).data == ["x", "y"]


def test_an_inner_for_shadows_a_name_for_its_time() -> None:
    inner = FOR([8, 9], "i", [shown("i")])
    world = ran([FOR([1, 2], "i", [shown("i"), inner, shown("i")])])
    assert world.data == [[1], [8], [9], [1], [2], [8], [9], [2]]


def test_a_variable_of_a_loop_hides_the_runs_own_key() -> None:
    def own(obj: Any, eng: Any) -> None:
        eng.extra_data["i"] = "own"

    world = ran([own, FOR([1], "i", [shown("i"), own, shown("i")]), shown("i")])
    assert world.data == [[1], [1], ["own"]]
    assert world.run_extra == {"i": "own"}


def test_a_task_that_changes_its_item_changes_no_one_elses() -> None:
    def change(obj: Any, eng: Any) -> None:
        eng.extra_data["i"]["n"] += 1
        obj.data = [*(obj.data or []), eng.extra_data["i"]["n"]]

    tasks = [FOR([{"n": 0}], "i", [change, change])]
    assert ran(tasks).data == [1, 1]
    assert ran(tasks).data == [1, 1], "nor the definition's"


def test_items_are_kept_as_they_were_on_entering() -> None:
    def change(obj: Any, eng: Any) -> None:
        obj.data["items"][1]["n"] = "changed"
        obj.data["seen"].append(eng.extra_data["i"]["n"])

    data = {"items": [{"n": 1}, {"n": 2}], "seen": []}
    world = ran([FOR(lambda obj, eng: obj.data["items"], "i", change)], data)
    assert world.data["seen"] == [1, 2]


def test_foreach_gives_back_what_the_data_was_on_entering() -> None:
    def share(obj: Any, eng: Any) -> None:
        obj.extra_data["same"] = obj.data

    def change(obj: Any, eng: Any) -> None:
        obj.extra_data["same"].append("changed")

    assert ran([share, FOREACH([1], None, [change], "ASC")], ["x"]).data == ["x"]


def test_items_that_json_cannot_hold_fail_the_pattern() -> None:
    world = ran([FOR(lambda obj, eng: [object()], "i", A)])
    assert world.trace[-1][:2] == ("Failed", "FOR")
    assert "items of FOR" in str(world.error)


def test_foreach_gives_the_data_back() -> None:
    def double(obj: Any, eng: Any) -> None:
        obj.extra_data.setdefault("seen", []).append(obj.data * 2)

    world = ran([FOREACH([1, 2], "it", [double], "ASC"), A], ["before"])
    assert world.data == ["before", "a"]
    assert world.kept["extra"] == '{"it":2,"seen":[2,4]}'


def test_simple_for_includes_its_end_and_counts_down_too() -> None:
    def value(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), eng.extra_data["_Iterators"]["v"]]

    assert ran([SIMPLE_FOR(0, 3, 1, "v", [value])]).data == [0, 1, 2, 3]
    assert ran([SIMPLE_FOR(3, 0, -2, "v", [value])]).data == [3, 1]
    assert ran([SIMPLE_FOR(0, 1, 0, "v", [value])]).status == "Failed"


# --- TRY and the others ------------------------------------------------------


def failing(times: int) -> Any:
    left = [times]

    def flaky(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), "flaky"]
        if left[0]:
            left[0] -= 1
            raise ValueError("flaky")

    return flaky


def test_a_try_undoes_and_tries_again() -> None:
    world = ran([TRY([failing(2)], retry=2), B])
    assert (world.status, world.data) == ("Finished", ["flaky", "b"])
    assert kinds(world).count("TaskRetried") == 2


@pytest.mark.parametrize(
    ("onfailure", "error"),
    [(Exception, ValueError), (None, ValueError), (KeyError, KeyError)],
)
def test_a_try_in_vain_lets_an_error_go(onfailure: Any, error: Any) -> None:
    world = ran([TRY(failing(9), retry=1, onfailure=onfailure), B])
    assert world.status == "Failed"
    assert type(world.error) is error


def test_a_try_raises_the_error_it_was_given_without_growing_it() -> None:
    given = KeyError("given")
    for _ in range(2):
        world = ran([TRY(fail, retry=0, onfailure=given)])
        assert world.error is given
        depth, trace = 0, given.__traceback__
        while trace is not None:
            depth, trace = depth + 1, trace.tb_next
        assert depth <= 2
    assert isinstance(given.__cause__, ValueError)


def test_a_try_in_vain_runs_the_task_for_that() -> None:
    world = ran([TRY([A, fail], retry=1, onfailure=B), C])
    assert world.data == ["a", "a", "b", "c"]


def test_choice_runs_its_case_and_names_them_when_there_is_none() -> None:
    tasks = [CHOICE(lambda obj, eng: obj.data[0], ("x", A, B), ("y", C), z=D)]
    assert ran(tasks, ["x"]).data == ["x", "a", "b"]
    assert ran(tasks, ["y"]).data == ["y", "c"]
    assert ran(tasks, ["z"]).data == ["z", "d"]
    assert "cases: 'x', 'y', 'z'" in str(ran(tasks, ["?"]).error)


def test_simple_merge_runs_the_first_and_the_last() -> None:
    assert ran([SIMPLE_MERGE(A, B, C)]).data == ["a", "c"]
    jump = asks("jump_call", offset=1)
    assert ran([SIMPLE_MERGE(jump, B, C)]).data == ["jump_call", "b", "c"]


@pytest.mark.parametrize(
    ("first", "op", "second", "holds"),
    [
        (1, "eq", 1, True),
        (1, "==", 2, False),
        (1, "ne", 2, True),
        (2, "gt", 1, True),
        (2, ">=", 2, True),
        (1, "<", 1, False),
        (1, "lte", 1, True),
        ([1, 2], "in", 2, True),
        (lambda obj, eng: lambda obj, eng: 3, "eq", lambda obj, eng: 3, True),
    ],
)
def test_each_comparison_gives_its_answer(
    first: Any, op: str, second: Any, holds: bool
) -> None:
    assert CMP(first, second, op)(None, None) is holds


# --- an outcome that cannot be kept -----------------------------------------


@pytest.mark.parametrize(
    "task", [B, asks("halt"), asks("break_current_loop"), asks("jump_call", offset=2)]
)
def test_an_error_thrown_at_an_outcome_is_that_tasks_failure(task: Any) -> None:
    definition = compiled([A, FOR([5], "i", [task, C, D])])
    obj, eng = Thing(), WorkflowEngine(FakeRun())  # type: ignore[arg-type]
    machine = Machine(definition, obj, eng, Cursor())
    events = machine.run()
    while not getattr(event := next(events), "task", None) or event.task.name == "a":
        pass
    failed = events.throw(ValueError("cannot be kept"))  # type: ignore[attr-defined]
    assert isinstance(failed, Failed)
    assert failed.task is definition.named(task.__name__)[0]
    kept = Cursor.decode(machine.cursor())
    assert (kept.mode, kept.task_name, kept.path) == (
        "failed",
        task.__name__,
        [1, 0, 0],
    )
    assert eng.extra_data == {"i": 5}
    assert next(events, None) is None
    assert eng.extra_data == {}
    assert eng.get_current_object() is None


def test_an_error_thrown_inside_a_try_is_tried_again() -> None:
    definition = compiled([TRY(A, retry=1), B])
    eng = WorkflowEngine(FakeRun())  # type: ignore[arg-type]
    events = Machine(definition, Thing(), eng, Cursor()).run()
    next(events), next(events)
    assert isinstance(events.throw(ValueError()), TaskRetried)  # type: ignore[attr-defined]


def test_what_was_passed_over_stays_so_when_the_process_dies_at_once() -> None:
    world = ran([A, fail, B])
    world.die_after = True
    world.process("continue_next")
    assert kinds(world)[-1] == "Failed"
    assert world.until_done("resume").data == ["a", "b"]
    assert "TaskSkipped" in kinds(world)

"""The statements of old releases do what the table of the reference says."""

from __future__ import annotations

from typing import Any

import pytest
from unit.engine.world import World, ran, tell

from invenio_workflows.encoding import loads
from invenio_workflows.errors import WorkflowDefinitionError
from invenio_workflows.tasks.logic_tasks import (
    compare_logic,
    end_for,
    execute_if,
    foreach,
    simple_for,
    workflow_else,
    workflow_if,
)

A, B, C = map(tell, "abc")
SEEN: Any = "seen"


def note(obj: Any, eng: Any) -> None:
    """Write down the data that the object has in this round."""
    obj.extra_data.setdefault(SEEN, []).append(obj.data)


def seen(world: World) -> Any:
    return loads(world.kept["extra"]).get(SEEN)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    ("order", "items"), [("ASC", [1, 2, 3]), ("DSC", [3, 2, 1]), ("odd", [1, 2, 3])]
)
def test_foreach_gives_each_item_in_its_order(
    cache: bool, order: str, items: list[int]
) -> None:
    given: Any
    for given in ([1, 2, 3], lambda obj, eng: [1, 2, 3]):
        loop = foreach(given, cache_data=cache, order=order)
        world = ran([loop, [note], end_for, A], ["before"])
        assert seen(world) == items
        assert world.data == ["before", "a"], "the data is what it was"


def test_foreach_of_nothing_runs_nothing() -> None:
    world = ran([foreach([]), [note], end_for, A])
    assert (seen(world), world.data) == (None, ["a"])


def test_foreach_keeps_the_item_under_a_name() -> None:
    world = ran([foreach([5, 6], "it"), [note], end_for])
    assert '"it":6' in world.kept["extra"]


def test_foreach_shows_its_state_and_leaves_none() -> None:
    def state(obj: Any, eng: Any) -> None:
        obj.extra_data[SEEN] = eng.extra_data["_Iterators"]

    world = ran([A, foreach([7, 8]), [state], end_for])
    assert seen(world) == {"[1]": {"iterator": 1, "value": 8}}
    assert world.run_extra == {}


def test_foreach_goes_on_with_the_next_item_after_a_halt() -> None:
    def stop(obj: Any, eng: Any) -> None:
        eng.halt()

    world = ran([foreach([1, 2]), [note, stop], end_for, A])
    for expected in ([1], [1, 2]):
        assert (world.status, seen(world)) == ("Halted", expected)
        world.process()
    assert (world.status, world.data) == ("Finished", ["a"])


def count(obj: Any, eng: Any) -> None:
    obj.data = [*(obj.data or []), eng.extra_data["_Iterators"]["n"]]


@pytest.mark.parametrize(
    ("bounds", "numbers"),
    [
        ((0, 20, 1), list(range(21))),
        ((0, 4, 3), [0, 3]),
        ((2, 0, -1), [2, 1, 0]),
        ((1, 0, 1), None),
        ((lambda obj, eng: 1, lambda obj, eng: 2, lambda obj, eng: 1), [1, 2]),
    ],
)
def test_simple_for_includes_its_end(bounds: Any, numbers: Any) -> None:
    assert ran([simple_for(*bounds, "n"), [count], end_for]).data == numbers


def test_loops_in_loops_show_both_variables() -> None:
    def both(obj: Any, eng: Any) -> None:
        state = eng.extra_data["_Iterators"]
        obj.data = [*(obj.data or []), (state["x"], state["y"])]

    inner = [simple_for(0, 1, 1, "y"), [both], end_for]
    world = ran([simple_for(0, 1, 1, "x"), inner, end_for, A])
    assert world.data == [(0, 0), (0, 1), (1, 0), (1, 1), "a"]


@pytest.mark.parametrize("neg", [True, False])
@pytest.mark.parametrize("holds", [True, False])
def test_workflow_if_with_and_without_else(holds: bool, neg: bool) -> None:
    def cond(obj: Any, eng: Any) -> Any:
        return lambda obj, eng: holds

    taken = holds is not neg
    short = ran([workflow_if(cond, neg), [A], C])
    assert short.data == (["a", "c"] if taken else ["c"])
    full = ran([workflow_if(cond, neg), [A], workflow_else, [B], C])
    assert full.data == (["a", "c"] if taken else ["b", "c"])


def test_workflow_if_shows_what_it_found() -> None:
    def state(obj: Any, eng: Any) -> None:
        obj.data = eng.extra_data["_state"]

    assert ran([workflow_if(lambda o, e: 1), [state]]).data == {"[0]": True}
    nothing = [workflow_if(lambda o, e: 0), [], workflow_else, [state]]
    assert ran(nothing).data == {"[0]": False}


def test_a_statement_in_a_branch_is_not_asked_again_after_a_halt() -> None:
    def stop(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), "stop"]
        eng.halt()

    world = ran([workflow_if(lambda o, e: not o.data), [stop, A], workflow_else, [B]])
    assert world.process().data == ["stop", "a"]


def test_execute_if_runs_its_task_if_all_conditions_hold() -> None:
    yes, no = (lambda obj, eng: True), (lambda obj, eng: False)
    assert ran([execute_if(A, yes, yes), execute_if(B, yes, no), C]).data == ["a", "c"]


@pytest.mark.parametrize(
    ("op", "results"),
    [
        ("eq", (False, True, False)),
        ("gt", (False, False, True)),
        ("gte", (False, True, True)),
        ("lt", (True, False, False)),
        ("lte", (True, True, False)),
        ("ne", (False, False, False)),
        ("anything", (False, False, False)),
    ],
)
def test_compare_logic_knows_five_words(op: str, results: tuple[bool, ...]) -> None:
    for first, expected in zip((1, 2, 3), results, strict=True):
        given = compare_logic(first, lambda obj, eng: 2, op)
        assert given(None, None) is expected


def test_a_loop_has_no_else() -> None:
    for loop in (foreach([1]), simple_for(0, 1, 1)):
        with pytest.raises(WorkflowDefinitionError, match="no workflow_else"):
            ran([loop, [A], workflow_else, [B]])

"""A definition is edited while an object sleeps in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.world import World, compiled, tell

from invenio_workflows.definition import task
from invenio_workflows.definition.loops import FOR, WHILE
from invenio_workflows.definition.patterns import IF, TRY
from invenio_workflows.errors import DefinitionChanged

A, B, C, D, NEW = map(tell, ["a", "b", "c", "d", "new"])


def halt(obj: Any, eng: Any) -> None:
    obj.data = [*(obj.data or []), "halt"]
    eng.halt()


def yes(obj: Any, eng: Any) -> bool:
    return True


def edited(before: list[Any], after: list[Any], rounds: int = 1) -> list[str]:
    """Halt in one definition, go on in another; return what ran there."""
    world = World(lambda: before)
    for _ in range(rounds):
        world.process()
    assert world.status == "Halted"
    slept = len(world.data)
    world.source = lambda: after
    world.process()
    return list(world.data[slept:])


@pytest.mark.parametrize(
    ("after", "then"),
    [
        ([A, halt, NEW, B], ["new", "b"]),
        ([NEW, A, halt, B], ["b"]),
        ([halt, B], ["b"]),
        ([A, halt, C], ["c"]),
        ([A, halt], []),
        ([B, halt, A], ["a"]),
        ([A, [halt, NEW], B], ["new", "b"]),
        ([A, IF(yes, [C, halt, NEW]), B], ["new", "b"]),
        ([A, TRY([halt, NEW]), B], ["new", "b"]),
        (
            [A, WHILE(lambda obj, eng: len(obj.data) < 4, [halt, NEW]), B],
            ["new", "halt"],
        ),
    ],
    ids=["insert after", "insert before", "delete before", "replace after"]
    + ["delete after", "reorder", "nest", "into IF", "into TRY", "into WHILE"],
)
def test_it_goes_on_after_the_task_of_that_name(after: Any, then: list[str]) -> None:
    assert edited([A, halt, B], after) == then


def test_a_task_taken_out_of_its_list_is_found() -> None:
    assert edited([A, [C, [halt, D]], B], [A, halt, B]) == ["b"]


def test_a_task_that_is_gone_is_an_error_that_says_so() -> None:
    with pytest.raises(DefinitionChanged, match="'halt'.*no longer in it"):
        edited([A, halt, B], [A, B])


def test_a_renamed_task_is_found_by_the_name_it_was_given() -> None:
    def other(obj: Any, eng: Any) -> None: ...

    assert edited([A, halt, B], [A, task("halt")(other), NEW]) == ["new"]
    with pytest.raises(DefinitionChanged):
        edited([A, halt, B], [A, task("another")(other), B])


def test_an_object_whose_task_is_gone_can_start_elsewhere() -> None:
    for point, then in (("restart_first", ["a", "b"]), ("task:b", ["b"])):
        world = World(lambda: [A, halt, B]).process()
        world.source = lambda: [A, B]
        assert world.process(point).data == ["a", "halt", *then]


def closure(number: int) -> Any:
    def twice(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), f"twice {number}"]
        if obj.data.count("twice 2") == 1 or number == 3:
            eng.halt()

    return twice


def test_two_tasks_of_one_name_are_told_apart_by_their_constants() -> None:
    before = [closure(1), A, closure(2), B]
    assert edited(before, [closure(2), C, closure(1), D])[:1] == ["c"]
    with pytest.raises(DefinitionChanged, match="Give them names by @task"):
        edited(before, [closure(1), C, closure(4), D])


def test_two_tasks_of_one_name_and_constants_are_told_apart_by_order() -> None:
    before = [A, halt, B, halt, C]
    assert edited(before, [NEW, A, halt, B, halt, D], rounds=2) == ["d"]
    with pytest.raises(DefinitionChanged, match="3 tasks 'halt'"):
        edited(before, [A, halt, B, halt, C, halt, D])


def test_the_last_of_a_name_is_the_one_that_is_meant() -> None:
    assert edited([A, halt, B, halt, C], [A, halt, D], rounds=2) == ["d"]


def test_a_task_moved_into_a_loop_not_entered_is_an_error() -> None:
    with pytest.raises(DefinitionChanged, match="inside FOR"):
        edited([A, halt, B], [A, FOR([1, 2], "i", [halt, B])])


def test_a_task_moved_out_of_a_loop_goes_on_outside() -> None:
    assert edited([FOR([1, 2], "i", [halt, B])], [A, halt, C]) == ["c"]


def test_an_edit_inside_a_loop_keeps_the_round() -> None:
    def item(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, eng.extra_data["i"]]

    before, after = ([FOR([1, 2], "i", [halt, *new, item])] for new in ([], [NEW]))
    assert edited(before, after) == ["new", 1, "halt"]
    assert edited(before, after, rounds=2) == ["new", 2]


def test_a_loop_that_was_replaced_is_not_gone_on_with() -> None:
    before = [FOR([1, 2], "i", [halt, A])]
    with pytest.raises(DefinitionChanged):
        edited(before, [FOR([1, 2], "other", [halt, A])])
    with pytest.raises(DefinitionChanged):
        edited(before, [FOR(lambda obj, eng: [1], "i", [halt, A])])
    with pytest.raises(DefinitionChanged):
        edited(before, [FOR([1, 2], "i", [halt, A], order="DSC")])


def test_a_list_that_became_too_short_is_an_error() -> None:
    with pytest.raises(DefinitionChanged, match="there are 1 items now"):
        edited([FOR([1, 2], "i", [halt, A])], [FOR([1], "i", [halt, A])], rounds=2)


def test_of_two_loops_alike_the_one_that_stayed_is_not_guessed() -> None:
    before = [FOR([1, 2], "i", [FOR([3, 4], "i", [halt, A])])]
    with pytest.raises(DefinitionChanged):
        edited(before, [FOR([1, 2], "i", [halt, A])])


def test_a_list_left_by_a_break_is_known_by_the_task_that_left_it() -> None:
    def leave(obj: Any, eng: Any) -> None:
        obj.data = [*obj.data, "leave"]
        eng.break_current_loop()

    world = World(lambda: [[A, leave], B, [C], D], die_after=True)
    while "leave" not in (world.data or []):
        world.process("resume")
    world.die_after = False
    world.source = lambda: [A, leave, B, [C], D]
    with_it = World(world.source, world.data)
    with_it.cursor, with_it.status = world.cursor, "RUNNING"
    assert with_it.process("resume").data == ["a", "leave"], "it left the whole list"
    world.source = lambda: [B, [C], D, [A, leave], NEW]
    assert world.process("resume").data == ["a", "leave", "new"]


def broken(obj: Any, eng: Any) -> bool:
    raise ZeroDivisionError


def test_a_condition_that_was_mended_is_asked_again() -> None:
    world = World(lambda: [A, IF(broken, B), C]).process()
    assert world.status == "Failed"
    mended = lambda obj, eng: True  # noqa: E731
    mended.__name__ = "broken"
    world.source = lambda: [NEW, A, IF(mended, B), C]
    assert world.process("restart_task").data == ["a", "b", "c"]


def test_another_pattern_is_not_taken_for_the_one_that_failed() -> None:
    world = World(lambda: [A, IF(broken, B), C, IF(yes, D)]).process()
    world.source = lambda: [A, C, IF(yes, D)]
    with pytest.raises(DefinitionChanged, match="'IF'"):
        world.process("restart_task")


def test_patterns_alike_are_told_apart_by_what_is_in_them() -> None:
    world = World(lambda: [A, IF(broken, B), C, IF(broken, D)]).process()
    world.source = lambda: [A, C, IF(broken, D), IF(broken, NEW)]
    with pytest.raises(DefinitionChanged, match="another one like it"):
        world.process("restart_task")


NAMES = ["a", "b", "c", "d", "e"]
shapes = st.recursive(
    st.sampled_from(NAMES),
    lambda part: st.tuples(
        st.sampled_from(["list", "if", "for", "while", "try"]),
        st.lists(part, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def _built(shape: Any, here: str) -> Any:
    if isinstance(shape, str):
        return halting(shape, here)
    kind, parts = shape
    body = [_built(part, here) for part in parts]
    if kind == "list":
        return body
    if kind == "if":
        return IF(yes, body)
    if kind == "for":
        return FOR([1, 2], "i", body)
    if kind == "try":
        return TRY(body)
    return WHILE(lambda obj, eng: len(obj.data or []) % 3, body)


def halting(name: str, here: str) -> Any:
    def run(obj: Any, eng: Any) -> None:
        obj.data = [*(obj.data or []), name]
        eng.halt()

    run.__name__ = name
    return run


def _after(definition: Any, name: str) -> set[str]:
    """Return what may follow a task of this name, found without the engine.

    Every pattern here may end or begin again, so this says more than can be.
    """
    found: set[str] = set()
    for leaf in definition.leaves:
        if leaf.name != name:
            continue
        node, ways = definition.root, []
        for index in leaf.path:
            ways.append((node, index))
            node = node.children[index]
        for node, index in reversed(ways):
            loops = node.repeats
            if loops:
                found |= _first(node)
                continue
            if type(node).__name__ != "Sequence":
                continue
            rest = node.children[index + 1 :]
            certain = False
            for child in rest:
                found |= _first(child)
                certain = child.is_leaf
                if certain:
                    break
            if certain:
                break
        else:
            found.add("")
    return found


def _first(place: Any) -> set[str]:
    if place.is_leaf:
        return {place.name}
    found: set[str] = set()
    for child in place.children:
        found |= _first(child)
        if child.is_leaf:
            break
    return found


@given(
    st.lists(shapes, min_size=1, max_size=4),
    st.lists(shapes, min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_after_any_edit_what_follows_the_name_is_run_or_nothing(
    before: Any, after: Any, rounds: int
) -> None:
    world = World(lambda: [_built(shape, "old") for shape in before])
    for _ in range(rounds):
        if world.status != "Finished":
            world.process()
    if world.status != "Halted":
        return
    name = world.data[-1]
    slept = len(world.data)
    world.source = lambda: [_built(shape, "new") for shape in after]
    try:
        world.process()
    except DefinitionChanged:
        return
    next_one = "".join(world.data[slept : slept + 1])
    assert next_one in _after(compiled(world.source), name)

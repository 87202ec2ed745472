"""An object is put down anywhere, taken up by another process, and goes on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.engine.corpus import CORPUS
from unit.engine.random_workflows import START, broken_up, check, turned, workflow_of
from unit.engine.world import World, compiled

from invenio_workflows.engine.standing import before_question

numbers = st.integers(0, 9)
leaves = st.one_of(
    st.tuples(st.just("task"), numbers),
    st.tuples(st.just("task"), numbers),
    st.tuples(st.just("task"), numbers),
    st.tuples(st.just("flaky"), numbers, st.integers(0, 3)),
    st.tuples(st.just("question"), numbers, st.integers(0, 3)),
    st.tuples(st.just("control"), st.sampled_from(["halt", "wait"]), numbers),
    st.tuples(st.just("control"), st.just("break_current_loop"), numbers),
    st.tuples(st.just("control"), st.just("jump_call"), numbers, st.integers(-2, 3)),
    st.tuples(
        st.just("control"),
        st.just("restart_from"),
        numbers,
        st.sampled_from(["restart_first", "restart_prev", "restart_task"]),
    ),
    st.tuples(st.just("control"), st.sampled_from(["stop", "skip_token"]), numbers),
)


def _patterns(part: Any) -> Any:
    parts = st.lists(part, min_size=1, max_size=3)
    small, names = st.integers(2, 5), st.sampled_from("ij")
    return st.one_of(
        st.tuples(st.just("list"), parts),
        st.tuples(st.sampled_from(["if", "if_not", "while"]), small, parts),
        st.tuples(st.just("if_else"), small, parts, parts),
        st.tuples(st.just("choice"), parts, parts),
        st.tuples(
            st.just("for"),
            st.integers(0, 3),
            names,
            st.sampled_from(["ASC", "DSC"]),
            parts,
        ),
        st.tuples(st.just("for_static"), st.integers(0, 3), names, parts),
        st.tuples(st.sampled_from(["for_set", "foreach"]), st.integers(0, 3), parts),
        st.tuples(st.just("simple_for"), st.integers(-1, 2), parts),
        st.tuples(
            st.just("try"), st.integers(0, 2), parts, st.one_of(st.just([]), parts)
        ),
        st.tuples(st.just("merge"), parts, parts, parts),
        st.tuples(st.just("run_wf"), parts),
        st.tuples(st.just("graph"), _nodes(parts)),
    )


#: What a node of a graph is and does; see ``random_workflows``.
KINDS = ["plain", "none", "function", "halt", "list", "again", "back", "leave", "fail"]
KINDS += ["input"]
DECIDING = ["choose", "think", "ask", "doubt", "wonder"]


def _nodes(parts: Any, but: str = "") -> Any:
    kinds = st.sampled_from([each for each in [*KINDS, *DECIDING * 2] if each != but])
    edges = st.lists(st.integers(0, 5), max_size=3)
    return st.lists(st.tuples(kinds, edges, parts), min_size=1, max_size=6)


workflows = st.lists(
    st.recursive(leaves, _patterns, max_leaves=8), min_size=1, max_size=4
)


@given(workflows)
@settings(suppress_health_check=list(HealthCheck))
def test_a_workflow_may_be_put_down_anywhere(spec: list[Any]) -> None:
    check(spec)


@pytest.mark.parametrize("name", CORPUS)
def test_each_pattern_may_be_put_down_anywhere(name: str) -> None:
    world = check(CORPUS[name])
    assert len(world.trace) > 2, "the workflow does something"


@given(_nodes(st.lists(leaves, min_size=1, max_size=2)))
@settings(suppress_health_check=list(HealthCheck))
def test_a_graph_may_be_put_down_anywhere(nodes: list[Any]) -> None:
    check([("task", 1), ("graph", nodes), ("task", 2)])


@given(_nodes(st.just([]), but="list"))
@settings(suppress_health_check=list(HealthCheck))
def test_a_graph_may_be_edited_wherever_it_was_put_down(nodes: list[Any]) -> None:
    """Each process has the nodes in another order: they are known by their names."""
    whole = World(turned(nodes), START).until_done()
    broken = broken_up(whole, turned(nodes), die_after=True)
    number = min(len(whole.trace), len(broken.trace))
    assert number >= min(len(whole.trace), 20)
    assert broken.trace[:number] == whole.trace[:number]


def _overdue(spec: list[Any], start_point: str) -> tuple[World, int] | None:
    """Run to the first halt, fail there as at a deadline, and take it up again."""
    world = World(workflow_of(spec), START)
    world.process()
    if world.status != "Halted":
        return None
    at = len(world.trace)
    world.cursor = before_question(compiled(world.source), world.cursor)
    world.status = "Failed"
    return world.process(start_point), at


@given(workflows)
@settings(suppress_health_check=list(HealthCheck))
def test_a_halt_that_became_an_error_asks_again(spec: list[Any]) -> None:
    """Wherever it stands, in loops and graphs too: nobody passes over the question."""
    asked = _overdue([*spec, ("control", "halt", 7)], "resume")
    if asked is not None and len(asked[0].trace) > asked[1]:
        world, at = asked
        assert world.trace[at][:2] == world.trace[at - 1][:2], "the same task halts"


@given(workflows)
@settings(suppress_health_check=list(HealthCheck))
def test_a_halt_that_became_an_error_may_be_passed_over(spec: list[Any]) -> None:
    """Then all goes on as it does behind the halt."""
    spec = [*spec, ("control", "halt", 7), ("task", 1)]
    passed = _overdue(spec, "continue_next")
    if passed is None:
        return
    world, at = passed
    plain = World(workflow_of(spec), START)
    plain.process()
    plain.process("continue_next")
    assert world.trace[at][0] == "TaskSkipped"
    assert [each[:3] for each in world.trace[at + 1 :]] == [
        each[:3] for each in plain.trace[at:]
    ]

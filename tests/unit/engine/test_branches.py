"""Branches side by side come to what they would one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.workers import Workers, ask

from invenio_workflows.checkpoint import Branch
from invenio_workflows.definition.joining import put_together
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.parallel import PARALLEL
from invenio_workflows.definition.patterns import IF
from invenio_workflows.encoding import dumps, loads
from invenio_workflows.errors import WorkflowError
from invenio_workflows.objects import WorkflowObject
from invenio_workflows.states import ObjectStatus, WorkflowStatus
from invenio_workflows.testing import run

S = ObjectStatus


def put(key: str, value: Any = 1) -> Callable[[Any, Any], None]:
    def put(obj: Any, eng: Any) -> None:
        obj.data[key] = value

    return put


# --- eng.branches ---------------------------------------------------------------------


def test_a_task_behind_the_block_sees_the_branches_in_their_order() -> None:
    def look(obj: Any, eng: Any) -> None:
        obj.data["seen"] = [
            [b.id_fork == obj.id, b.branch, b.status.name, sorted(b.data)]
            for b in eng.branches
        ]

    def early(obj: Any, eng: Any) -> None:
        obj.data["early"] = eng.branches

    result = run([early, PARALLEL(ask, put("b"), put("c"), join=2), look])
    assert result.data["early"] == []
    assert result.data["seen"] == [
        [True, 0, "CANCELLED", ["early"]],
        [True, 1, "COMPLETED", ["b", "early"]],
        [True, 2, "COMPLETED", ["c", "early"]],
    ]


def test_of_blocks_in_a_loop_the_last_is_seen_and_a_branch_sees_its_own() -> None:
    def mine(obj: Any, eng: Any) -> None:
        obj.data[f"of {obj.branch}"] = len(eng.branches)

    inner = [PARALLEL(put("x"), put("y"), put("z")), mine]
    result = run([FOR([1, 2], "i", [PARALLEL(inner, mine)])])
    assert result.data == {"x": 1, "y": 1, "z": 1, "of 0": 3, "of 1": 0}
    assert len(result.branches) == 10
    assert [obj.status for obj in result.branches] == [S.COMPLETED] * 10


def test_branches_are_none_of_the_objects_of_the_run_but_hold_it_up() -> None:
    def count(obj: Any, eng: Any) -> None:
        obj.data["objects"] = len(eng.objects)

    result = run([PARALLEL(ask, put("b")), count], {}, {})
    assert result.engine.status == WorkflowStatus.HALTED
    for branch in [obj for obj in result.branches if obj.status == S.HALTED]:
        result.go_on(obj=branch)
    assert [obj.data for obj in result.objects] == [{"b": 1, "objects": 4}] * 2
    assert result.engine.status == WorkflowStatus.COMPLETED


# --- putting together -----------------------------------------------------------------


def together(before: Any, *after: Any, merge: Any = None, extra: Any = None) -> Any:
    """Return the object whose branches made that of its data, or of its extra data."""
    obj = WorkflowObject(loads(dumps(before, "data")))
    obj.extra_data |= extra[0] if extra else {}
    done = []
    for number, state in enumerate(after):
        branch = WorkflowObject(state)
        old = dict(branch.extra_data) | (extra[0] if extra else {})
        branch.extra_data = dict(old) | (extra[1][number] if extra else {})
        done.append(Branch(number, branch, loads(dumps(before, "data")), old))
    put_together(obj, done, merge, "PARALLEL")
    return obj


@pytest.mark.parametrize(
    ("before", "after", "then"),
    [
        ({}, [{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ({"a": 1, "b": 1}, [{"b": 1}, {"a": 1, "b": 1}], {"b": 1}),
        ({"a": 1}, [{}, {}], {}),
        ({"a": 1}, [{"a": 2}, {"a": 1}], {"a": 2}),
        ({"a": 1}, [{"a": 1}, {"a": 1}], {"a": 1}),
        ({}, [{"a": [1, {"x": 2}]}, {"a": [1, {"x": 2}]}], {"a": [1, {"x": 2}]}),
        ({"l": [1]}, [{"l": [1, 2]}, {"l": [1]}], {"l": [1, 2]}),
        ({"a": None}, [{}, {"a": None}], {}),
        (5, [5, 6], 6),
        (5, [6, 6], 6),
        ([1], [[1], [1]], [1]),
        ({"a": 1}, [[1], {"a": 1}], [1]),
        (None, [None, {"a": 1}], {"a": 1}),
        ({"a": 1}, [{"a": True}, {"a": 1}], {"a": True}),
        (1, [True, 1], True),
    ],
)
def test_what_one_branch_changed_is_taken(before: Any, after: Any, then: Any) -> None:
    assert repr(together(before, *after).data) == repr(then)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({}, [{"a": 1}, {"b": 1}, {"a": 2}], "0 and 2 made different things of data"),
        ({"a": 1}, [{}, {"a": 2}], r"0 and 1 made different things of data\['a'\]"),
        ({}, [{"a": 1}, {"a": True}], r"data\['a'\]"),
        ({}, [{"a": 1}, {"a": 1.0}], r"data\['a'\]"),
        ({}, [{"a": None}, {"a": 0}], r"data\['a'\]"),
        ({}, [{"a": {"x": 1}}, {"a": {"y": 1}}], r"data\['a'\]"),
        (5, [6, 7], "0 and 1 made different things of data"),
        (1, [True, 1.0], "of data"),
        ({"a": 1}, [[1], {"a": 2}], "of data"),
    ],
)
def test_two_that_made_different_things_are_an_error(
    before: Any, after: Any, what: str
) -> None:
    with pytest.raises(WorkflowError, match=what):
        together(before, *after)


def test_a_function_puts_together_instead() -> None:
    def total(obj: Any, branches: list[Any]) -> None:
        obj.data["a"] = sum(branch.data["a"] for branch in branches)

    assert together({}, {"a": 1}, {"a": 2}, merge=total).data == {"a": 3}


def test_extra_data_is_put_together_key_by_key() -> None:
    old = {"kept": 1, "gone": 1}
    new: list[dict[str, Any]] = [{"x": 1, "_message": "mine"}, {"y": 2, "_action": "a"}]
    obj = together({}, {}, {}, extra=(old, new))
    assert (obj.extra_data["x"], obj.extra_data["y"]) == (1, 2)
    assert obj.get_action() is None and obj.get_action_message() == ""
    with pytest.raises(WorkflowError, match=r"extra_data\['kept'\]"):
        together({}, {}, {}, extra=(old, [{"kept": 2}, {"kept": 3}]))
    last = together({}, {}, {}, extra=(old, [{"_status_message": n} for n in "ab"]))
    assert last.extra_data["_status_message"] == "b"


def test_results_of_tasks_stand_one_behind_the_other() -> None:
    def result(name: str) -> Callable[[Any, Any], None]:
        def result(obj: Any, eng: Any) -> None:
            obj.add_task_result(name, {"by": obj.branch})

        return result

    tasks = [result("one"), PARALLEL([result("one")], [result("two"), result("one")])]
    found = run(tasks).extra_data["_tasks_results"]
    assert [each["result"]["by"] for each in found["one"]] == [None, 0, 1]
    assert [each["result"]["by"] for each in found["two"]] == [1]


# --- any of them ----------------------------------------------------------------------


def _patterns(part: Any) -> Any:
    few = st.lists(part, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.just("parallel"), st.lists(few, min_size=2, max_size=3)),
        st.tuples(st.just("if"), st.booleans(), few),
        st.tuples(st.just("for"), st.integers(0, 2), few),
    )


#: A task; a halt; branches side by side; a condition that is constant; a loop.
leaves = st.sampled_from([("put",), ("put",), ("halt",)])
parts = st.lists(st.recursive(leaves, _patterns, max_leaves=10), min_size=1, max_size=4)


def tasks_of(spec: Any, side_by_side: bool, halts: bool) -> list[Any]:
    """Return the tasks that a list of parts describes; each writes keys of its own."""
    number = iter(range(1000))

    def count(key: str) -> Callable[[Any, Any], None]:
        def count(obj: Any, eng: Any) -> None:
            round = eng.extra_data.get("i", 0)
            obj.data[key] = obj.data.get(key, 0) + 1 + round
            obj.extra_data[key] = f"{round}"

        return count

    def halt(key: str) -> Callable[[Any, Any], None]:
        def halt(obj: Any, eng: Any) -> None:
            obj.data[key] = obj.data.get(key, 0) + 1
            if halts:
                eng.halt("?")

        return halt

    def made(part: Any) -> Any:
        key = f"k{next(number)}"
        kind, *rest = part
        if kind in ("put", "halt"):
            return (count if kind == "put" else halt)(key)
        inner = list(map(made, rest[-1])) if kind != "parallel" else []
        if kind == "if":
            return IF(lambda obj, eng: rest[0], inner)
        if kind == "for":
            return FOR(list(range(rest[0])), "i", inner)
        branches = [list(map(made, branch)) for branch in rest[0]]
        return PARALLEL(*branches) if side_by_side else branches

    return list(map(made, spec))


def final(obj: Any) -> tuple[str, dict[str, Any]]:
    own = {key: v for key, v in obj.extra_data.items() if key.startswith("k")}
    return dumps(dict(sorted(obj.data.items())), "data"), dict(sorted(own.items()))


@given(parts)
def test_branches_make_what_a_plain_list_makes(spec: Any) -> None:
    plain = run(tasks_of(spec, side_by_side=False, halts=False))
    assert final(run(tasks_of(spec, True, False)).obj) == final(plain.obj)


@given(parts, st.data())
def test_those_that_halt_may_go_on_in_any_order(spec: Any, data: Any) -> None:
    plain = run(tasks_of(spec, side_by_side=False, halts=False))
    result = run(tasks_of(spec, side_by_side=True, halts=True))
    while halted := [
        o for o in (*result.objects, *result.branches) if o.status == S.HALTED
    ]:
        assert result.engine.status == WorkflowStatus.HALTED
        result.go_on(obj=data.draw(st.sampled_from(halted)))
    assert final(result.obj) == final(plain.obj)
    assert {o.status for o in (result.obj, *result.branches)} == {S.COMPLETED}
    assert result.engine.status == WorkflowStatus.COMPLETED


@given(parts, st.data())
def test_objects_with_branches_may_be_put_down_anywhere(spec: Any, data: Any) -> None:
    plain = run(tasks_of(spec, side_by_side=False, halts=False))
    workers = Workers(lambda: tasks_of(spec, side_by_side=True, halts=True))
    workers.go(lambda able: data.draw(st.sampled_from(able)))
    assert final(workers.result.obj) == final(plain.obj)
    assert {obj.status for obj in workers.known} == {S.COMPLETED}

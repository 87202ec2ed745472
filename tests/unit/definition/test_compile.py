"""What users write becomes a tree of places, or a sentence that says why not."""

from __future__ import annotations

import functools
import types
from typing import Any

import pytest

from invenio_workflows.definition import WorkflowBase, compile_workflow, task
from invenio_workflows.definition.build import ELSE, END, Marker, Statement
from invenio_workflows.definition.loops import FOR, FOREACH, SIMPLE_FOR, WHILE
from invenio_workflows.definition.patterns import (
    CHOICE,
    CMP,
    HALT,
    IF,
    IF_ELSE,
    OBJ_JUMP_BWD,
    OBJ_JUMP_FWD,
    RUN_WF,
    SIMPLE_MERGE,
    TASK_JUMP_IF,
    TRY,
)
from invenio_workflows.errors import WorkflowDefinitionError, WorkflowHalt


def a(obj: Any, eng: Any) -> None:
    """Do a.

    And more of it.
    """


def b(obj: Any, eng: Any) -> None: ...


def c(obj: Any, eng: Any) -> None: ...


def paths(tasks: Any) -> dict[str, tuple[int, ...]]:
    return {leaf.name: leaf.path for leaf in compile_workflow("w", tasks).leaves}


def refused(tasks: Any, resolve: Any = None) -> str:
    with pytest.raises(WorkflowDefinitionError) as caught:
        compile_workflow("w", tasks, resolve)
    return str(caught.value)


def test_lists_stay_nested_tuples_are_flattened_and_none_is_dropped() -> None:
    assert paths([a, (b, (c, None)), None]) == {"a": (0,), "b": (1,), "c": (2,)}
    assert paths([a, [b, [c]]]) == {"a": (0,), "b": (1, 0), "c": (1, 1, 0)}


def test_a_single_callable_is_a_workflow() -> None:
    class Single:
        workflow = staticmethod(a)

    class Method:
        def workflow(self, obj: Any, eng: Any) -> None: ...

    assert paths(Single) == {"a": (0,)}
    assert paths(Method()) == {"workflow": (0,)}


def test_anything_with_a_workflow_is_a_definition() -> None:
    module = types.ModuleType("somewhere")
    module.workflow = [a]  # type: ignore[attr-defined]
    assert paths(module) == {"a": (0,)}
    assert paths(type("Plain", (), {"workflow": [a, b]})) == {"a": (0,), "b": (1,)}


async def coroutine(obj: Any, eng: Any) -> None: ...


async def stream(obj: Any, eng: Any) -> Any:
    yield 1


def generator(obj: Any, eng: Any) -> Any:
    yield 1


class Called:
    def __call__(self, obj: Any, eng: Any) -> None: ...


class CalledLater:
    async def __call__(self, obj: Any, eng: Any) -> None: ...


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (coroutine, "Write `def`"),
        (stream, "Write `def`"),
        (functools.partial(coroutine, 1), "Write `def`"),
        (CalledLater(), "Write `def`"),
        (generator, "generator function"),
        (Called, "give an instance"),
        (17, "cannot be called"),
        ("name", "cannot be called"),
        ({"a": a}, "cannot be called"),
    ],
)
def test_what_cannot_be_a_task_is_refused(part: Any, sentence: str) -> None:
    assert sentence in refused([a, part])
    assert "Workflow 'w': item 1" in refused([a, part])
    with pytest.raises(WorkflowDefinitionError):
        IF(lambda obj, eng: True, [part])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FOR(coroutine, "x", a),
        lambda: FOR([1], coroutine, a),
        lambda: CMP(coroutine, 1, "eq"),
        lambda: CMP(1, coroutine, "eq"),
        lambda: TASK_JUMP_IF(coroutine, 1),
    ],
    ids=["list", "setter", "first", "second", "jump"],
)
def test_whatever_a_pattern_calls_is_no_coroutine(make: Any) -> None:
    """It would be true, or give nothing, without having run."""
    with pytest.raises(WorkflowDefinitionError, match="Write `def`"):
        make()


def test_a_condition_is_checked_like_a_task() -> None:
    for pattern in (IF, WHILE):
        with pytest.raises(WorkflowDefinitionError, match="the condition of"):
            pattern(coroutine, a)


def test_a_callable_instance_and_a_partial_are_tasks() -> None:
    definition = compile_workflow("w", [Called(), functools.partial(a, eng=1)])
    assert [leaf.name for leaf in definition.leaves] == ["Called", "a"]


def test_an_object_with_a_func_of_its_own_is_no_partial() -> None:
    class Task(Called):
        func = None

    assert [leaf.name for leaf in compile_workflow("w", [Task()]).leaves] == ["Task"]


def test_one_pattern_written_down_twice_has_two_places() -> None:
    twice = IF(lambda obj, eng: True, [a])
    definition = compile_workflow("w", [twice, b, twice])
    assert [leaf.path for leaf in definition.named("a")] == [(0, 0, 0), (2, 0, 0)]  # type: ignore[attr-defined]
    assert [leaf.identity[2:] for leaf in definition.named("a")] == [(0, 2), (1, 2)]


def test_one_pattern_may_be_in_two_definitions() -> None:
    shared = IF(lambda obj, eng: True, [a])
    first, second = (compile_workflow("w", each) for each in ([shared], [b, shared]))
    assert first.named("a")[0].path == (0, 0, 0)
    assert second.named("a")[0].path == (1, 0, 0)


def test_a_list_that_holds_itself_is_refused() -> None:
    loop: list[Any] = [a]
    loop.append(loop)
    assert "holds itself" in refused(loop)
    deep: Any = []
    for _ in range(1000):
        deep = [deep]
    assert "or is nested too deeply" in refused(deep)


def test_a_workflow_of_another_is_given_by_class_list_or_name() -> None:
    other = type("Other", (), {"workflow": [b, [c]]})
    expected = {"a": (0,), "b": (1, 0), "c": (1, 1, 0)}
    assert paths([a, RUN_WF(other)]) == expected
    assert paths([a, RUN_WF([b, [c]])]) == expected
    for kept in (other, [b, [c]]):
        definition = compile_workflow("w", [a, RUN_WF("other")], lambda name, k=kept: k)
        assert {leaf.name: leaf.path for leaf in definition.leaves} == expected


def test_workflows_that_run_each_other_are_refused() -> None:
    known = {
        "first": type("First", (), {"workflow": [RUN_WF("second")]}),
        "second": type("Second", (), {"workflow": [a, RUN_WF("first")]}),
    }
    with pytest.raises(WorkflowDefinitionError, match="first → second → first"):
        compile_workflow("first", known["first"], known.__getitem__)


def test_a_workflow_that_cannot_be_known_is_refused() -> None:
    assert "only in an application" in refused([RUN_WF("other")])
    assert "no `workflow`" in refused(type("Nothing", (), {}))
    with pytest.raises(WorkflowDefinitionError, match="give a name, a class"):
        RUN_WF(17)


# --- identities ----------------------------------------------------------------


def closure(value: Any) -> Any:
    def made(obj: Any, eng: Any) -> None:
        print(value)

    return made


def test_a_name_is_the_functions_or_the_one_given() -> None:
    @task("kept", description="For people", hidden=True)
    def other(obj: Any, eng: Any) -> None: ...

    @task
    def bare(obj: Any, eng: Any) -> None: ...

    kept, plain, first = compile_workflow("w", [other, bare, a]).leaves
    assert (kept.name, kept.description, kept.hidden) == ("kept", "For people", True)
    assert (plain.name, plain.description, plain.hidden) == ("bare", "bare", False)
    assert (first.description, first.doc) == ("Do a.", "Do a.\n\nAnd more of it.")


def test_constants_of_a_closure_tell_tasks_apart_and_others_do_not() -> None:
    def digests(*values: Any) -> set[str]:
        tasks = [closure(value) for value in values]
        return {leaf.identity[1] for leaf in compile_workflow("w", tasks).leaves}

    assert len(digests(1, 2, "1", 1.5, True, None, (1, "a"))) == 7
    assert len(digests([1], [2], {"a": 1}, object(), (1, [2]))) == 1
    assert "secret" not in repr(digests("secret"))


def test_arguments_of_a_partial_and_of_a_wrapped_function_count() -> None:
    def wrapped(value: Any) -> Any:
        inner = closure(value)

        @functools.wraps(inner)
        def outer(obj: Any, eng: Any) -> None:
            inner(obj, eng)

        return outer

    tasks = [
        functools.partial(a, n=1),
        functools.partial(a, n=2),
        wrapped(1),
        wrapped(2),
    ]
    leaves = compile_workflow("w", tasks).leaves
    assert len({leaf.identity[:2] for leaf in leaves}) == 4
    assert leaves[0].parameters == [("n", "1")]
    assert leaves[2].parameters == [("value", "1")]


def test_the_fingerprint_is_of_structure_and_constants() -> None:
    def of(*tasks: Any) -> str:
        return compile_workflow("w", list(tasks)).fingerprint

    assert of(a, b) == of(a, b) == of(a, (b, None))
    prints = {
        of(a, b),
        of(b, a),
        of(a, [b]),
        of(a),
        of(a, closure(1)),
        of(a, closure(2)),
        of(a, FOR([1], "i", b)),
        of(a, FOR([1], "j", b)),
        of(a, FOR([1], "i", b, order="DSC")),
        of(a, WHILE(c, b)),
        of(a, WHILE(b, b)),
    }
    assert len(prints) == 11
    assert of(closure([1])) == of(closure([2]))


def test_a_definition_gives_what_its_class_says() -> None:
    class Base(WorkflowBase):
        """Of the base."""

        workflow = [a]
        object_type = "hep"

    definition = compile_workflow("w", Base)
    assert (definition.title, definition.data_type) == ("w", "hep")
    assert definition.doc == "Of the base."
    assert definition.hook("get_title")(None) == "No title"  # type: ignore[misc]
    assert definition.hook("nothing") is None
    assert definition.max_rounds == 1_000_000


@pytest.mark.parametrize("value", [0, -1, 1.5, "9", True, None])
@pytest.mark.parametrize("ceiling", ["max_rounds", "max_restarts"])
def test_a_ceiling_is_a_whole_number(ceiling: str, value: Any) -> None:
    assert ceiling in refused(type("Bad", (), {"workflow": [a], ceiling: value}))


# --- patterns ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TRY(a, retry=-1), "retry"),
        (lambda: TRY(a, onfailure=WorkflowHalt("no")), "is not an error"),
        (lambda: TRY(a, onfailure=KeyboardInterrupt), "is not an error"),
        (lambda: SIMPLE_MERGE(a), "at least two"),
        (lambda: CHOICE(a, ("x",)), "a tuple"),
        (lambda: CHOICE(a, ("x", b), ("x", c)), "two cases for 'x'"),
        (lambda: CMP(1, 2, "near"), "eq, ne, gt"),
        (lambda: FOR(17, "i", a), "needs a list"),
        (lambda: OBJ_JUMP_FWD(1), "OBJ_NEXT"),
        (lambda: OBJ_JUMP_BWD(-1), "OBJ_NEXT"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(WorkflowDefinitionError, match=sentence):
        make()


def test_branches_may_be_callables_lists_tuples_or_nothing() -> None:
    yes = a
    for branch in (b, [b], (b,), (b, None)):
        assert paths([IF_ELSE(yes, branch, None)]) == {"b": (0, 0, 0)}
    assert paths([SIMPLE_MERGE(a, None, (b, c))]) == {
        "a": (0, 0),
        "b": (0, 2, 0),
        "c": (0, 2, 1),
    }


def test_a_pattern_is_labelled_by_its_condition_or_comment() -> None:
    assert IF(a, b).label == "IF(a)"
    assert IF(CMP(1, 2, "eq"), b).label == "IF(CMP_eq)"
    assert WHILE(a, b, comment="as long as a").label == "as long as a"
    assert compile_workflow("w", [HALT("why")]).leaves[0].name == "HALT"


# --- statements of old releases -------------------------------------------------


def statement() -> Statement:
    return Statement("if", lambda body, other: IF_ELSE(a, body, other))


def test_a_statement_takes_the_list_behind_it() -> None:
    assert paths([statement(), [b], c]) == {"b": (0, 0, 0), "c": (1,)}
    assert paths([statement(), [b], ELSE, [c], a]) == {
        "b": (0, 0, 0),
        "c": (0, 1, 0),
        "a": (1,),
    }
    loop = Statement("foreach", lambda body, _: FOREACH([1], None, body, "ASC"))
    assert paths([loop, [b], END, c])["c"] == (1,)
    count = Statement("for", lambda body, _: SIMPLE_FOR(0, 1, 1, None, body))
    assert paths([count, [b], END])["b"] == (0, 0, 0)


def test_a_statement_without_its_list_is_refused() -> None:
    assert "needs a list of tasks right behind it" in refused([statement(), b])
    assert "needs a list" in refused([statement()])
    assert "no statement is open" in refused([a, END])
    assert "no statement is open" in refused([Marker("workflow_else")])


# --- what can be kept -------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 251, "a\0b", "\ud800"])
def test_a_task_whose_name_cannot_be_kept_is_refused(name: str) -> None:
    def f(obj: Any, eng: Any) -> None: ...

    assert "1 to 250 letters" in refused([task(name=name)(f)])


def test_lists_in_lists_without_end_are_refused() -> None:
    deep: Any = [a]
    for _ in range(150):
        deep = [deep]
    assert "in too many lists" in refused(deep)


def test_a_constant_may_be_a_number_that_python_does_not_write_down() -> None:
    def closing_over(number: int) -> Any:
        def f(obj: Any, eng: Any) -> int:
            return number

        return f

    one, two = compile_workflow(
        "w", [closing_over(10**5000), closing_over(10**5000 + 1)]
    ).leaves
    assert one.identity[1] != two.identity[1]


@pytest.mark.parametrize("timeout", [0, -1, "5", float("nan"), float("inf"), 1e30])
def test_a_timeout_that_no_clock_keeps_is_refused(timeout: Any) -> None:
    with pytest.raises(WorkflowDefinitionError, match="seconds above 0"):
        task(timeout=timeout)

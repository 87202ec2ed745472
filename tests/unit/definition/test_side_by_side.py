"""Branches side by side: what may be written, and what becomes of places in them."""

from __future__ import annotations

from typing import Any

import pytest

from invenio_workflows.definition import compile_workflow
from invenio_workflows.definition.loops import FOR
from invenio_workflows.definition.parallel import PARALLEL
from invenio_workflows.definition.patterns import IF
from invenio_workflows.engine import Cursor, expected
from invenio_workflows.engine.cursor import branch_cursors, locate
from invenio_workflows.errors import DefinitionChanged, WorkflowDefinitionError


def a(obj: Any, eng: Any) -> None: ...


def b(obj: Any, eng: Any) -> None: ...


def c(obj: Any, eng: Any) -> None: ...


def d(obj: Any, eng: Any) -> None: ...


async def later(obj: Any, branches: list[Any]) -> None: ...


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PARALLEL(), "at least two branches, with a task in each"),
        (lambda: PARALLEL(a), "at least two branches"),
        (lambda: PARALLEL([a, b]), "at least two branches"),
        (lambda: PARALLEL(a, []), "with a task in each"),
        (lambda: PARALLEL(None, a), "with a task in each"),
        (lambda: PARALLEL(a, b, join="some"), "number from 1 to 2, not 'some'"),
        (lambda: PARALLEL(a, b, join=0), "from 1 to 2, not 0"),
        (lambda: PARALLEL(a, b, join=3), "from 1 to 2, not 3"),
        (lambda: PARALLEL(a, b, join=True), "not True"),
        (lambda: PARALLEL(a, b, join=1.0), "not 1.0"),
        (lambda: PARALLEL(a, b, join=None), "not None"),
        (lambda: PARALLEL(a, b, join=["all"]), "not \\['all'\\]"),
        (lambda: PARALLEL(a, b, merge=later), "merge of PARALLEL is the coroutine"),
        (lambda: PARALLEL(a, b, merge=17), "merge of PARALLEL is 17"),
    ],
)
def test_a_block_that_cannot_be_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(WorkflowDefinitionError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("join", "needs"), [("all", 3), ("any", 1), (1, 1), (2, 2), (3, 3)]
)
def test_the_join_says_how_many_are_needed(join: Any, needs: int) -> None:
    assert PARALLEL(a, [b], IF(a, c), join=join).needs == needs


def test_a_block_is_labelled_by_its_name_or_comment() -> None:
    assert PARALLEL(a, b).label == "PARALLEL()"
    assert PARALLEL(a, b, comment="Both checks").label == "Both checks"


def test_the_tasks_around_the_branches_are_hidden_and_known_by_what_is_inside() -> None:
    first, second = PARALLEL(a, b), PARALLEL(a, c)
    definition = compile_workflow("w", [first, second])
    hidden = [leaf for leaf in definition.leaves if leaf.hidden]
    assert [leaf.name for leaf in hidden] == ["PARALLEL fork", "PARALLEL join"] * 2
    assert len({leaf.identity[:2] for leaf in hidden}) == 4
    same = compile_workflow("w", [PARALLEL(a, b), PARALLEL(a, b)])
    ranks = [leaf.identity[2:] for leaf in same.leaves if leaf.name == "PARALLEL fork"]
    assert ranks == [(0, 2), (1, 2)]


# --- where a place in one is, in an edited definition ---------------------------------


def begun(tasks: list[Any], path: list[int]) -> list[Cursor]:
    """Return where the branches begin of the block at a path."""
    definition = compile_workflow("w", tasks)
    frames = [[index, None] for index in path] + [[0, {}]]
    return [Cursor.decode(text) for text in branch_cursors(definition, frames)]


def found(cursor: Cursor, tasks: list[Any]) -> tuple[list[int], str]:
    place = locate(compile_workflow("w", tasks), cursor)
    assert place is not None
    return [frame[0] for frame in cursor.frames], place.name


def test_a_branch_begins_at_the_first_task_of_its_own_list() -> None:
    before = [a, PARALLEL([b, c], [IF(a, d)])]
    one, other = begun(before, [1])
    assert (one.path, one.mode, one.task_name) == ([1, 1, 0], "before", "b")
    assert (other.path, other.mode) == ([1, 2], "asking")
    assert found(one, before) == ([1, 1, 0], "b")


@pytest.mark.parametrize(
    ("after", "path"),
    [
        ([PARALLEL([b, c], [d])], [0, 1, 0]),
        ([a, c, PARALLEL([b, c], [d])], [2, 1, 0]),
        ([a, PARALLEL([d], [c, b])], [1, 2, 1]),
        ([a, PARALLEL([d], [c], [a, b])], [1, 3, 1]),
        ([a, PARALLEL([IF(a, b), c], [d])], [1, 1, 0, 0, 0]),
    ],
    ids=["delete before", "insert before", "swap", "more branches", "nest"],
)
def test_a_branch_finds_its_task_again(after: list[Any], path: list[int]) -> None:
    one, _ = begun([a, PARALLEL([b, c], [d])], [1])
    assert found(one, after) == (path, "b")


@pytest.mark.parametrize(
    "after",
    [[a, b, c], [b, PARALLEL(c, d)], [PARALLEL([PARALLEL([b], [c])], [d])]],
    ids=["no block", "outside", "a block within a block"],
)
def test_a_branch_goes_on_nowhere_but_in_a_branch(after: list[Any]) -> None:
    one, _ = begun([a, PARALLEL([b, c], [d])], [1])
    with pytest.raises(DefinitionChanged):
        found(one, after)


def test_what_follows_a_branch_is_nothing_of_its_own() -> None:
    tasks = [PARALLEL([b, c], [d]), a]
    definition = compile_workflow("w", tasks)
    one, other = begun(tasks, [0])
    begins = [expected(definition, each, "resume") for each in (one, other)]
    assert [leaf and leaf.name for leaf in begins] == ["b", "d"]
    one.mode = other.mode = "after"
    follows = expected(definition, one, "resume")
    assert follows is not None and follows.name == "c"
    # Not the join: that is the object's, when the other branch is done, too.
    assert expected(definition, other, "resume") is None


def test_nested_blocks_and_loops_keep_what_they_know() -> None:
    tasks = [FOR([1, 2], "i", [PARALLEL([b, PARALLEL(c, d)], [a])])]
    definition = compile_workflow("w", tasks)
    loop = [[0, None], [0, {"round": 1}], [0, None], [0, {}]]
    outer = [Cursor.decode(text) for text in branch_cursors(definition, loop)]
    assert [cursor.task_name for cursor in outer] == ["b", "a"]
    assert outer[0].frames[1][1] == {"round": 1}
    assert locate(definition, outer[0]) is not None
    inside = [*outer[0].frames[:-1], [1, None], [0, {}]]
    inner = [Cursor.decode(text) for text in branch_cursors(definition, inside)]
    assert [cursor.task_name for cursor in inner] == ["c", "d"]
    marks = [frame[1] for frame in inner[0].frames if frame[1] == {"branch": True}]
    assert len(marks) == 2

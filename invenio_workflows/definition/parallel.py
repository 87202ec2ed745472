"""Branches that run side by side, each as an object of its own, and their join.

Two tasks stand around the branches. The first goes to sleep, with which the branches
are made; each runs on a copy of the object, through its own list, and ends with it.
When enough of them are done the object wakes, and the second puts together what they
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..errors import WorkflowDefinitionError
from .build import sequence
from .joining import done_of, needs_of, put_together, split
from .node import Memo, Node, Part, Task, check_task
from .patterns import Pattern

#: The tasks around the branches, which nobody writes.
INNER = ("PARALLEL fork", "PARALLEL join")


class PARALLEL(Pattern):
    """Run branches side by side, each on a copy of the object, then go on.

    A branch is an object of its own with the data and ``extra_data`` as they were:
    it may halt for a person, wait or fail while the others go on. The object itself
    is WAITING meanwhile. At the join the top-level keys that branches changed are put
    together in their order; two different values for one key are an error.

    :param branches: at least two; a task, or a list of tasks each.
    :param join: how many must be done before it goes on: ``"all"``, ``"any"`` or a
        number. The others are cancelled then.
    :param merge: a function ``f(obj, branches)`` that puts together instead, given
        the objects of the branches that are done.
    """

    asks = False
    #: Its memo tells a branch from the object that waits for it.
    loops = True

    def __init__(
        self,
        *branches: Part,
        join: str | int = "all",
        merge: Callable[[Any, list[Any]], Any] | None = None,
        comment: str | None = None,
    ) -> None:
        lists = [sequence(branch) for branch in branches]
        if len(lists) < 2 or not all(each.children for each in lists):
            raise WorkflowDefinitionError(
                "PARALLEL needs at least two branches, with a task in each."
            )
        if merge is not None:
            check_task(merge, "merge of PARALLEL")
        needs = needs_of(join, len(lists), "PARALLEL")
        names = tuple(map(_names, lists))
        fork, joined = _fork(names, needs), _join(names, needs, merge)
        super().__init__([fork, *lists, joined], comment=comment)
        self.needs = needs

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is None:
            return 0, {}
        end = len(self.children) - 1
        return (None if memo or last == end else end), memo

    def before(self, index: int, memo: Memo) -> int:
        return 0

    def is_branch(self, index: int) -> bool:
        return 0 < index < len(self.children) - 1

    def split(self, index: int, memo: Memo) -> Iterator[tuple[int, Memo]]:
        for branch in range(1, len(self.children) - 1):
            yield branch, {"branch": True}


def _names(part: Any) -> Any:
    """Return the names of the tasks inside; by them one block is told from others."""
    if isinstance(part, Node):
        return tuple(map(_names, part.children))
    return part.name


def _fork(names: tuple[Any, ...], needs: int) -> Task:
    def fork(obj: Any, eng: Any) -> None:
        raise split(len(names), needs)

    return _unseen(fork, INNER[0])


def _join(names: tuple[Any, ...], needs: int, merge: Any) -> Task:
    def join(block: Any, obj: Any, eng: Any) -> None:
        put_together(obj, done_of(eng._begun(), needs), merge, "PARALLEL")

    # By what a task was given, its place is told from others.
    return _unseen(partial(join, names), INNER[1])


def _unseen(task: Any, name: str) -> Task:
    task.hide, task.task_name = True, name
    return task  # type: ignore[no-any-return]

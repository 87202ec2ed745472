"""Branches that run side by side, each as an object of its own, and their join.

Two tasks stand around the branches. The first goes to sleep, with which the branches
are made; each runs on a copy of the object, through its own list, and ends with it.
When enough of them are done the object wakes, and the second puts together what they
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..checkpoint import Branch
from ..encoding import dumps
from ..errors import WaitProcessing, WorkflowDefinitionError, WorkflowError
from ..extra_data import DERIVED
from ..states import Awaited, ObjectStatus
from .build import sequence
from .node import Memo, Node, Part, Task, check_task
from .patterns import Pattern

#: What an object says of its own stop is no branch's to hand over.
_OWN = DERIVED | {"_action", "_message", "_payload", "_error_msg"}
#: Of these the last branch that set one is right.
_LAST = frozenset({"_events", "_status_message"})
_GONE: Any = object()


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
    forks = True

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
        needs = _needs(join, len(lists))
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


def _needs(join: Any, number: int) -> int:
    words = {"all": number, "any": 1}
    named: Any = words.get(join) if isinstance(join, str) else join
    whole = isinstance(named, int) and not isinstance(named, bool)
    if not whole or not 1 <= named <= number:
        raise WorkflowDefinitionError(
            f"join of PARALLEL is 'all', 'any' or a number from 1 to {number}, not "
            f"{join!r}."
        )
    return int(named)


def _names(part: Any) -> Any:
    """Return the names of the tasks inside; by them one block is told from others."""
    if isinstance(part, Node):
        return tuple(map(_names, part.children))
    return part.name


def _fork(names: tuple[Any, ...], needs: int) -> Task:
    def fork(obj: Any, eng: Any) -> None:
        message = f"{len(names)} branches; {needs} must be done."
        raise WaitProcessing(message, Awaited(needs=needs, forks=True))

    return _unseen(fork, "PARALLEL fork")


def _join(names: tuple[Any, ...], needs: int, merge: Any) -> Task:
    def join(block: Any, obj: Any, eng: Any) -> None:
        branches: list[Branch] = eng._begun()
        # So many were made; the definition may have got another one since.
        needed = min(needs, len(branches))
        done = [b for b in branches if b.obj.status == ObjectStatus.COMPLETED]
        lost = [b for b in branches if b.obj.status == ObjectStatus.CANCELLED]
        if len(done) >= needed:
            _put_together(obj, done, merge)
        elif len(branches) - len(lost) >= needed:
            message = f"{len(done)} of {needed} branches are done."
            what = Awaited(needs=needed, then="restart_task")
            raise WaitProcessing(message, what)
        else:
            raise WorkflowError(
                f"{needed} of {len(branches)} branches must be done, and {len(lost)} "
                "were cancelled. restart_prev begins the branches again; continue_next "
                "goes on without them."
            )

    # By what a task was given, its place is told from others.
    return _unseen(partial(join, names), "PARALLEL join")


def _unseen(task: Any, name: str) -> Task:
    task.hide, task.task_name = True, name
    return task  # type: ignore[no-any-return]


# --- putting together -----------------------------------------------------------------


def _put_together(obj: Any, done: Sequence[Branch], merge: Any) -> None:
    if merge is not None:
        merge(obj, [branch.obj for branch in done])
        return
    obj.data = _joined("data", obj.data, [(b.number, b.data, b.obj.data) for b in done])
    extra = [(b.number, b.extra_data, b.obj.extra_data) for b in done]
    for key, values in _changes(extra).items():
        if key not in _OWN:
            _take(obj.extra_data, "extra_data", key, values, extra)


def _joined(what: str, now: Any, states: list[tuple[int, Any, Any]]) -> Any:
    """Return data with what the branches made of it.

    :param states: of each branch its number, and the data before and after.
    """
    if all(isinstance(state, dict) for _, *both in states for state in (now, *both)):
        for key, values in _changes(states).items():
            _take(now, what, key, values, states)
        return now
    changed = [(n, new) for n, old, new in states if not _same(old, new)]
    return _one(what, changed) if changed else now


def _changes(states: list[tuple[int, Any, Any]]) -> dict[Any, list[tuple[int, Any]]]:
    """Return for each key that a branch changed who made what of it."""
    found: dict[Any, list[tuple[int, Any]]] = {}
    for number, before, after in states:
        for key in dict.fromkeys((*before, *after)):
            old, new = before.get(key, _GONE), after.get(key, _GONE)
            if not _same(old, new):
                found.setdefault(key, []).append((number, new))
    return found


def _take(
    into: dict[Any, Any],
    what: str,
    key: Any,
    values: list[tuple[int, Any]],
    states: list[tuple[int, Any, Any]],
) -> None:
    if what == "extra_data" and key == "_tasks_results":
        into[key] = _results(into.get(key) or {}, states)
        return
    last = what == "extra_data" and key in _LAST
    value = values[-1][1] if last else _one(f"{what}[{key!r}]", values)
    if value is _GONE:
        into.pop(key, None)
    else:
        into[key] = value


def _results(
    now: dict[str, list[Any]], states: list[tuple[int, Any, Any]]
) -> dict[str, list[Any]]:
    """Return the results of tasks, those of the branches behind the others."""
    found = {name: list(results) for name, results in now.items()}
    for _, before, after in states:
        known = before.get("_tasks_results") or {}
        for name, results in (after.get("_tasks_results") or {}).items():
            found.setdefault(name, []).extend(results[len(known.get(name, ())) :])
    return found


def _one(what: str, values: list[tuple[int, Any]]) -> Any:
    first, value = values[0]
    for number, other in values[1:]:
        if not _same(value, other):
            raise WorkflowError(
                f"The branches {first} and {number} made different things of {what}. "
                "Give PARALLEL a merge=f(obj, branches) that says which is right."
            )
    return value


def _same(one: Any, other: Any) -> bool:
    if one is _GONE or other is _GONE:
        return one is other
    return dumps(one, "a branch") == dumps(other, "a branch")

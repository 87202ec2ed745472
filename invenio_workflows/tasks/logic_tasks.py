"""The statements of old releases: openers, their lists, and the words between.

::

    workflow = [
        foreach(items, "item"), [use], end_for,
        workflow_if(lower_than_20), [add], workflow_else, [halt],
    ]

They mean the patterns of :mod:`invenio_workflows.patterns`, which new definitions
use. A statement's list is the one right behind it.
"""

from __future__ import annotations

from typing import Any

from ..definition.build import ELSE, END, Statement
from ..definition.loops import FOREACH, SIMPLE_FOR
from ..definition.node import Memo, Node, Part, Task
from ..definition.patterns import COMPARISONS, IF_ELSE, Condition, resolved
from ..errors import WorkflowDefinitionError

end_for = END
workflow_else = ELSE


def foreach(
    get_list_function: Any,
    savename: str | None = None,
    cache_data: bool = False,
    order: str = "ASC",
) -> Statement:
    """Open a loop in which each item is, in its turn, the object's data.

    Afterwards the data is what it was before. In the loop,
    ``eng.extra_data["_Iterators"]`` tells the number and the value of the item.

    :param get_list_function: a list, or a function ``f(obj, eng)`` that gives one.
    :param savename: a key of ``obj.extra_data`` that gets the item as well.
    :param cache_data: accepted for old definitions; items are always kept.
    :param order: ``DSC`` for last to first; anything else is first to last.
    """
    return _loop("foreach", lambda b: FOREACH(get_list_function, savename, b, order))


def simple_for(
    init: Any, end: Any, inc: Any, variable_name: str | None = None
) -> Statement:
    """Open a loop that counts from ``init`` to ``end``, the end included.

    Each may be a function ``f(obj, eng)``. The number is
    ``eng.extra_data["_Iterators"][variable_name]``.
    """
    return _loop("simple_for", lambda b: SIMPLE_FOR(init, end, inc, variable_name, b))


def workflow_if(cond: Any, neg: bool = False) -> Statement:
    """Open a branch, with ``workflow_else`` and another list behind it or without.

    ``eng.extra_data["_state"]`` tells in the branches what was found.

    :param cond: a function ``f(obj, eng)``; what it gives is called as long as it
        can be.
    :param neg: run the branch if ``cond`` does not hold.
    """
    return Statement(
        "workflow_if", lambda body, otherwise: WORKFLOW_IF(cond, neg, body, otherwise)
    )


def execute_if(fun: Task, *args: Condition) -> Task:
    """Return a task that runs ``fun`` if all conditions hold."""

    def _execute_if(obj: Any, eng: Any) -> None:
        if all(resolved(condition, obj, eng) for condition in args):
            fun(obj, eng)

    return _execute_if


def compare_logic(a: Any, b: Any, op: str) -> Condition:
    """Return a condition that compares two values, or what functions give for them.

    :param op: ``eq``, ``gt``, ``gte``, ``lt`` or ``lte``; with another one it never
        holds.
    """

    def _compare_logic(obj: Any, eng: Any) -> bool:
        if op not in ("eq", "gt", "gte", "lt", "lte"):
            return False
        return bool(COMPARISONS[op](resolved(a, obj, eng), resolved(b, obj, eng)))

    return _compare_logic


class WORKFLOW_IF(IF_ELSE):
    """What ``workflow_if`` means: a branch that tells what its condition was."""

    shows = True

    def __init__(self, cond: Any, neg: bool, branch: Part, otherwise: Part) -> None:
        super().__init__(lambda obj, eng: cond, branch, otherwise)
        self.condition = cond
        self.neg = neg

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None:
            return None, None
        holds = bool(resolved(self.condition, obj, eng)) is not self.neg
        return (0 if holds else 1), holds

    def variables(self, memo: Memo) -> dict[str, Any]:
        return {} if memo is None else {"_state": {str(list(self.path)): memo}}

    def constants(self) -> tuple[Any, ...]:
        return (*super().constants(), self.neg)


def _loop(name: str, make: Any) -> Statement:
    def built(body: Part, otherwise: Part | None) -> Node:
        if otherwise is not None:
            raise WorkflowDefinitionError(f"{name} has no workflow_else.")
        node: Node = make(body)
        return node

    return Statement(name, built)

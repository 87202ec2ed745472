"""Branches, retries and merges, as nodes; and the jumps, as tasks.

A condition is a function ``f(obj, eng)``. It is no task: it is asked again when
the object is taken up before the next task has finished, and it may not halt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..errors import WorkflowDefinitionError, WorkflowError
from .build import children, clone, graph_of, sequence
from .node import Memo, Node, Part, Sequence, Task, check_task, refuse_async

Condition = Callable[[Any, Any], Any]


class Pattern(Node):
    """A node with a condition; ``comment`` is shown in its place."""

    def __init__(
        self, parts: list[Any], condition: Any = None, comment: str | None = None
    ) -> None:
        super().__init__(parts)
        self.condition = condition
        self.comment = comment

    @property
    def label(self) -> str:
        if self.comment:
            return self.comment
        return f"{self.name}({', '.join(map(str, self.constants()))})"

    def constants(self) -> tuple[Any, ...]:
        if self.condition is None:
            return ()
        return (getattr(self.condition, "__name__", type(self.condition).__name__),)


class IF(Pattern):
    """Run ``branch`` if ``condition`` holds."""

    def __init__(
        self, condition: Condition, branch: Part, comment: str | None = None
    ) -> None:
        check_task(condition, f"the condition of {type(self).__name__}")
        super().__init__([sequence(branch)], condition, comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None or not self.condition(obj, eng):
            return None, None
        return 0, None


class IF_NOT(IF):
    """Run ``branch`` if ``condition`` does not hold."""

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None or self.condition(obj, eng):
            return None, None
        return 0, None


class IF_ELSE(Pattern):
    """Run ``branch`` if ``condition`` holds, else ``otherwise``."""

    def __init__(
        self,
        condition: Condition,
        branch: Part,
        otherwise: Part,
        comment: str | None = None,
    ) -> None:
        check_task(condition, "the condition of IF_ELSE")
        super().__init__([sequence(branch), sequence(otherwise)], condition, comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None:
            return None, None
        return (0 if self.condition(obj, eng) else 1), None


class CHOICE(Pattern):
    """Run the tasks of the case whose value ``arbiter(obj, eng)`` returns.

    ``CHOICE(arbiter, ("a", task, …), ("b", task))`` or ``CHOICE(arbiter, a=[…])``.
    A value without a case is an error that names the cases.
    """

    def __init__(
        self,
        arbiter: Condition,
        *cases: tuple[Any, ...],
        comment: str | None = None,
        **named: Part,
    ) -> None:
        check_task(arbiter, "the arbiter of CHOICE")
        pairs = [(case[0], case[1:]) for case in map(_case, cases)]
        pairs += list(named.items())
        self.values = [value for value, _ in pairs]
        for value in self.values:
            if self.values.count(value) > 1:
                raise WorkflowDefinitionError(f"CHOICE has two cases for {value!r}.")
        super().__init__([sequence(part) for _, part in pairs], arbiter, comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None:
            return None, None
        value = self.condition(obj, eng)
        if value not in self.values:
            raise WorkflowError(
                f"{self.label} has no case for {value!r}; "
                f"cases: {', '.join(map(repr, self.values))}."
            )
        return self.values.index(value), None


class TRY(Pattern):
    """Run ``body``; if a task of it raises, undo that task and begin it again.

    The tasks of it that had finished run again too, on what they left.

    :param retry: how often to try again.
    :param onfailure: what then: an exception to raise in place of the last one, a
        task to run, or ``Exception`` itself, which lets the last one go.
    """

    asks = False

    def __init__(
        self,
        body: Part,
        retry: int = 1,
        onfailure: Any = Exception,
        verbose: bool = False,
        comment: str | None = None,
    ) -> None:
        if not isinstance(retry, int) or retry < 0:
            raise WorkflowDefinitionError(
                f"TRY: retry must be a whole number of at least 0, not {retry!r}."
            )
        self.retry = retry
        self.error = onfailure if _is_error(onfailure) else None
        if self.error is not None and not _is_error(onfailure, Exception):
            raise WorkflowDefinitionError(
                f"TRY: onfailure cannot be {onfailure!r}: it is not an error; give a "
                "task that does what you want."
            )
        parts = [sequence(body)]
        if self.error is None and onfailure is not None:
            parts.append(sequence(onfailure))
        super().__init__(parts, comment=comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is not None:
            return None, None
        memo = memo or {"tried": 0}
        failed = memo.get("failed") and len(self.children) > 1
        return (1 if failed else 0), memo

    def caught(self, memo: Memo, error: BaseException) -> Memo | None:
        memo = memo or {"tried": 0}
        tried = memo["tried"] + 1
        if memo.get("failed"):
            return None
        if tried <= self.retry:
            return {"tried": tried}
        if len(self.children) > 1:
            return {"tried": tried, "failed": True}
        if isinstance(self.error, BaseException):
            raise self.error.with_traceback(None) from error
        if self.error not in (None, Exception):
            raise self.error from error
        return None


class SIMPLE_MERGE(Pattern):
    """Run the first part, then the last; those between are reached by jumps only."""

    asks = False

    def __init__(self, *parts: Part, comment: str | None = None) -> None:
        if len(parts) < 2:
            raise WorkflowDefinitionError("SIMPLE_MERGE needs at least two parts.")
        built = [
            children(part)[0] if callable(part) else sequence(part) for part in parts
        ]
        super().__init__(built, comment=comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        final = len(self.children) - 1
        if last is None:
            return 0, memo
        return (None if last == final else final), memo


class RUN_WF(Sequence):
    """Run the tasks of another workflow, on the same object, in this place.

    :param workflow: its name, its class, or a task list. A halt inside of it is a
        halt of the object, which goes on in the middle of it.
    """

    def __init__(self, workflow: Any, comment: str | None = None) -> None:
        self.target = workflow if isinstance(workflow, str) else None
        listed = isinstance(workflow, (list, tuple))
        #: What has a graph, which is put here when the definition is compiled.
        self.source = None if listed or graph_of(workflow) is None else workflow
        parts = workflow if listed else getattr(workflow, "workflow", None)
        if self.target is None and self.source is None and parts is None:
            raise WorkflowDefinitionError(
                f"RUN_WF({workflow!r}): give a name, a class with a `workflow` or a "
                "`graph`, or a list of tasks."
            )
        super().__init__(children(None if self.source is not None else parts))
        self.comment = comment

    @property
    def label(self) -> str:
        return self.comment or f"RUN_WF({self.target or ''})"

    def constants(self) -> tuple[Any, ...]:
        return (self.target,)

    def fill(self, parts: Part) -> None:
        """Take the tasks of the workflow that was known by its name."""
        self.children = clone(sequence(parts)).children


def CMP(first: Any, second: Any, op: str) -> Condition:
    """Return a condition that compares two values.

    :param first: a value, or a function ``f(obj, eng)`` that gives it; so ``second``.
    :param op: one of eq, ne, gt, gte, lt, lte, ``in`` (``second in first``), or their
        signs ``== != > >= < <=``.
    :raises WorkflowDefinitionError: for another ``op``, naming those.
    """
    compare = COMPARISONS.get(op)
    if compare is None:
        raise WorkflowDefinitionError(
            f"CMP: there is no comparison {op!r}; use one of {', '.join(COMPARISONS)}."
        )

    for value in (first, second):
        refuse_async(value, "a value of CMP")

    def _cmp(obj: Any, eng: Any) -> bool:
        return bool(compare(resolved(first, obj, eng), resolved(second, obj, eng)))

    _cmp.__name__ = f"CMP_{op}"
    return _cmp


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "in": lambda a, b: b in a,
}
for _sign, _op in {
    "==": "eq",
    "!=": "ne",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
}.items():
    COMPARISONS[_sign] = COMPARISONS[_op]


def resolved(value: Any, obj: Any, eng: Any) -> Any:
    """Return ``value``, called with ``(obj, eng)`` as long as it can be called."""
    while callable(value):
        value = value(obj, eng)
    return value


# --- tasks that move the cursor ------------------------------------------------


def BREAK() -> Task:
    """Return a task that leaves the list that it stands in, and a loop with it."""
    return _named("BREAK", lambda obj, eng: eng.break_current_loop())


def STOP() -> Task:
    """Return a task that ends this object and the run."""
    return _named("STOP", lambda obj, eng: eng.stop())


def HALT(message: str = "", action: str | None = None, **payload: Any) -> Task:
    """Return a task that halts the object."""
    return _named("HALT", lambda obj, eng: eng.halt(message, action=action, **payload))


def OBJ_NEXT() -> Task:
    """Return a task that ends this object and goes on with the next one."""
    return _named("OBJ_NEXT", lambda obj, eng: eng.continue_next_token())


def TASK_JUMP_FWD(steps: int = 1) -> Task:
    """Return a task that goes ``steps`` tasks forward in its list."""
    return _named("TASK_JUMP_FWD", lambda obj, eng: eng.jump_call(steps))


def TASK_JUMP_BWD(steps: int = -1) -> Task:
    """Return a task that goes back in its list; ``steps`` is negative."""
    return _named("TASK_JUMP_BWD", lambda obj, eng: eng.jump_call(steps))


def TASK_JUMP_IF(condition: Condition, steps: int) -> Task:
    """Return a task that jumps by ``steps`` if ``condition`` holds."""
    check_task(condition, "the condition of TASK_JUMP_IF")

    def jump(obj: Any, eng: Any) -> None:
        if condition(obj, eng):
            eng.jump_call(steps)

    return _named("TASK_JUMP_IF", jump)


def EMPTY_CALL(obj: Any, eng: Any) -> None:
    """Do nothing."""


def ERROR(message: str = "error") -> Task:
    """Return a task that fails with ``message``."""

    def fail(obj: Any, eng: Any) -> NoReturn:
        raise WorkflowError(message)

    return _named("ERROR", fail)


def OBJ_JUMP_FWD(steps: int = 1) -> NoReturn:
    """Refused: an object does not jump to another one."""
    _no_object_jump("OBJ_JUMP_FWD")


def OBJ_JUMP_BWD(steps: int = -1) -> NoReturn:
    """Refused: an object does not jump to another one."""
    _no_object_jump("OBJ_JUMP_BWD")


def _no_object_jump(name: str) -> NoReturn:
    raise WorkflowDefinitionError(
        f"{name}: the objects of a run move on their own, so none can jump to "
        "another; use OBJ_NEXT() to end one here."
    )


def _named(name: str, call: Task) -> Task:
    call.__name__ = call.__qualname__ = name
    return call


def _case(case: Any) -> tuple[Any, ...]:
    if isinstance(case, (tuple, list)) and len(case) > 1:
        return tuple(case)
    raise WorkflowDefinitionError(
        f"A case of CHOICE is a tuple (value, task, …), not {case!r}."
    )


def _is_error(value: Any, kind: type[BaseException] = BaseException) -> bool:
    return isinstance(value, kind) or (
        isinstance(value, type) and issubclass(value, kind)
    )

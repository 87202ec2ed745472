"""A node answers one question: which of my children is next?

A list of tasks, a pattern and a loop are the same thing. A node remembers
nothing: its memo is handed in, is JSON, and travels with the object, so that an
object can be put down after any event and taken up by another process.

A memo is made of what JSON holds and nothing else. So it is written at each event
without a look at its parts: what a user gave goes into it by :func:`.encoding.plain`,
once, and out of it by :func:`.encoding.restored`.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, TypeAlias

from ..encoding import dumps_plain
from ..errors import WorkflowDefinitionError

#: ``f(obj, eng)``. What it returns is not used in a task list.
Task: TypeAlias = Callable[[Any, Any], Any]
#: The children that a user writes: tasks, nodes, nested lists, tuples, ``None``.
Part: TypeAlias = Any
Memo: TypeAlias = Any


class Place:
    """Where an object can stand: a task, or a pattern whose condition is asked.

    The path and the identity are set once, when the definition is compiled.
    """

    name: str = ""
    #: The indexes of the children from the root to here.
    path: tuple[int, ...] = ()
    #: Name, digest of constants, ordinal, how many share name and digest.
    identity: tuple[str, str, int, int] = ("", "", 0, 1)
    #: A digest of the names of the tasks in it; empty for a task.
    contents: str = ""
    #: The names of the nodes of the graph that may follow; ``None`` outside of one.
    leads_to: tuple[str, ...] | None = None
    is_leaf: ClassVar[bool] = False

    @functools.cached_property
    def address(self) -> str:
        """The path as one word, such as ``0/2/1``."""
        return "/".join(map(str, self.path))

    @functools.cached_property
    def written(self) -> str:
        """Identity and contents as JSON, as a cursor has them that stands here."""
        return dumps_plain([*self.identity, self.contents])

    @functools.cached_property
    def key(self) -> str:
        """Name and digest as JSON, as a cursor has them beside the memo of a node."""
        return dumps_plain(self.identity[:2])[1:-1]

    @property
    def label(self) -> str:
        """What a person reads: the name, and a pattern's condition."""
        return self.name

    def constants(self) -> tuple[Any, ...]:
        """Return what tells this place from others of its name."""
        return ()


class Leaf(Place):
    """One task of the definition."""

    is_leaf = True

    def __init__(self, call: Task) -> None:
        self.call = call
        self.name = name_of(call)
        #: How often it is tried again, :class:`.retry.Retry`; ``None`` for never.
        self.retry: Any = getattr(call, "retry", None)
        #: Seconds that it may take; ``None`` for as long as it needs.
        self.timeout: float | None = getattr(call, "timeout", None)
        #: Whether no other task and no condition can follow.
        self.ends = False
        #: What the cursor says after this task, where no list but its own has a memo:
        #: what is before that memo, all of it without one, and what is behind it.
        self.encoded_cursor: tuple[str, str, str] | None = None

    @property
    def description(self) -> str:
        """A short name for people: ``@task``'s, the docstring's first line, or name."""
        given = getattr(self.call, "description", None)
        if given:
            return str(given)
        first = self.doc.split("\n", 1)[0]
        return first if 0 < len(first) <= 80 else self.name

    @property
    def doc(self) -> str:
        """The docstring of the task."""
        return inspect.getdoc(self.call) or ""

    @property
    def hidden(self) -> bool:
        """Whether the task is kept out of histories and drawings."""
        return bool(getattr(self.call, "hide", False)) or bool(
            getattr(self.call, "branch", False)
        )

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """What the task's closure holds, callables apart, for people to read."""
        return [(name, repr(value)) for name, value in _closure(self.call)]

    def constants(self) -> tuple[Any, ...]:
        inner = _plain_function(self.call)
        qualname = getattr(inner, "__qualname__", type(inner).__qualname__)
        kept = [(n, v) for n, v in _closure(self.call) if _is_constant(v)]
        return (qualname, *kept)

    def __repr__(self) -> str:
        return f"<task {self.name} at {list(self.path)}>"


class Node(Place, ABC):
    """A shape made of children.

    ``asks``: its :meth:`next` may run code of the user, so the checkpoint of the
    task before is kept first. ``loops``: its memo is needed inside of it, so one
    cannot be put into the middle of it from outside. ``shows``: it has variables.
    """

    asks: ClassVar[bool] = True
    shows: ClassVar[bool] = False
    loops: ClassVar[bool] = False
    #: The memo of an object that is put into the middle of it without having entered.
    begins: ClassVar[Memo] = None
    #: A break in the list that is its body leaves this node, too.
    repeats: ClassVar[bool] = False

    def __init__(self, children: Iterable[Part]) -> None:
        self.children: tuple[Leaf | Node, ...] = tuple(
            part if isinstance(part, Node) else Leaf(part) for part in children
        )
        self.name = type(self).__name__

    @abstractmethod
    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        """Return the next child's index and the memo that goes with it.

        :param last: the child that just ended; ``None`` on entering.
        :param memo: the notes of this visit; never changed in place, because an
            exception in a condition must leave the old ones.
        :return: ``None`` as index when this node is done.
        """

    def caught(self, memo: Memo, error: BaseException) -> Memo | None:
        """Return the memo to try again with after ``error``, ``None`` to let it go.

        A node may raise another error in its place.
        """
        return None

    def broken(self, memo: Memo) -> tuple[int | None, Memo]:
        """Return what follows a break in the body, as :meth:`next` would."""
        return None, None

    def before(self, index: int, memo: Memo) -> int:
        """Return the child before one; the first has none before."""
        return max(index - 1, 0)

    def ends_at(self, index: int) -> bool:
        """Say whether nothing can follow a child in here, whatever anybody answers."""
        return not self.asks and index == len(self.children) - 1

    def undone(self, memo: Memo) -> Memo:
        """Return the memo without what the task in it left, which is undone."""
        return memo

    def as_json(self, memo: Memo) -> str:
        """Return the memo as it is kept."""
        return dumps_plain(memo)

    def asked(self, last: int | None) -> Place:
        """Return what is asked for the child that follows: what an error is told of."""
        return self

    def is_branch(self, index: int) -> bool:
        """Say whether a child is run by objects of their own: branches."""
        return False

    def split(self, index: int, memo: Memo) -> Iterator[tuple[int, Memo]]:
        """Yield for each branch that a child makes which child it is, and its memo.

        :param memo: the memo of the object that waits for them.
        """
        return iter(())

    def begins_at(self, memo: Memo) -> tuple[int, Memo]:
        """Return the child with which this begins as a branch, and the memo there.

        :param memo: of the branch, in the node around this.
        """
        return 0, None

    def known_by(self) -> Any:
        """Return what this is found by in an edited definition, beside its constants.

        ``None``: by the names of all tasks in it.
        """
        return None

    def structure(self) -> Any:
        """Return what there is of this beyond its children; it is fingerprinted."""
        return None

    def variables(self, memo: Memo) -> dict[str, Any]:
        """Return what tasks inside see laid over ``eng.extra_data``."""
        return {}

    def __repr__(self) -> str:
        return f"<{self.label} at {list(self.path)}>"


class Sequence(Node):
    """One after the other: what a plain list means."""

    asks = False

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        index = 0 if last is None else last + 1
        return (index if index < len(self.children) else None), memo


def in_branch(memo: Memo) -> bool:
    """Say whether this is the memo that an object has which is a branch."""
    return isinstance(memo, dict) and memo.get("branch") is True


def variables_of(nodes: list[Node], frames: list[list[Any]]) -> dict[str, Any]:
    """Return the variables of nodes, of which those further in hide the others."""
    found: dict[str, Any] = {}
    for node, frame in zip(nodes, frames, strict=True):
        for key, value in node.variables(frame[1]).items():
            known = found.get(key)
            if isinstance(known, dict) and key.startswith("_"):
                value = {**known, **value}
            found[key] = value
    return found


def refuse_async(part: Part, where: str) -> None:
    """Refuse what only an event loop could run.

    :raises WorkflowDefinitionError: saying what to write instead.
    """
    call = getattr(part, "__call__", part)  # noqa: B004
    if any(map(inspect.iscoroutinefunction, (part, call))) or any(
        map(inspect.isasyncgenfunction, (part, call))
    ):
        raise WorkflowDefinitionError(
            f"{where} is the coroutine function {name_of(part)}; tasks are plain "
            "functions. Write `def`, and call asyncio.run(...) inside of it."
        )


def check_task(part: Part, where: str) -> None:
    """Refuse what cannot be a task.

    :raises WorkflowDefinitionError: saying what it is and what to write instead.
    """
    refuse_async(part, where)
    call = getattr(part, "__call__", part)  # noqa: B004
    if any(map(inspect.isgeneratorfunction, (part, call))):
        raise WorkflowDefinitionError(
            f"{where} is the generator function {name_of(part)}, which would not "
            "run when called; write a plain function."
        )
    if not callable(part):
        raise WorkflowDefinitionError(
            f"{where} is {part!r}, which cannot be called; a workflow is made of "
            "functions f(obj, eng), patterns and lists of them."
        )
    if inspect.isclass(part):
        raise WorkflowDefinitionError(
            f"{where} is the class {part.__name__}; give an instance or a function."
        )


def name_of(call: Any) -> str:
    """Return the name by which a task is known: ``@task``'s, or the function's."""
    inner = _plain_function(call)
    given = getattr(call, "task_name", None)
    return str(given or getattr(inner, "__name__", None) or type(inner).__name__)


def _plain_function(call: Any) -> Any:
    while isinstance(call, functools.partial):
        call = call.func
    return call


def _closure(call: Any) -> list[tuple[str, Any]]:
    """Return names and values that the task closes over, callables apart."""
    pairs: list[tuple[str, Any]] = []
    while isinstance(call, functools.partial):
        pairs += [(f"argument {i}", value) for i, value in enumerate(call.args)]
        pairs += sorted(call.keywords.items())
        call = call.func
    call = inspect.unwrap(call) if callable(call) else call
    code = getattr(call, "__code__", None)
    for name, cell in zip(
        getattr(code, "co_freevars", ()),
        getattr(call, "__closure__", None) or (),
        strict=False,
    ):
        try:
            pairs.append((name, cell.cell_contents))
        except ValueError:  # not filled yet
            continue
    return [(name, value) for name, value in pairs if not callable(value)]


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_constant(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)

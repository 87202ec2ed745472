"""The classes that users write, and what becomes of them when registered."""

from __future__ import annotations

import hashlib
import inspect
import json
import marshal
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast, overload

from ..encoding import is_text
from ..errors import WorkflowDefinitionError
from .build import clone, graph_of, sequence
from .graph import GRAPH
from .limits import limit_of
from .node import Leaf, Node, Place, Sequence
from .patterns import RUN_WF
from .retry import Retry

#: Letters of a task's name, of which a start point is made, and of a place's path.
LONGEST_NAME, LONGEST_PATH = 250, 255

F = TypeVar("F", bound=Callable[..., Any])


class WorkflowBase:
    """A workflow definition with its defaults. To inherit from it is not required:
    any class with a ``workflow`` list or a ``graph`` will do, and may have some of
    these.
    """

    #: The tasks: functions ``f(obj, eng)``, patterns, nested lists of them.
    workflow: Any = []
    #: In place of a list: ``{START: [First], First: [Second, Third], …}``.
    graph: Any = None
    #: A title of the workflow for people; its name when empty.
    title: str = ""
    #: The ``data_type`` of the objects that this workflow makes.
    object_type: str = ""
    #: How many rounds a loop may make in one visit.
    max_rounds: int = 1_000_000
    #: How often an object may restart itself by ``eng.restart_from``.
    max_restarts: int = 100
    #: How many objects workers may run at once, over all of them; ``None``: any number.
    concurrency_limit: int | None = None
    #: What is counted together: ``None``, all objects of the workflow; a string, those
    #: of every workflow that names it; a function of the object, those for which it
    #: returns the same string (``None``: not limited).
    concurrency_key: Any = None

    @staticmethod
    def get_title(obj: Any) -> str:
        """Return the title of the object for lists."""
        return "No title"

    @staticmethod
    def get_description(obj: Any) -> str:
        """Return a short description of the object for lists."""
        return "No description"

    @staticmethod
    def get_additional(obj: Any) -> str:
        """Return what else a list should show of the object."""
        return ""

    @staticmethod
    def formatter(obj: Any, of: str | None = None, **kwargs: Any) -> str:
        """Return the object's data for the record page, in output format ``of``."""
        return "No data"

    @staticmethod
    def get_sort_data(obj: Any) -> dict[str, Any]:
        """Return values by which a list may sort."""
        return {}


class Definition:
    """A workflow, compiled and checked: a tree of nodes whose places are known."""

    def __init__(self, name: str, source: Any, root: Sequence) -> None:
        self.name = name
        #: What the user wrote: the class, or whatever has the ``workflow``.
        self.source = source
        self.root = root
        self.max_rounds = _ceiling(source, "max_rounds", WorkflowBase.max_rounds)
        self.max_restarts = _ceiling(source, "max_restarts", WorkflowBase.max_restarts)
        self.limit = limit_of(name, source)
        self.places: tuple[Place, ...] = tuple(map(_checked, _number(root)))
        self.leaves = tuple(place for place in self.places if isinstance(place, Leaf))
        self.fingerprint = _fingerprint(root)
        self._by_name: dict[str, list[Place]] = {}
        for place in self.places:
            self._by_name.setdefault(place.name, []).append(place)

    @property
    def title(self) -> str:
        """The title for people."""
        return str(getattr(self.source, "title", "") or self.name)

    @property
    def doc(self) -> str:
        """The docstring of what the user wrote; none that is inherited."""
        if isinstance(self.source, (list, tuple, dict)):
            return ""
        return inspect.cleandoc(getattr(self.source, "__doc__", None) or "")

    @property
    def data_type(self) -> str:
        """The ``data_type`` of the objects that this workflow makes."""
        source = self.source
        kind = getattr(source, "data_type", "") or getattr(source, "object_type", "")
        return kind if isinstance(kind, str) else ""

    def hook(self, name: str) -> Callable[..., Any] | None:
        """Return ``get_title``, ``formatter`` … of the user's class, if it has it."""
        found = getattr(self.source, name, None)
        return found if callable(found) else None

    def own_hook(self, name: str) -> Callable[..., Any] | None:
        """Return the hook of this name, unless it is what :class:`WorkflowBase` has."""
        found = self.hook(name)
        return None if found is getattr(WorkflowBase, name, None) else found

    def named(self, name: str) -> list[Place]:
        """Return the places of this name, in the order of the definition."""
        return self._by_name.get(name, [])

    def place(self, path: tuple[int, ...] | list[int]) -> Place:
        """Return the place at the end of ``path``.

        :raises IndexError: if there is none.
        """
        place: Place = self.root
        for index in path:
            if not isinstance(place, Node):
                raise IndexError(f"there is no place {list(path)}")
            place = place.children[index]
        return place


def is_workflow(source: Any) -> bool:
    """Say whether this has, or is, a task list or a graph."""
    listed = isinstance(source, (list, tuple)) or graph_of(source) is not None
    return listed or hasattr(source, "workflow")


def compile_workflow(
    name: str, source: Any, resolve: Callable[[str], Any] | None = None
) -> Definition:
    """Compile and check a workflow.

    :param source: a class, instance or module with a ``workflow`` or a ``graph``, or
        what these would be.
    :param resolve: gives the source of another workflow by its name, for ``RUN_WF``.
    :raises WorkflowDefinitionError: naming the part that cannot be used.
    """
    try:
        root = cast(Sequence, clone(sequence(_tasks_of(name, source))))
        _inline(root, (name,), resolve)
        return Definition(name, source, root)
    except RecursionError:
        raise WorkflowDefinitionError(
            f"The workflow {name!r} holds itself, or is nested too deeply.",
            workflow_name=name,
        ) from None
    except WorkflowDefinitionError as error:
        raise WorkflowDefinitionError(
            f"Workflow {name!r}: {error.message}", workflow_name=name
        ) from error


@overload
def task(name: F) -> F: ...
@overload
def task(
    name: str | None = None,
    *,
    description: str | None = None,
    hidden: bool = False,
    retry: Retry | None = None,
    timeout: float | None = None,
) -> Callable[[F], F]: ...
def task(
    name: Any = None,
    *,
    description: str | None = None,
    hidden: bool = False,
    retry: Retry | None = None,
    timeout: float | None = None,
) -> Any:
    """Say more of a task: its name, what people read, whether it is hidden.

    Used as ``@task``, or ``@task("name", description="…", hidden=True)``. The name
    is what a sleeping object is known by: with a name of its own the function may
    be renamed.

    :param retry: how often it is tried again when it fails, and when.
    :param timeout: seconds after which it has failed.
    """
    if retry is not None and not isinstance(retry, Retry):
        raise WorkflowDefinitionError(
            f"retry must be Retry(times=…, backoff=…, on=…), not {retry!r}."
        )
    if timeout is not None and not (_is_number(timeout) and 0 < timeout <= 10**8):
        raise WorkflowDefinitionError(
            f"timeout must be a number of seconds above 0, to 10**8, not {timeout!r}."
        )

    def mark(function: F) -> F:
        marked: Any = function
        if isinstance(name, str):
            marked.task_name = name
        if description is not None:
            marked.description = description
        if hidden:
            marked.hide = True
        if retry is not None:
            marked.retry = retry
        if timeout is not None:
            marked.timeout = float(timeout)
        return function

    return mark(name) if callable(name) else mark


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _tasks_of(name: str, source: Any) -> Any:
    if isinstance(source, (list, tuple)):
        return source
    tasks = getattr(source, "workflow", None)
    if (graph := graph_of(source)) is not None:
        if tasks:
            raise WorkflowDefinitionError(
                f"{source!r} has a `graph` and a `workflow`; leave one of them out, or "
                "put GRAPH(…) into the list."
            )
        return GRAPH(graph)
    if isinstance(tasks, property) or tasks is None:
        raise WorkflowDefinitionError(
            f"{source!r} has no `workflow` and no `graph`; give the class an attribute "
            "`workflow = [task, …]` or `graph = {START: [First], …}`.",
            workflow_name=name,
        )
    if inspect.isroutine(tasks) and not inspect.isfunction(tasks):
        return [tasks]
    return tasks if isinstance(tasks, (list, tuple)) else [tasks]


def _ceiling(source: Any, name: str, default: int) -> int:
    value = getattr(source, name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise WorkflowDefinitionError(
            f"{name} must be a whole number of at least 1, not {value!r}."
        )
    return value


def _inline(
    node: Node, names: tuple[str, ...], resolve: Callable[[str], Any] | None
) -> None:
    """Put the tasks of other workflows in the place of their names."""
    for child in node.children:
        if not isinstance(child, Node):
            continue
        inner = names
        if isinstance(child, RUN_WF) and child.target is not None:
            if child.target in names:
                raise WorkflowDefinitionError(
                    f"RUN_WF({child.target!r}) runs itself: "
                    f"{' → '.join((*names, child.target))}."
                )
            if resolve is None:
                raise WorkflowDefinitionError(
                    f"RUN_WF({child.target!r}) is known by name only in an "
                    "application; give the class or the list."
                )
            child.fill(_tasks_of(child.target, resolve(child.target)))
            inner = (*names, child.target)
        elif isinstance(child, RUN_WF) and child.source is not None:
            child.fill(_tasks_of(child.label, child.source))
        _inline(child, inner, resolve)


def _number(root: Node) -> Iterator[Place]:
    """Give every place its path and its identity, and yield it."""
    places = list(_walk(root, ()))
    groups: dict[tuple[str, str, str], list[Place]] = {}
    for place in places:
        if isinstance(place, Node):
            place.contents = _digest(place.known_by() or _names(place))
        key = (place.name, _digest(place.constants()), place.contents)
        groups.setdefault(key, []).append(place)
    for (name, digest, _), members in groups.items():
        for ordinal, place in enumerate(members):
            place.identity = (name, digest, ordinal, len(members))
    for leaf in places:
        if isinstance(leaf, Leaf):
            leaf.ends = _ends(root, leaf.path)
    return iter(places)


def _checked(place: Place) -> Place:
    """Return a place whose name and path can be kept."""
    if isinstance(place, Leaf) and not is_text(place.name, LONGEST_NAME):
        raise WorkflowDefinitionError(
            f"A task has a name of 1 to {LONGEST_NAME} letters, not {place.name!r}."
        )
    if len(place.address) > LONGEST_PATH:
        raise WorkflowDefinitionError(
            f"{place.name} stands in too many lists, each in another."
        )
    return place


def _walk(node: Node, path: tuple[int, ...]) -> Iterator[Place]:
    node.path = path
    for index, child in enumerate(node.children):
        if isinstance(child, Node):
            yield child
            yield from _walk(child, (*path, index))
        else:
            child.path = (*path, index)
            yield child


def _ends(root: Node, path: tuple[int, ...]) -> bool:
    node: Any = root
    for index in path:
        if not node.ends_at(index):
            return False
        node = node.children[index]
    return True


def _names(node: Node) -> list[Any]:
    """Return the names of the tasks inside, nested as they are."""
    return [
        [child.name, _names(child)] if isinstance(child, Node) else child.name
        for child in node.children
    ]


def _digest(value: Any) -> str:
    try:
        text = repr(value).encode()
    except ValueError:  # Python refuses to write down a number that is too long
        text = marshal.dumps(value, 0)
    return hashlib.sha256(text).hexdigest()[:12]


def _fingerprint(root: Node) -> str:
    """Return a digest of the structure and of the identities in it."""

    def shape(place: Place) -> Any:
        if isinstance(place, Node):
            inner = [place.identity, [shape(child) for child in place.children]]
            more = place.structure()
            return inner if more is None else [*inner, more]
        return place.identity

    text = json.dumps([shape(child) for child in root.children])
    return hashlib.sha256(text.encode()).hexdigest()[:16]

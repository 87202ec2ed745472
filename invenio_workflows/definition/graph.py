"""Graphs: nodes that know which may follow, as one pattern among the others.

Each node is a child, known by its name; which child is next is read from the edges,
and where an edge is to be chosen, the decision has chosen it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..encoding import dumps_plain
from ..errors import WorkflowDefinitionError, WorkflowError
from . import flow
from .build import clone, sequence
from .forks import Fork, ForkTask, Join, JoinTask, check_fork, is_a
from .node import Memo, Node, Part, Place
from .patterns import Pattern
from .regions import Edges, Region, regions
from .steps import START, Decision, NodeTask, check_step, node_name


class GRAPH(Pattern):
    """Go from node to node, along the edges.

    :param graph: ``{START: [First], First: [Choose], Choose: [One, Other], …}``. A
        node is a step, a decision, a function ``f(obj, eng)``, a pattern or a tuple
        of tasks; one behind which nothing stands may be left out. A name stands for
        the node of that name.
    """

    asks = True
    #: What its nodes hand on is in its memo.
    loops = True
    begins: ClassVar[Memo] = {}
    #: The node before which it ends; that is the Join, of a branch.
    ends: str | None = None

    def __init__(self, graph: Mapping[Any, Any], comment: str | None = None) -> None:
        parts, edges = _read(graph)
        first = edges.pop("")[0]
        _check_reached(first, edges)
        forks = [name for name, part in parts.items() if is_a(part, Fork)]
        joins = [name for name, part in parts.items() if is_a(part, Join)]
        found = regions(first, edges, forks, joins)
        self._make(_Whole(parts, edges, found), set(parts), first, comment)

    def _make(
        self, whole: _Whole, nodes: set[str], first: str, comment: str | None
    ) -> None:
        """Take in the nodes that stand in no branch of a Fork among them."""
        self.first = first
        #: The names of the children; of a branch, which is no node, ``""``.
        self.names: tuple[str, ...] = ()
        self.edges: Edges = {}
        children: list[Any] = []
        for name in whole.standing_in(nodes):
            self.names += (name,)
            self.edges[name] = whole.edges[name]
            children.append(whole.child(name))
            if (region := whole.regions.get(name)) is not None:
                self.names += ("",) * len(region.branches)
                children += [BRANCH(whole, name, each) for each in whole.edges[name]]
        Pattern.__init__(self, children, comment=comment)
        self._tasks = [
            each if isinstance(each, NodeTask) else None for each in children
        ]
        #: Of each child the one that follows, and its name, where nothing is chosen.
        self._ways = list(map(self._way, self.names, self._tasks))
        for name, child in zip(self.names, self.children, strict=True):
            if name:
                child.leads_to = self.edges[name]

    def _way(self, name: str, task: NodeTask | None) -> tuple[int, str] | None:
        edges = self.edges.get(name)
        if not edges or edges[0] == self.ends or isinstance(task, ForkTask):
            return None
        if task is not None and task.decides:
            return None
        return self.names.index(edges[0]), edges[0]

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is None:
            memo = flow.first(self.first, self._given(eng))
            return self.names.index(self.first), memo
        name = self.names[last]
        if not self.edges.get(name):
            return None, None
        if not memo or memo["at"] != name:
            memo = self.stands_at(memo, name, eng)
        way = self._ways[last]
        if way is None:
            task = self._tasks[last]
            if isinstance(task, ForkTask) and not memo.get("forked"):
                return last, memo  # that was passed over
            following = self._following(name, task, memo, obj, eng)
            if following == self.ends:
                return None, None
            way = self.names.index(following), following
        try:
            return way[0], flow.reached(memo, way[1], eng.max_rounds)
        except OverflowError:
            raise WorkflowError(
                f"{self.label} came to the node {way[1]} {eng.max_rounds} times, the "
                "ceiling of this workflow; set max_rounds on the definition if that "
                "is right."
            ) from None

    def _following(
        self, name: str, task: NodeTask | None, memo: Memo, obj: Any, eng: Any
    ) -> str:
        """Return the node that follows one: what it chose, or where branches meet."""
        edges = self.edges[name]
        if isinstance(task, ForkTask):
            return task.join
        if task is None or not task.decides:
            return edges[0]
        following: str | None = memo.get("to")
        if following is None:
            return task.choose(task.made(obj, eng), obj, memo)
        if following not in edges:
            raise WorkflowError(
                f"{name} chose {following!r}, to which it leads no more; its "
                f"edges are {', '.join(edges)}. Run it again."
            )
        return following

    def stands_at(self, memo: Memo, name: str, eng: Any) -> Memo:
        """Return the memo with the object at a node that is to be run."""
        return flow.stands_at(memo or flow.first(name, self._given(eng)), name)

    def _given(self, eng: Any) -> list[Any]:
        """Return what the first node is given; nothing for the object's data."""
        return []

    def asked(self, last: int | None) -> Place:
        task = None if last is None else self._tasks[last]
        if last is None or task is None or not task.decides:
            return self
        return self.children[last]

    def before(self, index: int, memo: Memo) -> int:
        came = flow.before(memo, self.names[index])
        return self.names.index(came) if came in self.names else index

    def ends_at(self, index: int) -> bool:
        name = self.names[index]
        return bool(name) and not self.edges[name]

    def is_branch(self, index: int) -> bool:
        return not self.names[index]

    def split(self, index: int, memo: Memo) -> Iterator[tuple[int, Memo]]:
        fork = self.names[index]
        notes = {"branch": True, "of": fork, "in": flow.handed_on(memo)}
        for at, name in enumerate(self.edges[fork], index + 1):
            yield at, {**notes, "name": name}

    def nodes(self) -> Iterator[tuple[str, Place]]:
        """Yield the nodes with their names, those in branches of Forks too."""
        for name, child in zip(self.names, self.children, strict=True):
            if isinstance(child, BRANCH):
                yield from child.nodes()
            else:
                yield name, child

    def undone(self, memo: Memo) -> Memo:
        return flow.undone(memo)

    def as_json(self, memo: Memo) -> str:
        return flow.as_json(memo) if memo else dumps_plain(memo)

    def structure(self) -> Any:
        return [self.first, [[name, *edges] for name, edges in self.edges.items()]]


class BRANCH(GRAPH):
    """What a branch of a Fork runs through: a graph that ends at the Join.

    It is made by the graph around it, of which no name is used twice.
    """

    def __init__(self, whole: _Whole, fork: str, first: str) -> None:
        region = whole.regions[fork]
        self.fork, self.ends = fork, region.join
        self._make(whole, region.branches[first], first, None)

    @property
    def label(self) -> str:
        return f"branch {self.first} of {self.fork}"

    def constants(self) -> tuple[Any, ...]:
        return (self.fork,)

    def known_by(self) -> Any:
        return self.first

    def begins_at(self, memo: Memo) -> tuple[int, Memo]:
        return self.names.index(self.first), flow.first(self.first, memo["in"])

    def _given(self, eng: Any) -> list[Any]:
        given: list[Any] = eng._frames[-2][1]["in"]
        return given


@dataclass
class _Whole:
    """A graph that was read: its nodes, its edges and where they part and meet."""

    parts: dict[str, Any]
    edges: Edges
    regions: dict[str, Region]

    def standing_in(self, nodes: set[str]) -> list[str]:
        """Return those of the nodes that are in no branch of a Fork among them."""
        inner = [self.regions[name].nodes for name in nodes if name in self.regions]
        outer = nodes.difference(*inner)
        return [name for name in self.parts if name in outer]

    def child(self, name: str) -> Any:
        """Return the task, or pattern, that a node is."""
        part, edges = self.parts[name], self.edges[name]
        if isinstance(part, tuple):
            return sequence(list(part))
        if isinstance(part, Node):
            return clone(part)
        if (region := self.regions.get(name)) is not None:
            return ForkTask(part, edges, region.join, self.parts[region.join])
        for fork, region in self.regions.items():
            if region.join == name:
                return JoinTask(part, edges, fork, len(region.branches))
        return NodeTask(part, edges)


def _read(graph: Any) -> tuple[dict[str, Any], Edges]:
    """Return the nodes by name, and the edges; those of START under ``""``.

    :raises WorkflowDefinitionError: naming the node that cannot be used.
    """
    if not isinstance(graph, Mapping):
        raise WorkflowDefinitionError(
            f"a graph is a dictionary {{START: [First], …}}, not {graph!r}."
        )
    parts: dict[str, Any] = {}
    for node in graph:
        if node is not START:
            _add(parts, node)
    listed = {_name_of(node): _listed(node, graph[node]) for node in graph}
    for targets in listed.values():
        for target in targets:
            if not isinstance(target, str) and target is not START:
                _add(parts, target)
    edges: Edges = {"": (), **dict.fromkeys(parts, ())}
    for name, targets in listed.items():
        edges[name] = tuple(_target(name, target, parts) for target in targets)
    if len(edges[""]) != 1:
        raise WorkflowDefinitionError(
            f"START has {len(edges[''])} edges; a graph needs one, to the node with "
            "which it begins: {START: [First], …}."
        )
    for name, part in parts.items():
        _check_edges(name, part, edges[name])
    return parts, edges


def _add(parts: dict[str, Any], part: Part) -> None:
    """Take a node in; one that was loaded again takes the place of the old one."""
    _check_node(part)
    name = _name_of(part)
    known = parts.get(name, part)
    if known is not part and known != part and not _is_reloaded(known, part):
        raise WorkflowDefinitionError(
            f"two nodes of the graph are called {name}; give one another name, by "
            "@task or task_name."
        )
    parts[name] = part


def _is_reloaded(known: Any, part: Any) -> bool:
    """Say whether both are what one line of a module made, loaded twice."""
    plain = all(
        (inspect.isclass(each) or inspect.isfunction(each))
        and not hasattr(each, "__wrapped__")
        and "<" not in each.__qualname__
        for each in (known, part)
    )
    return plain and (known.__module__, known.__qualname__) == (
        part.__module__,
        part.__qualname__,
    )


def _check_node(part: Part) -> None:
    if isinstance(part, (Node, tuple)):
        if isinstance(part, tuple) and not part:
            raise WorkflowDefinitionError("a node of the graph is an empty tuple.")
        return
    if isinstance(part, str):
        raise WorkflowDefinitionError(
            f"the node {part!r} is a name; the key of a graph is the node itself."
        )
    check_step(part)
    if is_a(part, Fork):
        check_fork(part)


def _listed(node: Any, targets: Any) -> list[Any]:
    if isinstance(targets, (list, tuple)):
        return list(targets)
    raise WorkflowDefinitionError(
        f"the edges of {_name_of(node) or 'START'} are a list of nodes, not "
        f"{targets!r}."
    )


def _target(name: str, target: Any, parts: dict[str, Any]) -> str:
    if target is START:
        raise WorkflowDefinitionError(
            f"{name or 'START'} leads to START, which is not a node; name the first."
        )
    if isinstance(target, str):
        if target not in parts:
            raise WorkflowDefinitionError(
                f"{name or 'START'} leads to {target!r}, and there is no such node; "
                f"there are {', '.join(parts) or 'none'}."
            )
        return target
    return _name_of(target)


def _check_edges(name: str, part: Part, edges: tuple[str, ...]) -> None:
    if is_a(part, Fork):
        return
    decides = is_a(part, Decision)
    if decides and not edges:
        raise WorkflowDefinitionError(
            f"the decision {name} has no edges; say where it may lead, or make it a "
            "Step if the graph ends with it."
        )
    if not decides and len(edges) > 1:
        raise WorkflowDefinitionError(
            f"{name} has {len(edges)} edges, to {', '.join(edges)}, and is not a "
            "Decision that says which of them is taken."
        )


def _check_reached(first: str, edges: Edges) -> None:
    found, left = {first}, [first]
    while left:
        fresh = set(edges[left.pop()]) - found
        found |= fresh
        left += fresh
    missed = [name for name in edges if name not in found]
    if missed:
        raise WorkflowDefinitionError(
            f"no way leads from START to {', '.join(missed)}; add an edge, or leave "
            "that out."
        )


def _name_of(part: Part) -> str:
    """Return the name of a node in the graph; ``""`` for START."""
    if part is START:
        return ""
    if isinstance(part, tuple):
        return ", ".join(map(_name_of, part))
    if isinstance(part, Pattern):
        return part.comment or part.label.removesuffix("()")
    if isinstance(part, Node):
        return part.label
    return node_name(part)

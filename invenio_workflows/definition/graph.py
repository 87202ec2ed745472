"""Graphs: nodes that know which may follow, as one pattern among the others.

Each node is a child, known by its name; which child is next is read from the edges,
and where an edge is to be chosen, the decision has chosen it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from ..errors import WorkflowDefinitionError, WorkflowError
from . import flow
from .build import clone, sequence
from .node import Memo, Node, Part, Place
from .patterns import Pattern
from .steps import START, NodeTask, check_step, node_name


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

    def __init__(self, graph: Mapping[Any, Any], comment: str | None = None) -> None:
        parts, edges = _read(graph)
        self.first = edges.pop("")[0]
        _check_reached(self.first, edges)
        self.edges = edges
        super().__init__(
            [_child(part, name, edges[name]) for name, part in parts.items()],
            comment=comment,
        )
        self.names = tuple(parts)
        for child, following in zip(self.children, edges.values(), strict=True):
            child.leads_to = following

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is None:
            return self.names.index(self.first), flow.first(self.first)
        name = self.names[last]
        edges = self.edges[name]
        if not edges:
            return None, None
        memo = memo if memo and memo["at"] == name else flow.stands_at(memo, name)
        following = edges[0]
        if (decision := self._decision(last)) is not None:
            following = memo.get("to")
            if following is None:
                following = decision.choose(decision.made(obj, eng), obj, memo)
            elif following not in edges:
                raise WorkflowError(
                    f"{name} chose {following!r}, to which it leads no more; its "
                    f"edges are {', '.join(edges)}. Run it again."
                )
        try:
            memo = flow.reached(memo, following, eng.max_rounds)
        except OverflowError:
            raise WorkflowError(
                f"{self.label} came to the node {following} {eng.max_rounds} times, "
                "the ceiling of this workflow; set max_rounds on the definition if "
                "that is right."
            ) from None
        return self.names.index(following), memo

    def _decision(self, index: int) -> NodeTask | None:
        call = getattr(self.children[index], "call", None)
        return call if isinstance(call, NodeTask) and call.decides else None

    def asked(self, last: int | None) -> Place:
        if last is None or self._decision(last) is None:
            return self
        return self.children[last]

    def before(self, index: int, memo: Memo) -> int:
        came = flow.before(memo, self.names[index])
        return self.names.index(came) if came in self.names else index

    def ends_at(self, index: int) -> bool:
        return not self.edges[self.names[index]]

    def undone(self, memo: Memo) -> Memo:
        return flow.undone(memo)

    def structure(self) -> Any:
        return [self.first, [[name, *edges] for name, edges in self.edges.items()]]


Edges = dict[str, tuple[str, ...]]


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
            f"two nodes of the graph are called {name}; give one another name by @task."
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
            f"{name or 'START'} leads to START, which is no node; name the first one."
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
    decides = not isinstance(part, (Node, tuple)) and NodeTask(part).decides
    if decides and not edges:
        raise WorkflowDefinitionError(
            f"the decision {name} has no edges; say where it may lead, or make it a "
            "Step if the graph ends with it."
        )
    if not decides and len(edges) > 1:
        raise WorkflowDefinitionError(
            f"{name} has {len(edges)} edges, to {', '.join(edges)}, and is no Decision "
            "that says which of them is taken."
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


def _child(part: Part, name: str, edges: tuple[str, ...]) -> Any:
    if isinstance(part, tuple):
        return sequence(list(part))
    if isinstance(part, Node):
        return clone(part)
    return cast(Any, NodeTask(part, edges))

"""How the lists that users write become nodes.

Tuples are flattened into the list around them, ``None`` is dropped, nested lists
become sequences, and the flat statements of old releases (``foreach(…), [body],
end_for``) become the pattern that they mean.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import WorkflowDefinitionError
from .node import Leaf, Node, Part, Sequence, check_task
from .steps import START, is_step, node_name


class Statement:
    """An opener such as ``foreach(…)``; the list after it is its body.

    :param make: gives the node, from the body and the ``else`` body or ``None``.
    """

    def __init__(self, name: str, make: Callable[[Part, Part | None], Node]) -> None:
        self.name = name
        self.make = make


class Marker:
    """A word between lists: ``end_for`` or ``workflow_else``."""

    def __init__(self, name: str) -> None:
        self.name = name


END = Marker("end_for")
ELSE = Marker("workflow_else")


def sequence(parts: Part) -> Sequence:
    """Return the node that a list means; a single task or ``None`` is a list too.

    :raises WorkflowDefinitionError: naming the part that cannot be a task.
    """
    return Sequence(children(parts))


def children(parts: Part) -> list[Any]:
    """Return the checked parts of a list, each a function or a node."""
    if parts is None:
        return []
    if not isinstance(parts, (list, tuple)):
        parts = [parts]
    return list(_built(list(_flat(parts))))


def graph_of(source: Any) -> Any:
    """Return the graph of a class, instance or module; ``None`` if it has none."""
    if isinstance(source, dict):
        return source
    for name in ("graph", "DIGRAPH"):
        graph = getattr(source, name, None)
        if isinstance(graph, dict):
            return graph
    return None


def clone(node: Node) -> Node:
    """Return a copy for one definition: a pattern may be written down twice."""
    fresh = copy.copy(node)
    fresh.children = tuple(
        clone(child) if isinstance(child, Node) else _fresh_leaf(child)
        for child in node.children
    )
    return fresh


def _fresh_leaf(leaf: Leaf) -> Leaf:
    fresh = copy.copy(leaf)
    fresh.encoded_cursor = None
    return fresh


def _flat(parts: Any) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, tuple):
            yield from _flat(part)
        elif part is not None:
            yield part


def _built(parts: list[Part]) -> Iterator[Any]:
    at = 0
    while at < len(parts):
        part, where = parts[at], f"item {at}"
        at += 1
        if isinstance(part, Statement):
            body, at = _body(parts, at, part.name)
            otherwise = None
            if at < len(parts) and parts[at] is ELSE:
                otherwise, at = _body(parts, at + 1, ELSE.name)
            if at < len(parts) and parts[at] is END:
                at += 1
            yield part.make(body, otherwise)
        elif isinstance(part, Marker):
            raise WorkflowDefinitionError(
                f"{where} is {part.name}, but no statement is open there."
            )
        elif isinstance(part, list):
            yield sequence(part)
        elif isinstance(part, Node):
            yield part
        else:
            _refuse_graphs(part, where)
            check_task(part, where)
            yield part


def _refuse_graphs(part: Part, where: str) -> None:
    if isinstance(part, dict) and START in part:
        raise WorkflowDefinitionError(
            f"{where} is a graph as a dictionary; in a list write GRAPH({{START: …}})."
        )
    if is_step(part):
        name = node_name(part)
        raise WorkflowDefinitionError(
            f"{where} is the step {name}, which stands in a graph; in a list write "
            f"GRAPH({{START: [{name}]}}), or a function f(obj, eng)."
        )


def _body(parts: list[Part], at: int, name: str) -> tuple[Part, int]:
    if at < len(parts) and isinstance(parts[at], list):
        return parts[at], at + 1
    raise WorkflowDefinitionError(
        f"{name} at item {at - 1} needs a list of tasks right behind it."
    )

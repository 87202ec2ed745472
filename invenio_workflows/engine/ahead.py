"""Which task is run next, where no code of the user's has to be asked."""

from __future__ import annotations

from ..definition.node import Leaf, Node, Place, in_branch
from ..definition.workflow import Definition
from .cursor import (
    ASKING,
    BEFORE,
    BROKE,
    ENDED,
    FAILED,
    Cursor,
    located,
    named,
    nodes_of,
    previous,
)


def expected(definition: Definition, cursor: Cursor, start_point: str) -> Leaf | None:
    """Return the task that is run next, where no condition says which it is.

    Asks nothing of the user's: for words about an object that no worker survives.

    :raises DefinitionChanged: see :func:`locate`.
    """
    place = located(definition, cursor, start_point)
    if start_point.startswith("task:"):
        return _first(named(definition, start_point[5:]))
    if place is None:
        return _first(definition.root)
    if start_point == "restart_prev":
        return _first(previous(definition, place, cursor))
    failed = cursor.mode == FAILED and start_point == "resume"
    if start_point == "restart_task" or failed or cursor.mode == BEFORE:
        return place if isinstance(place, Leaf) and cursor.mode != ASKING else None
    if cursor.mode in (BROKE, ENDED, ASKING):
        return None
    return _follower(definition, cursor)


def _follower(definition: Definition, cursor: Cursor) -> Leaf | None:
    """Return the task behind the one at which the cursor stands, if it is known."""
    nodes = nodes_of(definition, cursor.frames)
    for node, (last, memo) in reversed(list(zip(nodes, cursor.frames, strict=True))):
        if node.asks:
            return None
        index, _ = node.next(last, memo, None, None)
        if index is None and in_branch(memo):
            return None
        if index is not None:
            return _first(node.children[index])
    return None


def _first(place: Place) -> Leaf | None:
    """Return the first task of a place, if it is known."""
    while isinstance(place, Node):
        index = None if place.asks else place.next(None, None, None, None)[0]
        if index is None:
            return None
        place = place.children[index]
    return place if isinstance(place, Leaf) else None

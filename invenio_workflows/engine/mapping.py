"""Where an object stands whose task, node or pattern has another name now.

Pure: what is called otherwise is said by somebody. What was said is taken only where
the object could have come to stand there: a wrong word puts nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..definition.flow import before, renamed
from ..definition.forks import ForkTask, JoinTask
from ..definition.graph import BRANCH, GRAPH
from ..definition.node import Leaf, Node, Place, in_branch
from ..definition.parallel import INNER
from ..definition.steps import NodeTask
from ..definition.workflow import Definition
from ..errors import DefinitionChanged
from .cursor import ASKING, Cursor, encode, find, moved, nodes_of
from .edited import another_kind, in_a_branch, not_led_to, not_one

#: What is called otherwise, by its old name: a name, a label or a path of now.
Names = Mapping[str, str]


def mapped(definition: Definition, text: str, names: Names) -> tuple[str, Place]:
    """Return the cursor of an object with the names of now, and where that is.

    :raises DefinitionChanged: if a name is none of one place, or the object could not
        stand there: in a loop or branch that it is not in, or at another kind of node.
    """
    cursor = Cursor.decode(text)
    called = {old: place_of(definition, new) for old, new in names.items()}
    place = called.get(cursor.task_name)
    if place is None:
        place = find(definition, cursor.identity or ())
    elif place.is_leaf != (not (cursor.identity or ())[4]):
        raise another_kind(place, cursor.task_name)
    elif not place.is_leaf and place.name != cursor.task_name:
        raise another_kind(place, cursor.task_name)
    _rename(definition, cursor, called)
    branches = [frame[:2] for frame in cursor.frames if in_branch(frame[1])]
    if cursor.mode == ASKING:
        _keep_index(cursor, place)
    cursor.frames = moved(definition, place, cursor)
    nodes = nodes_of(definition, cursor.frames)
    _check_branches(nodes, cursor.frames, branches, place)
    if isinstance(place, Leaf):
        _check_kind(nodes[-1], place, cursor.frames[-1][1], cursor.task_name)
    return str(encode(definition, place, cursor, nodes)), place


def place_of(definition: Definition, word: str) -> Place:
    """Return the only place of this name, this label or, as in ``2/0``, at this path.

    :raises DefinitionChanged: if there is none or several.
    """
    parts = word.split("/")
    if all(part.isascii() and part.isdigit() for part in parts):
        try:
            return definition.place([int(part[:6]) for part in parts])
        except IndexError:
            raise not_one(definition, word, []) from None
    found = [each for each in definition.named(word) if each.is_leaf]
    if not found:
        found = [
            each
            for each in definition.places
            if not each.is_leaf and word in (each.name, each.label)
        ]
    if len(found) != 1:
        raise not_one(definition, word, found)
    return found[0]


def _rename(
    definition: Definition, cursor: Cursor, called: Mapping[str, Place]
) -> None:
    """Give the memos, and the nodes that they are of, the names of now."""
    names = {old: place.name for old, place in called.items() if place.is_leaf}
    nodes = [definition.root, *(e for e in definition.places if isinstance(e, Node))]
    keys = {node.identity[:2] for node in nodes}
    around: Any = None
    for frame in cursor.frames:
        memo, key = frame[1], tuple(frame[2:4])
        if isinstance(memo, dict) and "in" in memo:
            memo = frame[1] = renamed(memo, names)
        if key and key not in keys:
            if in_branch(around) and "of" in around:
                now: Place | None = _branch(nodes, around)
            else:
                now = called.get(key[0])
            if now is not None and now.name == key[0]:
                frame[2:4] = now.identity[:2]
        around = memo


def _branch(nodes: list[Node], memo: Any) -> Node | None:
    """Return what the branch of this memo runs through."""
    return next((each for each in nodes if _is_it(each, memo)), None)


def _is_it(node: Place, memo: Any) -> bool:
    """Say whether a branch of this memo runs through a node.

    It is called after what was its first node when it was made.
    """
    if not isinstance(node, BRANCH) or node.fork != memo["of"]:
        return False
    return any(name == memo["name"] for name, _ in node.nodes())


def _keep_index(cursor: Cursor, place: Place) -> None:
    """Let a pattern that was asked what follows know behind which child that is."""
    index, memo = cursor.frames[-1][:2]
    if index is None or not isinstance(place, Node):
        return
    if isinstance(place, GRAPH):
        if memo and memo["at"] in place.names:
            cursor.frames[-1][0] = place.names.index(memo["at"])
            return
    elif index == 0 and place.repeats:
        return
    raise DefinitionChanged(
        f"The object has gone through a part of {place.label}, and how far that is "
        "now is not clear; go on from another task (restart_first, task:<name>).",
        task=place.name,
    )


def _check_branches(
    nodes: list[Node], frames: list[list[Any]], were: list[list[Any]], place: Place
) -> None:
    """Refuse a place in another branch than the one that the object is.

    :param were: of each branch around it which child it was, and its memo.
    """
    inside = [each for each in zip(nodes, frames, strict=True) if in_branch(each[1][1])]
    for (node, (index, _)), (old, memo) in zip(inside, were, strict=True):
        child = node.children[index]
        same = _is_it(child, memo) if isinstance(child, BRANCH) else old == index
        if not same:
            raise in_a_branch(place)


def _check_kind(node: Node, place: Leaf, memo: Any, was: str) -> None:
    """Refuse a task behind which something else follows than what was begun."""
    if was in INNER or place.name in INNER:
        same = place.name == was
    elif isinstance(node, GRAPH) and memo:
        came = _call(node, before(memo, place.name))
        joins = came.join if isinstance(came, ForkTask) else None
        call = place.call
        same = bool(memo.get("forked")) == isinstance(call, ForkTask)
        same &= (place.name == joins) == isinstance(call, JoinTask)
        decides = isinstance(call, NodeTask) and call.decides
        same &= decides or "to" not in memo
        if same and memo.get("to", None) not in (None, *(place.leads_to or ())):
            raise not_led_to(place, memo["to"])
    else:
        same = True
    if not same:
        raise another_kind(place, was)


def _call(node: GRAPH, name: str | None) -> Any:
    at = node.names.index(name) if name in node.names else None
    child = None if at is None else node.children[at]
    return child.call if isinstance(child, Leaf) else None

"""Where an object stands in a definition, and where that is in an edited one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ..definition.node import Leaf, Node, Place, in_branch
from ..definition.workflow import Definition
from ..encoding import dumps, dumps_plain, plain, restored
from ..errors import DefinitionChanged, WorkflowDefinitionError
from .edited import in_a_branch, in_a_loop, not_there

#: The task there finished; the next one follows.
AFTER = "after"
#: The task there is to be run next.
BEFORE = "before"
#: The task there left its list, and the loop whose body that is.
BROKE = "broke"
#: The task there jumped to the end of its list.
ENDED = "ended"
#: The task there failed.
FAILED = "failed"
#: What is there failed, and is to be passed over.
PASSING = "passing"
#: The pattern there is to be asked which of its children is next.
ASKING = "asking"


@dataclass
class Cursor:
    """A stack of ``[index of the child, memo]`` from the root down to a place.

    Nothing in it means before the first task. Beside the path it keeps the
    identity of the place and the fingerprint of the definition, so that the
    place is found again when the definition has been edited.
    """

    frames: list[list[Any]] = field(default_factory=list)
    mode: str = AFTER
    #: How often the object restarted itself.
    restarts: int = 0
    identity: tuple[Any, ...] | None = None
    fingerprint: str = ""
    #: What people gave to the task there, which has not finished.
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> list[int]:
        """The indexes from the root to the place."""
        frames = self.frames[:-1] if self.mode == ASKING else self.frames
        return [frame[0] for frame in frames]

    @property
    def task_name(self) -> str:
        """The name of the task, or pattern, that the object stands at."""
        return str(self.identity[0]) if self.identity else ""

    @classmethod
    def decode(cls, text: str | None) -> Cursor:
        """Return the cursor that :func:`encode` wrote; the start for ``None``."""
        if not text:
            return cls()
        kept = json.loads(text)
        return cls(
            frames=kept["frames"],
            mode=kept["mode"],
            restarts=kept.get("restarts", 0),
            identity=tuple(kept["place"]),
            fingerprint=kept["definition"],
            answers=restored(kept.get("answers", [])),
        )


def encode(
    definition: Definition, place: Place | None, cursor: Cursor, nodes: list[Node]
) -> str | None:
    """Return the cursor as JSON; ``None`` for the start.

    :param nodes: the node of each frame; a memo is kept with the identity of its
        node, so that it is not given to another loop later.
    """
    if place is None:
        return None
    if _settled(place, cursor):
        if place.encoded_cursor is None:
            place.encoded_cursor = _around(definition, place, cursor, nodes)
        before, alone, key = place.encoded_cursor
        memo = cursor.frames[-1][1]
        return alone if memo is None else f"{before}{nodes[-1].as_json(memo)}{key}"
    pairs = zip(cursor.frames, nodes, strict=True)
    frames = ",".join(_written(index, memo, node) for (index, memo), node in pairs)
    text = f"{_head(definition, place, cursor)}{frames}]"
    if cursor.restarts:
        text += f',"restarts":{cursor.restarts}'
    if cursor.answers:
        text += f',"answers":{dumps(cursor.answers, "the input")}'
    return text + "}"


def _settled(place: Place, cursor: Cursor) -> TypeGuard[Leaf]:
    """Say whether only the memo of the list, or graph, of a task can be told anew."""
    if cursor.mode != AFTER or cursor.restarts or cursor.answers or not place.is_leaf:
        return False
    for frame in cursor.frames[:-1]:
        if frame[1] is not None:
            return False
    return True


def _around(
    definition: Definition, place: Place, cursor: Cursor, nodes: list[Node]
) -> tuple[str, str, str]:
    """Return the cursor before a memo, the whole without one, and what is behind it."""
    *outer, (index, _) = cursor.frames
    frames = "".join(f"[{at},null]," for at, _ in outer)
    before = f"{_head(definition, place, cursor)}{frames}[{index},"
    return before, f"{before}null]]}}", f",{nodes[-1].key}]]}}"


def _head(definition: Definition, place: Place, cursor: Cursor) -> str:
    return (
        f'{{"mode":"{cursor.mode}","place":{place.written},'
        f'"definition":"{definition.fingerprint}","frames":['
    )


def _written(index: int | None, memo: Any, node: Node) -> str:
    """Return a frame as JSON, with the key of its node if it has a memo."""
    at = "null" if index is None else index
    return (
        f"[{at},{f'{node.as_json(memo)},{node.key}' if memo is not None else 'null'}]"
    )


def keeps_answers(start_point: str, mode: str) -> bool:
    """Say whether what was given to a task is for the one that is run from there."""
    if start_point == "continue_next":
        return mode != FAILED
    return start_point in ("resume", "restart_task")


def answered(text: str | None, answer: Mapping[str, Any]) -> str:
    """Return a cursor with what a person gave to the task there."""
    kept = json.loads(text or "{}")
    given = plain(dict(answer), "the input")
    kept["answers"] = [*kept.get("answers", ()), given]
    return dumps_plain(kept)


def locate(definition: Definition, cursor: Cursor) -> Place | None:
    """Return the place that the cursor means; its frames then lead there.

    :return: ``None`` for the start.
    :raises DefinitionChanged: if the definition was edited and the place is gone,
        is no longer the only one of its identity, or stands in a loop that the
        object has not entered.
    """
    if not cursor.frames or cursor.identity is None:
        return None
    if cursor.fingerprint == definition.fingerprint:
        place = definition.place(cursor.path)
        cursor.frames = [frame[:2] for frame in cursor.frames]
        return place
    place = find(definition, cursor.identity)
    cursor.frames = moved(definition, place, cursor)
    cursor.fingerprint = definition.fingerprint
    return place


def located(definition: Definition, cursor: Cursor, start_point: str) -> Place | None:
    """Return where the object stands, as far as it matters to the start point.

    :raises DefinitionChanged: see :func:`locate`.
    """
    first = start_point == "restart_first"
    if first:
        cursor.restarts = 0
    if first and not any(map(_is_branch, cursor.frames)):
        return None
    try:
        place = locate(definition, cursor)
        return own_list(definition, cursor) if first else place
    except DefinitionChanged:
        if first and (branch := _same_branch(definition, cursor)) is not None:
            cursor.mode = AFTER
            cursor.frames = moved(definition, branch, cursor)
            return branch
        if not start_point.startswith("task:"):
            raise
        _take_along(definition, cursor, named(definition, start_point[5:]))
        return None


def _take_along(definition: Definition, cursor: Cursor, place: Place) -> None:
    """Let the frames lead to a place, from one that is gone, with what is known."""
    if any(map(_is_branch, cursor.frames)):
        branch = _same_branch(definition, cursor)
        if branch is None or place.path[: len(branch.path)] != branch.path:
            raise in_a_branch(place)
    try:
        cursor.frames = moved(definition, place, cursor)
    except DefinitionChanged:
        cursor.frames = []


def _same_branch(definition: Definition, cursor: Cursor) -> Node | None:
    """Return what a branch of a graph runs through, where its task is gone."""
    memo = next(frame[1] for frame in reversed(cursor.frames) if _is_branch(frame))
    nodes = [each for each in definition.places if isinstance(each, Node)]
    known = memo.get("name", ""), (memo.get("of"),)
    found = (each for each in nodes if (each.known_by(), each.constants()) == known)
    return next(found, None)


def move(definition: Definition, cursor: Cursor, place: Place) -> None:
    """Make the frames lead to ``place``, with the memos of the way that is shared."""
    frames: list[list[Any]] = []
    shared = True
    for depth, (node, index) in enumerate(_way(definition, place)):
        old = cursor.frames[depth] if shared and depth < len(cursor.frames) else None
        memo = old[1] if old is not None else None
        memo = node.begins if memo is None else memo
        if node.loops and memo is None:
            raise in_a_loop(place, node)
        shared = old is not None and old[0] == index
        branch = node.is_branch(index)
        if branch != in_branch(memo) or (branch and not shared):
            raise in_a_branch(place)
        frames.append([index, memo])
    if _branches(frames) != _branches(cursor.frames):
        raise in_a_branch(place)
    cursor.frames = frames


def _is_branch(frame: list[Any]) -> bool:
    return in_branch(frame[1])


def _branches(frames: list[list[Any]]) -> int:
    return sum(map(_is_branch, frames))


def own_list(definition: Definition, cursor: Cursor) -> Place | None:
    """Return the list of the branch that the cursor stands in; ``None`` outside.

    Its frames then lead there.
    """
    for depth in range(len(cursor.frames) - 1, -1, -1):
        if _is_branch(cursor.frames[depth]):
            cursor.frames = cursor.frames[: depth + 1]
            return definition.place([frame[0] for frame in cursor.frames])
    return None


def branch_cursors(definition: Definition, around: list[list[Any]]) -> list[str]:
    """Return where the branches begin that the object waits for.

    :param around: the frames, down to the task that makes them.
    """
    outer, nodes = around[:-1], nodes_of(definition, around)
    texts = []
    for index, memo in nodes[-1].split(*around[-1]):
        branch = nodes[-1].children[index]
        assert isinstance(branch, Node)
        at, inner = branch.begins_at(memo)
        frames = [*outer, [index, memo], [at, inner]]
        place: Place = branch.children[at]
        mode = BEFORE
        if not isinstance(place, Leaf):
            place, mode, frames[-1] = branch, ASKING, [None, None]
        text = encode(definition, place, Cursor(frames, mode), [*nodes, branch])
        texts.append(str(text))
    return texts


def end_of_branch(text: str | None) -> tuple[Any, Any]:
    """Return the memo of a branch, as its cursor has it, and of what it ran through."""
    memos = [frame[1] for frame in Cursor.decode(text).frames]
    depths = [depth for depth, memo in enumerate(memos) if in_branch(memo)]
    return (*memos[depths[-1] :], None)[:2] if depths else ({}, None)


def nodes_of(definition: Definition, frames: list[list[Any]]) -> list[Node]:
    """Return the node of each frame."""
    nodes: list[Node] = [definition.root]
    for frame in frames[:-1]:
        child = nodes[-1].children[frame[0]]
        assert isinstance(child, Node)
        nodes.append(child)
    return nodes


def named(definition: Definition, name: str) -> Place:
    """Return the only task of this name.

    :raises WorkflowDefinitionError: if there is none or several; naming the tasks.
    """
    found = [place for place in definition.named(name) if place.is_leaf]
    if len(found) == 1:
        return found[0]
    names = sorted({leaf.name for leaf in definition.leaves})
    raise WorkflowDefinitionError(
        f"task:{name} is not possible: {definition.name!r} has {len(found) or 'no'} "
        f"tasks of that name. Its tasks: {', '.join(names)}.",
        definition.name,
    )


def previous(definition: Definition, place: Place, cursor: Cursor) -> Place:
    """Return the place before in the same list; the first has none before."""
    parent = definition.place(place.path[:-1])
    assert isinstance(parent, Node)
    memo = cursor.frames[len(place.path) - 1][1]
    return parent.children[parent.before(place.path[-1], memo)]


def find(definition: Definition, identity: tuple[Any, ...]) -> Place:
    """Return the place of an identity in an edited definition.

    :raises DefinitionChanged: if it is gone, or no longer the only one like it.
    """
    name, digest, ordinal, count, contents = identity
    # What a task is called, a person has chosen; the name of a pattern says little.
    is_task = not contents
    named = [place for place in definition.named(name) if place.is_leaf == is_task]
    if is_task and len(named) == 1:
        return named[0]
    alike = [
        place
        for place in named
        if place.identity[1] == digest and place.contents == contents
    ]
    if is_task and len(alike) == 1:
        return alike[0]
    if alike and len(alike) == count:
        same: Place = alike[ordinal]
        return same
    raise not_there(definition, name, len(named), is_task)


def moved(definition: Definition, place: Place, cursor: Cursor) -> list[list[Any]]:
    """Return the frames to ``place``, each with the memo that its node had.

    :raises DefinitionChanged: if it stands in a loop or branch that they are not in.
    """
    way: list[tuple[Node, int | None]] = list(_way(definition, place))
    if cursor.mode == ASKING and isinstance(place, Node):
        way.append((place, cursor.frames[-1][0]))
    kept: dict[tuple[str, str], list[Any]] = {}
    for frame in cursor.frames:
        if len(frame) > 2:
            kept.setdefault((frame[2], frame[3]), []).append(frame[1])
    frames: list[list[Any]] = []
    for depth, (node, index) in enumerate(way):
        key = node.identity[:2]
        memos = kept.get(key, [])
        rank = sum(each.identity[:2] == key for each, _ in way[:depth])
        rest = sum(each.identity[:2] == key for each, _ in way[depth:])
        # Of two loops alike, one of which went, nobody knows which memo is whose.
        memo = memos[rank] if rank + rest == len(memos) else None
        if memo is None and node.loops and not (node is place and index is None):
            raise in_a_loop(place, node)
        if index is not None and node.is_branch(index) != in_branch(memo):
            raise in_a_branch(place)
        frames.append([index, memo])
    if _branches(frames) != _branches(cursor.frames):
        raise in_a_branch(place)
    return frames


def _way(definition: Definition, place: Place) -> Iterator[tuple[Node, int]]:
    node: Place = definition.root
    for index in place.path:
        assert isinstance(node, Node)
        yield node, index
        node = node.children[index]

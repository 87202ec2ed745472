"""What another definition means for an object that sleeps: same, moved, or orphaned.

Pure: a definition and a cursor come in. Nothing is asked of the user's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..definition.graph import GRAPH
from ..definition.node import Node, Place, in_branch
from ..definition.workflow import Definition
from ..errors import DefinitionChanged
from .cursor import Cursor, find, locate, nodes_of


class Meaning(StrEnum):
    """What becomes of an object under the code of now."""

    #: It goes on where it stands.
    SAME = "same"
    #: Its place is elsewhere in the definition now, and it goes on there.
    MOVED = "moved"
    #: Its place is gone, or no longer the only one like it: it becomes ERROR.
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a definition means for an object, and why.

    :param task: the name of the task, or pattern, at which it stands.
    :param place: where that is now; ``None`` if nowhere, or before the first task.
    :param why: a sentence, for one that is orphaned.
    :param lost: the name that is gone: of the task, or of a node or pattern around it,
        or that it was to go to; empty where nothing is gone.
    """

    meaning: Meaning
    task: str = ""
    place: Place | None = None
    why: str = ""
    lost: str = ""


def meaning(definition: Definition, text: str | None) -> Verdict:
    """Return what a definition means for an object with this cursor."""
    cursor = Cursor.decode(text)
    was, name, same = cursor.path, cursor.task_name, cursor.fingerprint
    if not cursor.frames:
        return Verdict(Meaning.SAME)
    try:
        place = locate(definition, cursor)
    except (DefinitionChanged, IndexError) as error:
        # Its frames are as they were.
        lost = _lost(definition, Cursor.decode(text))
        return Verdict(Meaning.ORPHANED, name, why=str(error), lost=lost)
    if (edge := _lost_edge(definition, cursor)) is not None:
        why = f"{name} chose {edge!r}, to which it leads no more; run it again."
        return Verdict(Meaning.ORPHANED, name, why=why, lost=edge)
    stays = same == definition.fingerprint or list(was) == cursor.path
    return Verdict(Meaning.SAME if stays else Meaning.MOVED, name, place)


def _lost_edge(definition: Definition, cursor: Cursor) -> str | None:
    """Return the node that a decision chose, if no edge leads to it any more."""
    node, (index, memo) = nodes_of(definition, cursor.frames)[-1], cursor.frames[-1]
    if not isinstance(node, GRAPH) or index is None or not memo:
        return None
    chosen: str | None = memo.get("to")
    name = node.names[index]
    stands = chosen is not None and memo["at"] == name
    return chosen if stands and chosen not in node.edges[name] else None


def _lost(definition: Definition, cursor: Cursor) -> str:
    """Return the name that is gone; of what is around the place, from the outside."""
    try:
        find(definition, cursor.identity or ())
    except DefinitionChanged:
        return cursor.task_name
    nodes = [definition.root, *(e for e in definition.places if isinstance(e, Node))]
    keys = {node.identity[:2] for node in nodes}
    for _, memo, *key in cursor.frames:
        if in_branch(memo) and "of" in memo and not definition.named(memo["of"]):
            return str(memo["of"])
        if key and tuple(key) not in keys:
            return str(key[0])
    return ""

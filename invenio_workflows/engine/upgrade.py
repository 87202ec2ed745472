"""What another definition means for an object that sleeps: same, moved, or orphaned.

Pure: a definition and a cursor come in. Nothing is asked of the user's code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

from ..definition.flow import renamed
from ..definition.graph import GRAPH
from ..definition.node import Leaf, Node, Place
from ..definition.workflow import Definition
from ..errors import DefinitionChanged
from .cursor import Cursor, encode, locate, moved, nodes_of

#: From here on two names are alike.
_ALIKE = 0.6
#: So much must speak for a task of another name.
_ENOUGH = 2.0


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
    """

    meaning: Meaning
    task: str = ""
    place: Place | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The task of now that is meant by one that is gone, and what speaks for it."""

    task: str
    reasons: list[str] = field(default_factory=list)


def meaning(definition: Definition, text: str | None) -> Verdict:
    """Return what a definition means for an object with this cursor."""
    cursor = Cursor.decode(text)
    was, name, same = cursor.path, cursor.task_name, cursor.fingerprint
    if not cursor.frames:
        return Verdict(Meaning.SAME)
    try:
        place = locate(definition, cursor)
    except (DefinitionChanged, IndexError) as error:
        return Verdict(Meaning.ORPHANED, name, why=str(error))
    if (lost := _lost_edge(definition, cursor)) is not None:
        why = f"{name} chose {lost!r}, to which it leads no more; run it again."
        return Verdict(Meaning.ORPHANED, name, why=why)
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


def mapped(definition: Definition, text: str, task: str) -> tuple[str, Leaf]:
    """Return the cursor of an object that now stands at the only task of this name.

    :raises DefinitionChanged: if there is none or several, or it stands in a loop or
        branch in which the object is not.
    """
    named = [each for each in definition.named(task) if isinstance(each, Leaf)]
    if len(named) != 1:
        raise DefinitionChanged(
            f"The workflow {definition.name!r} has {len(named) or 'no'} tasks "
            f"{task!r}; name one that it has once.",
            definition.name,
            task=task,
        )
    cursor, (place,) = Cursor.decode(text), named
    cursor.frames = moved(definition, place, cursor)
    nodes = nodes_of(definition, cursor.frames)
    if isinstance(nodes[-1], GRAPH):
        frame = cursor.frames[-1]
        frame[1] = renamed(frame[1], cursor.task_name, task)
    return str(encode(definition, place, cursor, nodes)), place


def proposal(
    definition: Definition, text: str, passed: Collection[str]
) -> Proposal | None:
    """Return which task of now is most likely meant by the one that is gone.

    :param passed: the names of the tasks that such an object passed, the last of them
        last; none of these can be the one that is looked for.
    :return: ``None`` where nothing speaks for one, or as much for another.
    """
    cursor = Cursor.decode(text)
    if not cursor.frames or cursor.identity is None or cursor.identity[4]:
        return None
    before = next((n for n in reversed(list(passed)) if n != cursor.task_name), "")
    found: list[tuple[float, Proposal]] = []
    for leaf in _candidates(definition, cursor, text, passed):
        weights = dict(_speaks_for(definition, leaf, cursor, before))
        found.append((sum(weights.values()), Proposal(leaf.name, list(weights))))
    found.sort(key=lambda each: -each[0])
    if not found or found[0][0] < _ENOUGH:
        return None
    alone = len(found) == 1 or found[0][0] > found[1][0]
    return found[0][1] if alone else None


def _candidates(
    definition: Definition, cursor: Cursor, text: str, passed: Collection[str]
) -> Iterator[Leaf]:
    for leaf in definition.leaves:
        seen = leaf.name in passed and leaf.name != cursor.task_name
        if leaf.hidden or seen:
            continue
        try:
            mapped(definition, text, leaf.name)
        except DefinitionChanged:
            continue
        yield leaf


def _speaks_for(
    definition: Definition, leaf: Leaf, cursor: Cursor, before: str
) -> Iterator[tuple[str, float]]:
    """Yield what speaks for a task, and how much."""
    assert cursor.identity is not None
    name, digest, *_ = cursor.identity
    if leaf.identity[1] == digest:
        yield "it is the same function under another name", 2.0
    alike = SequenceMatcher(None, name.casefold(), leaf.name.casefold()).ratio()
    if alike >= _ALIKE:
        yield f"its name is like {name}", 1.0 + (alike >= 0.8) / 2
    if before and before == _before(definition, leaf):
        yield f"it comes after {before}, as {name} did", 1.0
    if list(leaf.path) == cursor.path:
        yield f"it stands where {name} stood", 0.5


def _before(definition: Definition, leaf: Leaf) -> str:
    """Return the name of the task before one in its list."""
    parent = definition.place(leaf.path[:-1])
    assert isinstance(parent, Node)
    if leaf.leads_to is not None:  # a node of a graph: any that leads to it
        each = [c.name for c in parent.children if leaf.name in (c.leads_to or ())]
        return each[0] if len(each) == 1 else ""
    at = leaf.path[-1] - 1
    return parent.children[at].name if at >= 0 else ""

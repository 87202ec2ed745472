"""Which name of now is most likely meant by one that is gone, and what speaks for it.

Proposed is what an object could be mapped to, where enough speaks for it and for
nothing else as much. Whoever applies it has seen it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise

from ..definition.facts import Facts
from ..definition.forks import ForkTask, JoinTask
from ..definition.graph import BRANCH, GRAPH
from ..definition.node import Leaf, Node, Place, in_branch
from ..definition.workflow import Definition
from ..errors import DefinitionChanged
from .cursor import Cursor
from .mapping import Names, mapped
from .upgrade import Meaning, meaning

#: From here on two names are alike.
_ALIKE = 0.6
#: So much must speak for a place of another name.
_ENOUGH = 2.0

Speaks = Iterator[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is meant by a name that is gone, and what speaks for it.

    :param to: the name of now, or the path of a pattern.
    """

    to: str
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object whose place is gone.

    :param lost: the name that is gone.
    :param passed: the names of the tasks that it passed, the last of them last.
    :param known: names that there were before, which therefore are not new ones.
    :param ways: what others passed, before it was gone.
    """

    text: str
    lost: str
    passed: Collection[str] = ()
    known: Collection[str] = ()
    ways: Collection[Sequence[str]] = ()

    @property
    def cursor(self) -> Cursor:
        """Where it stood."""
        return Cursor.decode(self.text)

    @property
    def came_from(self) -> str:
        """The name of the task before the one that is gone."""
        return next((n for n in reversed(list(self.passed)) if n != self.lost), "")

    @property
    def went_to(self) -> str:
        """The name of the task that followed; empty if it was not always the same."""
        pairs = (pair for way in self.ways for pair in pairwise(way))
        found = {after for name, after in pairs if name == self.lost != after}
        return found.pop() if len(found) == 1 else ""


def proposal(
    definition: Definition, orphan: Orphan, names: Names | None = None
) -> Proposal | None:
    """Return what is most likely meant by the name that an orphan has lost.

    :param names: what other names are called now.
    :return: ``None`` where nothing speaks for one, or as much for another.
    """
    found: list[tuple[float, Proposal]] = []
    for place in definition.places:
        word = place.name if place.is_leaf else place.address
        if not _may_be(definition, place, word, orphan, names or {}):
            continue
        weights = dict(_speaks_for(definition, place, orphan))
        found.append((sum(weights.values()), Proposal(word, list(weights))))
    found.sort(key=lambda each: -each[0])
    if not found or found[0][0] < _ENOUGH:
        return None
    alone = len(found) == 1 or found[0][0] > found[1][0]
    return found[0][1] if alone else None


def renamed(
    name: str, module: str, fingerprint: str, there: Iterable[Facts]
) -> tuple[str, list[str]]:
    """Return what a workflow that is gone is probably called now, and what speaks for
    it; nothing where that is said of several, or of none.

    :param module: where it was written, if that is known.
    :param fingerprint: that of its last definition.
    :param there: the definitions that are new.
    """
    found = {}
    for each in there:
        reasons = []
        if fingerprint and each.fingerprint == fingerprint:
            reasons.append(f"it has the same tasks as {name} had")
        if module and each.module == module:
            reasons.append(f"it is written where {name} was, as {module}")
        if reasons:
            found[each.name] = reasons
    return next(iter(found.items())) if len(found) == 1 else ("", [])


def _may_be(
    definition: Definition, place: Place, word: str, orphan: Orphan, names: Names
) -> bool:
    old = {*orphan.passed, *orphan.known} - {orphan.lost}
    if isinstance(place, Leaf) and (place.hidden or place.name in old):
        return False
    try:
        text, _ = mapped(definition, orphan.text, {**names, orphan.lost: word})
    except DefinitionChanged:
        return False
    return meaning(definition, text).meaning == Meaning.SAME


def _speaks_for(definition: Definition, place: Place, orphan: Orphan) -> Speaks:
    """Yield what speaks for a place, and how much."""
    cursor, lost = orphan.cursor, orphan.lost
    assert cursor.identity is not None
    if lost != cursor.task_name:
        yield from _around(definition, place, orphan)
        return
    if cursor.identity[4]:
        if place.identity[1] == cursor.identity[1]:
            yield "it has the same condition, with other tasks in it", 2.0
        return
    assert isinstance(place, Leaf)
    if isinstance(place.call, ForkTask):
        yield f"it is a Fork, as {lost} was", 1.0
    elif isinstance(place.call, JoinTask):
        yield f"it joins the branches of {place.call.fork}, as {lost} did", 2.0
    elif place.identity[1] == cursor.identity[1]:
        yield "it is the same function under another name", 2.0
    yield from _is_alike(place, lost)
    before = orphan.came_from
    if before and before == _before(definition, place):
        yield f"it comes after {before}, as {lost} did", 1.0
    after = orphan.went_to
    if after and after == _after(definition, place):
        yield f"it comes before {after}, as {lost} did", 1.0
    if _begins(definition, place) and lost in _begun(cursor):
        yield f"a branch begins with it, as with {lost}", 1.0
    if list(place.path) == cursor.path:
        yield f"it stands where {lost} stood", 0.5


def _around(definition: Definition, place: Place, orphan: Orphan) -> Speaks:
    """Yield what speaks for a node around the object, or one that it was to go to."""
    cursor, lost = orphan.cursor, orphan.lost
    for _, memo, *_key in cursor.frames:
        if in_branch(memo) and memo.get("of") == lost:
            if memo["name"] in (place.leads_to or ()):
                yield f"it leads to {memo['name']}, as {lost} did", 2.0
        elif isinstance(memo, dict) and memo.get("to") == lost:
            yield f"{cursor.task_name} leads to it, as to {lost}", 1.0
            yield from _is_alike(place, lost)


def _is_alike(place: Place, lost: str) -> Speaks:
    alike = SequenceMatcher(None, lost.casefold(), place.name.casefold()).ratio()
    if alike >= _ALIKE:
        yield f"its name is like {lost}", 1.0 + (alike >= 0.8) / 2


def _begins(definition: Definition, place: Place) -> bool:
    parent = definition.place(place.path[:-1])
    return isinstance(parent, BRANCH) and parent.first == place.name


def _begun(cursor: Cursor) -> list[str]:
    """Return the names of the branches that the object is in."""
    memos = (memo for _, memo, *_ in cursor.frames)
    return [memo["name"] for memo in memos if in_branch(memo) and "name" in memo]


def _before(definition: Definition, leaf: Leaf) -> str:
    """Return the name of the task before one in its list."""
    parent = definition.place(leaf.path[:-1])
    assert isinstance(parent, Node)
    if isinstance(parent, GRAPH):  # any that leads to it
        each = [c.name for c in parent.children if leaf.name in (c.leads_to or ())]
        return each[0] if len(each) == 1 else ""
    at = leaf.path[-1] - 1
    return parent.children[at].name if at >= 0 else ""


def _after(definition: Definition, leaf: Leaf) -> str:
    """Return the name of the task behind one, where it is always the same."""
    if leaf.leads_to is not None:
        return leaf.leads_to[0] if len(leaf.leads_to) == 1 else ""
    parent = definition.place(leaf.path[:-1])
    assert isinstance(parent, Node)
    at = leaf.path[-1] + 1
    return parent.children[at].name if at < len(parent.children) else ""

"""A definition as points, lines and groups: what every drawing of it is made from.

What a drawing looks like, and in which language it is written, is none of its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .forks import ForkTask, JoinTask
from .graph import GRAPH
from .loops import Loop
from .node import Leaf, Node, Place, Sequence
from .outline import branches, inside, join, label
from .parallel import PARALLEL
from .patterns import IF, IF_ELSE, IF_NOT, RUN_WF, SIMPLE_MERGE
from .workflow import Definition

#: The kinds of points. ``via`` is a place of a graph that is no task itself.
START, END, TASK, PATTERN, FORK, JOIN, VIA = (
    *("start", "end", "task", "pattern", "fork", "join", "via"),
)
#: Where a line of the drawing comes from, and what is written on it.
Ends = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Point:
    """A task, a condition, or where branches part and meet.

    :param key: letters, digits and underscores; no two points have the same.
    :param path: where it is in the definition; ``None`` for start and end.
    :param group: the key of the group that it stands in.
    """

    key: str
    kind: str
    label: str = ""
    path: tuple[int, ...] | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """What may follow what, and when."""

    origin: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together: a graph within a list, branches, another workflow."""

    key: str
    label: str
    path: tuple[int, ...]
    inside: str | None = None


@dataclass(slots=True)
class Sketch:
    """The whole of a definition."""

    points: list[Point] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def within(self, group: str | None) -> Iterator[Point | Group]:
        """Yield the points and groups that stand in a group; ``None``: in none."""
        yield from (each for each in self.points if each.group == group)
        yield from (each for each in self.groups if each.inside == group)


def sketch(definition: Definition) -> Sketch:
    """Return what is to be drawn of a definition."""
    return _Sketcher(definition).drawn


#: The points at which everything begins and ends.
BEGIN: Final = "start"
FINISH: Final = "end"


class _Sketcher:
    """Follows a definition; each method returns where the drawing goes on."""

    def __init__(self, definition: Definition) -> None:
        self.drawn = Sketch()
        self._group: str | None = None
        places = inside(definition.root)
        #: A graph that is the whole definition is no group of its own.
        self._whole = places[0] if len(places) == 1 else None
        self._point(BEGIN, START)
        ends = self._list(places, [(BEGIN, "")])
        self._point(FINISH, END)
        self._lead(ends, FINISH)

    def _point(
        self, key: str, kind: str, label: str = "", place: Place | None = None
    ) -> str:
        path = None if place is None else place.path
        self.drawn.points.append(Point(key, kind, label, path, self._group))
        return key

    def _lead(self, ends: Ends, to: str) -> None:
        self.drawn.edges += [Edge(origin, to, word) for origin, word in ends]

    def _list(self, places: list[Place], ends: Ends) -> Ends:
        for place in places:
            ends = self._place(place, ends)
        return ends

    def _place(self, place: Place, ends: Ends) -> Ends:
        if isinstance(place, PARALLEL | GRAPH | RUN_WF) and place is not self._whole:
            return self._grouped(place, ends)
        return self._drawn(place, ends)

    def _grouped(self, place: Node, ends: Ends) -> Ends:
        around = self._group
        self._group = _key(place, "g")
        group = Group(self._group, label(place), place.path, around)
        self.drawn.groups.append(group)
        ends = self._drawn(place, ends)
        self._group = around
        return ends

    def _drawn(self, place: Place, ends: Ends) -> Ends:
        if isinstance(place, Sequence):
            return self._list(branches(place)[0][1], ends)
        if isinstance(place, PARALLEL):
            return self._fork(place, ends)
        if isinstance(place, GRAPH):
            return self._graph(place, ends)
        key = self._point(_key(place), _kind(place), label(place), place)
        self._lead(ends, key)
        return self._pattern(place, key) if isinstance(place, Node) else [(key, "")]

    def _fork(self, node: PARALLEL, ends: Ends) -> Ends:
        begin = self._point(_key(node), FORK, label(node), node)
        end = self._point(f"{begin}_join", JOIN, join(node), node)
        self._lead(ends, begin)
        for word, places in branches(node):
            self._lead(self._list(places, [(begin, word)]), end)
        return [(end, "")]

    def _graph(self, node: GRAPH, ends: Ends) -> Ends:
        """Draw the nodes, each behind a point of its own where it is no task."""
        begins: dict[str, str] = {}
        left: dict[str, Ends] = {}
        nodes = dict(node.nodes())
        for name, child in nodes.items():
            if isinstance(child, Leaf):
                begins[name] = _key(child)
                left[name] = self._place(child, [])
                continue
            begins[name] = self._point(f"{_key(child)}_begin", VIA, name, child)
            left[name] = self._place(child, [(begins[name], name)])
        self._lead(ends, begins[node.first])
        for name, child in nodes.items():
            edges = child.leads_to or ()
            for at, edge in enumerate(edges):
                said = str(at) if len(edges) > 1 and _kind(child) != FORK else ""
                from_here = [(origin, word or said) for origin, word in left[name]]
                self._lead(from_here, begins[edge])
        last = [name for name, child in nodes.items() if not child.leads_to]
        return [end for name in last for end in left[name]]

    def _pattern(self, node: Node, key: str) -> Ends:
        if isinstance(node, Loop):
            body = self._list(branches(node)[0][1], [(key, "again")])
            self._lead(body, key)
            return [(key, "done")]
        if isinstance(node, SIMPLE_MERGE):
            first, *jumped, last = [places for _, places in branches(node)]
            ends = self._list(first, [(key, "")])
            for places in jumped:
                ends += self._list(places, [(key, "by jump only")])
            return self._list(last, ends)
        if isinstance(node, IF) and not isinstance(node, IF_ELSE):
            yes, no = ("no", "yes") if isinstance(node, IF_NOT) else ("yes", "no")
            return [*self._list(branches(node)[0][1], [(key, yes)]), (key, no)]
        return [
            end
            for word, places in branches(node)
            for end in self._list(places, [(key, word)])
        ]


def _kind(place: Place) -> str:
    if isinstance(place, Node):
        return PATTERN
    call = place.call if isinstance(place, Leaf) else None
    if isinstance(call, ForkTask):
        return FORK
    return JOIN if isinstance(call, JoinTask) else TASK


def _key(place: Place, letter: str = "t") -> str:
    return letter + "_".join(map(str, place.path))

"""A definition as a tree for people, as a graph for Graphviz, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..definition.graph import GRAPH
from ..definition.loops import Loop
from ..definition.node import Leaf, Node, Place, Sequence
from ..definition.outline import branches, inside, join, label
from ..definition.parallel import PARALLEL
from ..definition.patterns import IF, IF_ELSE, IF_NOT, SIMPLE_MERGE
from ..definition.workflow import Definition
from .text import clean, padded, width_of

#: Where a line of the drawing comes from, and what is written on it.
Ends = list[tuple[str, str]]


# --- for people -----------------------------------------------------------------------


def tree(definition: Definition) -> Iterator[str]:
    """Yield the lines of a tree, with what each task says of itself beside it."""
    drawn = list(_tree(inside(definition.root), ""))
    width = max((width_of(left) for left, _ in drawn), default=0)
    for left, right in drawn:
        yield f"{padded(left, width)}  {right}".rstrip()


def _tree(places: list[Place], indent: str) -> Iterator[tuple[str, str]]:
    for place in places:
        last = place is places[-1]
        yield indent + ("└─ " if last else "├─ ") + clean(label(place)), _says(place)
        if isinstance(place, Node):
            inner = indent + ("   " if last else "│  ")
            named = branches(place)
            if not named[0][0]:
                yield from _tree(named[0][1], inner)
                continue
            for at, (name, children) in enumerate(named, 1):
                ends = at == len(named)
                word = f"{clean(name)}:" if children else f"{clean(name)}: nothing"
                yield inner + ("└─ " if ends else "├─ ") + word, ""
                yield from _tree(children, inner + ("   " if ends else "│  "))


def _says(place: Place) -> str:
    words = []
    if isinstance(place, Leaf) and place.description != place.name:
        words.append(clean(place.description))
    if place.leads_to is not None:
        words.append(f"→ {clean(' | '.join(place.leads_to) or 'the end')}")
    return "  ".join(words)


# --- for programs ---------------------------------------------------------------------


def outline(definition: Definition) -> dict[str, Any]:
    """Return the definition as JSON holds it."""
    return {
        "name": definition.name,
        "title": definition.title,
        "doc": definition.doc,
        "fingerprint": definition.fingerprint,
        "workflow": [_outlined(place) for place in inside(definition.root)],
    }


def _outlined(place: Place) -> dict[str, Any]:
    told: dict[str, Any] = {"path": list(place.path)}
    if place.leads_to is not None:
        told["leads_to"] = list(place.leads_to)
    if isinstance(place, Leaf):
        told |= {"task": place.name, "description": place.description}
        return told | {"doc": place.doc}
    told |= {"pattern": place.name, "label": label(place)}
    if isinstance(place, Node):
        told["branches"] = [
            {"name": name, "workflow": [_outlined(child) for child in children]}
            for name, children in branches(place)
        ]
    return told


# --- for Graphviz ---------------------------------------------------------------------


def dot(definition: Definition) -> Iterator[str]:
    """Yield the lines of a graph: boxes are tasks, diamonds are conditions.

    What runs side by side lies between two trapezia.
    """
    graph = _Graph()
    yield f"digraph {_quoted(definition.name)} {{"
    yield "  node [shape=box];"
    yield '  start [shape=circle, label=""];'
    ends = graph.list(inside(definition.root), [("start", "")])
    graph.lead(ends, "end")
    yield from graph.lines
    yield '  end [shape=doublecircle, label=""];'
    yield "}"


class _Graph:
    """Collects nodes and edges; each method returns where the drawing goes on."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def lead(self, ends: Ends, to: str, style: str = "") -> None:
        for origin, word in ends:
            said = [f"label={_quoted(word)}"] if word else []
            said += [style] if style else []
            attributes = f" [{', '.join(said)}]" if said else ""
            self.lines.append(f"  {origin} -> {to}{attributes};")

    def list(self, places: list[Place], ends: Ends) -> Ends:
        for place in places:
            ends = self.place(place, ends)
        return ends

    def place(self, place: Place, ends: Ends) -> Ends:
        if isinstance(place, Sequence):
            return self.list(branches(place)[0][1], ends)
        if isinstance(place, PARALLEL):
            return self.fork(place, ends)
        if isinstance(place, GRAPH):
            return self.graph(place, ends)
        name = "t" + "_".join(map(str, place.path))
        shape = ", shape=diamond" if isinstance(place, Node) else ""
        self.lines.append(f"  {name} [label={_quoted(clean(label(place)))}{shape}];")
        self.lead(ends, name)
        return self.pattern(place, name) if isinstance(place, Node) else [(name, "")]

    def fork(self, node: PARALLEL, ends: Ends) -> Ends:
        begin = "t" + "_".join(map(str, node.path))
        end = f"{begin}_join"
        says, joins = _quoted(clean(label(node))), _quoted(join(node))
        self.lines.append(f"  {begin} [label={says}, shape=trapezium];")
        self.lines.append(f"  {end} [label={joins}, shape=invtrapezium];")
        self.lead(ends, begin)
        for word, places in branches(node):
            self.lead(self.list(places, [(begin, word)]), end)
        return [(end, "")]

    def graph(self, node: GRAPH, ends: Ends) -> Ends:
        """Draw the nodes, each behind a point of its own where it is no task."""
        begins: dict[str, str] = {}
        left: dict[str, Ends] = {}
        for name, child in zip(node.names, node.children, strict=True):
            begins[name] = "t" + "_".join(map(str, child.path))
            if isinstance(child, Leaf):
                left[name] = self.place(child, [])
                continue
            begins[name] += "_begin"
            self.lines.append(f"  {begins[name]} [shape=point];")
            left[name] = self.place(child, [(begins[name], name)])
        self.lead(ends, begins[node.first])
        for name, edges in node.edges.items():
            for at, edge in enumerate(edges):
                said = str(at) if len(edges) > 1 else ""
                from_here = [(origin, word or said) for origin, word in left[name]]
                self.lead(from_here, begins[edge])
        return [
            end for name, edges in node.edges.items() if not edges for end in left[name]
        ]

    def pattern(self, node: Node, name: str) -> Ends:
        if isinstance(node, Loop):
            body = self.list(branches(node)[0][1], [(name, "again")])
            self.lead(body, name)
            return [(name, "done")]
        if isinstance(node, SIMPLE_MERGE):
            first, *jumped, last = [places for _, places in branches(node)]
            ends = self.list(first, [(name, "")])
            for places in jumped:
                ends += self.list(places, [(name, "by jump only")])
            return self.list(last, ends)
        if isinstance(node, IF) and not isinstance(node, IF_ELSE):
            yes, no = ("no", "yes") if isinstance(node, IF_NOT) else ("yes", "no")
            return [*self.list(branches(node)[0][1], [(name, yes)]), (name, no)]
        return [
            end
            for word, places in branches(node)
            for end in self.list(places, [(name, word)])
        ]


def _quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)

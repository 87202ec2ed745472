"""A definition as a tree for people, as a graph for Graphviz, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..definition.loops import Loop
from ..definition.node import Leaf, Node, Place, Sequence
from ..definition.parallel import PARALLEL
from ..definition.patterns import CHOICE, IF, IF_ELSE, IF_NOT, SIMPLE_MERGE, TRY
from ..definition.workflow import Definition
from .text import clean, padded, width_of

#: Where a line of the drawing comes from, and what is written on it.
Ends = list[tuple[str, str]]


def branches(node: Node) -> list[tuple[str, list[Place]]]:
    """Return the branches of a pattern, with what a person calls them."""
    inner = [_inside(child) for child in node.children]
    if isinstance(node, CHOICE):
        return list(zip(map(_value, node.values), inner, strict=True))
    if isinstance(node, IF_ELSE):
        return list(zip(("yes", "no"), inner, strict=True))
    if isinstance(node, PARALLEL):  # its first and last child are its own
        return [(f"branch {at}", each) for at, each in enumerate(inner[1:-1])]
    if isinstance(node, TRY) and len(inner) > 1:
        return list(zip(("try", "on failure"), inner, strict=True))
    if isinstance(node, SIMPLE_MERGE):
        names = ["first", *["by jump only"] * (len(inner) - 2), "last"]
        return list(zip(names, inner, strict=True))
    return [("", [place for places in inner for place in places])]


def _inside(child: Place) -> list[Place]:
    """Return what stands in the list of a branch; what is hidden is left out."""
    places: list[Any] = [child]
    while len(places) == 1 and type(places[0]) is Sequence:
        places = list(places[0].children)
    return [place for place in places if not getattr(place, "hidden", False)]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _label(place: Place) -> str:
    says = "list" if type(place) is Sequence else place.label.removesuffix("()")
    return f"{says}, {_join(place)}" if isinstance(place, PARALLEL) else says


def _join(node: PARALLEL) -> str:
    words = {1: "any", len(branches(node)): "all"}
    return f"join {words.get(node.needs, node.needs)}"


# --- for people -----------------------------------------------------------------------


def tree(definition: Definition) -> Iterator[str]:
    """Yield the lines of a tree, with what each task says of itself beside it."""
    drawn = list(_tree(_inside(definition.root), ""))
    width = max((width_of(left) for left, _ in drawn), default=0)
    for left, right in drawn:
        yield f"{padded(left, width)}  {right}".rstrip()


def _tree(places: list[Place], indent: str) -> Iterator[tuple[str, str]]:
    for place in places:
        last = place is places[-1]
        yield indent + ("└─ " if last else "├─ ") + clean(_label(place)), _says(place)
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
    if isinstance(place, Leaf) and place.description != place.name:
        return clean(place.description)
    return ""


# --- for programs ---------------------------------------------------------------------


def outline(definition: Definition) -> dict[str, Any]:
    """Return the definition as JSON holds it."""
    return {
        "name": definition.name,
        "title": definition.title,
        "doc": definition.doc,
        "fingerprint": definition.fingerprint,
        "workflow": [_outlined(place) for place in _inside(definition.root)],
    }


def _outlined(place: Place) -> dict[str, Any]:
    told: dict[str, Any] = {"path": list(place.path)}
    if isinstance(place, Leaf):
        told |= {"task": place.name, "description": place.description}
        return told | {"doc": place.doc}
    told |= {"pattern": place.name, "label": _label(place)}
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
    ends = graph.list(_inside(definition.root), [("start", "")])
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
        name = "t" + "_".join(map(str, place.path))
        shape = ", shape=diamond" if isinstance(place, Node) else ""
        self.lines.append(f"  {name} [label={_quoted(clean(_label(place)))}{shape}];")
        self.lead(ends, name)
        return self.pattern(place, name) if isinstance(place, Node) else [(name, "")]

    def fork(self, node: PARALLEL, ends: Ends) -> Ends:
        begin = "t" + "_".join(map(str, node.path))
        end = f"{begin}_join"
        label, join = _quoted(clean(_label(node))), _quoted(_join(node))
        self.lines.append(f"  {begin} [label={label}, shape=trapezium];")
        self.lines.append(f"  {end} [label={join}, shape=invtrapezium];")
        self.lead(ends, begin)
        for word, places in branches(node):
            self.lead(self.list(places, [(begin, word)]), end)
        return [(end, "")]

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

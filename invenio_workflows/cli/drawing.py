"""A definition as a tree for people, as JSON, and in two languages of drawings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ..definition.node import Leaf, Node, Place
from ..definition.outline import branches, inside, label, leads_to, says
from ..definition.sketch import Edge, Group, Point, Sketch, sketch
from ..definition.workflow import Definition
from .text import clean, padded, width_of

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
    words = [clean(says(place))] if says(place) else []
    if (leads := leads_to(place)) is not None:
        words.append(f"→ {clean(leads) or 'the end'}")
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
        "drawing": asdict(sketch(definition)),
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

_SHAPES = {
    "start": 'shape=circle, label=""',
    "end": 'shape=doublecircle, label=""',
    "task": "label={}",
    "pattern": "label={}, shape=diamond",
    "fork": "label={}, shape=trapezium",
    "join": "label={}, shape=invtrapezium",
    "via": "shape=point",
}


def dot(definition: Definition) -> Iterator[str]:
    """Yield the lines of a graph: boxes are tasks, diamonds are conditions.

    What runs side by side lies between two trapezia.
    """
    drawn = sketch(definition)
    yield f"digraph {_quoted(definition.name)} {{"
    yield "  node [shape=box];"
    yield from _nested(drawn, None, _dot_point, _dot_group, "}")
    for edge in drawn.edges:
        said = f" [label={_quoted(edge.label)}]" if edge.label else ""
        yield f"  {edge.origin} -> {edge.target}{said};"
    yield "}"


def _dot_point(point: Point) -> str:
    return f"{point.key} [{_SHAPES[point.kind].format(_quoted(point.label))}];"


def _dot_group(group: Group) -> str:
    return f"subgraph cluster_{group.key} {{ label={_quoted(group.label)};"


def _nested(
    drawn: Sketch,
    around: str | None,
    point: Callable[[Point], str],
    group: Callable[[Group], str],
    end: str,
    depth: int = 1,
) -> Iterator[str]:
    """Yield a line for each point, those of a group between two lines of its own."""
    indent = "  " * depth
    for each in drawn.within(around):
        if isinstance(each, Point):
            yield indent + point(each)
            continue
        yield indent + group(each)
        yield from _nested(drawn, each.key, point, group, end, depth + 1)
        yield indent + end


def _quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


# --- for Mermaid ----------------------------------------------------------------------

_SIGNS = {
    "start": '{0}((" "))',
    "end": '{0}(((" ")))',
    "task": "{0}[{1}]",
    "pattern": "{0}{{{1}}}",
    "fork": "{0}[/{1}\\]",
    "join": "{0}[\\{1}/]",
    "via": '{0}((" "))',
}
#: A letter, a digit or a sign that means nothing within quotes; an underscore within
#: a word. A number with a bracket behind it would begin a list.
_HARMLESS = re.compile(r"[^\W_]|[ ,(?!=/']|(?<=[^\W_])_(?=[^\W_])|(?<!^\d)\)")


def mermaid(definition: Definition) -> Iterator[str]:
    """Yield the lines of a flowchart, as many sites draw it in a page of text."""
    drawn = sketch(definition)
    yield "flowchart TD"
    yield from _nested(drawn, None, _mermaid_point, _mermaid_group, "end")
    for edge in drawn.edges:
        yield f"  {_mermaid_edge(edge)}"


def _mermaid_point(point: Point) -> str:
    return _SIGNS[point.kind].format(_named(point.key), _said(point.label))


def _mermaid_group(group: Group) -> str:
    return f"subgraph {group.key}[{_said(group.label)}]"


def _mermaid_edge(edge: Edge) -> str:
    said = f"|{_said(edge.label)}|" if edge.label else ""
    return f"{_named(edge.origin)} -->{said} {_named(edge.target)}"


def _named(key: str) -> str:
    """Return a key that is not a word of the language, as ``end`` is."""
    return f"the_{key}" if key in ("start", "end") else key


def _said(text: str) -> str:
    """Return a text in quotes; signs that mean something there, by their numbers."""
    text = clean(text)
    found = [
        each if _HARMLESS.match(text, at) else f"#{ord(each)};"
        for at, each in enumerate(text)
    ]
    return f'"{"".join(found) or " "}"'

"""What a person sees of a definition: its lists, its patterns and their branches."""

from __future__ import annotations

from typing import Any

from .graph import GRAPH
from .node import Node, Place, Sequence
from .parallel import PARALLEL
from .patterns import CHOICE, IF_ELSE, SIMPLE_MERGE, TRY


def branches(node: Node) -> list[tuple[str, list[Place]]]:
    """Return the branches of a pattern, with what a person calls them."""
    inner = [inside(child) for child in node.children]
    if isinstance(node, CHOICE):
        return list(zip(map(_value, node.values), inner, strict=True))
    if isinstance(node, IF_ELSE):
        return list(zip(("yes", "no"), inner, strict=True))
    if isinstance(node, GRAPH):  # each says itself where it leads
        return [("", [child for child in node.children if not _is_hidden(child)])]
    if isinstance(node, PARALLEL):  # its first and last child are its own
        return [(f"branch {at}", each) for at, each in enumerate(inner[1:-1])]
    if isinstance(node, TRY) and len(inner) > 1:
        return list(zip(("try", "on failure"), inner, strict=True))
    if isinstance(node, SIMPLE_MERGE):
        names = ["first", *["by jump only"] * (len(inner) - 2), "last"]
        return list(zip(names, inner, strict=True))
    return [("", [place for places in inner for place in places])]


def inside(child: Place) -> list[Place]:
    """Return what stands in the list of a branch; what is hidden is left out."""
    places: list[Any] = [child]
    while len(places) == 1 and type(places[0]) is Sequence:
        places = list(places[0].children)
    return [place for place in places if not _is_hidden(place)]


def _is_hidden(place: Place) -> bool:
    return bool(getattr(place, "hidden", False))


def _value(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def label(place: Place) -> str:
    """Return what is written on a place."""
    says = "list" if type(place) is Sequence else place.label.removesuffix("()")
    if isinstance(place, GRAPH):
        return f"{says}, begins with {place.first}"
    return f"{says}, {join(place)}" if isinstance(place, PARALLEL) else says


def join(node: PARALLEL) -> str:
    """Return how many of its branches are waited for, in words."""
    words = {1: "any", len(branches(node)): "all"}
    return f"join {words.get(node.needs, node.needs)}"

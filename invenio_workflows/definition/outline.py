"""What a person sees of a definition: its lists, its patterns and their branches."""

from __future__ import annotations

from typing import Any

from .forks import ForkTask, JoinTask
from .graph import BRANCH, GRAPH
from .node import Leaf, Node, Place, Sequence
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
    if isinstance(place, GRAPH) and not isinstance(place, BRANCH):
        return f"{says}, begins with {place.first}"
    return f"{says}, {join(place)}" if isinstance(place, PARALLEL) else says


def says(place: Place) -> str:
    """Return what a task says of itself beside its name; of a Join for how many."""
    if not isinstance(place, Leaf):
        return ""
    words = [place.description] if place.description != place.name else []
    if isinstance(place.call, JoinTask):
        words.insert(0, place.call.says)
    return "; ".join(words)


def leads_to(place: Place) -> str | None:
    """Return what may follow a node of a graph, ``None`` for what is not a node.

    Of a decision one of these is taken, of a Fork all.
    """
    if place.leads_to is None:
        return None
    return (" & " if takes_all(place) else " | ").join(place.leads_to)


def takes_all(place: Place) -> bool:
    """Say whether all ways out of a node of a graph are taken: whether it is a Fork."""
    return isinstance(place, Leaf) and isinstance(place.call, ForkTask)


def goes_on(node: Node, place: Place, following: Place) -> bool:
    """Say whether one may go from a place to the one that is drawn behind it.

    In a list one does; in a graph, where an edge leads there.
    """
    if not isinstance(node, GRAPH):
        return True
    if isinstance(following, BRANCH):
        return isinstance(place, BRANCH) or takes_all(place)
    name = node.names[following.path[-1]]
    if isinstance(place, BRANCH):
        return name == place.ends
    return name in (place.leads_to or ())


def join(node: PARALLEL) -> str:
    """Return how many of its branches are waited for, in words."""
    words = {1: "any", len(branches(node)): "all"}
    return f"join {words.get(node.needs, node.needs)}"

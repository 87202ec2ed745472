"""What is written on the places of a drawing, in the reader's language. Pure."""

from __future__ import annotations

from ..definition.forks import JoinTask
from ..definition.graph import BRANCH, GRAPH
from ..definition.node import Leaf, Node, Place
from ..definition.outline import join, label, says, takes_all
from ..definition.parallel import PARALLEL
from ..definition.patterns import CHOICE
from .texts import N_, _
from .tree import visible

#: What patterns call their branches; those of a CHOICE are its author's words.
_WAYS = {
    "yes": N_("yes"),
    "no": N_("no"),
    "try": N_("try"),
    "on failure": N_("on failure"),
    "first": N_("first"),
    "by jump only": N_("by jump only"),
    "last": N_("last"),
}


def named(place: Place) -> str:
    """Return what a place is called."""
    said = label(place)
    if isinstance(place, BRANCH):
        said = _("branch {name} of {fork}", name=place.first, fork=place.fork)
    elif isinstance(place, GRAPH):
        name = said.removesuffix(f", begins with {place.first}")
        said = _("{name}, begins with {first}", name=name, first=place.first)
    elif isinstance(place, PARALLEL):
        joins = join(place)
        said = said.removesuffix(joins) + _joins(joins)
    return visible(said, 200)


def described(place: Leaf) -> str:
    """Return what a task says of itself; of a Join for how many branches it waits."""
    said = says(place)
    if isinstance(place.call, JoinTask):
        joins = place.call.says
        said = _joins(joins) + said.removeprefix(joins)
    return visible(said, 200)


def way(node: Node, name: str) -> str:
    """Return what a branch of a pattern is called."""
    if isinstance(node, PARALLEL):
        name = _("branch {n}", n=name.removeprefix("branch "))
    elif name in _WAYS and not isinstance(node, CHOICE):
        name = _(_WAYS[name])
    return visible(name, 100)


def leads_to(place: Place) -> str:
    """Return what may follow a node of a graph; nothing for what is not a node."""
    if place.leads_to is None:
        return ""
    *names, last = place.leads_to or ("",)
    if not last:
        return _("ends here")
    last = visible(last, 100)
    if names:
        said = {"names": visible(", ".join(names), 300), "last": last}
        last = (
            _("{names} and {last}", **said)
            if takes_all(place)
            else _("{names} or {last}", **said)
        )
    return _("leads to {names}", names=last)


def _joins(words: str) -> str:
    known = {"join all": _("join all"), "join any": _("join any")}
    return known.get(words) or _("join {n}", n=words.removeprefix("join "))

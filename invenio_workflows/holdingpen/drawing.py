"""A definition as a record's page draws it: what is done, here, and not reached."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..definition.node import Leaf, Node, Place
from ..definition.outline import branches, goes_on, inside
from ..definition.workflow import Definition
from ..objects import WorkflowObject
from ..states import ObjectStatus
from .drawing_words import described, leads_to, named, way
from .texts import _
from .tree import visible

DONE, HERE, FAILED, AHEAD = "done", "here", "failed", "ahead"

#: Events after which the task that they name is done.
_FINISHING = {"TaskFinished", "Halted", "Waiting", "Jumped", "TaskSkipped", "Finished"}


#: What a parameter is called that nobody is to see, and a password within an address.
_SECRET = re.compile("pass|secret|token|credential|(api|access|private)_?key", re.I)
_PASSWORD = re.compile(r"(://[^/\s:@'\"]*:)[^/\s'\"]*@")


@dataclass(slots=True)
class Drawn:
    """A place of the drawing.

    :param state: ``done``, ``here``, ``failed`` or ``ahead``.
    :param start_point: by which one may restart from here, if one may.
    :param leads_to: of a node of a graph: what may follow, in words.
    :param is_apart: whether no way leads to what is drawn behind it.
    """

    name: str
    state: str
    says: str = ""
    doc: str = ""
    is_pattern: bool = False
    start_point: str | None = None
    leads_to: str = ""
    is_apart: bool = False
    parameters: list[tuple[str, str]] = field(default_factory=list)
    branches: list[tuple[str, list[Drawn]]] = field(default_factory=list)
    path: tuple[int, ...] = ()

    @property
    def word(self) -> str:
        """The state in words, for those who cannot see the drawing."""
        return {
            DONE: _("done"),
            HERE: _("here"),
            FAILED: _("failed here"),
            AHEAD: _("not reached"),
        }[self.state]


class Outline:
    """Draws a definition: its places in their order, and those within them."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def draw(self) -> list[Drawn]:
        """Return the places of the list."""
        return self._list(inside(self._definition.root))

    def _state(self, place: Place) -> str:
        """Return the state of a place; what is drawn for an object knows more."""
        return AHEAD

    def _list(self, places: list[Place]) -> list[Drawn]:
        return [self._place(place) for place in places]

    def _place(self, place: Place) -> Drawn:
        drawn = Drawn(named(place), self._state(place), path=place.path)
        drawn.leads_to = leads_to(place)
        if isinstance(place, Leaf):
            drawn.says = described(place)
            doc = place.doc.strip()
            drawn.doc = visible(doc, 2000) if doc != drawn.says else ""
            drawn.parameters = [
                (visible(name, 100), _parameter(name, value))
                for name, value in place.parameters[:20]
            ]
            if len(self._definition.named(place.name)) == 1:
                drawn.start_point = f"task:{place.name}"
        elif isinstance(place, Node):
            drawn.is_pattern = True
            for name, inner in branches(place):
                within = self._list(inner)
                for at, (one, following) in enumerate(pairwise(inner)):
                    within[at].is_apart = not goes_on(place, one, following)
                drawn.branches.append((way(place, name), within))
        return drawn


class Drawing(Outline):
    """Draws a definition with the place of an object in it."""

    def __init__(
        self,
        definition: Definition,
        obj: WorkflowObject,
        passed: Collection[tuple[str, str]],
        here: Collection[tuple[int, ...]] = (),
        failed: Collection[tuple[int, ...]] = (),
    ) -> None:
        """Take what the object and others passed: kind and path of events, its first.

        :param here: where it stands, and branches of it do.
        :param failed: where branches of it failed.
        """
        super().__init__(definition)
        self._done = {path for kind, path in passed if kind in _FINISHING}
        self._failed = {*map(_joined, failed), *_failed(obj, passed)}
        self._here = {*map(_joined, here)}
        self._ended = obj.status == ObjectStatus.COMPLETED

    def _state(self, place: Place) -> str:
        path = _joined(place.path)
        if path in self._failed:
            return FAILED
        if path in self._here and not self._ended:
            return HERE
        if path in self._done:
            return DONE
        if isinstance(place, Node):
            return self._of_pattern(path)
        return AHEAD

    def _of_pattern(self, path: str) -> str:
        """Return the state of a pattern by what is in it."""
        inner = f"{path}/"
        if any(each.startswith(inner) for each in self._here) and not self._ended:
            return HERE
        if any(each.startswith(inner) for each in self._failed):
            return HERE
        return DONE if any(each.startswith(inner) for each in self._done) else AHEAD


def _parameter(name: str, value: str) -> str:
    """Return what a task was made with; a password by its name, never by itself."""
    if _SECRET.search(name):
        return "…"
    return visible(_PASSWORD.sub(r"\1…@", value[:2000]), 300)


def _failed(obj: WorkflowObject, passed: Any) -> list[str]:
    """Return the path of the task that failed last, if the object is in ERROR."""
    if obj.status != ObjectStatus.ERROR:
        return []
    return [path for kind, path in passed if kind == "Failed"][:1]


def _joined(path: tuple[int, ...]) -> str:
    return "/".join(map(str, path))


def as_text(places: list[Drawn], depth: int = 0) -> list[str]:
    """Return the drawing as lines that can be read aloud."""
    lines = []
    for place in places:
        says = f" – {place.says}" if place.says else ""
        leads = f" ({place.leads_to})" if place.leads_to else ""
        lines.append(f"{'  ' * depth}{place.name}: {place.word}{leads}{says}")
        for name, inner in place.branches:
            if name:
                lines.append(f"{'  ' * (depth + 1)}{name}:")
            lines += as_text(inner, depth + 1 + bool(name))
    return lines

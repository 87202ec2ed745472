"""Who stands where in a definition: how many at each place, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..definition.workflow import Definition
from ..engine.upgrade import Meaning, meaning
from ..groups import group_of
from ..states import ObjectStatus
from ..store.standing import Crowd
from ..store.wanted import Count
from .display import lasting
from .drawing import Drawn, Outline
from .links import counted
from .seeing import status_in_words
from .texts import _

#: The place of those whose own is gone, in an address.
LOST = "lost"
_ORDER = (
    *(ObjectStatus.HALTED, ObjectStatus.ERROR),
    *(ObjectStatus.WAITING, None, ObjectStatus.RUNNING),
)


@dataclass(slots=True)
class Here:
    """The objects that stand at one place.

    :param at: where they stand, as the store knows it.
    """

    at: list[str] = field(default_factory=list)
    numbers: dict[ObjectStatus | None, int] = field(default_factory=dict)
    exact: bool = True
    oldest: float = 0.0
    #: Of the largest crowd.
    median: float | None = None
    _largest: int = 0

    def join(self, crowd: Crowd) -> None:
        """Add those that stand here in another definition, or in this one."""
        self.at.append(crowd.at)
        for status, number in crowd.statuses.items():
            self.numbers[status] = self.numbers.get(status, 0) + number
        self.exact = self.exact and crowd.count.exact
        self.oldest = max(self.oldest, crowd.oldest)
        if crowd.count.number > self._largest:
            self._largest, self.median = crowd.count.number, crowd.median

    @property
    def number(self) -> str:
        """How many they are; more than were counted end in a plus."""
        return counted(Count(sum(self.numbers.values()), self.exact))

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """How many there are in which status: group, number and word."""
        return [
            (
                str(group_of(status or ObjectStatus.WAITING, _waits(status))),
                counted(Count(self.numbers[status], self.exact)),
                status_in_words(status or ObjectStatus.WAITING, _waits(status)),
            )
            for status in _ORDER
            if status in self.numbers
        ]

    @property
    def how_long(self) -> str:
        """For how long they have stood here, in words."""
        if not self.at:
            return ""
        oldest = _("the longest for {time}", time=lasting(self.oldest))
        median = lasting(self.median or 0.0)
        if (self.median or 0.0) < 60 or median == lasting(self.oldest):
            return oldest
        half = _("half of them for {time} or more", time=median)
        return f"{oldest}, {half}"

    @property
    def words(self) -> str:
        """All of it, in a line."""
        numbers = ", ".join(f"{number} {word}" for _group, number, word in self.told)
        return ", ".join(filter(None, (numbers, self.how_long)))


def _waits(status: ObjectStatus | None) -> str | None:
    return "queue" if status is None else None


class Standings:
    """The drawing of a definition, and who stands at its places."""

    def __init__(
        self, definition: Definition, crowds: Iterable[Crowd], running: Iterable[str]
    ) -> None:
        self._definition = definition
        self.places = Outline(definition).draw()
        self._drawn = {each.path: each for each in _all(self.places)}
        self.here: dict[tuple[int, ...], Here] = {}
        #: Those whose place is gone.
        self.lost = Here()
        for crowd in crowds:
            path = self._path(crowd.cursor)
            mine = self.lost if path is None else self.here.setdefault(path, Here())
            mine.join(crowd)
        for cursor in running:
            path = self._path(cursor)
            if path is not None:
                numbers = self.here.setdefault(path, Here()).numbers
                numbers[ObjectStatus.RUNNING] = numbers.get(ObjectStatus.RUNNING, 0) + 1

    def _path(self, cursor: str) -> tuple[int, ...] | None:
        """Return the place drawn for a cursor: its own, or the one around it."""
        verdict = meaning(self._definition, cursor)
        if verdict.meaning == Meaning.ORPHANED:
            return None
        path = () if verdict.place is None else verdict.place.path
        while path and path not in self._drawn:
            path = path[:-1]
        return path

    def of(self, place: Drawn) -> Here | None:
        """Return who stands at a place that is drawn."""
        return self.here.get(place.path)

    def named(self, text: str) -> tuple[str, Here] | None:
        """Return name and objects of a place as an address says it."""
        if text == LOST:
            return _("tasks that are gone"), self.lost
        parts = text.split("/")
        if not all(part.isascii() and part.isdigit() for part in parts):
            return None
        path = tuple(int(part[:6]) for part in parts)
        drawn, here = self._drawn.get(path), self.here.get(path)
        return None if drawn is None or here is None else (drawn.name, here)

    def as_text(self) -> list[str]:
        """Return the drawing as lines that can be read aloud."""
        return list(self._lines(self.places, 0))

    def _lines(self, places: list[Drawn], depth: int) -> Iterator[str]:
        for place in places:
            here = self.of(place)
            leads = f" ({place.leads_to})" if place.leads_to else ""
            says = f" – {place.says}" if place.says else ""
            who = f": {here.words}" if here else ""
            yield f"{'  ' * depth}{place.name}{who}{leads}{says}"
            for name, inner in place.branches:
                if name:
                    yield f"{'  ' * (depth + 1)}{name}:"
                yield from self._lines(inner, depth + 1 + bool(name))


def address(place: Drawn) -> str:
    """Return a place as it stands in an address."""
    return "/".join(map(str, place.path))


def _all(places: list[Drawn]) -> Iterator[Drawn]:
    for place in places:
        yield place
        for _name, inner in place.branches:
            yield from _all(inner)

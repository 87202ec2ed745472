"""The state of a list as it stands in the address: all of it, and nothing else.

Pure. What an address says wrongly is passed over, so that an old link still opens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from ..groups import Group
from .query import Part, is_owner, parse, without, without_key

SIZES = (10, 25, 50, 100, 500)
SIZE = 25
SMALLEST, LARGEST = SIZES[0], SIZES[-1]
SORT = "updated"
#: In an address: the records of every group.
ALL = "all"
#: How long ago a record changed, from and to so many days, by the names of the ages.
AGES = {
    "1d": (0, 1),
    "7d": (1, 7),
    "30d": (7, 30),
    "365d": (30, 365),
    "older": (365, None),
}

#: A list is never asked for more than so many values of one filter, each so long.
MOST_VALUES = 50
MOST_CHARACTERS = 250


class Arguments(Protocol):
    """What an address says; Werkzeug's ``request.args`` is one."""

    def get(self, key: str) -> str | None:
        """Return the first value."""

    def getlist(self, key: str) -> list[str]:
        """Return all values."""


class ListState(NamedTuple):
    """What a list shows: filters, order, and where in it one is.

    :param groups: of records; empty for those that need action, if nothing else says
        which are wanted.
    :param everything: all groups.
    :param after: where the page begins, as a page before it gave it.
    """

    groups: tuple[Group, ...] = ()
    everything: bool = False
    workflows: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    age: str | None = None
    text: str = ""
    sort: str = SORT
    size: int = SIZE
    after: str | None = None

    @classmethod
    def read(cls, args: Arguments) -> ListState:
        """Read it from an address."""
        asked = args.getlist("group")[:MOST_VALUES]
        known = [group for group in Group if group in asked]
        age = args.get("age")
        return cls(
            groups=tuple(known),
            everything=ALL in asked and not known,
            workflows=_values(args.getlist("workflow")),
            actions=_values(args.getlist("action")),
            types=_values(args.getlist("type")),
            owners=_values(each for each in args.getlist("owner") if is_owner(each)),
            age=age if age in AGES else None,
            text=_line(args.get("q") or ""),
            sort=_line(args.get("sort") or "")[:MOST_CHARACTERS].strip() or SORT,
            size=_size(args.get("size")),
            after=args.get("after") or None,
        )

    def args(self) -> dict[str, Any]:
        """Return it as the arguments of an address; what is usual is left out."""
        found: dict[str, Any] = {
            "group": self.groups or (ALL if self.everything else None),
            "workflow": self.workflows,
            "action": self.actions,
            "type": self.types,
            "owner": self.owners,
            "age": self.age,
            "q": self.text,
            "sort": self.sort if self.sort != SORT else None,
            "size": self.size if self.size != SIZE else None,
            "after": self.after,
        }
        return {key: value for key, value in found.items() if value}

    def pairs(self, *but: str) -> list[tuple[str, str]]:
        """Return the arguments one by one, for the hidden fields of a form."""
        return [
            (key, str(each))
            for key, value in self.args().items()
            if key not in but
            for each in (value if isinstance(value, tuple) else [value])
        ]

    def changed(self, **changes: Any) -> ListState:
        """Return it with something else, from the first page on."""
        return self._replace(**{"after": None, **changes})

    def in_group(self, group: Group | None) -> ListState:
        """Return it for one group, or for all, whatever the text says of groups."""
        return self.changed(
            groups=(group,) if group else (),
            everything=group is None,
            text=without_key(self.text, "is"),
        )

    def toggled(self, facet: str, value: str) -> ListState:
        """Return it with a value of a facet added, or taken away."""
        chosen: tuple[str, ...] = getattr(self, facet)
        if value in chosen:
            return self.changed(**{facet: tuple(v for v in chosen if v != value)})
        return self.changed(**{facet: (*chosen, value)})

    def without_part(self, part: Part) -> ListState:
        """Return it without a part of its text."""
        return self.changed(text=without(self.text, part))

    def cleared(self) -> ListState:
        """Return it without any filter, in the same group and order."""
        text = ""
        for part in parse(self.text).parts:
            if part.key == "is":
                text = f"{text} {part.text}".strip()
        kept = ("workflows", "actions", "types", "owners")
        empty: dict[str, Any] = dict.fromkeys(kept, ())
        return self.changed(**empty, age=None, text=text)


def _values(given: Iterable[str]) -> tuple[str, ...]:
    kept = [
        each
        for each in given
        if each and len(each) <= MOST_CHARACTERS and each.isprintable()
    ]
    return tuple(dict.fromkeys(kept))[:MOST_VALUES]


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _size(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit()):
        return SIZE
    return min(max(int(text[:6]), SMALLEST), LARGEST)

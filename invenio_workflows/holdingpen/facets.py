"""The facets beside a list: what its records have in common, and how many do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..store.lists import SAMPLE, Facets
from ..store.wanted import Count
from .display import number, plain
from .links import Link, age_label, list_url, owner_label
from .texts import _
from .urls import AGES, ListState
from .wanting import Asked

#: So many values of a facet are shown, besides those that are chosen.
MOST = 12


@dataclass(frozen=True, slots=True)
class Facet:
    """A heading, its values, and what their counts are of, if not of everything."""

    title: str
    values: list[Link]
    note: str = ""


def facets(ask: Asked, found: Facets) -> list[Facet]:
    """Return the facets of a list that have anything to choose.

    :param found: what the store counted.
    """
    named = (
        (_("Workflow"), "workflow", "workflows"),
        (_("Action"), "action", "actions"),
        (_("Type"), "data_type", "types"),
        (_("Owner"), "owner", "owners"),
    )
    made = [
        Facet(
            title,
            list(_values(ask.state, key, found.get(name, []))),
            _note(found, name),
        )
        for title, name, key in named
    ]
    ages = list(_ages(ask.state, found.get("age", [])))
    made.append(Facet(_("Age"), ages, _note(found, "age")))
    return [each for each in made if each.values]


def _values(
    state: ListState, key: str, found: list[tuple[Any, Count]]
) -> Iterator[Link]:
    chosen: tuple[str, ...] = getattr(state, key)
    counts = {str(value): count for value, count in found if value not in (None, "")}
    shown = [*chosen, *(value for value in counts if value not in chosen)]
    for value in shown[: MOST + len(chosen)]:
        yield Link(
            owner_label(value) if key == "owners" else plain(value, 80),
            list_url(state.toggled(key, value)),
            value in chosen,
            number(counts[value].number) if value in counts else "",
            value,
        )


def _ages(state: ListState, found: list[tuple[Any, Count]]) -> Iterator[Link]:
    counts = {str(value): count for value, count in found}
    for age in AGES:
        if not (age in counts or age == state.age):
            continue
        chosen = age == state.age
        url = list_url(state.changed(age=None if chosen else age))
        count = number(counts[age].number) if age in counts else ""
        yield Link(age_label(age), url, chosen, count, age)


def _note(found: dict[str, list[tuple[Any, Count]]], name: str) -> str:
    """Return of what the counts are, if not of everything."""
    if all(count.exact for _value, count in found.get(name, [])):
        return ""
    return _("of the newest {n}", n=number(SAMPLE))

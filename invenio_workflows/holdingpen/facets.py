"""The facets beside a list: what its records have in common, and how many do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import url_for

from ..store.lists import SAMPLE, Facets
from ..store.wanted import Count
from .display import number, plain
from .links import Link, age_label, list_url, owner_label
from .people import names
from .query import without_key
from .texts import _
from .urls import AGES, ListState
from .wanting import Asked

#: How many values of a facet are shown, besides those that are chosen; how many more
#: when one asks for them. What is beyond is found by writing its name.
MOST = 12
FOLDED = 28


@dataclass(frozen=True, slots=True)
class Facet:
    """A heading, its values, and what their counts are of, if not of everything.

    :param folded: more values, shown when one asks for them.
    :param beyond: how many there are besides.
    :param word: the filter that finds those, as the search box has it.
    :param about: the address of a page about the values.
    """

    title: str
    values: list[Link]
    note: str = ""
    folded: list[Link] = field(default_factory=list)
    beyond: int = 0
    word: str = ""
    about: str = ""


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
    names([*ask.wanted.owners, *(owner for owner, _count in found.get("owner", []))])
    made = [
        _facet(_chosen(ask, key), title, key, found.get(name, []), _note(found, name))
        for title, name, key in named
    ]
    ages = list(_ages(ask.state, found.get("age", [])))
    made.append(Facet(_("Age"), ages, _note(found, "age")))
    return [each for each in made if each.values]


def _chosen(ask: Asked, key: str) -> ListState:
    """Return the state in which what the text says of a facet is chosen in it.

    So a value that is chosen besides widens the list, however the first one was.
    """
    state, said = ask.state, getattr(ask.query, key)
    if not said:
        return state
    chosen = getattr(state, key)
    both = tuple(dict.fromkeys(each for each in said if not chosen or each in chosen))
    text = without_key(state.text, key[:-1])
    return state.changed(**{"text": text, key: both})


def _facet(
    state: ListState, title: str, key: str, found: list[tuple[Any, Count]], note: str
) -> Facet:
    chosen: tuple[str, ...] = getattr(state, key)
    counts = {str(value): count for value, count in found if value not in (None, "")}
    all_values = [*chosen, *(value for value in counts if value not in chosen)]
    seen = MOST + len(chosen)
    links = [
        Link(
            owner_label(value) if key == "owners" else plain(value, 80),
            list_url(state.toggled(key, value)),
            value in chosen,
            number(counts[value].number) if value in counts else "",
            value,
        )
        for value in all_values[: seen + FOLDED]
    ]
    beyond = len(all_values) - len(links)
    about = _about(chosen) if key == "workflows" else ""
    return Facet(title, links[:seen], note, links[seen:], beyond, f"{key[:-1]}:", about)


def _about(chosen: tuple[str, ...]) -> str:
    """Return the page of the workflow that is chosen, or that of all."""
    if len(chosen) == 1:
        return url_for("holdingpen.definition", name=chosen[0])
    return url_for("holdingpen.definitions")


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

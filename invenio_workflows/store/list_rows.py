"""Rows of lists as people see them, and under what they are counted; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from ..groups import group_of
from ..states import ObjectStatus
from .wanted import NO_RULES, Count, Row, Wanted

#: How long ago it changed, at most; in the order shown.
AGES = {
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "365d": timedelta(days=365),
    "older": timedelta.max,
}
Facets = dict[str, list[tuple[Any, Count]]]

#: What the counters know of an object, beside its group.
COUNTED = ("workflow", "action", "data_type")
#: And with it: a filter on one of these is left out where its own values are counted.
_FILTERS = ("group", *COUNTED)


def facet(counts: Counter[Any], exact: bool) -> list[tuple[Any, Count]]:
    """Return the values of a facet, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
    return [(value, Count(number, exact)) for value, number in ordered if number > 0]


def fits(wanted: Wanted, row: Any) -> bool:
    """Say whether a counter is wanted."""
    return not missed(wanted, row)


def missed(wanted: Wanted, row: Any) -> list[str]:
    """Return the filters that a counter does not pass."""
    found = [] if row.workflow in wanted.workflows else ["workflow"]
    if wanted.groups and row.group not in wanted.groups:
        found.append("group")
    if wanted.actions and row.action not in wanted.actions:
        found.append("action")
    if wanted.data_types and row.data_type not in wanted.data_types:
        found.append("data_type")
    return found


def values(wanted: Wanted, counters: Iterable[Any]) -> dict[str, Counter[Any]]:
    """Return how many objects each value of a filter has, ignoring that filter itself.

    So who misses one filter counts for that one, and who misses none for all.
    """
    found: dict[str, Counter[Any]] = {name: Counter() for name in _FILTERS}
    for each in counters:
        where = missed(wanted, each)
        if len(where) < 2:
            for name in where or _FILTERS:
                found[name][getattr(each, name)] += each.number
    return found


def as_row(row: Iterable[Any]) -> Row:
    """Return a row of the database as a list shows it: :data:`.list_arms.ROW`."""
    oid, title, description, markup, status, waits_for, *others, rules = row
    if markup & 1 and title is not None:
        title = Markup(title)
    if markup & 2 and description is not None:
        description = Markup(description)
    group = group_of(status, waits_for)
    number = _STATUSES[status]
    said = json.loads(rules) if rules else NO_RULES
    of = (oid, title, description, number, waits_for, group, *others, said)
    return Row._make(of)


#: By a number: a page has up to 500 of them.
_STATUSES: dict[int, ObjectStatus] = {int(each): each for each in ObjectStatus}

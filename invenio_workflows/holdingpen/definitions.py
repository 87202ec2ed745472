"""The pages of the definitions: what each does, and who stands where in it now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import abort, render_template, request, url_for
from markupsafe import Markup

from ..groups import Group, group_of
from ..ping import NAME as PING
from ..proxies import current_workflows
from ..states import ObjectStatus
from ..store.list_counts import Alike
from ..store.wanted import Count
from .display import group_label, lasting, plain
from .links import Link, counted, list_url
from .listing import must_look
from .permissions import workflows_for
from .seeing import status_in_words
from .standing import LOST, Here, Standings, address
from .texts import _
from .tree import visible
from .urls import ListState

#: At most this many records of a place are named.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow in the list of those that there are."""

    name: str
    title: str
    doc: str
    url: str
    groups: list[Link]


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A record that stands at a place."""

    id: int
    title: str
    group: str
    word: str
    since: datetime
    how_long: str


def definitions() -> Any:
    """The list of the workflows."""
    must_look()
    counters = current_workflows.lists.counters()
    found = [
        Listed(
            name,
            _title(name),
            _first_line(name),
            url_for("holdingpen.definition", name=name),
            list(_groups(name, counters)),
        )
        for name in _visible(counters)
    ]
    found.sort(key=lambda each: each.title.casefold())
    return render_template("workflows/holdingpen/definitions.html", found=found)


def definition(name: str) -> Any:
    """The page of a workflow."""
    counters = current_workflows.lists.counters()
    if name not in _visible(counters):
        abort(404, _("There is no such workflow, or you may not see it."))
    groups = list(_groups(name, counters))
    context: dict[str, Any] = {"name": name, "title": _title(name), "groups": groups}
    if name in current_workflows.workflows:
        context |= _drawn(name, counters)
    return render_template("workflows/holdingpen/definition.html", **context)


def _drawn(name: str, counters: list[Alike]) -> dict[str, Any]:
    sleepers = current_workflows.standing
    found = current_workflows.definition(name)
    # What runs and has not finished a task has no cursor: it is at the beginning.
    running = [each for each in sleepers.running(name) if each is not None]
    places = Standings(found, sleepers.crowds(name), running)
    chosen = request.args.get("place", "")
    here = places.named(chosen) if chosen else None
    if chosen and here is None:
        abort(404, _("Nobody stands there now, or there is no such place."))
    return {
        "doc": visible(found.doc, 5000),
        "places": places,
        "address": address,
        "lost": LOST,
        "chosen": chosen,
        "beginning": _beginning(name, counters, places),
        "chosen_name": here[0] if here else "",
        "sleepers": _sleepers(name, here[1]) if here else [],
        "most": SHOWN,
        "drawing_text": places.as_text(),
    }


def _visible(counters: list[Alike]) -> tuple[str, ...]:
    """Return the names of the workflows that this person may see."""
    remembered = {each.workflow for each in counters} - {"", PING}
    return workflows_for("view", remembered)


def _title(name: str) -> str:
    if name not in current_workflows.workflows:
        return plain(name)
    return plain(current_workflows.definition(name).title)


def _first_line(name: str) -> str:
    if name not in current_workflows.workflows:
        return _("It is no longer in the code.")
    return plain(current_workflows.definition(name).doc.partition("\n\n")[0])


def _groups(name: str, counters: list[Alike]) -> Iterator[Link]:
    """Yield how many records there are in which group, each a link to their list."""
    numbers = Counter[Group]()
    for each in counters:
        if each.workflow == name:
            numbers[each.group] += each.number
    for group in Group:
        if numbers[group] > 0:
            state = ListState(groups=(group,), workflows=(name,))
            number = counted(Count(numbers[group]))
            yield Link(group_label(group), list_url(state), False, number, str(group))


def _beginning(name: str, counters: list[Alike], places: Standings) -> Count:
    """Return how many are accepted and have not begun."""
    queued = sum(
        each.number
        for each in counters
        if each.workflow == name and each.waits_for == "queue"
    )
    heres = [*places.here.values(), places.lost]
    standing_there = sum(here.numbers.get(None, 0) for here in heres)
    return Count(max(queued - standing_there, 0), all(here.exact for here in heres))


def _sleepers(name: str, here: Here) -> list[Sleeper]:
    rows = current_workflows.standing.at(name, here.at, SHOWN)
    at = datetime.now(UTC)
    return [
        Sleeper(
            row.id,
            _record_title(row),
            str(group_of(ObjectStatus(row.status), row.waits_for)),
            status_in_words(ObjectStatus(row.status), row.waits_for),
            row.stands_since,
            lasting((at - row.stands_since).total_seconds()),
        )
        for row in rows
    ]


def _record_title(row: Any) -> str:
    """Return the title that lists show, as a text."""
    title = Markup(row.title or "").striptags() if row.markup & 1 else row.title
    return plain(title or "") or _("Record {id}", id=row.id)


ROUTES: Any = (
    ("/definitions", definitions, ("GET",)),
    ("/definitions/<path:name>", definition, ("GET",)),
)

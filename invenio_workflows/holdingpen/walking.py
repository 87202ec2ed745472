"""Previous and next: through the list one came from, as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import request, url_for
from markupsafe import Markup

from ..groups import group_of
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..store.relations import Neighbour
from ..store.walks import LONGEST, Walk
from .display import plain
from .listing import asked_for
from .permissions import may, workflows_for
from .seeing import status_in_words
from .texts import _
from .urls import ListState

#: At most this many records that are gone are passed over.
_PASSED_OVER = 100
#: At most this many records are in the list beside the open one.
_BESIDE = 25
#: The most letters that a form may say of the way back.
_LONGEST_BACK = 4000


@dataclass(frozen=True, slots=True)
class Way:
    """Where one may go from a record.

    :param beside: some records of the list in which it is.
    """

    back: str
    previous: str | None
    next: str | None
    beside: list[Neighbour]
    key: str = ""
    place: int | None = None
    total: int = 0


def begun() -> Walk | None:
    """Keep the list from which a record is opened, if its address says which.

    The address of a record in a list is the record's own with the list's arguments.
    """
    args = request.args
    if args.get("walk") or not (
        args.get("from") or ListState.read(args) != ListState()
    ):
        return None
    ask = asked_for()
    try:
        ids = current_workflows.lists.ids(ask.wanted, LONGEST)
    except ValueError:
        return None
    walk: Walk = current_workflows.walks.begin(ids, urlencode(ask.state.pairs()))
    return walk


def walk_of(key: str | None) -> Walk | None:
    """Return the walk of a key, if there still is one."""
    found: Walk | None = current_workflows.walks.get(key or "")
    return found


def way_from(obj: WorkflowObject, key: str | None) -> Way:
    """Return where one may go from a record, on a walk or through the usual list."""
    walk = walk_of(key)
    if walk is None or obj.id not in walk.ids:
        return _usual_way(obj)
    names = workflows_for("view")
    ids = _known_to_me(walk, names)
    if obj.id not in ids:  # it went meanwhile, or to another workflow
        return _usual_way(obj)
    at = ids.index(obj.id)
    begin = max(at - _PASSED_OVER, 0)
    near = ids[begin : at + 1 + _PASSED_OVER]
    found = current_workflows.records.neighbours(near, names)
    there = {each.id: each for each in found}
    before = [there[oid] for oid in reversed(ids[begin:at]) if oid in there]
    after = [there[oid] for oid in ids[at + 1 :][:_PASSED_OVER] if oid in there]
    return Way(
        list_url(walk.back),
        _record(before, walk.key),
        _record(after, walk.key),
        _window(before, [each for each in found if each.id == obj.id], after),
        walk.key,
        at + 1,
        len(ids),
    )


def _known_to_me(walk: Walk, names: Sequence[str]) -> Sequence[int]:
    """Return the records of a walk without those of which this person is not to know.

    Who has its address need not be who began it; not even their number is told.
    """
    if may("view"):
        return walk.ids
    found: list[int] = current_workflows.records.of_workflows(walk.ids, names)
    return found


def _usual_way(obj: WorkflowObject) -> Way:
    """Return the way through the list of what needs action, by its key."""
    names = workflows_for("view")
    before, after = current_workflows.records.around(obj, names, _BESIDE)
    here = [each for each in after[:1] if each.id == obj.id]
    after = after[len(here) :]
    ways = _record(before), _record(after)
    return Way(list_url(""), *ways, _window(before, here, after))


def _window(
    before: list[Neighbour], here: list[Neighbour], after: list[Neighbour]
) -> list[Neighbour]:
    """Return what is shown of a list, the open record in its middle where it can."""
    above = max(_BESIDE // 2, _BESIDE - len(here) - len(after))
    shown = [*reversed(before[:above]), *here, *after]
    return shown[:_BESIDE]


@dataclass(frozen=True, slots=True)
class Beside:
    """A record of the list beside the one that is open."""

    title: str
    url: str
    group: str
    standing: str
    is_here: bool


def beside(obj: WorkflowObject, way: Way) -> list[Beside]:
    """Return some records of the list in which one is, the open one among them."""
    return [
        Beside(
            _plain(each),
            _record([each], way.key) or "",
            str(group_of(each.status, each.waits_for)),
            status_in_words(each.status, each.waits_for),
            each.id == obj.id,
        )
        for each in way.beside
    ]


def _plain(each: Neighbour) -> str:
    text = Markup(each.title).striptags() if each.is_markup else each.title
    return plain(text, 160) or _("Record {id}", id=each.id)


def _record(found: list[Neighbour], key: str = "") -> str | None:
    """Return the address of the first of these, if there is one."""
    if not found:
        return None
    more: dict[str, Any] = {"walk": key} if key else {}
    return url_for("holdingpen.record", oid=found[0].id, **more)


def list_url(query: str) -> str:
    """Return the list's address with these arguments: ours, wherever they come from."""
    url = url_for("holdingpen.index")
    return f"{url}?{query}" if query else url


def way_back(text: str) -> str:
    """Return the list that a form says it came from; never another site."""
    if len(text) > _LONGEST_BACK:
        return list_url("")
    try:
        query = urlsplit(text).query
    except ValueError:
        return list_url("")
    return list_url("".join(c for c in query if c.isascii() and c.isprintable()))

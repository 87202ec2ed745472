"""Previous and next: through the list one came from, as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import request, url_for
from markupsafe import Markup

from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import group_of
from ..store.record_queries import Neighbour
from ..store.walks import LONGEST, Walk
from .display import plain
from .listing import asked_for, person
from .permissions import workflows_for
from .seeing import standing
from .texts import _
from .urls import ListState
from .wanting import asked

#: So many records that are gone are passed over.
_PASSED_OVER = 100
#: So many records are in the list beside the open one.
_BESIDE = 25
#: So long may what a form says of the way back be.
_LONGEST_BACK = 4000


@dataclass(frozen=True, slots=True)
class Way:
    """Where one may go from a record."""

    back: str
    previous: str | None
    next: str | None
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
    if walk is None or walk.place(obj.id) is None:
        before, after = current_workflows.records.beside(obj, workflows_for("view"))
        return Way(list_url(""), _record(before), _record(after))
    at = walk.ids.index(obj.id)
    before = _first(walk.ids[max(at - _PASSED_OVER, 0) : at][::-1])
    after = _first(walk.ids[at + 1 : at + 1 + _PASSED_OVER])
    return Way(
        list_url(walk.back),
        _record(before, walk.key),
        _record(after, walk.key),
        walk.key,
        at + 1,
        len(walk.ids),
    )


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
    walk = walk_of(way.key)
    if walk is not None and way.place is not None:
        begin = max(min(way.place - 1 - _BESIDE // 2, len(walk.ids) - _BESIDE), 0)
        ids: Sequence[int] = walk.ids[begin : begin + _BESIDE]
    else:
        usual = asked(ListState(), person()).wanted
        ids = current_workflows.lists.ids(usual, _BESIDE)
    found = current_workflows.records.neighbours(ids, workflows_for("view"))
    return [
        Beside(
            _plain(each),
            _record(each.id, way.key) or "",
            str(group_of(each.status, each.waits_for)),
            standing(each.status, each.waits_for),
            each.id == obj.id,
        )
        for each in found
    ]


def _plain(each: Neighbour) -> str:
    text = Markup(each.title).striptags() if each.is_markup else each.title
    return plain(text, 160) or _("Record {id}", id=each.id)


def _first(ids: Sequence[int]) -> int | None:
    """Return the first record that is still there, and that this person may see."""
    return current_workflows.records.first_of(ids, workflows_for("view"))


def _record(oid: int | None, key: str = "") -> str | None:
    if oid is None:
        return None
    more: dict[str, Any] = {"walk": key} if key else {}
    return url_for("holdingpen.record", oid=oid, **more)


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

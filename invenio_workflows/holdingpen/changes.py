"""What changed in a record, field by field, and who set each field last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import abort, render_template, request

from ..differences import NOTHING, Change, blamed, difference, fields
from ..encoding import dumps
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..store.queries import HistoryEvent
from ..store.record_queries import MOST_CHANGES
from .permissions import find
from .seeing import Sight, shown_copy, sight, title_of
from .texts import _
from .timeline import word_of
from .tree import MOST_FIELDS, visible

#: At most this many fields that differ are shown.
MOST_SHOWN = 500
#: At most this many letters of a field are shown.
_LETTERS = 2000
_ORDER = {"changed": 0, "added": 1, "removed": 2}


@dataclass(frozen=True, slots=True)
class Told:
    """A field that differs, as it is shown."""

    where: str
    kind: str
    before: str
    after: str

    @property
    def word(self) -> str:
        """The kind in words."""
        return {
            "changed": _("changed"),
            "added": _("added"),
            "removed": _("removed"),
        }[self.kind]


def tell(changes: list[Change]) -> list[Told]:
    """Return differences as they are shown, changed fields first."""
    shown = sorted(changes, key=lambda each: _ORDER[each.kind])[:MOST_SHOWN]
    return [
        Told(visible(each.where, 500), each.kind, _text(each.before), _text(each.after))
        for each in shown
    ]


def _text(value: Any) -> str:
    if value is NOTHING:
        return ""
    if isinstance(value, str):
        return visible(value, _LETTERS)
    plain = json.loads(dumps(value))
    indent = 2 if isinstance(plain, (dict, list)) else None
    return visible(json.dumps(plain, ensure_ascii=False, indent=indent), _LETTERS)


def told(obj: WorkflowObject, before: int | None, after: int | None) -> list[Told]:
    """Return what differs in the data between two events, as this person may see it.

    :param before: the event; ``None`` for the beginning.
    :param after: the event; ``None`` for now.
    """
    seen = sight(obj)
    return tell(
        difference(seen.of(_at(obj, before)), seen.of(_at(obj, after, obj.data)))
    )


def _at(obj: WorkflowObject, seq: int | None, now: Any = None) -> Any:
    records = current_workflows.records
    if seq is None and now is not None:
        return now
    try:
        return records.initial(obj.id) if seq is None else records.data_at(obj.id, seq)
    except LookupError:
        return obj.data if seq is None else {}


def changes(oid: int) -> Any:
    """The difference between two moments: the beginning and now, or around an event."""
    obj = find(oid)
    event = number_in("event")
    begin, end = number_in("from"), number_in("to")
    if event is not None:
        begin, end = event - 1, event
    found = told(obj, begin, end)
    return render_template(
        "workflows/holdingpen/changes.html",
        obj=obj,
        title=title_of(shown_copy(obj, sight(obj))),
        changes=found,
        event=_event(obj, end),
        word_of=word_of,
        is_one=event is not None,
        begin=begin,
        end=end,
        most=MOST_SHOWN,
        walk=request.args.get("walk", "")[:43],
    )


def _event(obj: WorkflowObject, seq: int | None) -> HistoryEvent | None:
    if seq is None:
        return None
    found = current_workflows.records.event(obj.id, seq)
    if found is None:
        abort(404)
    event: HistoryEvent = found
    return event


def number_in(name: str) -> int | None:
    """Return the number that the address gives under a name, if it is one."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def fields_(oid: int) -> Any:
    """Who set each field last."""
    obj = find(oid)
    view = sight(obj)
    found = current_workflows.records.data_changes(obj.id)
    rows, left_out = _rows(obj, view, found)
    return render_template(
        "workflows/holdingpen/fields.html",
        obj=obj,
        title=title_of(shown_copy(obj, view)),
        rows=rows,
        left_out=left_out,
        complete=found.complete,
        most=MOST_CHANGES,
        read=len(found.changes),
        oldest=found.changes[0].event if found.changes else None,
        walk=request.args.get("walk", "")[:43],
        word_of=word_of,
    )


@dataclass(frozen=True, slots=True)
class SetBy:
    """A field, and the event that set it last; ``None`` before all that was read."""

    where: str
    value: str
    event: HistoryEvent | None

    @property
    def who(self) -> str:
        """The person, where one set it."""
        payload = self.event.payload if self.event else None
        said = payload.get("actor") if isinstance(payload, dict) else None
        return visible(said or "", 200)

    @property
    def task(self) -> str:
        """The task, where one set it."""
        return visible(self.event.task, 255) if self.event else ""


def _rows(obj: WorkflowObject, view: Sight, found: Any) -> tuple[list[SetBy], int]:
    blame: Any = None
    before = view.of(found.before)
    for change in found.changes:
        after = view.of(change.data)
        blame, before = blamed(before, after, blame, change.event), after
    now = view.of(obj.data)
    if found.changes or found.complete:
        blame = blamed(before, now, blame, None)
    every = [] if view.all_hidden else list(fields(now, blame))
    rows = [
        SetBy(visible(each.where, 500), _text(each.value), each.by)
        for each in every[:MOST_FIELDS]
    ]
    return rows, max(len(every) - MOST_FIELDS, 0)


ROUTES: Any = (
    ("/<int:oid>/changes", changes, ("GET",)),
    ("/<int:oid>/fields", fields_, ("GET",)),
)

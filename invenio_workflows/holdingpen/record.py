"""The page of one record: why it stopped, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import current_app, redirect, render_template, request, url_for

from ..encoding import dumps
from ..groups import group_of
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import ObjectStatus, may
from ..store.relations import MOST_FAILED, MOST_RELATED, Relative
from .asking import asked, form_fields, moves, tasks_to_restart
from .auditing import audit_of
from .changes import Told, told
from .drawing import Drawing, Drawn, as_text
from .forms import Sent
from .hiding import error_as_seen
from .left_drafts import left_draft
from .people import names
from .permissions import find
from .permissions import may as allowed
from .results import results_of
from .seeing import (
    Sight,
    default_format,
    definition_of,
    description_of,
    formats_of,
    formatted,
    shown_copy,
    sight,
    status_in_words,
    title_of,
)
from .timeline import LEVELS, Before, Timeline, duration, timeline
from .tree import tree, visible
from .walking import begun, beside, way_from

#: At most this many others that failed alike are counted, and restarted, at once.
MOST_ALIKE = 1000
#: Branches like this are named where the record waits for them.
_NEEDY = (ObjectStatus.HALTED, ObjectStatus.ERROR)


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person is told before all else: that it was not done, and why.

    :param changes: what differs from what the person had seen.
    :param typed: what the person typed, where no form is there to hold it.
    """

    message: str
    changes: list[Any] = field(default_factory=list)
    is_conflict: bool = False
    typed: list[tuple[str, str]] = field(default_factory=list)
    #: Of what was typed, the files that are kept for a month, by their fields' names.
    files: dict[str, str] = field(default_factory=dict)


def record(oid: int) -> Any:
    """The page of a record."""
    obj = seen(oid)
    walk = begun()
    if walk is not None:
        return redirect(url_for("holdingpen.record", oid=oid, walk=walk.key), 303)
    return page(obj, request.args.get("walk"))


def details(oid: int) -> Any:
    """The record's old address."""
    seen(oid)
    kept: Any = request.args.to_dict(flat=False)
    return redirect(url_for("holdingpen.record", oid=oid, **kept), 301)


def data(oid: int) -> Any:
    """The data as JSON, as far as this person may see them."""
    obj = seen(oid)
    shown = sight(obj).of(obj.data)
    return current_app.response_class(dumps(shown), mimetype="application/json")


def seen(oid: int, verb: str = "view") -> WorkflowObject:
    """Return an object in whose workflow the person may do that.

    :raises werkzeug.exceptions.NotFound: if there is none, or it may not be seen.
    """
    return find(oid, verb)


def page(
    obj: WorkflowObject,
    walk: str | None = None,
    alert: Alert | None = None,
    given: Mapping[str, Any] | None = None,
    sent: Sent | None = None,
) -> str:
    """Return the page of a record.

    :param given: what the person had filled in, to be there still.
    :param sent: the same of a form that a JSON Schema makes.
    """
    view = sight(obj)
    shown = shown_copy(obj, view)
    way = way_from(obj, walk)
    hidden = {"_revision": str(obj.revision), "_walk": way.key}
    branches = current_workflows.records.branches(obj.id)
    question = asked(obj, shown, hidden, given or {}, sent)
    error = _error(obj, view.sees_all)
    context = {
        "obj": shown,
        "title": title_of(shown),
        "description": description_of(shown),
        "standing": status_in_words(obj.status, obj.waits_for),
        "group": str(group_of(obj.status, obj.waits_for)),
        "alert": alert,
        # What was just refused has been told with its reason.
        "left": left_draft(obj) if alert is None else None,
        "way": way,
        "beside": beside(obj, way),
        "duration": duration,
        "form_fields": form_fields(hidden),
        "asked": question,
        "moves": moves(obj),
        "tasks": tasks_to_restart(obj),
        "may_comment": allowed("decide", obj.get_workflow_name()),
        "error": error,
        "since": _since(obj) if question or error else None,
        "needy": _NEEDY,
        "branches": branches,
        **_data(shown, view),
        "results": results_of(shown),
        "timeline": _timeline(obj, view.sees_all),
        "levels": LEVELS,
        "audit": audit_of(obj.id, obj.get_workflow_name()),
        **_drawn(obj, branches[:MOST_RELATED]),
        **_related(obj),
    }
    return render_template("workflows/holdingpen/record.html", **context)


def _data(shown: WorkflowObject, view: Sight) -> dict[str, Any]:
    definition = definition_of(shown)
    offered = formats_of(definition, default_format())
    of = request.args.get("of")
    of = of if of in offered else offered[0]
    return {
        "formatted": None if view.all_hidden else formatted(shown, of),
        "formats": offered,
        "of": of,
        "tree": None if view.all_hidden else tree(shown.data),
        "is_partial": bool(view.paths),
        "has_definition": definition is not None,
        "known": None if definition else _known(shown),
    }


def _known(obj: WorkflowObject) -> Any:
    """Return what others know of a workflow that this process does not have."""
    name = obj.get_workflow_name()
    return current_workflows.known.find(name) if name else None


def _error(obj: WorkflowObject, told_all: bool) -> dict[str, Any] | None:
    error = obj.get_error_message()
    if obj.status != ObjectStatus.ERROR or not error:
        return None
    pair = isinstance(error, (tuple, list)) and len(error) == 2
    line, trace = (str(error[0]), str(error[1])) if pair else (str(error), "")
    found = current_workflows.records.alike(obj, MOST_ALIKE + 1)
    restarts = allowed("restart", obj.get_workflow_name())
    return {
        "line": visible(error_as_seen(line, told_all), 2000),
        "trace": visible(trace, 50_000) if told_all else "",
        "alike": min(len(found.ids), MOST_ALIKE),
        "more": len(found.ids) > MOST_ALIKE,
        "newest": 0 if found.complete else MOST_FAILED,
        "may_restart": restarts and may("restart_task", obj.status, obj.waits_for),
    }


def _timeline(obj: WorkflowObject, told_all: bool) -> Timeline:
    before = Before.read(request.args.get("before", ""))
    level, at = request.args.get("level", "all"), request.args.get("at", "")
    found = timeline(obj.id, level, before, at, told_all)
    names([obj.id_user, *(entry.who for entry in found.entries)])
    return found


def _since(obj: WorkflowObject) -> datetime:
    """Return when it stopped where it is."""
    since: datetime = current_workflows.records.stopped(obj.id) or obj.modified
    return since


def _drawn(obj: WorkflowObject, branches: list[Relative]) -> dict[str, Any]:
    definition = definition_of(obj)
    if definition is None:
        return {"drawing": [], "drawing_text": [], "definition": None}
    records = current_workflows.records
    below = records.below(branches)
    passed = records.passed([obj.id, *(each.id for each in below)])
    if origins := records.origins(obj):
        passed += records.passed(origins)
    awake = (ObjectStatus.COMPLETED, ObjectStatus.CANCELLED, ObjectStatus.ERROR)
    here = [each.position for each in below if each.status not in awake]
    here.append(tuple(obj.get_current_task()))
    failed = [each.position for each in below if each.status == ObjectStatus.ERROR]
    drawing: list[Drawn] = Drawing(definition, obj, passed, here, failed).draw()
    return {
        "drawing": drawing,
        "drawing_text": as_text(drawing),
        "definition": definition,
    }


def _related(obj: WorkflowObject) -> dict[str, Any]:
    records, uuid = current_workflows.records, obj.id_workflow
    run = current_workflows.queries.run_row(uuid) if uuid else None
    return {
        "run": run,
        "progress": current_workflows.queries.progress(uuid) if run else None,
        "siblings": records.of_run(uuid) if run else [],
        "snapshots": records.snapshots(obj.id),
        "most_related": MOST_RELATED,
        "standing_of": status_in_words,
    }


def conflict(
    obj: WorkflowObject, revision: int | None, message: str, is_conflict: bool
) -> Alert:
    """Return what to tell who decided on something that is not so any more."""
    found: list[Told] = []
    if revision is not None and revision != obj.revision:
        found = told(obj, revision, None)
    return Alert(message, found, is_conflict)


ROUTES: Any = (
    ("/<int:oid>", record, ("GET",)),
    ("/details/<int:oid>", details, ("GET",)),
    ("/<int:oid>/data.json", data, ("GET",)),
)

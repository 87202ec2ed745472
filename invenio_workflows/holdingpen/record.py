"""The record: one object, why it stopped, and what can be done with it."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for

from ..objects import WorkflowObject
from ..proxies import current_workflows
from .permissions import require


def record(oid: int) -> Any:
    """The page of a record."""
    obj = seen(oid)
    return render_template("workflows/holdingpen/record.html", obj=obj)


def details(oid: int) -> Any:
    """The record's old address."""
    seen(oid)
    kept: Any = request.args.to_dict(flat=False)
    return redirect(url_for("holdingpen.record", oid=oid, **kept), 301)


def seen(oid: int, verb: str = "view") -> WorkflowObject:
    """Return an object in whose workflow the person may do that.

    :raises werkzeug.exceptions.NotFound: if there is none, or it may not be seen.
    """
    obj: WorkflowObject | None = current_workflows.queries.query().get(oid)
    if obj is None:
        abort(404)
    require(verb, obj.get_workflow_name())
    return obj


ROUTES = (
    ("/<int:oid>", record, ("GET",)),
    ("/details/<int:oid>", details, ("GET",)),
)

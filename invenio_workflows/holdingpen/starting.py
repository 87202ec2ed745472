"""Starting a workflow from a page: which, with what, and what became of it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import abort, redirect, render_template, request, url_for

from ..api import start_delayed
from ..errors import WorkflowsError
from ..groups import group_of
from ..objects import WorkflowObject
from ..proxies import current_workflows
from .display import group_label, plain
from .permissions import actor, may, workflows_for
from .refusals import told
from .texts import _

_logger = logging.getLogger(__name__)

#: At most this many objects of a run are shown after its start.
SHOWN = 50


@dataclass(slots=True)
class Form:
    """What was filled in, and what is wrong with it, by field."""

    workflow: str = ""
    text: str = ""
    processor: str = ""
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """A workflow that may be started: its name, and what it says of itself."""

    name: str
    title: str
    doc: str


def start() -> Any:
    """The form; with ``run`` in the address, what was started."""
    uuid = request.args.get("run")
    if uuid is not None:
        return started(uuid)
    return _page(Form(workflow=request.args.get("workflow", "")))


def start_run() -> Any:
    """Start what the form says."""
    form = Form(
        request.form.get("workflow", ""),
        request.form.get("data", ""),
        request.form.get("processor", ""),
    )
    if not may("start", form.workflow or None):
        known = form.workflow in workflows_for("view")
        abort(403 if known else 404, _("You may not start this workflow."))
    items = _items(form)
    if items is None:
        return _page(form), 422
    me = actor()
    objects = _objects(form.workflow, items, me)
    try:
        result = start_delayed(form.workflow, objects, stop_on_error=False, id_user=me)
    except (ValueError, WorkflowsError) as error:
        form.faults[_blamed()] = told(error)
        return _page(form), 422
    return redirect(url_for("holdingpen.start", run=result.uuid), 303)


def started(uuid: str) -> Any:
    """What a start began: the run's records and where they stand."""
    if not (uuid.isascii() and uuid.isprintable()):  # no database takes a NUL
        abort(404)
    info = current_workflows.store.run_info(uuid)
    if not (may("view", info.name) or may("start", info.name)):
        abort(404)
    query = current_workflows.queries.query()
    objects = query.filter_by(id_workflow=info.uuid, id_parent=None, id_fork=None)
    return render_template(
        "workflows/holdingpen/started.html",
        run=info,
        title=current_workflows.definition(info.name).title
        if info.name in current_workflows.workflows
        else info.name,
        count=objects.count(),
        objects=objects.order_by("id").limit(SHOWN).all(),
        group_of=group_of,
        group_label=group_label,
        may_view=may("view", info.name),
    )


def _page(form: Form) -> Any:
    """Return the form as it was filled in, with what is wrong beside it."""
    choices = list(_choices())
    if not choices:
        abort(403, _("You may not start any workflow."))
    return render_template(
        "workflows/holdingpen/start.html",
        form=form,
        choices=choices,
        processors=sorted(current_workflows.processors),
    )


def _choices() -> Iterator[Choice]:
    for name in workflows_for("start"):
        if name in current_workflows.workflows:
            found = current_workflows.definition(name)
            yield Choice(
                name, plain(found.title), plain(found.doc.partition("\n\n")[0])
            )


def _items(form: Form) -> Iterator[Any] | None:
    """Return what to start with; ``None`` if the form does not say."""
    file = request.files.get("file")
    given = file is not None and bool(file.filename)
    if given and form.text.strip():
        form.faults["file"] = _("Give data or a file, not both.")
    elif given and form.processor not in current_workflows.processors:
        form.faults["processor"] = _("Choose how the file is to be read.")
    elif given and file is not None:
        return _read(form.processor, file.stream)
    elif not form.text.strip():
        form.faults["data"] = _("Give data, or a file.")
    else:
        return _read("json", io.BytesIO(form.text.encode("utf-8", "replace")))
    return None


def _read(name: str, stream: Any) -> Iterator[Any]:
    """Yield what a data processor makes of a file; tell in a sentence why it cannot."""
    try:
        yield from current_workflows.processors[name](stream)
    except ValueError:
        raise
    except Exception as error:
        _logger.exception("The data processor %s failed.", name)
        raise ValueError(
            _("The data processor {name} failed; the log says why.", name=name)
        ) from error


def _objects(
    workflow: str, items: Iterator[Any], me: str | None
) -> Iterator[WorkflowObject]:
    """Yield an object of this person's for each item."""
    kind = current_workflows.definition(workflow).data_type
    for item in items:
        yield WorkflowObject(item, data_type=kind, id_user=me)


def _blamed() -> str:
    """Return the field that is to be corrected when a start is refused."""
    file = request.files.get("file")
    return "file" if file is not None and file.filename else "data"


ROUTES: Any = (
    ("/start", start, ("GET",)),
    ("/start/run", start_run, ("POST",)),
)

"""Editing and deleting: the pages that ask again before anything changes."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for

from .. import api
from ..deciding import validate
from ..differences import difference
from ..encoding import dumps, loads
from ..errors import IllegalMove, ObjectNotFound, WorkflowAPIError
from ..objects import WorkflowObject
from ..states import require as require_status
from .asking import form_fields
from .auditing import refusal
from .changes import tell
from .decide import revision_seen, tell_if_deleted
from .display import number
from .guard import page_of_error, wants_json
from .own_words import json_fault
from .permissions import actor
from .record import Alert, conflict, seen
from .refusals import told
from .seeing import shown_copy, sight, title_of
from .texts import _
from .tree import visible

#: Longer data are not edited in a page.
LONGEST = 300_000
_TURNING = re.compile(
    "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x7f-\x9f\ud800-\udfff]"
)


def edit(oid: int) -> Any:
    """The form with the data of a record."""
    obj = seen(oid, "edit")
    require_status("edit", oid, obj.status, obj.waits_for)
    return _form(obj, _written(obj.data))


def save(oid: int) -> Any:
    """Show what would change; when that was seen, keep it."""
    tell_if_deleted(oid)
    obj, revision = seen(oid, "edit"), revision_seen()
    text = request.form.get("data", "")
    try:
        data = _read(oid, text)
        validate(obj, data)
        if not request.form.get("confirm"):
            require_status("edit", oid, obj.status, obj.waits_for)
            return _form(obj, text, changes=tell(difference(obj.data, data)))
        reason = request.form.get("reason", "").strip()
        api.edit(oid, data, actor(), revision, reason, "page")
    except IllegalMove as error:
        return _refused(oid, text, revision, refusal(oid, revision, error))
    except ObjectNotFound:
        abort(404)
    except (ValueError, WorkflowAPIError) as error:
        said = visible(told(error), 2000)
        return _answer(_form(obj, text, Alert(said)), 422, said)
    flash(_("The data of record {id} are changed.", id=oid))
    return redirect(_record(oid), 303)


def remove(oid: int) -> Any:
    """The page that asks whether a record is to be deleted."""
    obj = seen(oid, "delete")
    require_status("delete", oid, obj.status, obj.waits_for)
    return render_template("workflows/holdingpen/remove.html", **_context(obj))


def _form(
    obj: WorkflowObject,
    text: str,
    alert: Alert | None = None,
    changes: Any = None,
) -> str:
    return render_template(
        "workflows/holdingpen/edit.html",
        **_context(obj),
        text=text,
        alert=alert,
        changes=changes,
        reason=request.form.get("reason", ""),
        too_long=too_long(obj.id, len(text)) if len(text) > LONGEST else "",
    )


def _context(obj: WorkflowObject) -> dict[str, Any]:
    walk = (request.form.get("_walk") or request.args.get("walk") or "")[:43]
    hidden = {"_revision": str(obj.revision), "_walk": walk}
    return {
        "obj": obj,
        "title": title_of(shown_copy(obj, sight(obj))),
        "form_fields": form_fields(hidden),
        "url": _record(obj.id),
    }


def _record(oid: int) -> str:
    walk = (request.form.get("_walk") or request.args.get("walk") or "")[:43]
    more: dict[str, Any] = {"walk": walk} if walk else {}
    return url_for("holdingpen.record", oid=oid, **more)


def _refused(oid: int, text: str, revision: int, message: str) -> Any:
    """Show what changed meanwhile; what was written stays in the form."""
    now = seen(oid, "edit")
    alert = conflict(now, revision, visible(message, 2000), True)
    return _answer(_form(now, text, alert), 409, message)


def _answer(page: str, code: int, message: str) -> Any:
    return page_of_error(code, message) if wants_json() else Response(page, code)


def _written(data: Any) -> str:
    """Return data as JSON to edit; what does not show as it is, by its number."""
    text = json.dumps(json.loads(dumps(data)), ensure_ascii=False, indent=2)
    return _TURNING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def too_long(oid: int, letters: int) -> str:
    """Return what to do with data that no page can hold."""
    return _(
        "These data have {n} letters; in a page at most {most} are edited. Edit them "
        "from Python: invenio_workflows.api.edit({id}, data, actor=…).",
        n=number(letters),
        most=number(LONGEST),
        id=oid,
    )


def _read(oid: int, text: str) -> Any:
    """Return the data that a person wrote.

    :raises ValueError: saying where it is not JSON.
    """
    if len(text) > LONGEST:
        raise ValueError(too_long(oid, len(text)))
    try:
        return loads(json.dumps(json.loads(text, parse_constant=_no_number)))
    except json.JSONDecodeError as error:
        raise ValueError(
            _(
                "This is not JSON: line {line}, column {column}: {what}.",
                line=error.lineno,
                column=error.colno,
                what=json_fault(error.msg),
            )
        ) from None
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(_("This cannot be a value: {what}.", what=error)) from None
    except RecursionError:
        raise ValueError(_("This is nested too deep.")) from None


def _no_number(name: str) -> Any:
    raise ValueError(_("{name} is not a number in JSON.", name=name))


ROUTES: Any = (
    ("/<int:oid>/edit", edit, ("GET",)),
    ("/<int:oid>/save", save, ("POST",)),
    ("/<int:oid>/remove", remove, ("GET",)),
)

"""What a person decides: every route here changes something, by POST.

Each carries the revision that was seen. What is refused comes back on the record's
page as it is now, with the reason and with what changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flask import (
    Response,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    request,
    url_for,
)

from .. import api
from ..errors import (
    ConfigurationError,
    DatabaseUnavailable,
    IllegalMove,
    InputNotValid,
    ObjectNotFound,
    OwnSubmission,
    WorkflowsError,
)
from ..groups import group_of
from ..objects import WorkflowObject
from ..proxies import current_workflows
from ..states import INPUT
from .auditing import refusal
from .ballot import votes_lacking
from .display import number
from .flask_wtf import csrf_field
from .forms import (
    Sent,
    asks_still,
    forget,
    give,
    kept_draft,
    left_over,
    redraw,
    typed,
)
from .guard import page_of_error, wants_json
from .people import name
from .permissions import actor, may
from .record import MOST_ALIKE, Alert, conflict, page, seen
from .refusals import told
from .seeing import status_in_words
from .texts import _, ngettext
from .tree import visible
from .walking import Way, way_back, way_from

#: What our own forms carry beside the answer.
_OURS = ("_action", "_revision", "_walk", "_back", "_stay")

#: Seconds that a request which queues many records may take.
_MOST_SECONDS = 2.0

#: Does it, for the object and the revision that was seen.
Doing = Callable[[WorkflowObject, int], Any]


def resolve(oid: int) -> Any:
    """Answer what a halted record asks."""
    if request.form.get("_action") == INPUT:
        said = _("Record {id} has your answer.", id=oid)
        return _decided(oid, "decide", give, partial(_said_of_answer, oid, said))
    answer = {
        key: values[0] if len(values) == 1 else values
        for key, values in request.form.lists()
        if key not in (csrf_field(), *_OURS)
    }

    def do(obj: WorkflowObject, revision: int) -> Any:
        asked = request.form.get("_action") or None
        who = actor()
        return api.resolve(oid, asked, answer, who, revision, True, origin="page")

    said = _("Record {id} is decided.", id=oid)
    return _decided(oid, "decide", do, partial(_said_of_answer, oid, said))


def _said_of_answer(oid: int, said: str, done: Any) -> str:
    """Return what became of an answer: a decision, or a vote that waits for others."""
    if done is None:
        lacking = votes_lacking(oid, revision_seen())
        if lacking:
            return ngettext(
                "Your vote on record {id} is kept; {n} more is needed.",
                "Your vote on record {id} is kept; {n} more are needed.",
                lacking,
                id=oid,
            )
    return said


def form(oid: int) -> Any:
    """Draw the form again, with a row more or less, or keep what is typed in it."""
    tell_if_deleted(oid)
    obj = seen(oid, "decide")
    if request.form.get("_do") == "forget:":
        return forget(obj)
    sent = redraw(obj)
    if sent is None:
        said = _("The record does not ask this any more.")
        return _again(obj, said, 409, revision_seen())
    if request.form.get("_do") == "keep:":
        return kept_draft(obj)
    return page(obj, request.form.get("_walk"), sent=sent)


def continue_(oid: int) -> Any:
    """Go on with the next task."""
    said = _("Record {id} goes on.", id=oid)
    return _decided(oid, "restart", _goes_on("continue_next"), said)


def restart_task(oid: int) -> Any:
    """Run again the task at which the record stands."""
    said = _("Record {id} runs its task again.", id=oid)
    return _decided(oid, "restart", _goes_on("restart_task"), said)


def restart(oid: int) -> Any:
    """Start over from the first task."""
    said = _("Record {id} starts over.", id=oid)
    return _decided(oid, "restart", _goes_on("restart_first"), said)


def restart_from(oid: int) -> Any:
    """Go on from the task that was chosen."""
    task = request.form.get("task", "")[:255]
    said = _("Record {id} goes on from the task chosen.", id=oid)
    return _decided(oid, "restart", _goes_on(f"task:{task}"), said)


def _goes_on(start_point: str) -> Doing:
    def do(obj: WorkflowObject, revision: int) -> Any:
        return api.continue_oid_delayed(
            obj.id,
            start_point,
            actor=actor(),
            revision=revision,
            reason=_reason(),
            origin="page",
        )

    return do


def restart_alike(oid: int) -> Any:
    """Queue the records that failed with the same words, as many as a moment allows.

    Each is a decision of its own. How many are left is said; they wait on the page.
    """
    obj = seen(oid, "restart")
    ids: list[int] = current_workflows.records.alike(obj, MOST_ALIKE + 1).ids
    done, refused = _queued(ids[:MOST_ALIKE])
    left = len(ids) - done - refused
    said = ngettext("{n} record runs again.", "{n} records run again.", done)
    if refused:
        said += " " + _("{n} had moved meanwhile.", n=refused)
    if left:
        more = len(ids) > MOST_ALIKE
        count = number(left) + "+" * more
        said += " " + ngettext(
            "{n} other is left.", "{count} others are left.", left + more, count=count
        )
    if wants_json():
        return jsonify(message=said, restarted=done, refused=refused, left=left)
    flash(said)
    return redirect(_own(obj), 303)


def _queued(ids: list[int]) -> tuple[int, int]:
    """Queue failed records until the time is up, one at least.

    :return: how many run again, and how many somebody else had moved.
    """
    done, refused, end = 0, 0, time.monotonic() + _MOST_SECONDS
    for each in ids:
        try:
            api.continue_oid_delayed(
                each, "restart_task", actor=actor(), reason=_reason(), origin="page"
            )
            done += 1
        except (IllegalMove, ObjectNotFound):
            refused += 1
        if time.monotonic() > end:
            break
    return done, refused


def comment(oid: int) -> Any:
    """Say something about a record."""
    obj = seen(oid, "decide")
    try:
        api.comment(oid, request.form.get("text", ""), actor(), origin="page")
    except ValueError as error:
        return _again(obj, told(error), 422)
    if wants_json():
        return jsonify(message=_("The comment is kept."))
    flash(_("The comment is kept."))
    return redirect(_own(obj) + "#timeline", 303)


def cancel(oid: int) -> Any:
    """Cancel a record: it does not go on, and is kept."""

    def do(obj: WorkflowObject, revision: int) -> Any:
        return api.cancel(oid, actor(), revision, _reason(), "page")

    return _decided(oid, "restart", do, _("Record {id} is cancelled.", id=oid))


def delete(oid: int) -> Any:
    """Delete a record for good."""

    def do(obj: WorkflowObject, revision: int) -> Any:
        return api.delete(oid, actor(), revision, _reason(), "page")

    return _decided(oid, "delete", do, _("Record {id} is deleted.", id=oid))


# --- how each of them goes ------------------------------------------------------------


def _decided(oid: int, verb: str, do: Doing, said: str | Callable[[Any], str]) -> Any:
    tell_if_deleted(oid)
    obj = seen(oid, verb)
    revision = revision_seen()
    way = way_from(obj, request.form.get("_walk"))
    try:
        done = do(obj, revision)
    except IllegalMove as error:
        by = error.details.get("by")
        return _again(obj, refusal(oid, revision, error), 409, revision, by)
    except ValueError as error:  # what the action says of the answer
        return _again(obj, told(error), 422, wrong=error)
    except ObjectNotFound:
        abort(404)
    except WorkflowsError as error:
        return _again(obj, told(error), _code(error))
    return _onward(oid, way, said if isinstance(said, str) else said(done))


def _code(error: WorkflowsError) -> int:
    """Return how an answer is refused for this reason."""
    if isinstance(error, OwnSubmission):
        return 403
    away = isinstance(error, (ConfigurationError, DatabaseUnavailable))
    return 503 if away else 422


def tell_if_deleted(oid: int) -> None:
    """Say who deleted a record, to those who were allowed to see it.

    :raises werkzeug.exceptions.Conflict: if somebody did.
    """
    there, workflow = current_workflows.records.workflow_of(oid)
    if may("view", workflow) and there:
        return
    for row in current_workflows.audit.of(oid, 1):
        if row.verb == "delete" and may("view", row.workflow):
            who = name(row.actor) or _("Somebody")
            said = _("{who} deleted record {id} meanwhile.", who=who, id=oid)
            abort(make_response(page_of_error(409, said, left_over(typed()).typed)))


def revision_seen() -> int:
    """Return the revision of the record that the person saw."""
    text = request.form.get("_revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        abort(400, _("The form does not say which state of the record was seen."))
    return int(text)


def _reason() -> str:
    return request.form.get("reason", "").strip()[:10_000]


def _own(obj: WorkflowObject) -> str:
    key = request.form.get("_walk", "")[:43]
    more: dict[str, Any] = {"walk": key} if key else {}
    return url_for("holdingpen.record", oid=obj.id, **more)


def _onward(oid: int, way: Way, said: str) -> Any:
    """Lead on: to the next record, or back to the list one came from."""
    back = request.form.get("_back")
    url = way_back(back) if back is not None else way.next or way.back
    if wants_json():
        now: WorkflowObject | None = current_workflows.queries.query().get(oid)
        state = {} if now is None else _state(now)
        return jsonify(id=oid, message=said, next=url, **state)
    flash(said)
    return redirect(url, 303)


def _state(obj: WorkflowObject) -> dict[str, Any]:
    return {
        "revision": obj.revision,
        "group": str(group_of(obj.status, obj.waits_for)),
        "label": status_in_words(obj.status, obj.waits_for),
    }


def _again(
    obj: WorkflowObject,
    message: str,
    code: int,
    revision: int | None = None,
    by: str | None = None,
    wrong: Exception | None = None,
) -> Any:
    """Show the record as it is now, with what the person was refused and why."""
    now: WorkflowObject | None = current_workflows.queries.query().get(obj.id)
    if now is None:
        return page_of_error(409, message, left_over(typed()).typed)
    message = visible(message, 2000)
    alert = conflict(now, revision, message, code == 409)
    if wants_json():
        told = [
            {"field": e.where, "kind": e.kind, "before": e.before, "after": e.after}
            for e in alert.changes
        ]
        faults = wrong.errors if isinstance(wrong, InputNotValid) else []
        more = {"errors": faults} if faults else {}
        return jsonify(error=message, by=by, changes=told, **more, **_state(now)), code
    filled = (key for key in request.form if key[:1] != "_" and key != csrf_field())
    given = {key: request.form[key][:10_000] for key in filled}
    shown, sent = _typed_into(now, alert, wrong)
    return Response(page(now, request.form.get("_walk"), shown, given, sent), code)


def _typed_into(
    now: WorkflowObject, alert: Alert, wrong: Exception | None
) -> tuple[Alert | None, Sent | None]:
    """Return what is told, and the form that holds what was typed, if one does."""
    asked = request.form.get("_action")
    if asked != INPUT:
        is_there = now.get_action() == asked and now.waits_for != "queue"
        return (alert if is_there else replace(alert, typed=_left_over())), None
    if not asks_still(now):
        left = left_over(typed(), now)
        return replace(alert, typed=left.typed, files=left.files), None
    if not isinstance(wrong, InputNotValid):
        return alert, Sent(typed())
    # The form itself says what is wrong, and where.
    return None, Sent(typed(), wrong.errors, wrong.details.get("rows") or {})


def _left_over() -> list[tuple[str, str]]:
    """Return what was written to a question that is not asked any more."""
    names = {"reason": _("Why"), "text": _("Comment")}
    return [
        (names.get(key) or visible(key, 200), visible(value, 10_000))
        for key, value in request.form.items()
        if value.strip() and key[:1] != "_" and key not in ("value", csrf_field())
    ][:200]


ROUTES: Any = tuple(
    (f"/<int:oid>/{view.__name__.rstrip('_')}", view, ("POST",))
    for view in (
        *(resolve, form, continue_, restart_task, restart, restart_from, restart_alike),
        *(comment, cancel, delete),
    )
)

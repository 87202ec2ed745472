"""The verbs behind a person's buttons: resolve, edit, comment, cancel, delete.

Each takes who decides and the revision that was seen. A decision and its row in the
audit are one commit; of two at once one wins, and the other is told who did.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .actions.core import Resolution
from .actions.input_form import asked_of
from .actions.voting import Poll
from .checkpoint import decided
from .decisions import Decision, decision, who_decided
from .differences import difference
from .encoding import dumps
from .engine import WorkflowEngine
from .engine.cursor import answered
from .errors import DataTooLarge, IllegalMove, InputNotValid, WorkflowAPIError
from .files import keep_files
from .four_eyes import refuse_own
from .given import object_of
from .moving import conductor_of, go_on, queue_up
from .objects import WorkflowObject
from .proxies import current_workflows
from .results import AsynchronousResultWrapper
from .schemas import refuse_other_than_object
from .sending import send
from .states import INPUT, check_start_point, require
from .votes import poll_on, voted

_logger = logging.getLogger(__name__)

#: A comment has so many letters at most.
LONGEST_COMMENT = 10_000


def refuse_other(obj: WorkflowObject, revision: int | None) -> None:
    """Raise if the object is not as somebody saw it.

    :raises IllegalMove: saying who decided meanwhile, where that is known.
    :raises WorkflowAPIError: if the revision is no number.
    """
    if revision is None or revision == obj.revision:
        return
    if not isinstance(revision, int):
        raise WorkflowAPIError(f"A revision is a number, not {revision!r}.")
    since = max(revision, 0)
    other = None
    if since < obj.revision:
        other = current_workflows.audit.last(obj.id, since)
    who = f" {who_decided(*other)}." if other is not None else ""
    raise IllegalMove(
        f"Object {obj.id} changed since it was seen (revision {revision}, now "
        f"{obj.revision}); look at it again before deciding.{who}",
        code="changed",
        id_object=obj.id,
        status=obj.status.name,
        seen=revision,
        revision=obj.revision,
        **({"by": other.actor} if other is not None else {}),
    )


def resolve(
    oid: int | str | WorkflowObject,
    action: str | None = None,
    form: Mapping[str, Any] | None = None,
    actor: Any = None,
    revision: int | None = None,
    delayed: bool = False,
    origin: str = "api",
) -> WorkflowEngine | AsynchronousResultWrapper | None:
    """Commit the app's session, and answer what a halted object asks.

    :param action: what is answered; the object must ask for that.
    :param form: the answer, for the action.
    :param actor: who answers; kept in the history and in the audit.
    :param revision: the revision that was seen; if the object changed since,
        nothing is decided.
    :param delayed: whether a worker is to go on with the object.
    :param origin: from where: ``api``, ``page``, ``rest`` or ``cli``; for the audit.
    :return: the engine that went on, the result if it is delayed, ``None`` if the
        object stays where it is, because votes are missing, or its action moved it.
    :raises IllegalMove: if it is not halted, asks for something else, or changed.
    :raises ActionNotFound: if no such action is registered.
    :raises OwnSubmission: if somebody else must decide, or it is not known who does.
    :raises ValueError: with a sentence for the person, if the form is not valid.
    """
    obj = object_of(oid)
    refuse_other(obj, revision)
    require("resolve", obj.id, obj.status, obj.waits_for)
    asked = _asked(obj, action)
    refuse_own(obj, actor)
    answer = dict(form or {})
    value = str(answer.get("value") or asked)
    said = decision("resolve", actor, origin, action=asked, value=value, form=answer)
    said.reason = str(answer.get("reason") or "")
    if voted(obj, asked, answer, said) is not None:
        return None
    resolution = _answered(obj, asked, answer, actor, said)
    if resolution is None:
        return None
    said.value, said.reason = resolution.value, resolution.reason
    if resolution.told is not None:
        said.form = resolution.told
    event = decided("Resolved", said, resolution.value)
    if resolution.start_point is None:
        current_workflows.save(obj, event=event)
        return None
    start_point = check_start_point(resolution.start_point)
    cursor = None
    if resolution.answer is not None:
        cursor = _with_answer(obj, resolution.answer)
        asks = asked_of(obj)
        keep_files(obj.id, asks.schema if asks else {}, resolution.answer["data"])
    if delayed:
        send(queue_up(obj, start_point, event, {}, cursor=cursor))
        return AsynchronousResultWrapper(str(obj.id_workflow))
    return go_on(obj, start_point, event, {}, cursor)


def _with_answer(obj: WorkflowObject, answer: Mapping[str, Any]) -> str:
    """Return the object's cursor with what its task is given.

    :raises DataTooLarge: if that is over WORKFLOWS_MAX_DATA_SIZE.
    """
    size = len(dumps(answer["data"], "the input"))
    most = current_workflows.settings.max_data_size
    if size > most:
        raise DataTooLarge(
            f"The input has {size} bytes as JSON; WORKFLOWS_MAX_DATA_SIZE allows "
            f"{most}.",
            id_object=obj.id,
            size=size,
        )
    return answered(obj.cursor, answer)


def provide_input(
    oid: int | str | WorkflowObject,
    data: Mapping[str, Any],
    revision: int | None = None,
    delayed: bool = False,
    actor: Any = None,
    origin: str = "api",
) -> WorkflowEngine | AsynchronousResultWrapper | None:
    """Commit the app's session, and give a halted object the input that it asks for.

    It is validated whole before anything changes, by the validators of the model too.
    The same as :func:`resolve` with the action ``input``.

    :param data: the values by their names.
    :param revision: the revision that was seen; if the object changed since,
        nothing is given.
    :param delayed: whether a worker is to go on with the object.
    :param actor: who gives it; kept in the history and in the audit.
    :param origin: from where: ``api``, ``page``, ``rest`` or ``cli``; for the audit.
    :return: the engine that went on, or the result if it is delayed.
    :raises InputNotValid: with every field that is not valid; the object stays as it
        is.
    :raises IllegalMove: if it is not halted, asks for something else, or changed: of
        two answers at once one is taken.
    """
    refuse_other_than_object(data)
    return resolve(oid, INPUT, data, actor, revision, delayed, origin)


def provide_external_input(
    job_id: int, external_data: Mapping[str, Any], **kwargs: Any
) -> WorkflowEngine | AsynchronousResultWrapper | None:
    """Commit the app's session, and give input by the names of django-wfe.

    See :func:`provide_input`.
    """
    return provide_input(job_id, external_data, **kwargs)


def poll_of(oid: int | str | WorkflowObject) -> Poll | None:
    """Return the votes on what an object asks.

    :return: who voted for what, and how many must vote alike; ``None`` if the object
        asks nothing, or one answer is enough.
    :raises ValueError: if what the halt says of the votes cannot be.
    """
    return poll_on(object_of(oid))


def _asked(obj: WorkflowObject, action: str | None) -> str:
    asked = obj.get_action()
    if asked is None or action not in (None, asked):
        raise IllegalMove(
            f"Object {obj.id} asks for {asked or 'no action'}"
            + (f", not for {action}." if action else ".")
            + ("" if asked else " Use continue_oid() to go on with it."),
            code="asks_other",
            id_object=obj.id,
            status=obj.status.name,
        )
    return asked


def _answered(
    obj: WorkflowObject,
    asked: str,
    answer: dict[str, Any],
    actor: Any,
    said: Decision,
) -> Resolution | None:
    """Return what the action makes of the answer; ``None`` if it went on by itself.

    While it is asked the object knows whose decision it is, so that an action that
    calls ``obj.continue_workflow()`` moves it as a decision too.
    """
    obj.decision = said
    try:
        resolution: Resolution
        resolution = current_workflows.actions[asked].resolve(obj, answer, actor)
        return None if obj.decision is None else resolution
    finally:
        obj.decision = None


def edit(
    oid: int | str | WorkflowObject,
    data: Any,
    actor: Any = None,
    revision: int | None = None,
    reason: str = "",
    origin: str = "api",
) -> WorkflowObject:
    """Commit the app's session, and give an object that sleeps other data.

    The definition's ``validate(obj, data)`` is asked first, if there is one. The
    object stays where it is, with what it asks, and until when. The audit keeps which
    fields changed.

    :param actor: who edits; kept in the history and in the audit.
    :param revision: the revision that was seen; if the object changed since,
        nothing is kept.
    :raises IllegalMove: if its status does not allow it, or it changed.
    :raises ValueError: with a sentence for the person, if the data are not valid.
    :raises DataNotSerializable: if the data cannot be kept.
    """
    obj = object_of(oid)
    refuse_other(obj, revision)
    require("edit", obj.id, obj.status, obj.waits_for)
    validate(obj, data)
    changes = difference(obj.data, data)
    if not changes:
        return obj
    said = decision("edit", actor, origin, reason=reason)
    said.form = {"changed": [change.where for change in changes[:200]]}
    before, obj.data = obj.data, data
    try:
        current_workflows.save(obj, event=decided("Edited", said))
    except BaseException:
        obj.data = before
        raise
    return obj


def validate(obj: WorkflowObject, data: Any) -> None:
    """Ask the object's definition whether these data may be its own.

    :raises ValueError: with a sentence for the person, if they may not.
    """
    name = obj.get_workflow_name()
    if name not in current_workflows.workflows:
        return
    hook = current_workflows.definition(str(name)).hook("validate")
    if hook is None:
        return
    try:
        hook(obj, data)
    except ValueError:
        raise
    except Exception as error:
        _logger.exception("validate of %s failed for %r.", name, obj)
        raise InputNotValid(
            f"The data could not be checked ({type(error).__name__}), so they are not "
            "kept.",
            code="not_checked",
        ) from error


def comment(
    oid: int | str | WorkflowObject,
    text: str,
    actor: Any = None,
    origin: str = "api",
) -> None:
    """Commit the app's session, and keep what a person says of an object.

    It stands in the audit; the object and its revision stay as they are.

    :raises ValueError: if nothing is said, or more than 10,000 letters.
    """
    text = text.strip() if isinstance(text, str) else ""
    if not text:
        raise InputNotValid(
            "A comment says something; this one is empty.", code="no_comment"
        )
    if len(text) > LONGEST_COMMENT:
        raise InputNotValid(
            f"A comment has {LONGEST_COMMENT} letters at most, not {len(text)}.",
            code="comment_too_long",
            length=len(text),
            most=LONGEST_COMMENT,
        )
    obj = object_of(oid)
    said = decision("comment", actor, origin, reason=text)
    current_workflows.audit.comment(obj, said)


def cancel(
    oid: int | str | WorkflowObject,
    actor: Any = None,
    revision: int | None = None,
    reason: str = "",
    origin: str = "api",
) -> Any:
    """Commit the app's session, and cancel an object, or all of a run that have not
    ended.

    One that sleeps or is queued is CANCELLED now, one that runs at its next
    checkpoint: what its task does until then is kept.

    :param oid: the id of an object, the object, or the uuid of a run.
    :param actor: who decides it; then it is kept in the audit.
    :param revision: the revision that was seen; if the object changed since,
        nothing is done. Not for a run.
    :return: the object; the engine of the run for a uuid.
    :raises IllegalMove: if the object has ended, changed, or moved meanwhile.
    :raises WorkflowNotFound: if no run has this uuid.
    """
    said = named("cancel", actor, origin, reason=reason)
    if isinstance(oid, str) and not oid.isdigit():
        return _cancel_run(oid, said)
    obj = object_of(oid)
    refuse_other(obj, revision)
    current_workflows.keeper.cancel(obj, said)
    return obj


def _cancel_run(uuid: str, said: Decision | None) -> WorkflowEngine:
    info = current_workflows.store.run_info(uuid)
    engine = conductor_of(info, current_workflows.definition(info.name)).engine
    last = -1, -1
    while (obj := current_workflows.queries.next_not_ended(uuid, last)) is not None:
        try:
            current_workflows.keeper.cancel(obj, said)
        except IllegalMove:  # it moved; look again
            continue
        last = obj.position, obj.id
    return engine


def delete(
    oid: int | str | WorkflowObject,
    actor: Any = None,
    revision: int | None = None,
    reason: str = "",
    origin: str = "api",
) -> None:
    """Commit the app's session, and delete an object with all that belongs to it.

    What people decided about it stays in the audit, without its data.

    :param actor: who decides it; then it is kept in the audit.
    :param revision: the revision that was seen; if the object changed since,
        nothing is done.
    :raises IllegalMove: if a worker holds it, or it changed.
    :raises ObjectNotFound: if there is none.
    """
    said = named("delete", actor, origin, reason=reason)
    obj = object_of(oid)
    refuse_other(obj, revision)
    current_workflows.delete(obj, said, revision)


def named(verb: str, actor: Any, origin: str, **what: Any) -> Decision | None:
    """Return the decision of a person; ``None`` if a program names nobody."""
    return None if actor is None else decision(verb, actor, origin, **what)

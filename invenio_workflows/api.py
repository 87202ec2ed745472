"""The verbs: start, continue, resume, restart, resolve, cancel, delete, recover.

Every verb works in an application context. Every one that runs tasks commits the
app's session, what the caller left pending included; inside a task it commits
what the task has written so far. A verb that is refused commits nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from . import signals
from .deciding import (
    cancel,
    comment,
    delete,
    edit,
    named,
    poll_of,
    provide_external_input,
    provide_input,
    refuse_other,
    resolve,
)
from .delayed import (
    WorkerBackend,
    continue_oid_delayed,
    order_workflow_execution,
    send_event,
    start_by_oids_delayed,
    start_by_wid_delayed,
    start_delayed,
)
from .encoding import dumps
from .engine import WorkflowEngine
from .errors import (
    LeaseLost,
    WorkflowAPIError,
    WorkflowDefinitionError,
    WorkflowError,
)
from .files import File
from .given import Given, new_run, object_of, objects_of_ids
from .jobs import announce
from .moving import (
    check_task,
    conduct_here,
    conductor_of,
    go_on,
    resume,
    set_going,
    take_up,
)
from .objects import WorkflowObject
from .proxies import current_workflows
from .sending import following_up
from .states import (
    ObjectStatus,
    check_start_point,
)

__all__ = [
    "Recovered",
    "WorkerBackend",
    "add_file",
    "cancel",
    "comment",
    "continue_oid",
    "continue_oid_delayed",
    "delete",
    "edit",
    "order_workflow_execution",
    "poll_of",
    "provide_external_input",
    "provide_input",
    "recover",
    "resolve",
    "resume_objects_in_workflow",
    "send_event",
    "start",
    "start_by_oids",
    "start_by_oids_delayed",
    "start_by_wid",
    "start_by_wid_delayed",
    "start_delayed",
]


def start(workflow_name: str, data: Any, **kwargs: Any) -> WorkflowEngine:
    """Commit the app's session, and run data through a workflow, now and here.

    Run, objects and their snapshots are kept before the first task runs, and the
    outcome of each task before the next. Inside a task, what the task has written
    so far is committed.

    :param workflow_name: the name of a registered workflow.
    :param data: a list, tuple or iterator of many; everything else is one. An item
        is a :class:`WorkflowObject`, or the data of a new one.
    :param kwargs: ``id_user``; ``stop_on_error`` (true: the first error ends the
        run and is raised); ``stop_on_halt`` (false); everything else is found in
        ``eng.extra_data``.
    :return: the engine that ran it, halted or not.
    :raises WorkflowError: if a task failed, chained to what it raised.
    :raises WorkflowDefinitionError: if no workflow has this name.
    :raises WorkflowAPIError: if there is no data, or it cannot be kept as JSON.
    :raises IllegalMove: if an object given is held by a worker.
    """
    definition = current_workflows.definition(workflow_name)
    given = Given()
    objects = given.objects(data, definition)
    info = new_run(workflow_name, kwargs)
    with current_workflows.store.held():
        with given.unchanged_if_refused():
            first = current_workflows.acceptor.start(info, objects)
        conductor = conductor_of(info, definition)
        conductor.know(given.documents())
        return conduct_here(conductor, first)


def start_by_wid(wid: str, **kwargs: Any) -> WorkflowEngine:
    """Commit the app's session, and run a run again, with the data it began with.

    Data and extra_data come from the snapshots, what the run's objects shared is
    emptied, the uuid stays, and no rows are added.

    :param wid: the uuid of the run.
    :param kwargs: found in ``eng.extra_data``.
    :raises WorkflowNotFound: if no run has this uuid.
    :raises IllegalMove: if one of its objects is held by a worker.
    """
    if "data" in kwargs:
        raise WorkflowAPIError(
            "start_by_wid() runs the original data again; for other data use start()."
        )
    info = current_workflows.store.run_info(str(wid))
    definition = current_workflows.definition(info.name)
    dumps(kwargs, "the keyword arguments")
    first = current_workflows.start_over(info)
    return conduct_here(conductor_of(info, definition, kwargs), first)


def start_by_oids(
    workflow_name: str, oids: Iterable[int | str], **kwargs: Any
) -> WorkflowEngine:
    """Commit the app's session, and run objects through a workflow, by their ids.

    They are run in the order given. See :func:`start`.

    :raises WorkflowAPIError: if there are no ids.
    :raises ObjectNotFound: if an object of these ids does not exist.
    """
    current_workflows.definition(workflow_name)
    return start(workflow_name, objects_of_ids(oids), **kwargs)


def continue_oid(
    oid: int | str | WorkflowObject,
    start_point: str = "continue_next",
    *,
    actor: Any = None,
    revision: int | None = None,
    reason: str = "",
    origin: str = "api",
    **kwargs: Any,
) -> WorkflowEngine:
    """Commit the app's session, and go on with an object where it stopped.

    :param oid: the id of the object, or the object: then it is saved as it is.
    :param start_point: ``continue_next``, ``restart_task``, ``restart_prev``,
        ``restart_first`` or ``task:<name>``.
    :param actor: who decides it; then it is kept in the history and in the audit.
    :param revision: the revision that was seen; if the object changed since, it
        stays where it is.
    :param reason: why, in the words of the person who decides.
    :param origin: from where: ``api``, ``page``, ``rest`` or ``cli``; for the audit.
    :param kwargs: found in ``eng.extra_data``.
    :return: the engine of the object's run, in which this object alone moved.
    :raises ValueError: if there is no such start point.
    :raises ObjectNotFound: if there is no such object.
    :raises WorkflowAPIError: if it belongs to no workflow.
    :raises IllegalMove: if its status does not allow it, or it moved meanwhile.
    :raises WorkflowError: if a task failed, chained to what it raised.
    """
    check_start_point(start_point)
    if "task_offset" in kwargs:
        raise WorkflowAPIError(
            "task_offset is not there any more; name the task by task:<name>."
        )
    obj = object_of(oid)
    refuse_other(obj, revision)
    said = named("continue", actor, origin, action=start_point, reason=reason)
    event = set_going(obj, "Started", start_point, said)
    return go_on(obj, start_point, event, kwargs)


def add_file(
    oid: int, stream: IO[bytes], name: str, media_type: str = "", actor: Any = None
) -> File:
    """Commit the app's session, and keep a file that is to be given with an answer.

    The reference, as JSON, is what :func:`provide_input` takes for it. If no answer
    has it, it is gone after a month.

    :param oid: the id of the object for which it is.
    :param stream: open at its beginning; it can be read again from there.
    :param actor: who gives it; nobody else sees it until it is given.
    :raises DataTooLarge: if it has more bytes than WORKFLOWS_MAX_FILE_SIZE allows.
    :raises ObjectNotFound: if there is no such object.
    """
    laid = current_workflows.files.add(oid, stream, name, media_type, actor)
    return File(**laid.reference)


def resume_objects_in_workflow(
    id_workflow: str, start_point: str | None = None, **kwargs: Any
) -> Generator[WorkflowEngine, None, None]:
    """Go on with all objects of a run that halted, wait, failed or never ran.

    A generator: each object is run when it is asked for, and commits the app's
    session. Without a start point a failed object runs its failed task again, one
    that halted or waits goes on with its next, one that never ran with its first.
    One that fails again is yielded too, and the next goes on.

    :param id_workflow: the uuid of the run.
    :raises WorkflowNotFound: at once, if no run has this uuid.
    :raises ValueError: at once, if there is no such start point.
    """
    info = current_workflows.store.run_info(str(id_workflow))
    definition = current_workflows.definition(info.name)
    if start_point is not None:
        check_task(definition, check_start_point(start_point))
    dumps(kwargs, "the keyword arguments")
    return resume(info, start_point, kwargs)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What :func:`recover` found of one object that a worker held.

    ``outcome``: its status afterwards; ``None`` if its worker lives, or the lease
    has ``seconds`` left and its worker cannot be seen from here.
    """

    id: int
    owner: str
    seconds: float
    outcome: ObjectStatus | None


def recover() -> Iterator[Recovered]:
    """Take up again what dead workers left, each from its last checkpoint.

    A generator: each object is run when it is asked for. What a dead process of
    this machine held is taken over at once, what other machines hold when the
    lease has ended. Objects of a ``start()`` that was cut short go on in order.
    """
    for held in current_workflows.recovery.held():
        if not held.free:
            yield Recovered(held.id, held.owner or "", held.seconds, None)
            continue
        obj = current_workflows.recovery.take_over(held)
        if obj is None:
            continue
        info = current_workflows.store.run_info(obj.id_workflow)
        signals.send(signals.workflow_object_recovered, obj, owner=held.owner)
        try:
            with following_up(info):
                take_up(obj, info, obj.columns["start_point"] or "resume")
        except (WorkflowError, WorkflowDefinitionError, LeaseLost):
            pass  # the object says it
        now = current_workflows.queries.query().get(obj.id)
        status = None if now is None else now.status
        yield Recovered(obj.id, held.owner or "", 0.0, status)
    announce()

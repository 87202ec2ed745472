"""The verbs whose work a worker does: accepted now, in the database, moved later.

Inside a task they join its checkpoint: if the task fails nothing was started.
Elsewhere they commit the app's session, unless ``commit=False`` is given: then they
join its transaction, and a worker hears of it after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .calls import Worker, calls_of
from .checkpoint import RunInfo
from .conductor import in_task
from .deciding import named, refuse_other
from .encoding import dumps
from .engine.awaited import check_event, checked_key
from .errors import DataTooLarge, WorkflowAPIError, WorkflowDefinitionError
from .given import Given, new_run, object_of, objects_of_ids
from .moving import queue_up, set_going
from .objects import WorkflowObject
from .proxies import current_workflows
from .results import AsynchronousResultWrapper
from .sending import refuse_unready, send
from .states import ObjectStatus, check_start_point


class WorkerBackend:
    """The worker that performs what is delayed, as ``WORKFLOWS_WORKER`` says."""

    @property
    def worker(self) -> Worker:
        """The worker of the current application.

        :raises ConfigurationError: if no worker has the name that is configured.
        """
        found: Worker = current_workflows.worker
        return found

    def __call__(self) -> Worker:
        """Return the worker."""
        return self.worker


def start_delayed(
    workflow_name: str, data: Any, commit: bool = True, **kwargs: Any
) -> AsynchronousResultWrapper:
    """Commit the app's session, and have a worker run data through a workflow.

    Run, objects and their snapshots are kept before this returns.

    :param workflow_name: the name of a registered workflow.
    :param data: as :func:`.api.start` takes it.
    :param commit: false: the caller's commit is waited for.
    :param kwargs: as :func:`.api.start` takes them; ``priority``, a whole number:
        objects of a larger one are taken first.
    :raises WorkflowDefinitionError: if no workflow has this name.
    :raises WorkflowAPIError: if there is no data, or it cannot be kept as JSON.
    :raises IllegalMove: if an object given is held by a worker.
    """
    state = current_workflows
    definition = state.definition(workflow_name)
    given = Given()
    objects = given.objects(data, definition)
    info = new_run(workflow_name, kwargs)
    with given.unchanged_if_refused():
        work = state.acceptor.accepting(info, objects, state.queue)
        _accept(info, work, commit)
        for obj in given.documents():
            obj.columns |= {"status": ObjectStatus.WAITING, "waits_for": "queue"}
    return AsynchronousResultWrapper(info.uuid)


def order_workflow_execution(workflow_id: str | int) -> int:
    """Commit the app's session, and have a worker run one object without data.

    :param workflow_id: the name of a registered workflow, or its id in the table of
        definitions, as ``flask workflows definitions list`` shows it.
    :return: the id of the object, whose data are ``None``.
    :raises WorkflowDefinitionError: if no workflow has this name or id.
    """
    name = _named(workflow_id)
    kind = current_workflows.definition(name).data_type
    obj = WorkflowObject(None, data_type=kind)
    start_delayed(name, [obj])
    oid: int = obj.id
    return oid


def _named(workflow: str | int) -> str:
    """Return the name of a workflow that is named by its name or its id.

    Digits are an id only where they are not a name.
    """
    if isinstance(workflow, str) and (
        workflow in current_workflows.workflows or not workflow.isdecimal()
    ):
        return workflow
    if isinstance(workflow, bool) or not isinstance(workflow, (str, int)):
        raise WorkflowDefinitionError(
            f"A workflow is named by its name, or by its id, not by {workflow!r}."
        )
    number = int(workflow) if len(str(workflow)) < 19 else 0
    name: str | None = current_workflows.known.name_of(number)
    if name is None:
        raise WorkflowDefinitionError(
            f"There is no definition with the id {workflow}; `flask workflows "
            "definitions list` shows those that are known.",
            str(workflow),
        )
    return name


def start_by_wid_delayed(
    wid: str, commit: bool = True, **kwargs: Any
) -> AsynchronousResultWrapper:
    """Commit the app's session, and have a worker run a run again from its beginning.

    See :func:`.api.start_by_wid`.

    :raises WorkflowNotFound: if no run has this uuid.
    :raises IllegalMove: if one of its objects is held by a worker.
    """
    if "data" in kwargs:
        raise WorkflowAPIError(
            "start_by_wid_delayed() runs the original data again; for other data use "
            "start_delayed()."
        )
    state = current_workflows
    info = state.store.run_info(str(wid))
    state.definition(info.name)
    dumps(kwargs, "the keyword arguments")
    _accept(info, state.queue.starting_over(info, kwargs), commit)
    return AsynchronousResultWrapper(info.uuid)


def start_by_oids_delayed(
    workflow_name: str, oids: Iterable[int | str], commit: bool = True, **kwargs: Any
) -> AsynchronousResultWrapper:
    """Commit the app's session, and have a worker run objects through a workflow.

    See :func:`start_delayed`.

    :raises WorkflowAPIError: if there are no ids.
    :raises ObjectNotFound: if an object of these ids does not exist.
    """
    current_workflows.definition(workflow_name)
    return start_delayed(workflow_name, objects_of_ids(oids), commit, **kwargs)


def continue_oid_delayed(
    oid: int | str | WorkflowObject,
    start_point: str = "continue_next",
    commit: bool = True,
    *,
    actor: Any = None,
    revision: int | None = None,
    reason: str = "",
    origin: str = "api",
    **kwargs: Any,
) -> AsynchronousResultWrapper:
    """Commit the app's session, and have a worker go on with an object.

    See :func:`.api.continue_oid`.

    :raises ValueError: if there is no such start point.
    :raises IllegalMove: if its status does not allow it, or it moved meanwhile.
    """
    check_start_point(start_point)
    obj = object_of(oid)
    refuse_other(obj, revision)
    said = named("continue", actor, origin, action=start_point, reason=reason)
    event = set_going(obj, "Queued", start_point, said)
    then = send if in_task() or not commit else None
    send(queue_up(obj, start_point, event, kwargs, then))
    return AsynchronousResultWrapper(str(obj.id_workflow))


def send_event(name: str, key: str | int, payload: Any = None) -> int:
    """Commit the app's session, and wake the objects that wait for an event.

    They find the payload in ``obj.extra_data["_events"][name]``. If none waits the
    event is kept for the first that does, for WORKFLOWS_EVENT_TTL seconds. One that
    goes to sleep at this moment is woken too.

    :param name: as in ``eng.wait(event=name)``.
    :param key: as in ``eng.wait(…, key=key)``; the id of an object that gave none.
    :param payload: anything that can be kept as JSON.
    :return: how many objects were woken.
    :raises DataNotSerializable: if the payload cannot be kept.
    :raises DataTooLarge: if it is over WORKFLOWS_MAX_DATA_SIZE.
    :raises ValueError: if name or key is too long, or empty.
    """
    text = dumps(payload, "the event's payload")
    check_event(name)
    state = current_workflows
    if len(text) > state.settings.max_data_size:
        raise DataTooLarge(
            f"The event's payload has {len(text)} bytes as JSON; "
            f"WORKFLOWS_MAX_DATA_SIZE allows {state.settings.max_data_size}.",
            size=len(text),
        )
    woken = state.queue.send_event(name, checked_key(key) or "", payload)
    send(calls_of(woken, state.settings.batch_size))
    return len(woken)


def _accept(info: RunInfo, work: Callable[[Any], list[int]], commit: bool) -> None:
    """Write what a verb accepts, and send it when it is committed."""
    state = current_workflows
    refuse_unready()
    queue = state.settings.queue_of(info.name)

    def accepted(oids: list[int]) -> None:
        send(calls_of(((queue, oid) for oid in oids), state.settings.batch_size))

    transactions = state.store.transactions
    if in_task() or not commit:
        transactions.before_commit(work, accepted)
    else:
        accepted(transactions.joined(work))

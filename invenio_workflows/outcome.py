"""What an event makes of the document, and of the objects around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .checkpoint import RunInfo, halt_id, told
from .errors import (
    DefinitionChanged,
    WorkflowAPIError,
    WorkflowError,
    WorkflowsError,
)
from .objects import WorkflowObject
from .states import (
    INPUT,
    Event,
    Failed,
    Finished,
    Halted,
    TaskPostponed,
    Waiting,
)


class Refused(Exception):
    """What a task did cannot be kept; it counts as the task's failure."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


def is_of_task(error: Exception, is_busy: Callable[[Exception], bool]) -> bool:
    """Say whether what was to be kept is at fault, and not the store or a lock."""
    if hasattr(error, "original"):
        return True
    if isinstance(error, WorkflowsError):
        return isinstance(error, WorkflowAPIError)
    return not is_busy(error)


def mark(obj: WorkflowObject, event: Event, seq: int) -> None:
    """Let the document say what it asks for, waits for or failed with.

    :param seq: which event of the object it is.
    """
    if isinstance(event, (Halted, Waiting)):
        action = event.action if isinstance(event, Halted) else None
        obj.extra_data["_action"] = action
        obj.extra_data["_message"] = event.message
        obj.extra_data.pop("_payload", None)
        if event.payload:
            obj.extra_data["_payload"] = dict(event.payload)
        if action == INPUT:
            obj.extra_data["_payload"]["halt"] = halt_id(obj.id, seq)
        if isinstance(event, Halted) and event.deadline is not None:
            obj.extra_data["_deadline"] = event.deadline.plan
    elif isinstance(event, Failed):
        obj.set_error_message(told(event.error))


def place(obj: WorkflowObject, together: Sequence[Event]) -> None:
    """Let the document say where it stands."""
    for event in reversed(together):
        found = getattr(event, "task", None)
        if found is not None:
            obj.extra_data["_task_counter"] = list(found.path)
            obj.extra_data["_last_task_name"] = found.name
            return


def leaves_cursor(event: Event) -> bool:
    """Say whether the cursor stays as it was kept last."""
    return isinstance(event, (Failed, Finished)) and event.task is None


def branches(obj: WorkflowObject, cursors: Sequence[str]) -> list[WorkflowObject]:
    """Return the branches that begin at these cursors, each a copy of the object."""
    made = []
    for cursor in cursors:
        branch = WorkflowObject()
        branch.columns |= obj.columns | {"in_start": 0, "cursor": cursor}
        branch.columns |= {"id_parent": None, "tries": 0, "attempts": 0}
        branch.restore(*obj.encoded())
        branch.forget_question()
        branch.kept = branch.encoded()
        made.append(branch)
    return made


def lets_others_go_on(event: Event, run: RunInfo) -> bool:
    """Say whether the next object of the run is to be taken, when this one stops."""
    if isinstance(event, Finished):
        return not event.run_ends
    if isinstance(event, TaskPostponed):
        return True
    if isinstance(event, Waiting) and event.what and event.what.needs:
        return True
    if isinstance(event, (Halted, Waiting)):
        return not run.stop_on_halt
    return isinstance(event, Failed) and not run.stop_on_error


def failure_of(
    event: Event, run: RunInfo, obj: WorkflowObject
) -> WorkflowsError | None:
    """Return the error that the caller is told, ``None`` if nothing failed."""
    if not isinstance(event, Failed):
        return None
    error = event.error
    if isinstance(error, DefinitionChanged):
        return error
    if isinstance(error, WorkflowError):
        error.id_workflow = error.id_workflow or run.uuid
        error.id_object = error.id_object or obj.id
        return error
    failure = WorkflowError(told(error)[1], run.uuid, obj.id)
    failure.__cause__ = error
    return failure

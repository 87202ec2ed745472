"""Every error of the package, under one root.

An error's docstring is its message when none is given. All of them travel
through a queue: they can be pickled by a worker's transport, and
:meth:`WorkflowsError.to_dict` gives what JSON can hold.

::

    WorkflowsError
    ├── WorkflowError              a task failed, and with it the run
    ├── WorkflowDefinitionError    the definition is unknown or broken
    │   └── DefinitionChanged      ... changed under a sleeping object
    ├── WorkflowWorkerError        the worker cannot do what was asked
    ├── WorkflowAPIError           a verb was called with what it cannot use
    │   ├── ObjectNotFound         no object has this id
    │   ├── WorkflowNotFound       no run has this uuid
    │   ├── InputNotValid          an answer is not what was asked for
    │   ├── FileNotKept            no file has this id
    │   ├── DataNotSerializable    the data holds what JSON cannot
    │   └── DataTooLarge           the data is over WORKFLOWS_MAX_DATA_SIZE
    ├── IllegalMove                the status does not allow this
    │   ├── WorkflowObjectVersionError   ... to start an object
    │   └── LeaseLost              another worker moves the object now
    ├── OwnSubmission              somebody else must decide this
    ├── DeadlinePassed             nobody answered in time
    ├── ActionNotFound             no action has this name
    ├── DatabaseUnavailable        the database cannot be used as it is
    └── ConfigurationError         a setting has a value that cannot be used

Beside them stand the wishes of a task (:class:`Control`): they leave the task
like an exception but are no errors, and ``except Exception`` lets them pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class WorkflowsError(Exception):
    """Something went wrong in a workflow."""

    def __init__(self, message: str = "", **details: Any) -> None:
        self.message = message or (type(self).__doc__ or "").split("\n", 1)[0]
        #: What a program may want to know of the error; JSON only.
        self.details: dict[str, Any] = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, Any]:
        """Return the error as a dictionary of JSON values."""
        return {"error": type(self).__name__, "message": self.message, **self.details}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.__dict__))


def _rebuild(kind: type[WorkflowsError], state: dict[str, Any]) -> WorkflowsError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


class WorkflowError(WorkflowsError):
    """A task failed.

    :param message: what happened; the traceback of the task is part of it.
    :param id_workflow: the uuid of the run.
    :param id_object: the id of the object whose task failed.
    :param payload: further values that the raiser wants to hand on.
    """

    def __init__(
        self,
        message: str = "",
        id_workflow: str | None = None,
        id_object: int | None = None,
        payload: Sequence[Any] = (),
    ) -> None:
        super().__init__(message)
        self.id_workflow = id_workflow
        self.id_object = id_object
        self.payload = list(payload)
        self.details = {
            "id_workflow": id_workflow,
            "id_object": id_object,
            "payload": self.payload,
        }

    def __str__(self) -> str:
        if self.id_workflow is None:
            return self.message
        return (
            f"Error in workflow {self.id_workflow}, object {self.id_object}: "
            f"{self.message}"
        )


class WorkflowDefinitionError(WorkflowsError):
    """The workflow definition cannot be used."""

    def __init__(
        self, message: str = "", workflow_name: str = "", **payload: Any
    ) -> None:
        super().__init__(message, workflow_name=workflow_name, **payload)
        self.workflow_name = workflow_name
        self.payload = payload


class DefinitionChanged(WorkflowDefinitionError):
    """The definition changed, and the object's place in it cannot be found."""


class TaskTimeout(WorkflowsError):
    """A task took longer than it may; what it did is undone."""


class WaitTimeout(WorkflowsError):
    """What an object waited for did not come in time."""


class DeadlinePassed(WorkflowsError):
    """Nobody answered what an object asked by the deadline."""


class OwnSubmission(WorkflowsError):
    """Whoever submitted or edited this may not decide on it: somebody else must."""


class WorkflowWorkerError(WorkflowsError):
    """The worker cannot do what was asked."""

    def __init__(
        self, message: str = "", worker_name: str = "No Name Given", **payload: Any
    ) -> None:
        super().__init__(message, worker_name=worker_name, **payload)
        self.worker_name = worker_name
        self.payload = payload


class WorkflowAPIError(WorkflowsError):
    """The call cannot be understood."""


class ObjectNotFound(WorkflowAPIError):
    """No workflow object has this id."""


class WorkflowNotFound(WorkflowAPIError):
    """No run has this uuid."""


class DataNotSerializable(WorkflowAPIError):
    """The data holds a value that cannot be kept as JSON."""


class DataTooLarge(WorkflowAPIError):
    """The data is larger than WORKFLOWS_MAX_DATA_SIZE allows."""


class FileNotKept(WorkflowAPIError):
    """No file has this id."""


class InputNotValid(WorkflowAPIError, ValueError):
    """The input is not valid.

    :param errors: what is wrong, each ``{"loc": ["authors", 0, "name"], "msg": "…",
        "type": "…"}``; values that were given are not quoted.
    """

    def __init__(
        self,
        message: str = "",
        errors: Iterable[Mapping[str, Any]] = (),
        **details: Any,
    ) -> None:
        self.errors: list[dict[str, Any]] = [dict(each) for each in errors]
        said = "; ".join(map(_said, self.errors))
        if said and not message:
            message = f"The input is not valid. {said}"
        super().__init__(message, errors=self.errors, **details)


def _said(error: Mapping[str, Any]) -> str:
    """Return an error of a field as a person reads it: ``authors.0.name: …``."""
    where = ".".join(map(str, error.get("loc") or ()))
    said = str(error.get("msg", "")).strip()
    return f"{where}: {said}" if where else said


class IllegalMove(WorkflowsError):
    """The status of the object does not allow this."""


class WorkflowObjectVersionError(IllegalMove):
    """The object cannot be started in the status that it has.

    :param message: why.
    :param id_object: the id of the object.
    :param obj_version: its status.
    """

    def __init__(
        self,
        message: str = "",
        id_object: int | None = None,
        obj_version: int | None = None,
    ) -> None:
        super().__init__(message, id_object=id_object, obj_version=obj_version)
        self.id_object = id_object
        self.obj_version = obj_version


class LeaseLost(IllegalMove):
    """Another worker moves this object now; what this one did last is undone."""


class ActionNotFound(WorkflowsError):
    """No action has this name."""


class DatabaseUnavailable(WorkflowsError):
    """The database cannot be reached or is not what is needed."""


class ConfigurationError(WorkflowsError, RuntimeError):
    """A setting has a value that cannot be used."""

    # A RuntimeError, because a proxy without an application is asked for its class, as
    # pydantic does it with all names of a module, and werkzeug has an answer to that.


class Control(BaseException):
    """What a task asks of the engine. Not an error."""

    def __init__(self, message: str = "", **payload: Any) -> None:
        self.message = str(message)
        self.payload: Mapping[str, Any] = payload
        super().__init__(self.message)


class WorkflowHalt(Control):
    """Stop here until a person decides.

    :param message: why, for the person.
    :param action: what is asked of the person, the name of an action.
    :param deadline: what ``eng.halt(deadline=…)`` makes of it.
    """

    def __init__(
        self,
        message: str = "",
        action: str | None = None,
        deadline: Any = None,
        **payload: Any,
    ) -> None:
        super().__init__(message, **payload)
        self.action = action
        self.deadline = deadline

    def to_dict(self) -> dict[str, Any]:
        """Return message, action and payload as a dictionary."""
        return {"message": self.message, "action": self.action, **self.payload}


class InputRequired(WorkflowHalt):
    """Undo what this task did, and stop here until a person gives input.

    The task runs again then.
    """


class WaitProcessing(Control):
    """Stop here until something outside continues the object.

    :param what: what that is: a time, or an event; ``None`` for a person.
    """

    def __init__(self, message: str = "", what: Any = None, **payload: Any) -> None:
        super().__init__(message, **payload)
        self.what = what


class StopProcessing(Control):
    """This object is done, and the rest of the run is not started."""


class SkipToken(Control):
    """This object is done; go on with the next one."""


class AbortProcessing(Control):
    """Undo what this task did, cancel the object and end the run."""


class BreakFromThisLoop(Control):
    """Leave the list that the task stands in."""


class JumpCall(Control):
    """Go on elsewhere in the list that the task stands in.

    :param offset: 1 is the next task, 0 the same one, -1 the one before.
    """

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(f"jump by {offset}")


class RestartFrom(Control):
    """Go on at a start point of this workflow.

    :param start_point: one of :data:`invenio_workflows.states.START_POINTS`, or
        ``task:<name>``.
    """

    def __init__(self, start_point: str) -> None:
        self.start_point = start_point
        super().__init__(f"restart from {start_point}")

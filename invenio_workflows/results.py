"""What a delayed verb returns: a promise of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .conductor import Conductor
from .engine import WorkflowEngine
from .errors import WorkflowError, WorkflowWorkerError
from .moving import conductor_of
from .proxies import current_workflows
from .states import WorkflowStatus

#: Seconds between two looks at the run, at first and at most.
_SOON, _LATE = 0.005, 0.25


class AsynchronousResultWrapper:
    """A run that a worker carries out.

    The document has it abstract, with a class for each kind of worker; what it needs
    to know is in the database, so one class serves all.
    """

    def __init__(self, asynchronousresult: str) -> None:
        #: The uuid of the run, known before any worker has seen it.
        self.uuid = str(asynchronousresult)

    def __repr__(self) -> str:
        return f"<AsynchronousResultWrapper {self.uuid}>"

    def status(self) -> WorkflowStatus:
        """Return the status of the run, as it is now.

        :raises WorkflowNotFound: if it was not committed, or is deleted.
        """
        found: WorkflowStatus = current_workflows.store.run_status(self.uuid)
        return found

    def progress(self) -> dict[str, Any]:
        """Return how far the run is: ``ended`` objects of ``total``, and ``moving``.

        What moves is a list with ``object``, ``seconds``, and ``done``, ``total`` and
        ``message`` where the task has called ``eng.progress``.
        """
        found: dict[str, Any] = current_workflows.queries.progress(self.uuid)
        return found

    def get(
        self,
        postprocess: Callable[[str], Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Wait until no object of the run can move by itself, and return the run.

        An object that halts, or waits for an event, can not; one that waits for its
        time can. It is waited for outside of the session's transaction.

        :param postprocess: a function of the uuid, whose result is returned instead.
        :param timeout: seconds; forever when left out.
        :raises WorkflowError: that of the first object that failed, if the run stops
            on errors.
        :raises WorkflowWorkerError: if the run still moves after ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = _SOON
        while current_workflows.queries.moves(self.uuid):
            left = pause if end is None else min(pause, end - time.monotonic())
            if left <= 0:
                raise WorkflowWorkerError(
                    f"The run {self.uuid} still moves after {timeout} seconds. Is a "
                    "worker running? `flask workflows doctor` says."
                )
            time.sleep(left)
            pause = min(pause * 1.5, _LATE)
        self._raise_error()
        return (postprocess or uuid_to_engine)(self.uuid)

    def _raise_error(self) -> None:
        info = current_workflows.store.run_info(self.uuid)
        if not info.stop_on_error:
            return
        failed = current_workflows.queries.first_failed(self.uuid)
        if failed is not None:
            told = failed.get_error_message()
            text = told[1] if isinstance(told, (list, tuple)) else str(told)
            raise WorkflowError(text, self.uuid, failed.id)


def uuid_to_engine(uuid: str) -> WorkflowEngine:
    """Return the engine of a run: what the verb that is not delayed returns.

    :raises WorkflowNotFound: if there is no such run.
    """
    info = current_workflows.store.run_info(uuid)
    conductor: Conductor = conductor_of(info, current_workflows.definition(info.name))
    return conductor.engine


def uuid_to_workflow(uuid: str) -> Any:
    """Return the row of a run, ``None`` if there is none; for ``get(postprocess)``."""
    return current_workflows.queries.run_row(str(uuid))

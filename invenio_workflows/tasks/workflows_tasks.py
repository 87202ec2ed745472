"""Tasks that speak of the workflow they are in, and of those that it starts.

What a run has started is in ``eng.extra_data["_workflow_ids"]``, shared by its
objects; what became of it is asked, not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..definition.node import Task
from ..definition.patterns import resolved
from ..encoding import copied
from ..errors import WorkflowError
from ..objects import WorkflowObject
from ..states import ENDED_RUN, WorkflowStatus


def interrupt_workflow(obj: Any, eng: Any) -> None:
    """Halt until somebody continues the object."""
    eng.halt("The workflow was interrupted.")


def start_async_workflow(
    workflow_to_run: str = "",
    preserve_data: bool = True,
    preserve_extra_data_keys: Iterable[str] | None = None,
    get_workflow_from: Callable[[Any, Any], str] | None = None,
    **kwargs: Any,
) -> Task:
    """Return a task that starts another run, which a worker carries out.

    :param workflow_to_run: the name of the workflow.
    :param preserve_data: whether the new object gets a copy of the data.
    :param preserve_extra_data_keys: the keys of ``extra_data`` that it gets too.
    :param get_workflow_from: a function ``f(obj, eng)`` that gives the name.
    :param kwargs: as :func:`.api.start_delayed` takes them.
    """
    keys = list(preserve_extra_data_keys or ())

    def _start_async_workflow(obj: Any, eng: Any) -> None:
        name = get_workflow_from(obj, eng) if get_workflow_from else workflow_to_run
        data = copied(obj.data) if preserve_data else {}
        extra = {
            key: copied(obj.extra_data[key]) for key in keys if key in obj.extra_data
        }
        child = WorkflowObject(data, extra)
        eng.append("_workflow_ids", eng.start_workflow(name, [child], **kwargs))

    return _start_async_workflow


def wait_for_a_workflow_to_complete(scanning_time: float = 5.0) -> Task:
    """Return a task that waits for the first run that has not ended; see
    ``eng.wait_for``.

    :param scanning_time: not used any more: nobody looks, the run's end wakes.
    """

    def _wait_for_a_workflow_to_complete(obj: Any, eng: Any) -> None:
        waited = eng.extra_data.get("_workflows_waited", 0)
        if waited < get_nb_workflow_created(obj, eng):
            eng.wait_for(get_list_of_workflows_to_wait(eng)[waited])
            eng.add("_workflows_waited")

    return _wait_for_a_workflow_to_complete


def wait_for_workflows_to_complete(obj: Any, eng: Any) -> None:
    """Go on when all runs that this one started have ended; holds no worker."""
    eng.wait_for(*get_list_of_workflows_to_wait(eng))


def workflows_reviews(stop_if_error: bool = False, clean: bool = True) -> Task:
    """Return a task that adds the result ``review_workflow``: finished, failed, total.

    :param stop_if_error: whether a run that failed is an error here; it names them.
    :param clean: whether the runs are forgotten then.
    """

    def _workflows_reviews(obj: Any, eng: Any) -> None:
        statuses = _statuses(eng)
        failed = [uuid for uuid, s in statuses.items() if s == WorkflowStatus.ERROR]
        if failed and stop_if_error:
            raise WorkflowError(f"These runs failed: {', '.join(failed)}.")
        ended = sum(status in ENDED_RUN for status in statuses.values())
        review = {
            "finished": ended - len(failed),
            "failed": len(failed),
            "total": len(statuses),
        }
        obj.add_task_result("review_workflow", review)
        if clean:
            eng.extra_data["_workflow_ids"] = []
            eng.extra_data["_workflows_waited"] = 0

    return _workflows_reviews


def num_workflow_running_greater(number: int) -> Callable[[Any, Any], bool]:
    """Return a condition: whether more than ``number`` of the runs have not ended."""

    def _num_workflow_running_greater(obj: Any, eng: Any) -> bool:
        return get_nb_workflow_running(obj, eng) > number

    return _num_workflow_running_greater


def get_nb_workflow_created(obj: Any, eng: Any) -> int:
    """Return how many runs this one has started."""
    return len(get_list_of_workflows_to_wait(eng))


def get_nb_workflow_running(obj: Any, eng: Any) -> int:
    """Return how many of the runs that this one started have not ended."""
    return sum(status not in ENDED_RUN for status in _statuses(eng).values())


def get_workflows_progress(obj: Any, eng: Any) -> float:
    """Return how many percent of the runs that this one started have ended."""
    statuses = _statuses(eng)
    ended = sum(status in ENDED_RUN for status in statuses.values())
    return 100.0 * ended / len(statuses) if statuses else 100.0


def get_list_of_workflows_to_wait(eng: Any) -> list[str]:
    """Return the uuids of the runs that this one started."""
    return list(eng.extra_data.get("_workflow_ids", []))


def _statuses(eng: Any) -> dict[str, WorkflowStatus]:
    """Return the status of each run that this one started, by uuid."""
    return {uuid: eng.status_of(uuid) for uuid in get_list_of_workflows_to_wait(eng)}


def log_info(message: Any) -> Task:
    """Return a task that writes a line into the run's log.

    :param message: the text, or a function ``f(obj, eng)`` that gives it.
    """

    def _log_info(obj: Any, eng: Any) -> None:
        eng.log.info("%s", resolved(message, obj, eng))

    return _log_info


def write_something_generic(messages: Any, functions: Any) -> Task:
    """Return a task that hands one text to each of some functions.

    :param messages: a text, a function ``f(obj, eng)`` that gives one, or a list of
        such, which are put together.
    :param functions: a function of one text, or a list of them.
    """

    def _write_something_generic(obj: Any, eng: Any) -> None:
        parts = [str(resolved(part, obj, eng)) for part in _listed(messages)]
        for function in _listed(functions):
            function("".join(parts))

    return _write_something_generic


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]

"""What listeners are told of the events of an object, after the commit."""

from __future__ import annotations

from collections.abc import Sequence

from . import signals
from .actions.input_form import asked_of
from .objects import WorkflowObject
from .states import (
    Event,
    Failed,
    Halted,
    TaskFinished,
    TaskPostponed,
    TaskRetried,
    Waiting,
)


def tell_of_question(obj: WorkflowObject, halt: str) -> None:
    """Say that a halted object asks something of a person.

    :param halt: the id of the halt, by which a receiver knows a repeat.
    """
    asked = asked_of(obj)
    signals.send(
        signals.input_required,
        obj,
        action=obj.get_action(),
        json_schema=None if asked is None else asked.schema,
        halt=halt,
    )


def tell(obj: WorkflowObject, events: Sequence[Event], seconds: float) -> None:
    """Send the signals of events that were kept together.

    :param seconds: how long the task took from which they come.
    """
    for event in events:
        if isinstance(event, TaskFinished):
            # Asked here, for it comes with every task, and mostly nobody listens.
            if signals.task_finished.receivers:
                told = {"task": event.task.name, "seconds": seconds}
                signals.send(signals.task_finished, obj, **told)
        elif isinstance(event, (Halted, Waiting)):
            signals.send(signals.workflow_halted, obj)
        elif isinstance(event, Failed):
            signals.send(signals.workflow_error, obj)
        elif isinstance(event, (TaskRetried, TaskPostponed)):
            retried = {"task": event.task.name, "error": event.error}
            signals.send(signals.task_retried, obj, **retried)

"""What others may listen to.

Every signal is sent after the commit that made it true, with the object or the
engine as sender. A receiver that raises is logged; it undoes nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace

from .logs import about, here

_signals = Namespace()
_logger = logging.getLogger(__name__)

workflow_started = _signals.signal("workflow-started")
"""A run was started or taken up again. Sender: the engine."""

workflow_finished = _signals.signal("workflow-finished")
"""All objects of a run are done. Sender: the engine."""

workflow_halted = _signals.signal("workflow-halted")
"""An object halted or waits. Sender: the object."""

workflow_error = _signals.signal("workflow-error")
"""A task of an object failed. Sender: the object."""

workflow_object_saved = _signals.signal("workflow-object-saved")
"""An object was saved by ``save()``, outside of a task. Sender: the object."""

workflow_object_deleted = _signals.signal("workflow-object-deleted")
"""An object was deleted. Sender: the object, as it last was."""

workflow_object_recovered = _signals.signal("workflow-object-recovered")
"""An object was taken from a worker that is gone. Sender: the object; ``owner``: the
worker."""

input_required = _signals.signal("input-required")
"""An object halted and asks something of a person. Sender: the object; ``action``: the
name of the action; ``json_schema``: what is asked, ``None`` for another action than
``input``; ``halt``: the id of the halt. Sent once; again, with the same id, if the
process ended before its listeners had returned."""

task_finished = _signals.signal("task-finished")
"""A task finished and is kept. Sender: the object; ``task``: the task's name;
``seconds``: how long it took."""

task_retried = _signals.signal("task-retried")
"""A task failed, was undone, and is to be run again. Sender: the object; ``task``: the
task's name; ``error``: what it raised."""

reminder = _signals.signal("reminder")
"""It is time to remind of what an object asks, see ``eng.halt(remind=…)``. Sender: the
object; ``halt``: the id of the halt; ``number``: which reminder, from 1; ``of``: how
many there are; ``deadline``: until when it may be answered, or ``None``. Each comes
once, after a crash again: by halt and number a receiver knows it."""

deadline_passed = _signals.signal("deadline-passed")
"""Nobody answered what an object asks by its deadline. Sender: the object; ``halt``:
the id of the halt; ``deadline``: when it was; ``then``: what was done, ``None`` if the
object is overdue and stays. That comes once, after a crash again."""


def send(signal: NamedSignal, sender: Any, **values: Any) -> None:
    """Tell the listeners; what one of them raises is logged and goes no further."""
    if not signal.receivers:
        return
    for receiver in signal.receivers_for(sender):
        try:
            receiver(sender, **values)
        except Exception:
            _logger.exception(
                "A receiver of %s failed.", signal.name, extra=_about(sender)
            )


def _about(sender: Any) -> dict[str, Any]:
    """Say of an object, or of an engine, what a log record says of it."""
    return about(
        getattr(sender, "workflow_name", None) or getattr(sender, "name", None),
        getattr(sender, "id_workflow", None) or getattr(sender, "uuid", None),
        getattr(sender, "id", None),
        here()["workflow_task"],
    )

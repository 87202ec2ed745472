"""What a worker does: perform a call, and sweep up what was left behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .calls import Call, calls_of
from .checkpoint import RunInfo
from .errors import (
    LeaseLost,
    WorkflowDefinitionError,
    WorkflowError,
    WorkflowWorkerError,
)
from .moving import take_up
from .objects import WorkflowObject
from .proxies import current_workflows

_logger = logging.getLogger(__name__)

#: How many rows one statement of a sweep touches.
_BATCH = 1000


def send(calls: Sequence[Call]) -> None:
    """Hand calls to the worker; what cannot be sent now is sent by a sweep."""
    if not calls:
        return
    try:
        current_workflows.worker.send(calls)
    except WorkflowWorkerError as error:
        _logger.warning(
            "%s What was accepted is in the database and is sent later.", error
        )


def perform(call: Call) -> None:
    """Move the objects of a call that still wait; in an application context.

    A message that comes twice, or late, finds nothing to do.
    """
    state = current_workflows
    left = iter(call.oids)
    with state.store.held():
        for oid in left:
            if state.store.stopping.is_set():
                send([Call((oid, *left), call.queue)])
                return
            taken = state.queue.take_one(oid)
            if taken is None:
                _logger.info("Object %s is not queued; there is nothing to do.", oid)
                continue
            obj, info = taken
            move(obj, info)
            if obj.waits_for == "queue" and state.store.stopping.is_set():
                send([Call((oid, *left), call.queue)])  # it was given back
                return


def move(obj: WorkflowObject, info: RunInfo) -> None:
    """Go on with an object that was taken from its queue."""
    state = current_workflows
    begin = obj.columns["start_point"] or "continue_next"
    try:
        take_up(obj, info, begin, state.store.stopping.is_set)
    except (WorkflowError, WorkflowDefinitionError) as error:
        told = str(error).strip().rpartition("\n")[2]
        _logger.info("Object %s failed: %s", obj.id, told)  # the object says the rest
    except LeaseLost as error:
        _logger.warning("%s", error)
        return
    if obj.waits_for == "queue" and not state.store.stopping.is_set():
        # What it was to wait for had come before.
        send([Call((obj.id,), state.settings.queue_of(info.name))])


@dataclass(frozen=True, slots=True)
class Swept:
    """How many objects a sweep took over, woke, and sent again."""

    taken_over: int = 0
    woken: int = 0
    sent: int = 0


def sweep() -> Swept:
    """Queue what dead workers left and what is due; send what nobody picked up."""
    state = current_workflows
    taken_over = sum(_put_back())
    woken = state.queue.wake(_BATCH)
    state.queue.forget_events(_BATCH)
    pairs = state.queue.unsent(_BATCH)
    send(calls_of(pairs, state.settings.batch_size))
    return Swept(taken_over, woken, len(pairs))


def _put_back() -> Iterator[bool]:
    state = current_workflows
    for held in state.recovery.held():
        if held.free:
            queue = state.settings.queue_of(held.workflow)
            done = state.recovery.put_back(held, queue)
            if done:
                _logger.warning(
                    "Object %s was left by %s; it is queued again.", held.id, held.owner
                )
            yield done

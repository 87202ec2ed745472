"""What a worker does: perform a call, and sweep up what was left behind."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from . import signals
from .calls import Call, calls_of
from .checkpoint import Claim, RunInfo, Taken
from .errors import (
    LeaseLost,
    WorkflowDefinitionError,
    WorkflowError,
)
from .expiring import expire
from .logs import about
from .moving import take_up
from .objects import WorkflowObject
from .proxies import current_workflows
from .sending import following_up, send
from .store.recovery import Held
from .telling import tell_of_question

_logger = logging.getLogger(__name__)

#: How many rows one statement of a sweep touches.
_BATCH = 1000
#: How often a message asks for an object whose key is full at one moment, not at the
#: next; after that a sweep sends it again.
_TRIES = 3


def perform(call: Call) -> None:
    """Move the objects of a call that still wait; in an application context.

    A message that comes twice, or late, finds nothing to do.
    """
    store, queue = current_workflows.store, current_workflows.queue
    left = deque(call.oids)
    taken: Taken | None = None
    with store.held():
        while left:
            if taken is None:
                if store.stopping.is_set():
                    send([Call(tuple(left), call.queue)])
                    return
                taken = _taken(left[0])
            oid = left.popleft()
            if taken is None:
                continue
            obj = taken[0]
            taken = move(*taken, claim=queue.one(left[0]) if left else None)
            given_back = obj.waits_for == "queue" and store.stopping.is_set()
            if given_back and taken is None:
                send([Call((oid, *left), call.queue)])
                return


def _taken(oid: int) -> Taken | None:
    """Take the object that a message names, if it is queued and its key not full."""
    state, extra = current_workflows, about(oid=oid)
    usage = None
    for _ in range(_TRIES):
        taken: Taken | None = state.queue.take_one(oid)
        if taken is not None:
            return taken
        usage = state.places.hold_back(oid)
        if usage is None:
            _logger.info(
                "Object %s is not queued; there is nothing to do.", oid, extra=extra
            )
            return None
        if usage.is_full:
            break
    _logger.info(
        "Object %s waits: %s of %s run under the key %r. It is sent again when one of "
        "them stops.",
        *(oid, usage and usage.running, usage and usage.limit, usage and usage.key),
        extra=extra,
    )
    return None


def move(
    obj: WorkflowObject,
    info: RunInfo,
    claim: Claim | None = None,
) -> Taken | None:
    """Go on with an object that was taken from its queue.

    :param claim: claims who is moved next, in the commit in which this one stops.
    :return: who that is.
    """
    state = current_workflows
    begin = obj.columns["start_point"] or "continue_next"
    extra = about(info.name, info.uuid, obj.id)
    if info.is_new:
        state.queue.begin(info)
    try:
        with following_up(info):
            take_up(obj, info, begin, state.store.stopping.is_set, claim)
    except (WorkflowError, WorkflowDefinitionError) as error:
        told = str(error).strip().rpartition("\n")[2]
        # The object says the rest.
        _logger.info("Object %s failed: %s", obj.id, told, extra=extra)
    except LeaseLost as error:
        _logger.warning("%s", error, extra=extra)
        return None
    if obj.waits_for == "queue" and not state.store.stopping.is_set():
        # What it was to wait for had come before.
        send([Call((obj.id,), state.settings.queue_of(info.name))])
    return info.sequel.claimed


@dataclass(frozen=True, slots=True)
class Swept:
    """How many objects a sweep took over, woke, and sent again."""

    taken_over: int = 0
    woken: int = 0
    sent: int = 0


def sweep() -> Swept:
    """Queue what dead workers left and what is due; send what nobody picked up.

    Halts whose time has come are reminded of, or left behind as they said. Where a
    worker sweeps it says by this that it lives, and at first what it knows.
    """
    state = current_workflows
    state.presence.beat(lambda: state.known.seeing(state.catalogue.facts()))
    taken_over, woken = sum(_put_back()), 0
    state.queue.forget_events(_BATCH)
    state.lists.fold()
    announce()
    pairs: list[tuple[str, int]] = []
    if state.queue.is_due():  # one look for three, which is all that an idle one does
        woken = state.queue.wake(_BATCH) + expire()
        pairs = state.queue.unsent(_BATCH)
    pairs += state.places.due(_BATCH)
    send(calls_of(pairs, state.settings.batch_size))
    return Swept(taken_over, woken, len(pairs))


def announce() -> None:
    """Tell listeners of the halts of which nobody told them, for a process ended.

    Where nobody listens nothing is told, and the halts stay as they are.
    """
    if not signals.input_required.receivers:
        return
    for obj, halt in current_workflows.announcing.owed(_BATCH):
        tell_of_question(obj, halt)


def _put_back() -> Iterator[bool]:
    state = current_workflows
    for held in state.recovery.held():
        if held.free:
            queue = state.settings.queue_of(held.workflow)
            done = state.recovery.put_back(held, queue)
            if done:
                _tell(held)
            yield done


def _tell(held: Held) -> None:
    """Say that an object was taken from a worker that is gone."""
    _logger.warning(
        "Object %s was left by %s; it is queued again.",
        held.id,
        held.owner,
        extra=about(held.workflow, oid=held.id),
    )
    if signals.workflow_object_recovered.receivers:
        obj = current_workflows.queries.query().get(held.id)
        if obj is not None:
            signals.send(signals.workflow_object_recovered, obj, owner=held.owner)

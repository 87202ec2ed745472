"""Calls that are handed to the worker, at once or when an object makes room."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .calls import Call, calls_of
from .checkpoint import RunInfo
from .errors import DatabaseUnavailable, WorkflowWorkerError
from .proxies import current_workflows

_logger = logging.getLogger(__name__)


_LATER = "What was accepted is in the database and is sent later."


def refuse_unready() -> None:
    """Raise if no worker can have what is about to be accepted.

    :raises ConfigurationError: if it has no connection, is unknown, or not set up.
    """
    current_workflows.queue.refuse_memory()
    ready = getattr(current_workflows.worker, "ready", None)
    if ready is not None:
        ready()


def send(calls: Sequence[Call]) -> None:
    """Hand calls to the worker; what cannot be sent now is sent by a sweep."""
    if not calls:
        return
    try:
        current_workflows.worker.send(calls)
    except (WorkflowWorkerError, DatabaseUnavailable) as error:
        _logger.warning("%s %s", error, _LATER)
    except Exception:  # of whatever worker; the caller is not to do it again
        _logger.exception("The worker took no calls. %s", _LATER)


@contextmanager
def following_up(run: RunInfo) -> Iterator[None]:
    """Send what comes of moving objects of the run in the block."""
    try:
        yield
    finally:
        woken, run.sequel.woken = run.sequel.woken, []
        queue = current_workflows.settings.queue_of(run.name)
        # Branches in one call would run one after the other.
        send([Call((oid,), queue) for oid in woken])
        freed, run.sequel.freed = run.sequel.freed, set()
        if freed:
            _send_next_of(freed)


def _send_next_of(keys: set[str]) -> None:
    """Send who comes next under keys that have room now."""
    try:
        pairs = current_workflows.places.next_of(keys)
    except DatabaseUnavailable as error:
        _logger.warning("%s Who comes next is sent by a sweep.", error)
    else:
        send(calls_of(sorted(pairs), current_workflows.settings.batch_size))

"""What ``flask workflows doctor`` looks at of workers and of what waits for them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .. import api
from ..errors import WorkflowError, WorkflowsError, WorkflowWorkerError
from ..ping import NAME as PING
from ..proxies import current_workflows
from ..store.health import lines
from ..store.presence import Seen, workers
from .arguments import command
from .findings import Check, told_of
from .old_code import sentences
from .running import objects
from .serving import known_queues, serves, to_begin
from .text import ago, clean

#: Seconds that a round trip may take.
_PATIENCE = 10


def worker() -> Iterator[Check]:
    """Yield what the configured worker says of what it needs."""
    name = clean(current_workflows.settings.worker)
    try:
        told = list(current_workflows.worker.doctor())
    except WorkflowsError as error:
        do = "Correct WORKFLOWS_WORKER, or install what the worker needs."
        yield Check("worker", "fail", clean(error), do)
        return
    if not told:
        yield Check("worker", "ok", f"{name}; it needs nothing beside the database")
    for well, sentence, *which in told:
        name_of_it = f"worker.{clean(which[0])}" if which else "worker"
        state = "ok" if well else "fail"
        do = "" if well else "Start it, or correct its address."
        yield Check(name_of_it, state, f"{name}: {clean(sentence)}", do)


def living() -> Check:
    """Return whether somebody serves the queues in use."""
    transactions = current_workflows.store.transactions
    waits = [line.queue for line in lines(transactions)]
    queues = list(dict.fromkeys([*known_queues(), *waits]))
    there = [each for each in workers(transactions) if serves(each, *queues)]
    lives = [each for each in there if each.lives]
    left = [name for name in queues if not any(serves(each, name) for each in lives)]
    told = _alive(lives) if lives else _nobody(there)
    if not left:
        return Check("workers", "ok", f"{told}; every queue is served")
    if lives:
        told += f"; nobody serves {clean(', '.join(left))}"
    if _begins() and not set(left) & set(waits):
        told += "; a process that delays something does it itself"
        return Check("workers", "ok", told)
    return Check("workers", "warn", told, f"Start one: {clean(to_begin(left))}")


def code() -> Check:
    """Return whether the workers that live run the code that is there."""
    told = sentences(current_workflows.catalogue.code())
    if not told:
        return Check("workers.code", "ok", "no worker that lives runs old code")
    return Check("workers.code", "warn", " ".join(told), "Restart what runs old code.")


def _begins() -> bool:
    """Say whether threads begin in a process that delays something."""
    settings = current_workflows.settings
    return settings.worker == "local" and settings.local_threads > 0


def _alive(lives: list[Seen]) -> str:
    last = ago(min(each.seconds for each in lives))
    what = "worker lives" if len(lives) == 1 else "workers live"
    return f"{len(lives)} {what}, seen {last} ago"


def _nobody(gone: list[Seen]) -> str:
    kind = clean(current_workflows.settings.worker)
    told = f"no worker of the kind {kind} lives"
    if not gone:
        return told
    last = min(gone, key=lambda each: each.seconds)
    return f"{told}; the last was seen {ago(last.seconds)} ago"


def waiting() -> Check:
    """Return whether what waits in the queues is picked up."""
    found = lines(current_workflows.store.transactions)
    if not found:
        return Check("objects.queued", "ok", "no object waits for a worker")
    number = sum(line.objects for line in found)
    oldest = max(found, key=lambda line: line.seconds)
    verb = "waits" if number == 1 else "wait"
    text = (
        f"{objects(number)} {verb} for a worker, in the queue {clean(oldest.queue)} "
        f"for {ago(oldest.seconds)}"
    )
    if oldest.seconds <= 2 * current_workflows.settings.lease_seconds:
        return Check("objects.queued", "ok", text)
    return Check(
        "objects.queued",
        "warn",
        f"{text}: nobody picks it up, or too few do",
        f"Start a worker, or one more: {command('worker')}",
    )


def round_trip() -> Check:
    """Have a worker run a tiny workflow, wait for it, and delete what it left."""
    began = time.monotonic()
    uuid = ""
    try:
        result = api.start_delayed(PING, {})
        uuid = result.uuid
        result.get(lambda uuid: None, _PATIENCE)
    except WorkflowWorkerError:
        return _unanswered(_dropped(uuid))
    except WorkflowError as error:
        text = f"A worker failed: {clean(error)}"
        do = "Its log says more. Is it of the same release as this one?"
        return Check("round-trip", "fail", text + _dropped(uuid), do)
    except WorkflowsError as error:
        return Check("round-trip", "fail", told_of(error) or clean(error))
    seconds = time.monotonic() - began
    text = f"a worker answered in {seconds:.2f} seconds"
    return Check("round-trip", "ok", text + _dropped(uuid))


def _unanswered(left: str) -> Check:
    queue = current_workflows.settings.queue_of(PING)
    return Check(
        "round-trip",
        "fail",
        f"No worker answered within {_PATIENCE} seconds.{left}",
        f"Start one: {command('worker')} — if one runs, see that it has this database "
        f"and serves the queue {clean(queue)}; it may also be busy.",
    )


def _dropped(uuid: str) -> str:
    """Delete the run; return what is to be said if that is not possible."""
    if current_workflows.pruner.drop(uuid):
        return ""
    return f" A worker holds it now; delete its object later (run {uuid})."

"""``worker``, ``rq-worker`` and ``workers``: who does what is delayed."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..calls import Worker
from ..config import DEFAULT_QUEUE
from ..proxies import current_workflows
from ..registry import plugin
from ..store.health import Line, Standing, address, lines, standing
from ..store.leases import is_dead
from ..store.migrations import current
from ..store.recovery import Held
from .arguments import as_json, command
from .counting import serve, serving
from .running import objects
from .text import ago, clean, moment, say, say_json, table

_GROUP = "invenio_workflows.workers"

_queues = click.option(
    *("-Q", "--queue", "queues"),
    metavar="QUEUE",
    multiple=True,
    help="Only what waits in this queue; may be given again. Without it: all that "
    "are configured.",
)


@click.command("worker")
@click.option(
    *("-c", "--concurrency"),
    metavar="N",
    type=click.IntRange(1, 1000),
    default=2,
    show_default=True,
    help="So many objects are moved at a time.",
)
@_queues
@serving
@with_appcontext
def worker(concurrency: int, queues: tuple[str, ...], **metrics: Any) -> None:
    """Do what is delayed, until SIGTERM or Ctrl-C.

    The worker that the site has configured (WORKFLOWS_WORKER) works in this process.
    When it is to stop it finishes the task at work, and gives back what takes longer
    than WORKFLOWS_STOP_SECONDS.
    """
    name = current_workflows.settings.worker
    _work(name, current_workflows.worker, queues, concurrency, **metrics)


@click.command("rq-worker")
@_queues
@serving
@with_appcontext
def rq_worker(queues: tuple[str, ...], **metrics: Any) -> None:
    """Do what is delayed with RQ, whatever worker is configured.

    Until SIGTERM or Ctrl-C; one object at a time. Run several for more.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    _work("rq", plugin(_GROUP, "rq", "worker")(app), queues, 1, **metrics)


class _Stopped(BaseException):
    """It was told to stop before it began."""


def _stop(number: int, frame: Any) -> None:
    raise _Stopped


def _work(
    name: str,
    worker: Worker,
    queues: Sequence[str],
    concurrency: int,
    metrics_port: int | None,
    metrics_address: str,
) -> None:
    """Say what is served, work, and say that it is over."""
    _check_database()
    wanted = [part for each in queues for part in each.split(",") if part]
    known = _known()
    for queue in dict.fromkeys(wanted):
        if queue not in known:
            say(
                f"Warning: no workflow is in the queue {clean(queue)}; "
                f"WORKFLOWS_QUEUES knows {clean(', '.join(known))}.",
                err=True,
            )
    _show_log()
    with suppress(_Stopped):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)  # until the worker has its own way
        say(f"The worker {clean(name)} begins, as process {os.getpid()}.")
        say(f"  queues       {clean(', '.join(wanted or known))}")
        say(f"  at a time    {objects(concurrency)}")
        say(f"  database     {address(current_workflows.engine)}")
        if metrics_port is not None:
            say(f"  metrics      {serve(name, metrics_port, metrics_address)}")
        say("Ctrl-C or SIGTERM stops it.")
        worker.run(wanted, concurrency)
    say(f"The worker {clean(name)} has stopped.")


def _check_database() -> None:
    """Refuse a database that the worker could only wait for."""
    current_workflows.queue.refuse_memory()
    lines(current_workflows.store.transactions)  # or it is away, or has no tables
    have, want = current(current_workflows.engine)
    if have != want:
        raise click.ClickException(
            f"The tables are of revision {have}; this release needs {want}. "
            f"Run: {command('init')}"
        )


def _show_log() -> None:
    """Let it be read what the worker logs, where the site has not said how."""
    ours = logging.getLogger("invenio_workflows")
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)


def _known() -> list[str]:
    """Return the names of the queues that are configured."""
    configured = current_workflows.settings.queues.values()
    return list(dict.fromkeys([DEFAULT_QUEUE, *configured]))


# --- workers --------------------------------------------------------------------------


@click.command("workers")
@as_json
@with_appcontext
def workers(as_json: bool) -> None:
    """Show which workers hold what, since when, and what waits in the queues.

    A worker is seen by the objects that it holds; one that is idle is not.
    """
    transactions = current_workflows.store.transactions
    held = list(current_workflows.recovery.held())
    stands: dict[int, Standing] = {}
    for at in range(0, len(held), 500):
        ids = [each.id for each in held[at : at + 500]]
        stands |= standing(transactions, ids)
    found = [_holder(each, stands[each.id]) for each in held if each.id in stands]
    waiting = lines(transactions)
    if as_json:
        say_json({"workers": found, "queues": [_line(line) for line in waiting]})
        return
    for text in (*_held_table(found), "", *_queue_table(waiting)):
        say(text)


def _holder(held: Held, stands: Standing) -> dict[str, Any]:
    """Return who holds an object: what the text of its lease says."""
    place, pid, _, thread, *_ = [*(held.owner or "").rsplit(":", 3), "", "", ""]
    return {
        "host": place.partition("/")[0] or None,
        "pid": int(pid) if pid.isdigit() else None,
        "thread": int(thread) if thread.isdigit() else None,
        "state": _state(held),
        "object": held.id,
        "run": stands.run,
        "workflow": held.workflow,
        "after_task": stands.task or None,
        "since": stands.since,
        "lease_until": held.until,
    }


def _state(held: Held) -> str:
    if not held.free:
        return "lives"
    return "silent" if is_dead(held.owner) is False else "dead"


def _line(line: Line) -> dict[str, Any]:
    return {
        "queue": line.queue,
        "objects": line.objects,
        "oldest": line.oldest,
        "seconds": round(line.seconds, 1),
    }


def _held_table(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield "No worker holds an object."
        return
    found.sort(key=lambda row: (str(row["host"]), row["pid"] or 0, row["object"]))
    threads = _numbered(found)
    rows = [
        (
            row["host"] or "—",
            row["pid"] or "—",
            threads[row["pid"], row["thread"]],
            row["state"],
            row["object"],
            row["workflow"],
            row["after_task"] or "—",
            moment(row["since"]),
            moment(row["lease_until"]),
        )
        for row in found
    ]
    headers = ("HOST", "PID", "THREAD", "STATE", "OBJECT", "WORKFLOW", "AFTER TASK")
    times = ("SINCE (UTC)", "LEASE UNTIL (UTC)")
    whole = ("PID", "THREAD", "STATE", "OBJECT", *times)
    yield from table((*headers, *times), rows, whole=whole)
    left = sum(row["state"] != "lives" for row in found)
    if left:
        yield (
            f"{objects(left)} left behind. A living worker takes that up by itself; "
            f"without one: {command('recover')}"
        )


def _numbered(found: list[dict[str, Any]]) -> dict[tuple[Any, Any], int]:
    """Return a small number for each thread of each process."""
    numbers: dict[tuple[Any, Any], int] = {}
    of_process: dict[Any, int] = {}
    for row in found:
        key = row["pid"], row["thread"]
        if key not in numbers:
            of_process[row["pid"]] = of_process.get(row["pid"], 0) + 1
            numbers[key] = of_process[row["pid"]]
    return numbers


def _queue_table(waiting: list[Line]) -> Iterator[str]:
    if not waiting:
        yield "No object waits in a queue."
        return
    rows = [
        (line.queue, f"{line.objects:,}", moment(line.oldest), ago(line.seconds))
        for line in waiting
    ]
    headers = ("QUEUE", "WAITING", "OLDEST SINCE (UTC)", "FOR")
    yield from table(headers, rows, whole=headers)
